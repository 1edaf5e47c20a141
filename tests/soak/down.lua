-- The Job Router is down for a while under a steady load, and comes back: every action is done, once, and
-- deliveries never noticed. Prints what it measured.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local is_long = os.getenv "SWITCHHOOK_SOAK" == "long"
local RATE = 100 -- events a second
local BEFORE = is_long and 20 or 3
local DOWN = tonumber(os.getenv "SWITCHHOOK_DOWN") or (is_long and 120 or 5)
local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

local scripts = {
  ["RouterJobQueued.lua"] = [[
    return function(event) router.jobs.activate(event.data.jobId, { priority = 5 }) end
  ]],
}

local function memory_of(server)
  return tonumber(host.read(("/proc/%d/smaps_rollup"):format(server.pid)):match "\nPss:%s+(%d+) kB") / 1024
end

local function median(values)
  table.sort(values)
  return values[math.ceil(#values / 2)]
end

-- One delivery of one event, RATE times a second. Returns how long each answer took, and the most memory.
local function load_for(server, seconds, jobs)
  local took, most, looked = {}, 0, 0
  local begun = native.now()
  for i = 0, seconds * RATE - 1 do
    host.wait_until(function()
      return native.now() >= begun + i / RATE
    end, "the next event's moment")
    local job = "j" .. #jobs + 1
    local event = host.event("RouterJobQueued", { jobId = job, fill = ("x"):rep(500) })
    local at = native.now()
    assert.equal(200, server:deliver({ event }).status)
    took[#took + 1] = native.now() - at
    jobs[#jobs + 1] = job
    if at > looked + 1 then
      looked = at
      most = math.max(most, memory_of(server))
    end
  end
  return took, most
end

describe("a Job Router that is down for long", function()
  it("delays what needs it, and nothing else", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config .. "retry = { attempts = 5, first_seconds = 1 }",
      scripts = scripts,
    }
    local done, count, jobs = {}, 0, {}
    local is_down = false
    router.answer = function(request)
      if is_down then
        return 503, {}, ""
      end
      done[request.path] = (done[request.path] or 0) + 1
      count = count + 1
    end
    local up = median((load_for(server, BEFORE, jobs)))
    is_down = true
    local took, most = load_for(server, DOWN, jobs)
    local down = median(took)
    assert.is_true(server:api("/api/status").json.breakerOpen)
    local waiting = server:api("/api/status").json.events.waiting
    is_down = false
    local back = native.now()
    host.wait_until(function()
      return count >= #jobs
    end, "every action", 180)
    local after = native.now() - back
    for _, job in ipairs(jobs) do
      assert.equal(1, done["PATCH /routing/jobs/" .. job], job)
    end
    host.wait_until(function()
      return server:api("/api/status").json.sinceStart.done == #jobs
    end, "every run to be over")
    assert.equal(0, server:api("/api/status").json.sinceStart.parked)
    server:stop()
    print(
      ("\ndown %d s at %d events/s: %d waited; all %d done %.1f s after it was back; median answer %.2f ms "
        .. "up, %.2f ms down; memory at most %.1f MiB"):format(
        DOWN,
        RATE,
        waiting,
        #jobs,
        after,
        up * 1000,
        down * 1000,
        most
      )
    )
    -- In the short form the machine may be busy with other tests.
    assert.is_true(down < (is_long and up * 2 + 0.002 or up * 10 + 0.1), "deliveries were held up")
    assert.is_truthy(sanitizer or most < 64, "it takes too much memory")
  end)
end)
