-- While the Job Router is down, runs that need it wait, and nobody else does.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"
local QUICK = "retry = { first_seconds = 0.05, factor = 1.2, attempts = 3 }\n"
local scripts = {
  ["RouterJobQueued.lua"] = [[return function(event) router.jobs.complete(event.data.jobId, event.data.name) end]],
  ["RouterJobClosed.lua"] = [[return function(event) return state.increment "closed" end]],
}

local function serve(router, config)
  return host.serve { config = router.config .. (config or QUICK), scripts = scripts }
end

local function deliver(server, name, job, more)
  local data = { jobId = job, name = "a" }
  for member, value in pairs(more or {}) do
    data[member] = value
  end
  assert.equal(200, server:deliver({ host.event(name, data) }).status)
end

local function status_of(server)
  return server:api("/api/status").json
end

local function wait_open(server, mark)
  server:wait_line("the upstream fails: runs that need it wait", mark)
end

local function wait_closed(server)
  host.wait_until(function()
    return not status_of(server).breakerOpen
  end, "the breaker to close")
end

local function wait_idle(server, deadline)
  host.wait_until(function()
    local counts = status_of(server).events
    return counts.queued + counts.running + counts.waiting == 0
  end, "all events to be handled", deadline or 60, function()
    return server:api("/api/status").body
  end)
end

