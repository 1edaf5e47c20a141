-- include/switchhook.h as others use it: from an installed tree, with nothing of this one.
local host = require "host"

-- What the library was built with has to be in a program that links it, too.
local function sanitizers()
  local value = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=([^\n]*)"
  return value and value ~= "" and "-fsanitize=" .. value or ""
end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

local function sh(folder, prefix, script)
  local result = host.run_program({ "sh", "-e", "-c", script }, {
    folder = folder,
    environment = {
      PATH = os.getenv "PATH",
      PKG_CONFIG_PATH = prefix .. "/lib/pkgconfig",
      SANITIZE = sanitizers(),
    },
    deadline = 120,
  })
  assert.equal(0, result.status, script .. "\n" .. result.stdout .. result.stderr)
  return result.stdout, result.stderr
end

-- An installed tree, and a copy of an example.
local function prepare(example)
  local prefix, folder = host.folder(), host.folder()
  local result = host.run_program { "cmake", "--install", host.build, "--prefix", prefix }
  assert.equal(0, result.status, result.stderr)
  local library = io.open(prefix .. "/lib/pkgconfig/switchhook.pc")
  assert(library, "switchhook.pc is not where it belongs"):close()
  sh(folder, prefix, ("cp -r '%s/examples/%s/.' ."):format(host.source, example))
  return prefix, folder
end

describe("the example of a host inside a program", function()
  it("builds as its README says, and does what that says", function()
    local prefix, folder = prepare "embed"
    local command = host.read(folder .. "/README.md"):match "\n(cc [^\n]*)\n"
    sh(folder, prefix, command .. " -Werror -std=c11 $SANITIZE")
    local out = sh(folder, prefix, "./embed switchhook.lua event.json")
    has(out, "Switchhook 0.1.0 listens on http://127.0.0.1:")
    has(out, "stored: 1, duplicates: 0\n")
    for _, line in ipairs {
      "arrived: RouterJobReceived",
      "step: state.increment",
      "said: job job-1 is number 1",
      "done: RouterJobReceived.lua",
      "stopped",
    } do
      has(out, line .. "\n")
    end
    out = sh(folder, prefix, "./embed switchhook.lua event.json")
    has(out, "stored: 0, duplicates: 1\nstopped\n")
  end)

  it("says what keeps it from opening", function()
    local prefix, folder = prepare "embed"
    sh(folder, prefix, "cc -o embed embed.c -pthread $(pkg-config --cflags --libs switchhook) $SANITIZE")
    local result = host.run_program({ folder .. "/embed", "none.lua", "event.json" }, { folder = folder })
    assert.equal(1, result.status)
    has(result.stderr, "none.lua")
    assert(os.remove(prefix .. "/libexec/switchhook/switchhook-worker"))
    result = host.run_program({ folder .. "/embed", "switchhook.lua", "event.json" }, { folder = folder })
    assert.equal(1, result.status)
    has(result.stderr, "switchhook-worker is neither in " .. prefix .. "/lib")
  end)
end)

describe("the example of a plugin", function()
  it("builds as its README says, and answers its script", function()
    local prefix, folder = prepare "plugin"
    local command = host.read(folder .. "/README.md"):match "\n(cc [^\n]*)\n"
    sh(folder, prefix, command .. " -Werror -std=c11 $SANITIZE")
    local server = host.serve {
      binary = prefix .. "/bin/switchhook",
      folder = folder,
      config = host.read(folder .. "/switchhook.lua"),
    }
    local function deliver(phone)
      local event = host.event("RouterJobReceived", { jobId = "j", labels = { Phone = phone } })
      assert.equal(200, server:deliver({ event }).status)
    end
    deliver "+49 30 1234"
    deliver "+1 555"
    local known, unknown = server:wait_run(1, "done"), server:wait_run(2, "done")
    assert.equal("crm.lookup", known.steps[1].operation)
    has(host.json.encode(known.steps[1]), "Anna Schmidt")
    assert.equal(1, #unknown.steps)
    has(server:stderr(), "Anna Schmidt calls")
    has(server:stderr(), "nobody we know")
    server:stop()
  end)
end)

describe("switchhook.h", function()
  local uses = [[
#include <switchhook.h>
#include <cstdio>

static void hello(void *context, const char *arguments, size_t length, struct switchhook_answer *answer) {
    (void)context;
    if (length == 0) {
        switchhook_answer_error(answer, "Code", arguments, answer->is_repeated);
    }
    switchhook_answer_json(answer, "\"hello\"", 7);
}

extern "C" int switchhook_plugin(struct switchhook_registry *registry) {
    if (registry->api < SWITCHHOOK_API) {
        return switchhook_refuse(registry, "this host is too old");
    }
    return switchhook_register(registry, "cxx.hello", hello, nullptr, SWITCHHOOK_ONE_AT_A_TIME);
}

int main() {
    switchhook_options options = {};
    switchhook_error error = {};
    options.note = [](void *, const switchhook_note *note) { std::printf("%d\n", static_cast<int>(note->what)); };
    options.log = SWITCHHOOK_LOG_NONE;
    switchhook *host = switchhook_open("none.lua", &options, &error);
    std::printf("%u %s %s", switchhook_api(), switchhook_version(), host == nullptr ? error.message : "");
    switchhook_close(host);
    return 0;
}
]]

  it("is C++, too, and stands alone", function()
    local prefix, folder = prepare "embed"
    host.write(folder .. "/uses.cc", uses)
    local strict = " -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror "
    local flags = strict .. "$(pkg-config --cflags --libs switchhook) $SANITIZE"
    for _, standard in ipairs { "c++11", "c++17", "c++20" } do
      sh(folder, prefix, "g++ -std=" .. standard .. " -o uses uses.cc" .. flags)
    end
    local out = sh(folder, prefix, "./uses")
    has(out, "1 0.1.0 ")
    has(out, "none.lua")
    host.write(folder .. "/alone.c", "#include <switchhook.h>\n")
    flags = strict .. "-Wstrict-prototypes -Wundef $(pkg-config --cflags switchhook)"
    sh(folder, prefix, "cc -std=c11 -c alone.c" .. flags)
  end)

  it("lets plugins be written in C++", function()
    local prefix, folder = prepare "embed"
    host.write(folder .. "/uses.cc", (uses:gsub("int main.*", "")))
    local command = "g++ -Wall -Werror -shared -fPIC -o uses.so uses.cc $SANITIZE "
    sh(folder, prefix, command .. "$(pkg-config --cflags switchhook)")
    local server = host.serve {
      config = ("plugins = { %q }"):format(folder .. "/uses.so"),
      scripts = { ["RouterJobQueued.lua"] = "return function() return cxx.hello() end" },
    }
    assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j" }) }).status)
    assert.equal(1, #server:wait_run(1, "done").steps)
    server:stop()
  end)

  it("is all that the library shows", function()
    local prefix, folder = prepare "embed"
    local out = sh(folder, prefix, "nm -D --defined-only " .. prefix .. "/lib/libswitchhook.so")
    for name in out:gmatch " %a (%S+)" do
      assert.is_truthy(name:match "^switchhook_", name)
    end
    has(out, " T switchhook_open\n")
  end)
end)
