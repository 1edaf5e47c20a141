-- What `cmake --install` leaves behind: a program that runs from there.
local host = require "host"

local function install()
  local prefix = host.folder()
  local result = host.run_program { "cmake", "--install", host.build, "--prefix", prefix }
  assert.equal(0, result.status, result.stderr)
  return prefix
end

describe("an installed switchhook", function()
  it("finds its worker, and runs the scripts that were installed with it", function()
    local prefix = install()
    local server = host.serve {
      binary = prefix .. "/bin/switchhook",
      config = ('scripts = "%s/share/switchhook/scripts"'):format(prefix),
    }
    local offer = host.event("RouterWorkerOfferIssued", { jobId = "j1", workerId = "anna", offerId = "o1" })
    assert.equal(200, server:deliver({ offer }).status)
    local event = server:wait_state(1, "done")
    assert.equal("RouterWorkerOfferIssued.lua", event.runs[1].handler)
    server:stop()
  end)

  it("runs the specs that were installed beside them, with the kit that was installed", function()
    local prefix = install()
    local command = { prefix .. "/bin/switchhook", "test", prefix .. "/share/switchhook/scripts" }
    local result = host.run_program(command, { environment = { LUA_PATH = false, LUA_CPATH = false } })
    assert.equal(0, result.status, result.stdout .. result.stderr)
    assert.is_truthy(result.stdout:find "[1-9]%d* successes / 0 failures / 0 errors", result.stdout)
    assert(os.remove(prefix .. "/share/switchhook/lua/switchhook/kit/run.lua"))
    result = host.run_program(command)
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find("the kit is neither in " .. prefix .. "/bin/lua nor in ", 1, true))
  end)

  it("tells editors where its annotations are", function()
    local prefix, folder = install(), host.folder()
    local command = { prefix .. "/bin/switchhook", "new", "RouterJobQueued", "scripts" }
    local made = host.run_program(command, { folder = folder })
    assert.equal(0, made.status, made.stderr)
    local settings = host.json.decode(host.read(folder .. "/.luarc.json"))
    assert.equal(prefix .. "/share/switchhook/lua", settings["workspace.library"][1])
    for _, name in ipairs { "events.d.lua", "router.d.lua", "switchhook.d.lua", "switchhook/kit.lua" } do
      assert.is_truthy(#host.read(settings["workspace.library"][1] .. "/" .. name) > 1000, name)
    end
  end)

  it("has a kit that links no second Lua", function()
    local prefix = install()
    local module = prefix .. "/libexec/switchhook/lua/switchhook/kit/core.so"
    local result = host.run_program { "ldd", module }
    assert.equal(0, result.status, result.stderr)
    assert.is_nil(result.stdout:find("liblua", 1, true), result.stdout)
  end)

  it("says where it looked when the worker is missing", function()
    local prefix = install()
    assert(os.remove(prefix .. "/libexec/switchhook/switchhook-worker"))
    local server = host.serve { binary = prefix .. "/bin/switchhook", is_started = false }
    local how, status = server:wait_exit()
    assert.same({ "exit", 1 }, { how, status })
    assert.is_truthy(server:stderr():find(prefix .. "/bin", 1, true), server:stderr())
    assert.is_truthy(server:stderr():find("libexec/switchhook: install both programs", 1, true))
  end)
end)
