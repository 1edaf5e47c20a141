-- What was answered 200 is never lost, and what was journaled is never done again, however the host dies.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local ROUNDS = tonumber(os.getenv "SWITCHHOOK_ROUNDS" or "15")
local STEPS = 3

-- The last step's path says whether the script was told that the one before may be a repetition.
local scripts = {
  ["RouterJobQueued.lua"] = [[
    return function(event)
      local id = event.data.jobId
      router.jobs.get(id)
      local _, about = router.jobs.activate(id, { priority = 5 })
      router.jobs.complete(id, about.repeated and "again" or "once")
    end
  ]],
}

local function event_of(job)
  return host.event("RouterJobQueued", { jobId = job })
end

-- All that the store has, by the event's id; an id that is there twice is an error.
local function read_events(server)
  local found, before = {}, ""
  repeat
    local page = server:api("/api/events?limit=1000" .. before).json
    for _, event in ipairs(page.events) do
      assert.is_nil(found[event.id], event.id)
      found[event.id] = event
    end
    before = "&before=" .. tostring(page.next)
  until type(page.next) ~= "number"
  return found
end

local function wait_idle(server)
  host.wait_until(function()
    local counts = server:api("/api/status").json.events
    return counts.queued + counts.running + counts.waiting == 0
  end, "all events to be handled", 60, function()
    return server:api("/api/status").body
  end)
end

