-- A handler that is paused holds back its own runs, whatever their number, and nobody else.
local host = require "host"
local ledger = require "ledger"

local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"
local scripts = {
  ["RouterJobQueued.lua"] = [[return function(event) router.jobs.complete(event.data.jobId, event.data.name) end]],
  ["RouterJobClosed.lua"] = [[return function(event) router.jobs.get(event.data.jobId) end]],
}

local function deliver(server, name, data)
  assert.equal(200, server:deliver({ host.event(name, data) }).status)
end

local function order(server, verb, handler)
  local path = "/api/" .. verb .. (handler and "?handler=" .. handler or "")
  return server:api(path, { method = "POST" }).status
end

local function status_of(server)
  return server:api("/api/status").json
end

local function memory_of(server)
  return tonumber(host.read(("/proc/%d/smaps_rollup"):format(server.pid)):match "\nPss:%s+(%d+) kB")
end

describe("a paused handler", function()
  it("waits, in order within each lane, and nobody else does", function()
    local router = ledger.open()
    local server = host.serve { config = router.config, scripts = scripts }
    assert.equal(200, order(server, "pause", "RouterJobQueued"))
    for i = 1, 30 do
      deliver(server, "RouterJobQueued", { jobId = "j" .. i % 10, name = ("n%02d"):format(i) })
    end
    deliver(server, "RouterJobClosed", { jobId = "other" })
    server:wait_state(31, "done")
    assert.same({ "RouterJobQueued.lua" }, status_of(server).pausedHandlers)
    assert.equal(1, #router.paths)
    assert.equal(200, order(server, "resume", "RouterJobQueued"))
    for seq = 1, 30 do
      server:wait_state(seq, "done")
    end
    local last = {}
    assert.equal(31, #router.paths)
    for i = 2, 31 do
      local job, name = router.paths[i]:match "jobs/(j%d)/assignments/(n%d%d)"
      assert.is_true((last[job] or "") < name, router.paths[i])
      last[job] = name
    end
    server:stop()
  end)

  it("stays so when another one is resumed", function()
    local router = ledger.open()
    local server = host.serve { config = router.config, scripts = scripts }
    assert.equal(200, order(server, "pause", "RouterJobQueued"))
    assert.equal(200, order(server, "pause", "RouterJobClosed"))
    deliver(server, "RouterJobQueued", { jobId = "q", name = "a" })
    deliver(server, "RouterJobClosed", { jobId = "c" })
    assert.equal(200, order(server, "resume", "RouterJobClosed"))
    server:wait_state(2, "done")
    assert.same({ "GET /routing/jobs/c" }, router.paths)
    assert.equal(200, order(server, "resume"))
    server:wait_state(1, "done")
    server:stop()
  end)

  it("takes no memory to speak of for what it holds back", function()
    if sanitizer then
      return pending "a sanitizer needs more"
    end
    local COUNT, SIZE = 4000, 4096
    local router = ledger.open()
    local server = host.serve { config = router.config, scripts = scripts }
    assert.equal(200, order(server, "pause", "RouterJobQueued"))
    local sent = 0
    local function send_until(count)
      while sent < count do
        local batch = {}
        for i = 1, 100 do
          sent = sent + 1
          batch[i] = host.event("RouterJobQueued", { jobId = "j" .. sent, name = "a", fill = ("x"):rep(SIZE) })
        end
        assert.equal(200, server:deliver(batch).status)
      end
      host.wait_until(function()
        return status_of(server).events.waiting == count
      end, "all to wait", 60)
      return memory_of(server)
    end
    local before = send_until(COUNT)
    local grown = send_until(2 * COUNT) - before
    assert.is_true(grown < 5 * 1024, grown .. " kB") -- their bytes alone are 16 MiB
    assert.equal(200, order(server, "resume"))
    host.wait_until(function()
      return #router.paths == 2 * COUNT
    end, "all to be handled", 60)
    server:stop()
  end)
end)
