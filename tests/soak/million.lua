-- A million events that are queued when the host starts: it is ready soon, takes little memory, and keeps the
-- order within each lane. Half of them are in ten long lanes, the others in lanes of five. Prints what it
-- measured.
local backlog = require "backlog"
local host = require "host"
local ledger = require "ledger"
local native = host.native

local is_long = os.getenv "SWITCHHOOK_SOAK" == "long"
local COUNT = tonumber(os.getenv "SWITCHHOOK_EVENTS") or (is_long and 1000 * 1000 or 20 * 1000)
local HANDLED, HOT = is_long and 5000 or 1000, 10
local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

local scripts = {
  ["RouterJobQueued.lua"] = [[
    return function(event) router.jobs.complete(event.data.jobId, event.data.place) end
  ]],
}

local function memory_of(server)
  return tonumber(host.read(("/proc/%d/smaps_rollup"):format(server.pid)):match "\nPss:%s+(%d+) kB") / 1024
end

-- The places in a lane are given in order.
local function job_of(i)
  return i % 2 == 0 and "hot-" .. i // 2 % HOT or "j" .. i % (COUNT // 5)
end

local function deliver_all(server)
  local text = host.json.encode(host.event("RouterJobQueued", { jobId = "JOB", place = "PLACE" }, { id = "ID" }))
  backlog.deliver(server, text, COUNT, function(i)
    return { ID = "e" .. i, JOB = job_of(i), PLACE = ("p%08d"):format(i) }
  end)
end

-- After a kill the one that was under way may come again.
local function check_order(router)
  local last = {}
  for _, path in ipairs(router.paths) do
    local job, place = path:match "/jobs/([^/]+)/assignments/(p%d+):complete$"
    assert.is_true((last[job] or "") <= place, path)
    last[job] = place
  end
end

describe("a long backlog", function()
  it("is taken up at once, and holds no memory", function()
    local router = ledger.open()
    local config = router.config .. "limits = { backlog = 2000000, drain_seconds = 5 }"
    local server = host.serve { config = config, scripts = scripts, arguments = { "--paused" } }
    local begun = native.now()
    deliver_all(server)
    local delivered = native.now() - begun
    server:kill()

    begun = native.now()
    server = server:again()
    local ready = native.now() - begun
    local paused = memory_of(server)
    assert.is_true(server:api("/api/status").json.paused)
    assert.equal(200, server:api("/api/resume", { method = "POST" }).status)
    begun = native.now()
    host.wait_until(function()
      return #router.paths >= HANDLED
    end, "the first of them to be handled", 120)
    local rate = HANDLED / (native.now() - begun)
    local resumed = memory_of(server)
    server:kill()
    server = server:again()
    assert.equal(200, server:api("/api/resume", { method = "POST" }).status)
    host.wait_until(function()
      return #router.paths >= 2 * HANDLED
    end, "more of them to be handled", 120)
    local count = #router.paths
    server:kill()
    check_order(router)
    print(
      ("\n%d events stored at %.0f/s; ready %.0f ms after a kill; "
        .. "memory %.1f MiB paused, %.1f MiB after %d were handled at %.0f/s"):format(
        COUNT,
        COUNT / delivered,
        ready * 1000,
        paused,
        resumed,
        count,
        rate
      )
    )
    assert.is_truthy(sanitizer or not is_long or ready < 2, "it takes too long to be ready")
    assert.is_truthy(sanitizer or math.max(paused, resumed) < 100, "it takes too much memory")
  end)
end)
