-- Scripts that are saved again and again while events come: each run has one set of scripts that was on the disk,
-- whole; and old sets leave when they have finished what they hold.
local host = require "host"
local ledger = require "ledger"
local lfs = require "lfs"
local native = host.native

local SAVES, MODULES = 200, 30

-- Each script in two parts: the first by itself is a script, too, so that reading half of a file would be noticed.
local function handler(version)
  local function saying(what)
    return ([[function()
      local lib = require "version"
      log.info("%s " .. lib.what .. " %d " .. lib.version)
    end]]):format(what, version)
  end
  return "return " .. saying "half", " and " .. saying "whole"
end

local function module(version)
  local text = "{ what = %q, version = %d }"
  return "return " .. text:format("half", version), " and " .. text:format("whole", version)
end

-- Delivers three events in three lanes.
local function deliver(server)
  local events = {}
  for i = 1, 3 do
    events[i] = host.event("RouterJobQueued", { jobId = "j" .. i })
  end
  assert.equal(200, server:deliver(events).status)
  server.count = (server.count or 0) + #events
end

local function wait_all_done(server)
  host.wait_until(function()
    local status = server:api("/api/status").json
    assert.equal(0, status.sinceStart.parked + status.sinceStart.unhandled + status.sinceStart.retries)
    return status.sinceStart.done == server.count
  end, "all events to be done")
end

