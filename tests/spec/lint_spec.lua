-- Each rule of tests/lint is shown to bite: a small tree that breaks nothing is changed in one place.
local host = require "host"

local good = {
  [".clang-format"] = "BasedOnStyle: LLVM\nIndentWidth: 4\n",
  [".luacheckrc"] = 'std = "lua54"\n',
  ["README.md"] = "A project.\n",
  ["docs/architecture.md"] = "- `src/base`: below all\n- `src/json`\n- `src/worker`\n- `src/store`\n",
  ["src/base/error.h"] = "int error_set(int code);\n",
  ["src/base/error.c"] = '#include "base/error.h"\nint error_set(int code) { return code; }\n',
  ["src/json/read.c"] = '#include "base/error.h"\n#include <cjson/cJSON.h>\n/* strcpy( */ char *s = "gets(";\n',
  ["src/store/store.h"] = '#include "base/error.h"\n',
  ["src/store/sqlite/open.c"] = '#include "store/store.h"\n#include <sqlite3.h>\n',
  ["src/worker/main.c"] = "#include <lua.h>\nint main(void) { exit(lua_resume(0)); }\n",
  ["tests/unit/test_x.c"] = "int x;\n",
  ["tests/lint/rules"] = "print(1)\n",
  ["scripts/Type.lua"] = "return function(event) return event end\n",
  ["build-x/core.c"] = "gets(x);\n",
}

local function check(name, changes)
  local root = host.folder()
  for path, text in pairs(good) do
    host.make_folders((root .. "/" .. path):match "^(.*)/")
    host.write(root .. "/" .. path, text)
  end
  for path, text in pairs(changes or {}) do
    host.make_folders((root .. "/" .. path):match "^(.*)/")
    host.write(root .. "/" .. path, text)
  end
  return host.run_program { host.source .. "/tests/lint/" .. name, root }
end

local broken = {
  { "a room above", "src/base/error.c", '#include "json/json.h"\n', "error.c:1: base must not know json" },
  { "a room beside", "src/store/store.h", '\n#include "http/http.h"\n', "store.h:2: store must not know http" },
  { "no room at all", "src/json/read.c", '#include "read.h"\n', "say the room" },
  { "a room without a rule", "src/misc/x.c", "int x;\n", "does not know the room misc" },
  { "cJSON", "src/worker/x.c", "#include <cjson/cJSON.h>\n", "may be included only in src/json/" },
  { "libsodium", "src/json/read.c", "#include <sodium.h>\n", "may be included only in src/crypto/" },
  { "SQLite", "src/store/x.c", "#include <sqlite3.h>\n", "may be included only in src/store/sqlite/" },
  { "libmicrohttpd", "src/json/read.c", "#include <microhttpd.h>\n", "may be included only in src/httpd/" },
  { "libcurl", "src/json/read.c", "#include <curl/curl.h>\n", "may be included only in src/http/" },
  { "Lua", "src/json/read.c", "#include <lua.h>\n", "may be included only in src/lua/" },
  { "Lua's library", "src/json/read.c", "#include <lauxlib.h>\n", "may be included only in src/lua/" },
  { "a copy without bounds", "src/json/read.c", "int f = strcpy (a, b);\n", "1: strcpy knows no bounds" },
  { "a print without bounds", "tests/unit/test_x.c", "\nint f = sprintf(a);\n", "2: sprintf knows no bounds" },
  { "an exit below main", "src/json/read.c", "int f(void) { exit(1); }\n", "exit() belongs to main" },
  { "a second way into Lua", "src/worker/task.c", "int f = lua_resume(L);\n", "a second lua_resume" },
  { "no way into Lua", "src/worker/main.c", "/* lua_resume(L) */\n", "nothing calls lua_resume" },
  { "a file that is too long", "src/json/read.c", ("int x;\n"):rep(501), "read.c:501: over 500 lines" },
  { "a line that is too wide", "src/json/read.c", "// " .. ("x"):rep(113) .. "\n", "read.c:1: over 115 columns" },
  { "a note to oneself", "scripts/Type.lua", "-- TO" .. "DO: more\n", "Type.lua:1: something is left open" },
  { "a stranger at the top", "notes.txt", "x\n", "notes.txt:1: does not belong at the top" },
  { "a room without a word", "src/wire/x.c", "int x;\n", "docs/architecture.md:1: has no word about src/wire" },
  { "a test that sleeps", "tests/functional/a_spec.lua", "socket" .. ".sleep(1)\n", "a test waits for a state" },
}

describe("the rules of the tree", function()
  it("find nothing in a tree that keeps them", function()
    local result = check "rules"
    assert.equal("", result.stdout .. result.stderr)
    assert.equal(0, result.status)
  end)

  for _, case in ipairs(broken) do
    it("refuse " .. case[1], function()
      local result = check("rules", { [case[2]] = case[3] })
      assert.equal(1, result.status)
      assert.is_truthy(result.stdout:find(case[4], 1, true), result.stdout .. result.stderr)
    end)
  end

  it("take a file of 500 lines", function()
    assert.equal(0, check("rules", { ["src/json/read.c"] = ("int x;\n"):rep(500) }).status)
  end)

  it("let a room know what its rooms know, but not Lua", function()
    local page = good["docs/architecture.md"] .. "src/host src/router\n"
    local through = { ["docs/architecture.md"] = page, ["src/host/x.c"] = '#include "json/json.h"\n' }
    assert.equal(0, check("rules", through).status)
    through["src/host/x.c"] = '#include "lua/state.h"\n'
    assert.equal(1, check("rules", through).status)
  end)
end)

describe("the checks of form", function()
  it("accept what is in form", function()
    assert.equal(0, check("luacheck").status)
    local result = check "format"
    if result.status == 77 then
      pending(result.stdout)
    end
    assert.equal(0, result.status, result.stderr)
  end)

  it("refuse C that is out of form", function()
    local result = check("format", { ["tests/unit/test_x.c"] = "int  x;\n" })
    if result.status == 77 then
      pending(result.stdout)
    end
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find "test_x%.c:1:")
  end)

  it("refuse Lua with a mistake", function()
    local result = check("luacheck", { ["scripts/Type.lua"] = "return function(event) return evnt end\n" })
    assert.is_not.equal(0, result.status)
    assert.is_truthy(result.stdout:find "evnt")
  end)

  it("refuse a tree without files", function()
    local root = host.folder()
    for _, name in ipairs { "format", "luacheck" } do
      assert.is_not.equal(0, host.run_program({ host.source .. "/tests/lint/" .. name, root }).status)
    end
  end)
end)