-- Everything is refused while `router.is_down`; `router.done` has what was said yes to, in order.
local function open_router(status)
  local router = ledger.open()
  router.is_down, router.done, router.tries = true, {}, {}
  router.answer = function(request)
    if router.is_down then
      router.tries[#router.tries + 1] = native.now()
      return status or 503, {}, ""
    end
    router.done[#router.done + 1] = request.path
  end
  return router
end

local function done_once(router, job, name)
  local path = ("POST /routing/jobs/%s/assignments/%s:complete"):format(job, name or "a")
  local count = 0
  for _, other in ipairs(router.done) do
    count = count + (other == path and 1 or 0)
  end
  assert.equal(1, count, path)
end

local function attempts_of(server, count)
  local attempts = 0
  for seq = 1, count do
    for _, run in ipairs(server:api("/api/events/" .. seq).json.runs) do
      attempts = attempts + run.attempt
    end
  end
  return attempts
end

-- Waits until one try after another was refused.
local function wait_tries(router, count)
  host.wait_until(function()
    return #router.tries >= count
  end, "a try at the Job Router")
end

describe("while the Job Router is down", function()
  it("runs wait, no attempt is counted, and one tries after a pause", function()
    local router = open_router()
    local server = serve(router)
    for i = 1, 30 do
      deliver(server, "RouterJobQueued", "j" .. i)
    end
    wait_open(server)
    assert.is_true(status_of(server).breakerOpen)
    local before = #router.tries
    wait_tries(router, before + 2)
    -- Each try is one request, and the pause before the next is twice as long.
    local tries = router.tries
    local count = #tries
    assert.is_true(tries[count] - tries[count - 1] >= 0.9, tries[count] - tries[count - 1])
    assert.is_true(count <= 30 + 3, count)
    assert.is_true(status_of(server).breakerOpen)
    -- Other work goes on.
    deliver(server, "RouterJobClosed", "j1000")
    server:wait_state(31, "done")
    deliver(server, "RouterJobQueued", "late")
    router.is_down = false
    wait_closed(server)
    wait_idle(server)
    for i = 1, 30 do
      done_once(router, "j" .. i)
    end
    done_once(router, "late")
    assert.equal(31, #router.done)
    -- One each that succeeded, and those that failed before it opened; with three attempts all would be parked.
    assert.is_true(attempts_of(server, 32) <= 32 + 4)
    server:wait_line "the upstream answers again"
    server:stop()
  end)

  it("one run that fails again and again says nothing about it", function()
    local router = open_router()
    local server = serve(router, "retry = { first_seconds = 0.02, factor = 1, attempts = 12 }\n")
    deliver(server, "RouterJobQueued", "j1")
    server:wait_state(1, "parked")
    assert.is_false(status_of(server).breakerOpen)
    assert.equal(12, #router.tries)
    router.is_down = false
    deliver(server, "RouterJobQueued", "j2")
    server:wait_state(2, "done")
    assert.is_nil(server:stderr():find("the upstream fails", 1, true))
    server:stop()
  end)

  for _, status in ipairs { 401, 403 } do
    it("a key that is refused with " .. status .. " holds runs back, too", function()
      local router = open_router(status)
      local is_held = true
      router.is_held = function()
        return is_held
      end
      local server = serve(router)
      for i = 1, 20 do
        deliver(server, "RouterJobQueued", "j" .. i)
      end
      host.wait_until(function()
        return #router.paths == 20
      end, "twenty calls under way")
      is_held = false
      wait_open(server)
      wait_tries(router, 21)
      router.is_down = false
      wait_closed(server)
      host.wait_until(function()
        local now = status_of(server)
        return now.sinceStart.done + now.sinceStart.parked == 20
      end, "all to be over")
      -- At most those that were told before the breaker opened.
      local parked = status_of(server).sinceStart.parked
      assert.is_true(parked <= 4, parked)
      assert.equal(20 - parked, #router.done)
      server:stop()
    end)
  end

  it("a handler that is paused keeps none from trying", function()
    local router = open_router()
    local all = { ["RouterJobSuspended.lua"] = scripts["RouterJobQueued.lua"] }
    for name, text in pairs(scripts) do
      all[name] = text
    end
    local server = host.serve { config = router.config .. QUICK, scripts = all }
    for i = 1, 10 do
      deliver(server, "RouterJobQueued", "q" .. i)
    end
    wait_open(server)
    assert.equal(200, server:api("/api/pause?handler=RouterJobQueued", { method = "POST" }).status)
    deliver(server, "RouterJobSuspended", "s1")
    router.is_down = false
    server:wait_state(11, "done")
    done_once(router, "s1")
    assert.equal(200, server:api("/api/resume", { method = "POST" }).status)
    wait_idle(server)
    for i = 1, 10 do
      done_once(router, "q" .. i)
    end
    server:stop()
  end)

  it("a restart loses nothing and does nothing twice", function()
    local router = open_router()
    -- Until a breaker is open attempts are counted, and here it opens three times.
    local server = serve(router, (QUICK:gsub("attempts = 3", "attempts = 30")))
    for i = 1, 12 do
      deliver(server, "RouterJobQueued", "j" .. i % 4, { name = "n" .. i })
    end
    wait_open(server)
    server:kill()
    server = server:again()
    wait_open(server)
    server:stop()
    router.is_down = false
    server = server:again()
    wait_idle(server)
    for i = 1, 12 do
      done_once(router, "j" .. i % 4, "n" .. i)
    end
    assert.equal(12, #router.done)
    server:stop()
  end)

  it("lanes keep their order", function()
    local router = open_router()
    local server = serve(router)
    for i = 1, 60 do
      deliver(server, "RouterJobQueued", "j" .. i % 10, { name = ("n%02d"):format(i) })
    end
    wait_open(server)
    wait_tries(router, #router.tries + 1)
    router.is_down = false
    wait_idle(server)
    local last = {}
    assert.equal(60, #router.done)
    for _, path in ipairs(router.done) do
      local job, name = path:match "jobs/(j%d)/assignments/(n%d%d)"
      assert.is_true((last[job] or "") < name, path)
      last[job] = name
    end
    server:stop()
  end)

  it("thousands that wait take no memory to speak of", function()
    if sanitizer then
      return pending "a sanitizer needs more"
    end
    local COUNT, SIZE = 4000, 4096
    local router = open_router()
    local server = serve(router)
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
      return tonumber(host.read(("/proc/%d/smaps_rollup"):format(server.pid)):match "\nPss:%s+(%d+) kB")
    end
    -- The first ones fill what the database keeps at hand. The bytes of the others alone are 16 MiB.
    local before = send_until(COUNT)
    local grown = send_until(2 * COUNT) - before
    assert.is_true(grown < 5 * 1024, grown .. " kB")
    router.is_down = false
    wait_idle(server)
    assert.equal(2 * COUNT, #router.done)
    server:stop()
  end)
end)