-- Every run's versions: of the handler, and of the module.
local function each_run(server)
  local runs = {}
  for words in server:stderr():gmatch 'script: says message="([^"]+)"' do
    local own, lib, version, lib_version = words:match "^(%a+) (%a+) (%d+) (%d+)$"
    assert.equal("whole whole", own .. " " .. lib)
    runs[#runs + 1] = { tonumber(version), tonumber(lib_version) }
  end
  assert.equal(server.count, #runs)
  return runs
end

local function serve()
  local scripts = {}
  scripts["RouterJobQueued.lua"] = table.concat { handler(0) }
  scripts["lib/version.lua"] = table.concat { module(0) }
  return host.serve { scripts = scripts }
end

-- Until the last version runs, which is saved at last.
local function wait_version(server, version)
  host.wait_until(function()
    deliver(server)
    wait_all_done(server)
    local runs = each_run(server)
    return runs[#runs][1] == version and runs[#runs][2] == version
  end, "the last version to run")
end

-- The module is saved before the handler, so that on the disk it is never older, and newer by one at most.
local function check_single_saves(save)
  local server = serve()
  for version = 1, SAVES do
    save(server, "lib/version.lua", module(version))
    deliver(server)
    save(server, "RouterJobQueued.lua", handler(version))
    deliver(server)
  end
  wait_version(server, SAVES)
  local seen, count = {}, 0
  for _, run in ipairs(each_run(server)) do
    local ahead = run[2] - run[1]
    assert.is_true(ahead == 0 or ahead == 1, ("versions %d and %d"):format(run[1], run[2]))
    count = count + (seen[run[1]] and 0 or 1)
    seen[run[1]] = true
  end
  assert.is_true(count > 2)
  assert.equal(0, server:api("/api/status").json.reload.refused)
  server:stop()
end

local function write_set(path, version)
  host.make_folders(path .. "/lib")
  host.write(path .. "/RouterJobQueued.lua", table.concat { handler(version) })
  host.write(path .. "/lib/version.lua", table.concat { module(version) })
end

local function swap_link(target, path)
  assert(lfs.link(target, path .. ".new", true))
  assert(os.rename(path .. ".new", path))
end

describe("200 saves under load", function()
  it("by rename run whole scripts only", function()
    check_single_saves(function(server, name, first, rest)
      server:write(name, first .. rest)
    end)
  end)

  it("in place run whole scripts only", function()
    local saves = 0
    check_single_saves(function(server, name, first, rest)
      local file = assert(io.open(server.folder .. "/scripts/" .. name, "wb"))
      file:write(first)
      file:flush()
      saves = saves + 1
      -- Now and then the writer takes its time: so long that the host had done with waiting for quiet.
      local ends = native.now() + (saves % 20 == 0 and 0.2 or 0)
      repeat
        deliver(server)
      until native.now() >= ends
      file:write(rest)
      file:close()
    end)
  end)

  it("by swapping a symlink of the folder run no mixture", function()
    local folder = host.folder()
    local function swap(version)
      write_set(folder .. "/set_" .. version, version)
      swap_link("set_" .. version, folder .. "/live")
    end
    swap(0)
    local server = host.serve { folder = folder, config = 'scripts = "live"' }
    for version = 1, SAVES do
      swap(version)
      deliver(server)
    end
    wait_version(server, SAVES)
    for _, run in ipairs(each_run(server)) do
      assert.equal(run[1], run[2])
    end
    assert.equal(0, server:api("/api/status").json.reload.refused)
    server:stop()
  end)

  -- As a ConfigMap has it; so fast that most readings meet a swap. The run says the lowest and the highest version
  -- of many modules.
  it("by swapping what the scripts are links to run no mixture", function()
    local folder = host.folder() .. "/scripts"
    host.make_folders(folder .. "/lib")
    for version = 0, 1 do
      local set = ("%s/..%d"):format(folder, version)
      host.make_folders(set)
      host.write(set .. "/version.lua", ("return %d"):format(version))
      host.write(set .. "/RouterJobQueued.lua", ([[return function()
        local low, high = %d, %d
        for i = 1, %d do
          local version = require("version_" .. i)
          low, high = math.min(low, version), math.max(high, version)
        end
        log.info("whole whole " .. low .. " " .. high)
      end]]):format(version, version, MODULES))
    end
    swap_link("..0", folder .. "/..data")
    assert(lfs.link("..data/RouterJobQueued.lua", folder .. "/RouterJobQueued.lua", true))
    for i = 1, MODULES do
      assert(lfs.link("../..data/version.lua", ("%s/lib/version_%d.lua"):format(folder, i), true))
    end
    local server = host.serve { folder = folder:match "(.+)/", config = "" }
    for _ = 1, SAVES do
      for swap = 1, 100 do
        swap_link(".." .. swap % 2, folder .. "/..data")
      end
      deliver(server)
    end
    swap_link("..1", folder .. "/..data")
    wait_version(server, 1)
    for _, run in ipairs(each_run(server)) do
      assert.equal(run[1], run[2])
    end
    server:stop()
  end)
end)

describe("old generations", function()
  local function script(version)
    return ("return function(event) router.jobs.activate(event.data.jobId, { priority = %d }) end"):format(version)
  end

  local function pids_of(status)
    local pids = {}
    for i, worker in ipairs(status.workers) do
      pids[i] = worker.pid
    end
    return pids
  end

  local function is_gone(pids)
    for _, pid in ipairs(pids) do
      if native.signal(pid, 0) then
        return false
      end
    end
    return true
  end

  -- One more generation, in which a run waits for its answer.
  local function add_generation(server, router, version)
    local before = server:api("/api/status").json
    if version > 1 then
      server:write("RouterJobQueued.lua", script(version))
    end
    local status = host.wait_until(function()
      local status = server:api("/api/status").json
      assert.is_true(status.generations <= 3)
      return (version == 1 or status.generation ~= before.generation) and status
    end, "a new generation")
    local job = "j" .. version
    assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = job }) }).status)
    router:wait_asked("PATCH /routing/jobs/" .. job)
    return pids_of(status)
  end

  local function start(count)
    local router = ledger.open()
    router.is_held = function()
      return true
    end
    local server = host.serve {
      config = router.config .. "workers = 2",
      scripts = { ["RouterJobQueued.lua"] = script(1) },
    }
    local pids = {}
    for version = 1, count do
      pids[version] = add_generation(server, router, version)
    end
    return server, router, pids
  end

  local function wait_one_left(server, pids)
    host.wait_until(function()
      return server:api("/api/status").json.generations == 1
    end, "the old generations to leave")
    for version = 1, #pids - 1 do
      host.wait_until(function()
        return is_gone(pids[version])
      end, "the workers of generation " .. version .. " to be gone")
    end
    assert.is_false(is_gone(pids[#pids]))
  end

  it("finish what they hold, and then their workers are gone", function()
    local server, router, pids = start(3)
    for version = 1, 3 do
      assert.is_false(is_gone(pids[version]))
    end
    assert.equal(3, server:api("/api/status").json.generations)
    router.is_held = nil
    for seq = 1, 3 do
      assert.equal(0, server:wait_state(seq, "done").runs[1].kills)
      assert.equal(1, router.count[seq .. "-1"])
    end
    wait_one_left(server, pids)
    server:stop()
  end)

  it("without a run leave at once", function()
    local server = host.serve { scripts = { ["RouterJobQueued.lua"] = script(1) } }
    local before = server:api("/api/status").json
    server:write("RouterJobQueued.lua", script(2))
    host.wait_until(function()
      return is_gone(pids_of(before))
    end, "the old workers to be gone")
    assert.equal(1, server:api("/api/status").json.generations)
    server:stop()
  end)

  it("that hold nothing push nobody out", function()
    local server, router, pids = start(2)
    for version = 3, 5 do
      local before = server:api("/api/status").json
      server:write("RouterJobQueued.lua", script(version))
      host.wait_until(function()
        return server:api("/api/status").json.generation ~= before.generation
      end, "a new generation")
    end
    assert.is_false(is_gone(pids[1]))
    assert.is_false(is_gone(pids[2]))
    router.is_held = nil
    server:wait_state(1, "done")
    server:wait_state(2, "done")
    server:stop()
  end)

  it("are three at most: the oldest gives its run back, and the call under way is not repeated", function()
    local server, router, pids = start(4)
    host.wait_until(function()
      return is_gone(pids[1])
    end, "the oldest workers to be gone")
    for version = 2, 4 do
      assert.is_false(is_gone(pids[version]))
    end
    assert.equal(3, server:api("/api/status").json.generations)
    router.is_held = nil
    for seq = 1, 4 do
      local run = server:wait_state(seq, "done").runs[1]
      assert.equal(0, run.kills)
      assert.equal(1, run.attempt)
      assert.equal(1, router.count[seq .. "-1"])
    end
    wait_one_left(server, pids)
    server:stop()
  end)
end)
