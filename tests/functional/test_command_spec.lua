-- switchhook test: the specs beside the scripts.
local host = require "host"

local HANDLER = [[return function(event) router.jobs.activate(event.data.jobId, { priority = %d }) end]]
local SPEC = [[
local kit = require "switchhook.kit"
describe("activation", function()
  it("gives the priority", function()
    local host = kit.load "scripts"
    local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1" })
    assert.same({ { "router.jobs.activate", "j1", { priority = 100 } } }, run.steps)
  end)
end)
]]

local function project(files)
  local folder = host.folder()
  for name, text in pairs(files) do
    host.make_folders((folder .. "/" .. name):match "^(.*)/")
    host.write(folder .. "/" .. name, text)
  end
  return folder
end

local function good(priority)
  return project {
    ["scripts/RouterJobWaitingForActivation.lua"] = HANDLER:format(priority or 100),
    ["scripts/RouterJobWaitingForActivation_spec.lua"] = SPEC,
  }
end

local function run(arguments, folder, environment)
  return host.run({ "test", table.unpack(arguments) }, { folder = folder, environment = environment })
end

describe("switchhook test", function()
  it("runs the specs of the project's scripts, from wherever it is called", function()
    local folder = good()
    local elsewhere = host.folder()
    for _, case in ipairs {
      { {}, folder },
      { { "scripts" }, folder },
      { { "." }, folder },
      { { folder .. "/scripts/" }, elsewhere },
      { { folder }, elsewhere },
      { { folder, "--", "--filter=priority" }, elsewhere },
      { { "--", "--filter=priority" }, folder },
    } do
      local result = run(case[1], case[2])
      assert.equal(0, result.status, result.stdout .. result.stderr)
      assert.is_truthy(result.stdout:find("1 success / 0 failures / 0 errors", 1, true), result.stdout)
    end
  end)

  it("finds specs in folders below, and leaves out what busted is told to", function()
    local folder = good()
    host.make_folders(folder .. "/scripts/RouterJobClosed")
    host.write(folder .. "/scripts/RouterJobClosed/a_spec.lua", "it('runs', function() end)")
    assert.is_truthy(run({}, folder).stdout:find("2 successes", 1, true))
    assert.is_truthy(run({ "scripts", "--", "--filter=runs" }, folder).stdout:find("1 success ", 1, true))
  end)

  it("ends with 1 when a spec fails", function()
    local result = run({}, good(7))
    assert.equal(1, result.status)
    assert.is_truthy(result.stdout:find("0 successes / 1 failure / 0 errors", 1, true), result.stdout)
    local place = "scripts/RouterJobWaitingForActivation_spec.lua:6"
    assert.is_truthy(result.stdout:find(place, 1, true), result.stdout)
  end)

  it("ends with 1 when a spec or a script cannot be loaded, and names the line", function()
    local folder = good()
    host.write(folder .. "/scripts/broken_spec.lua", "\n\nthis is no Lua")
    local result = run({}, folder)
    assert.equal(1, result.status)
    assert.is_truthy(result.stdout:find("broken_spec.lua:3:", 1, true), result.stdout)
    os.remove(folder .. "/scripts/broken_spec.lua")
    host.write(folder .. "/scripts/RouterJobClosed.lua", "return function(event)\nevent.x(\nend")
    result = run({}, folder)
    assert.equal(1, result.status)
    assert.is_truthy(result.stdout:find("RouterJobClosed.lua:3:", 1, true), result.stdout)
  end)

  it("ends with 1 when there is no spec, or no such folder, and says so", function()
    local result = run({}, project { ["scripts/RouterJobClosed.lua"] = "return function() end" })
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find("there is no spec (*_spec.lua) below scripts", 1, true), result.stderr)
    result = run({ "nonesuch" }, host.folder())
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find("cannot enter nonesuch: No such file", 1, true), result.stderr)
  end)

  it("ends with 2 when it is called wrongly", function()
    for _, arguments in ipairs { { "a", "b" }, { "--nonesuch" }, { "-c" }, { "" } } do
      assert.equal(2, run(arguments, host.folder()).status)
    end
    local result = run { "--help" }
    assert.equal(0, result.status)
    assert.is_truthy(result.stdout:find("usage: switchhook test", 1, true))
  end)

  it("names the package when busted or Lua is missing", function()
    local folder = good()
    local result = run({}, folder, { PATH = folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find("install the packages lua5.4 and lua-busted", 1, true), result.stderr)
    result = run({}, folder, { LUA_PATH_5_4 = folder .. "/?.lua" })
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find("install the package lua-busted", 1, true), result.stderr)
  end)

  it("gives the kit the configuration's time zone, retries and names", function()
    local folder = good()
    host.write(folder .. "/switchhook.lua", [[
      timezone = "Europe/Berlin"
      retry = { attempts = 2 }
      secrets = { CRM_TOKEN = { value = "a secret value", hosts = { "crm.example.com" } } }
    ]])
    host.write(folder .. "/scripts/RouterJobClosed.lua", [[return function()
      router.jobs.get "x"
      return time.format(0)
    end]])
    host.write(folder .. "/scripts/RouterJobClosed_spec.lua", [[
      local kit = require "switchhook.kit"
      it("is configured", function()
        local host = kit.load "scripts"
        assert.equal("1970-01-01T01:00:00+01:00", host:deliver("RouterJobClosed").value)
        host:fail("router.jobs.get", { status = 503 })
        local run = host:deliver "RouterJobClosed"
        host:advance(1000)
        assert.same({ "parked", 2 }, { run.state, run.attempts })
        assert.same({ "CRM_TOKEN" }, host.options.secrets)
      end)
    ]])
    for _, arguments in ipairs { {}, { "-c", folder .. "/switchhook.lua" }, { folder } } do
      local result = run(arguments, folder)
      assert.equal(0, result.status, result.stdout .. result.stderr)
      assert.equal("", result.stderr)
    end
  end)

  it("goes on without a configuration that needs what is not there", function()
    local folder = good()
    host.write(folder .. "/switchhook.lua", 'router = { connection_string = env "NO_SUCH_VARIABLE" }')
    local result = run({}, folder)
    assert.equal(0, result.status, result.stderr)
    assert.is_truthy(result.stderr:find("NO_SUCH_VARIABLE is not set; going on without"), result.stderr)
  end)
end)
