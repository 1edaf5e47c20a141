-- `switchhook new`, and what editors are told.
local host = require "host"

local function run(folder, ...)
  return host.run({ ... }, { folder = folder })
end

local function catalog()
  return assert(host.json.decode(host.run({ "catalog", "--json" }).stdout)).types
end

describe("switchhook new", function()
  it("writes a handler and its spec for every type, which load, pass, and are beyond reproach", function()
    local folder = host.folder()
    local types = catalog()
    for _, type in ipairs(types) do
      local made = run(folder, "new", type.name, "scripts")
      assert.equal("", made.stderr)
      assert.equal(0, made.status)
      local text = host.read(folder .. "/scripts/" .. type.name .. ".lua")
      for _, field in ipairs(type.fields) do
        assert.is_truthy(text:find("--   " .. field.name .. " ", 1, true), type.name .. ": " .. field.name)
      end
    end
    local checked = run(folder, "check", "scripts")
    assert.equal("0 errors, 0 warnings in 24 files\n", checked.stdout)
    assert.equal(0, checked.status)
    local tested = run(folder, "test", "scripts")
    assert.equal(0, tested.status, tested.stdout .. tested.stderr)
    assert.is_truthy(tested.stdout:find("48 successes / 0 failures / 0 errors", 1, true), tested.stdout)
  end)

  it("changes nothing that is there", function()
    local folder = host.folder()
    host.make_folders(folder .. "/scripts")
    host.write(folder .. "/scripts/RouterJobQueued.lua", "mine")
    host.write(folder .. "/.luarc.json", "{}")
    local again = run(folder, "new", "RouterJobQueued", "scripts")
    assert.equal(1, again.status)
    assert.is_truthy(again.stderr:find("RouterJobQueued.lua is there already, and was not changed", 1, true))
    assert.equal("mine", host.read(folder .. "/scripts/RouterJobQueued.lua"))
    local other = run(folder, "new", "RouterJobClosed", "scripts")
    assert.equal(0, other.status)
    assert.equal("{}", host.read(folder .. "/.luarc.json"))
    assert.is_truthy(other.stdout:find("left     ./.luarc.json", 1, true))
  end)

  it("takes the configuration's folder, and says what is wrong", function()
    local folder = host.folder()
    host.write(folder .. "/switchhook.lua", 'scripts = "mine"')
    assert.equal(0, run(folder, "new", "Microsoft.Communication.RouterJobQueued").status)
    assert.is_truthy(host.read(folder .. "/mine/RouterJobQueued_spec.lua"):find('kit.load("mine")', 1, true))
    local typo = run(folder, "new", "RouterJobQueed")
    assert.equal(1, typo.status)
    assert.is_truthy(typo.stderr:find("did you mean RouterJobQueued?", 1, true))
    assert.equal(2, run(folder, "new").status)
    assert.equal(1, run(folder, "new", "RouterJobQueued", "no/such/folder").status)
  end)
end)

describe("the editor's annotations", function()
  local folder = host.build .. "/lua/"
  local names = { "events.d.lua", "router.d.lua", "switchhook.d.lua" }
  local all = {}
  for i, name in ipairs(names) do
    all[i] = host.read(folder .. name)
  end
  all = table.concat(all, "\n")

  it("are Lua", function()
    for _, name in ipairs(names) do
      assert(loadfile(folder .. name))
    end
  end)

  it("have a class for each type, with a field for each of the catalogue's", function()
    for _, type in ipairs(catalog()) do
      local data = all:match("%-%-%-@class " .. type.name .. "Data\n(.-)\n\n")
      assert.is_truthy(data, type.name)
      assert.is_truthy(all:find("---@class " .. type.name .. "Event: Event\n", 1, true))
      for _, field in ipairs(type.fields) do
        local pattern = ("---@field %s%s "):format(field.name, field.nullable and "?" or "")
        assert.is_truthy(data:find(pattern, 1, true), type.name .. "." .. field.name)
      end
    end
  end)

  -- The functions of Lua itself the editor knows.
  local lua = {}
  for name, value in pairs(_G) do
    lua[name] = true
    if type(value) == "table" then
      for member in pairs(value) do
        lua[name .. "." .. tostring(member)] = true
      end
    end
  end

  it("have every function that scripts are offered", function()
    local offered = assert(load(host.run_program({ host.build .. "/tests/api_table" }).stdout))()
    assert.is_true(#offered.functions > 60)
    for _, name in ipairs(offered.functions) do
      if not lua[name] or name == "require" then
        assert.is_truthy(all:find("\nfunction " .. name .. "(", 1, true), name .. " is not annotated")
      end
    end
  end)

  it("let the language server find a field that does not exist", function()
    local server = host.run_program { "sh", "-c", "command -v lua-language-server || true" }
    if server.stdout == "" then
      pending "lua-language-server is not installed here"
      return
    end
    local project = host.folder()
    assert.equal(0, run(project, "new", "RouterJobQueued", "scripts").status)
    local path = project .. "/scripts/RouterJobQueued.lua"
    local good = host.run_program { "lua-language-server", "--check", project, "--logpath", project .. "/log" }
    assert.equal(0, good.status, good.stdout)
    host.write(path, (host.read(path):gsub("data%.jobId", "data.jobbId")))
    local bad = host.run_program { "lua-language-server", "--check", project, "--logpath", project .. "/log" }
    assert.not_equal(0, bad.status, bad.stdout)
  end)
end)