-- A step may have been asked for twice only where its timeline says so.
local function check_steps(server, router, seq)
  local event = server:api("/api/events/" .. seq).json
  assert.equal("done", event.state)
  assert.equal(1, #event.runs)
  assert.equal(STEPS, #event.runs[1].steps)
  for number, step in ipairs(event.runs[1].steps) do
    local count = router.count[seq .. "-" .. number]
    assert.equal(number, step.number)
    assert.is_true(count == 1 or (count > 1 and step.repeated), ("%s of event %s: %s"):format(number, seq, count))
  end
  return event.runs[1].steps
end

describe("kill -9 of the host", function()
  it("loses nothing and repeats nothing that was journaled, at random moments", function()
    local seed = tonumber(os.getenv "SWITCHHOOK_SEED") or os.time()
    math.randomseed(seed)
    local router = ledger.open()
    local config = router.config .. "retry = { first_seconds = 0.05 }"
    local server = host.serve { config = config, scripts = scripts }
    local sent, acknowledged, jobs = {}, {}, 0
    for round = 1, ROUNDS do
      local ends = native.now() + math.random() * 0.25
      while native.now() < ends do
        local batch = {}
        for i = 1, math.random(4) do
          jobs = jobs + 1
          batch[i] = event_of("job-" .. jobs % 7) -- some lanes are long
          sent[#sent + 1] = batch[i]
        end
        assert.equal(200, server:deliver(batch).status)
        for _, event in ipairs(batch) do
          acknowledged[event.id] = true
        end
      end
      -- Under way while it dies: nobody hears of these.
      local last = { event_of "job-1", event_of "job-x" }
      table.move(last, 1, 2, #sent + 1, sent)
      local connection = host.connect(server.port)
      local body = host.json.encode(last)
      local head = "POST /events HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/json\r\n"
      connection:send((head .. "Content-Length: %d\r\n\r\n%s"):format(server.port, #body, body))
      local pause = native.now() + math.random() * 0.01
      host.wait_until(function()
        return native.now() >= pause
      end, "a moment")
      server:kill()
      connection:close()
      server = server:again()
      if round % 5 == 0 then
        server:stop() -- an orderly stop right after forgets nothing of it either
        server = server:again()
      end
    end
    wait_idle(server)
    local found = read_events(server)
    for id in pairs(acknowledged) do
      assert.is_not_nil(found[id], ("%s is lost; seed %d"):format(id, seed))
    end
    for _, event in pairs(found) do
      check_steps(server, router, event.seq)
    end
    -- Event Grid sends again what got no answer, and more.
    local stored, duplicates, before = 0, 0, 0
    for first = 1, #sent, 100 do
      local answer = server:deliver { table.unpack(sent, first, math.min(first + 99, #sent)) }
      stored, duplicates = stored + answer.json.stored, duplicates + answer.json.duplicates
    end
    for _ in pairs(found) do
      before = before + 1
    end
    assert.equal(before, duplicates)
    assert.equal(#sent - before, stored)
    wait_idle(server)
    found = read_events(server)
    for _, event in ipairs(sent) do
      assert.equal("done", found[event.id].state)
    end
    server:stop()
  end)

  -- How often each step is asked for, and which are marked, when the host dies as the point is first passed.
  local points = {
    { "host.sent", repeated = { true, false, false } },
    { "host.answered", counts = { 2, 1, 1 }, repeated = { true, false, false } },
    { "host.answered:2", counts = { 1, 2, 1 }, repeated = { false, true, false }, path = "again" },
    { "host.journaled", counts = { 1, 1, 1 }, repeated = { false, true, false }, path = "again" },
    { "host.journaled:2", counts = { 1, 1, 1 }, repeated = { false, false, true } },
    { "host.journaled:3", counts = { 1, 1, 1 }, repeated = { false, false, false } },
    { "host.done", counts = { 1, 1, 1 }, repeated = { false, false, false } },
  }
  for _, point in ipairs(points) do
    it("at " .. point[1] .. " is made good after a restart", function()
      local router = ledger.open()
      local name = point[1]:find ":" and point[1] or point[1] .. ":1"
      local server = host.serve {
        config = router.config,
        scripts = scripts,
        environment = { SWITCHHOOK_FAULT = name .. ":kill" },
      }
      local event = event_of "j1"
      local is_heard, answer = pcall(server.deliver, server, { event })
      assert.same({ "signal", native.SIGKILL }, { server:wait_exit() })
      assert.is_true(not is_heard or answer.status == 200)
      server = server:again { environment = {} }
      server:wait_state(1, "done")
      local steps = check_steps(server, router, 1)
      for number = 1, STEPS do
        assert.equal(point.repeated[number], steps[number].repeated)
        if point.counts then
          assert.equal(point.counts[number], router.count["1-" .. number])
        end
      end
      assert.equal(1, router:asked("POST /routing/jobs/j1/assignments/" .. (point.path or "once") .. ":complete"))
      assert.same({ stored = 0, duplicates = 1, quarantined = 0 }, server:deliver({ event }).json)
      server:stop()
    end)
  end

  it("before the commit of a delivery leaves it to be sent again", function()
    local server =
      host.serve { scripts = scripts, environment = { SWITCHHOOK_FAULT = "store.appended:1:kill" } }
    local event = event_of "j1"
    assert.is_false((pcall(server.deliver, server, { event })))
    server:wait_exit()
    server = server:again { environment = {} }
    assert.equal(404, server:api("/api/events/1").status)
    assert.same({ stored = 1, duplicates = 0, quarantined = 0 }, server:deliver({ event }).json)
    server:stop()
  end)

  it("after the commit of a delivery has it, also without an answer", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config,
      scripts = scripts,
      environment = { SWITCHHOOK_FAULT = "host.admit:1:kill" },
    }
    local event = event_of "j1"
    assert.is_false((pcall(server.deliver, server, { event })))
    server:wait_exit()
    server = server:again { environment = {} }
    server:wait_state(1, "done")
    assert.same({ stored = 0, duplicates = 1, quarantined = 0 }, server:deliver({ event }).json)
    server:stop()
  end)

  it("twice over, with an orderly stop between, still tells a repetition", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config .. "limits = { drain_seconds = 0 }",
      scripts = scripts,
      environment = { SWITCHHOOK_FAULT = "host.answered:2:kill" },
    }
    pcall(server.deliver, server, { event_of "j1" })
    server:wait_exit()
    host.replace(server.folder .. "/scripts/RouterJobQueued.lua", "return 1") -- so that nothing can go on
    server = server:again { environment = {}, is_started = false }
    server:wait_line "do not load"
    server:stop()
    server:write("RouterJobQueued.lua", scripts["RouterJobQueued.lua"])
    server = server:again { environment = {}, is_started = true }
    server:wait_state(1, "done")
    assert.is_true(check_steps(server, router, 1)[2].repeated)
    server:stop()
  end)
end)

describe("a request that the client sends again by itself", function()
  -- The other side closes a connection that was kept: it may have acted on what it read.
  it("is a repetition to the script, too", function()
    local router = ledger.open()
    local server = host.serve { config = router.config, scripts = scripts }
    local closed = false
    router.answer = function(request)
      if request.method == "PATCH" and not closed then
        closed = true
        return false
      end
    end
    assert.equal(200, server:deliver({ event_of "j1" }).status)
    server:wait_state(1, "done")
    assert.is_true(check_steps(server, router, 1)[2].repeated)
    assert.equal(2, router.count["1-2"])
    assert.equal(1, router:asked "POST /routing/jobs/j1/assignments/again:complete")
    server:stop()
  end)
end)

describe("a delivery that is stored", function()
  it("is handled though it could not be read when its turn came", function()
    local router = ledger.open()
    local server = host.serve { config = router.config, scripts = scripts, arguments = { "--paused" } }
    assert.equal(200, server:deliver({ event_of "j1" }).status)
    server:stop()
    server = server:again { arguments = {}, environment = { SWITCHHOOK_FAULT = "host.read:1:fail" } }
    server:wait_state(1, "done")
    check_steps(server, router, 1)
    server:stop()
  end)

  it("is handled though the host had no memory to take it up", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config,
      scripts = scripts,
      environment = { SWITCHHOOK_FAULT = "host.admit:1:fail" },
    }
    assert.equal(200, server:deliver({ event_of "j1" }).status)
    assert.equal(200, server:deliver({ event_of "j2" }).status)
    server:wait_state(2, "done")
    server:wait_state(1, "done")
    check_steps(server, router, 1)
    assert.equal(200, server:deliver({ event_of "j3" }).status) -- it was counted all the same
    server:stop()
  end)
end)
