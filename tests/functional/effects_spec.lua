-- What scripts ask for besides the Job Router: state, waits, remembered steps, several things at the same time.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local QUICK = "retry = { first_seconds = 0.05, factor = 1.5, attempts = 5 }\n"

local function serve(router, scripts)
  return host.serve { config = router.config .. QUICK, scripts = scripts }
end

local function deliver(server, name, job)
  assert.equal(200, server:deliver({ host.event(name, { jobId = job }) }).status)
end

local function step_of(run, operation, nth)
  for _, step in ipairs(run.steps) do
    if step.operation == operation then
      nth = (nth or 1) - 1
      if nth == 0 then
        return step
      end
    end
  end
end

local function wait_step(server, seq, operation)
  return host.wait_until(function()
    local event = server:api("/api/events/" .. seq).json
    return event and event.runs and event.runs[1] and step_of(event.runs[1], operation)
  end, operation .. " in the journal of event " .. seq)
end

-- As a machine that loses its power: no word to anybody.
local function kill_and_start(server)
  server:kill()
  return server:again()
end

describe("state", function()
  local READ = [[return function() state.get "seen" end]]

  it("lasts from event to event and over a restart", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function(event)
        state.set("seen", { job = event.data.jobId, list = json.array {} }, { ttl = 3600 })
      end]],
      ["RouterJobClosed.lua"] = READ,
      ["RouterJobCompleted.lua"] = [[return function() state.delete "seen" state.get "seen" end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    server:wait_run(1, "done")
    server = kill_and_start(server)
    deliver(server, "RouterJobClosed", "j2")
    assert.same({ job = "j1", list = {} }, step_of(server:wait_run(2, "done"), "state.get").answer)
    server:stop()
    server = server:again()
    deliver(server, "RouterJobCompleted", "j3")
    local run = server:wait_run(3, "done")
    assert.is_true(step_of(run, "state.delete").answer)
    assert.is_nil(step_of(run, "state.get").answer)
    server:stop()
  end)

  it("is gone when its time is over", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function() state.set("seen", 1, { ttl = 0.3 }) end]],
      ["RouterJobClosed.lua"] = READ,
    })
    deliver(server, "RouterJobQueued", "j1")
    server:wait_run(1, "done")
    local seq = 1
    host.wait_until(function()
      seq = seq + 1
      deliver(server, "RouterJobClosed", "j1")
      return step_of(server:wait_run(seq, "done"), "state.get").answer == nil
    end, "the value to be gone")
    server:stop()
  end)

  it("counts right when many count at once", function()
    local router = ledger.open()
    local COUNT = [[return function() for _ = 1, 10 do state.increment "n" end end]]
    local server = serve(router, {
      ["RouterJobQueued/a.lua"] = COUNT,
      ["RouterJobQueued/b.lua"] = COUNT,
      ["RouterJobClosed.lua"] = [[return function() state.increment("n", 0.5) end]],
    })
    for i = 1, 8 do
      deliver(server, "RouterJobQueued", "j" .. i)
    end
    for seq = 1, 8 do
      server:wait_state(seq, "done")
    end
    deliver(server, "RouterJobClosed", "j1")
    assert.equal(160.5, step_of(server:wait_run(9, "done"), "state.increment").answer)
    server:stop()
  end)

  it("gives a lock to one only", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function(event)
        if state.compare_and_set("lock", nil, event.data.jobId) then router.jobs.get(event.data.jobId) end
      end]],
      ["RouterJobClosed.lua"] = [[return function()
        local owner = state.get "lock"
        state.compare_and_set("lock", "nobody", "x")
        state.compare_and_set("lock", owner, nil)
        state.get "lock"
      end]],
    })
    for i = 1, 10 do
      deliver(server, "RouterJobQueued", "j" .. i)
    end
    for seq = 1, 10 do
      server:wait_run(seq, "done")
    end
    assert.equal(1, #router.paths)
    deliver(server, "RouterJobClosed", "j1")
    local run = server:wait_run(11, "done")
    assert.is_false(step_of(run, "state.compare_and_set").answer)
    assert.is_true(step_of(run, "state.compare_and_set", 2).answer)
    assert.is_nil(step_of(run, "state.get", 2).answer)
    server:stop()
  end)

  it("says what it cannot count", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function() state.set("n", "text") state.increment "n" end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    assert.is_truthy(server:wait_run(1, "parked").reason:find "^state%.increment: ")
    server:stop()
  end)
end)

describe("sleep", function()
  local function script(seconds)
    return ([[return function()
      router.jobs.get "before"
      local since = now()
      sleep(%s)
      router.jobs.get("after" .. math.floor((now() - since) * 10))
    end]]):format(seconds)
  end

  it("waits, and holds its lane", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = script "0.2",
      ["RouterJobClosed.lua"] = [[return function() router.jobs.get "next" end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    deliver(server, "RouterJobClosed", "j1")
    server:wait_run(2, "done")
    assert.is_truthy(router.paths[2]:find "/after%d$")
    assert.is_truthy(router.paths[2]:match "%d$" >= "2")
    assert.is_truthy(router.paths[3]:find "/next$")
    server:stop()
  end)

  it("goes on over a restart", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = script "1" })
    local from = native.now()
    deliver(server, "RouterJobQueued", "j1")
    wait_step(server, 1, "sleep")
    server = kill_and_start(server)
    local run = server:wait_run(1, "done")
    assert.is_true(native.now() - from >= 1)
    assert.equal(3, #run.steps)
    assert.equal(1, router:asked "GET /routing/jobs/before")
    assert.equal(2, #router.paths)
    server:stop()
  end)

  it("leaves its worker when it is long", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = script "3600" })
    deliver(server, "RouterJobQueued", "j1")
    local due = server:wait_run(1, "waiting").dueAt
    local function is_at_rest()
      for _, worker in ipairs(server:api("/api/status").json.workers) do
        if worker.runs > 0 then
          return false
        end
      end
      return true
    end
    host.wait_until(is_at_rest, "the run to leave its worker")
    server = kill_and_start(server)
    local run = server:wait_run(1, "waiting")
    assert.equal(due:sub(1, 19), run.dueAt:sub(1, 19))
    assert.is_true(is_at_rest())
    assert.equal(2, #run.steps)
    assert.equal(1, #router.paths)
    server:stop()
  end)
end)

describe("after", function()
  it("raises a local event, once, over a restart, in the same lane and without holding it", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        local first = after(0.5, "remind", { n = "first" })
        after(1, "remind", { n = "second" })
        state.set("was there", cancel(first))
      end]],
      ["RouterJobClosed.lua"] = [[return function() router.jobs.get "closed" end]],
      ["local/remind.lua"] = [[return function(event)
        router.jobs.get(event.data.n)
        state.set("name", event.name)
      end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    assert.is_true(step_of(server:wait_run(1, "done"), "cancel").answer)
    deliver(server, "RouterJobClosed", "j1")
    server:wait_run(2, "done")
    assert.equal(0, router:asked "GET /routing/jobs/second")
    router.is_held = function(request)
      return request.path:find "second"
    end
    server = kill_and_start(server)
    router:wait_asked "GET /routing/jobs/second"
    deliver(server, "RouterJobClosed", "j1") -- behind the local event, in its lane
    deliver(server, "RouterJobClosed", "j2")
    server:wait_run(5, "done")
    assert.equal("queued", server:api("/api/events/4").json.state)
    router.is_held = nil
    server:wait_run(4, "done")
    local event = server:wait_state(3, "done")
    assert.equal("Switchhook.Local.remind", event.type)
    assert.equal(1, router:asked "GET /routing/jobs/second")
    assert.equal(0, router:asked "GET /routing/jobs/first")
    server:stop()
    assert.is_nil(server:again():api("/api/events/6").json.seq)
  end)

  it("is cancelled but once", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        local id = after(3600, "remind")
        state.set("answers", { cancel(id), cancel(id), (cancel "1") })
      end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.is_true(step_of(run, "cancel").answer)
    assert.is_false(step_of(run, "cancel", 2).answer)
    server:stop()
  end)
end)

describe("a run that is done again", function()
  -- Runs until the held call is under way, and once more after a kill.
  local function twice(router, server)
    router.is_held = function(request)
      return request.path:find "held"
    end
    deliver(server, "RouterJobQueued", "j1")
    router:wait_asked "GET /routing/jobs/held"
    server = kill_and_start(server)
    router:wait_asked("GET /routing/jobs/held", 2)
    router.is_held = nil
    return server, server:wait_run(1, "done")
  end

  it("does not call the function of a step again", function()
    local router = ledger.open()
    local server, run = twice(router, serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        local id = step("pick", function()
          router.jobs.get "inside"
          return { id = "picked", list = json.array {} }
        end)
        router.jobs.get "held"
        router.jobs.get(id.id)
      end]],
    }))
    assert.equal(1, router:asked "GET /routing/jobs/inside")
    assert.equal(1, router:asked "GET /routing/jobs/picked")
    assert.same({ "pick" }, step_of(run, "step").arguments)
    assert.same({ id = "picked", list = {} }, step_of(run, "step").answer)
    assert.is_nil(step_of(run, "step.keep"))
    server:stop()
  end)

  it("meets the same chance and the same times, in each branch", function()
    local router = ledger.open()
    local server, run = twice(router, serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        local function draw(name)
          return function()
            local labels = { id = uuid(), number = math.random(1000000), time = tostring(now()) }
            router.jobs.update(name, { labels = labels })
            router.jobs.update(name, { labels = { time = tostring(now()), id = uuid() } })
          end
        end
        draw("body")()
        all { draw "a", draw "b", function() all { draw "c" } end }
        router.jobs.get "held"
        router.jobs.get("end" .. math.random(1000000) .. uuid())
      end]],
    }))
    -- Were one of them another, it would not be found in the journal, and be done again.
    assert.equal(10, #run.steps)
    for _, name in ipairs { "body", "a", "b", "c" } do
      assert.equal(2, router:asked("PATCH /routing/jobs/" .. name))
    end
    server:stop()
  end)

  it("meets a chance that no other event and no other handler has", function()
    local router, draw = ledger.open(), "return function() return uuid() end"
    local server = serve(router, { ["RouterJobQueued.lua"] = draw, ["RouterJobQueued/second.lua"] = draw })
    local seen, count = {}, 0
    for seq = 1, 2 do
      deliver(server, "RouterJobQueued", "j1")
      for _, run in ipairs(server:wait_state(seq, "done").runs) do
        assert.is_string(run.returned)
        assert.is_nil(seen[run.returned])
        seen[run.returned] = true
        count = count + 1
      end
    end
    assert.equal(4, count)
    server:stop()
  end)

  it("takes up its journal with a script that was edited meanwhile", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        router.jobs.get "a"
        router.jobs.get "b"
        sleep(30)
        router.jobs.get "never"
      end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    wait_step(server, 1, "sleep")
    server:kill()
    server:write(
      "RouterJobQueued.lua",
      [[return function() for _, id in ipairs { "new", "b", "a", "last" } do router.jobs.get(id) end end]]
    )
    server = server:again()
    local run = server:wait_run(1, "done")
    local asked = {}
    for _, path in ipairs(router.paths) do
      asked[#asked + 1] = path:match "[^/]+$"
    end
    assert.same({ "a", "b", "new", "last" }, asked)
    assert.equal(5, #run.steps) -- the sleep that is no longer taken is kept
    server:stop()
  end)
end)

describe("all", function()
  it("does two things at the same time", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        local function get(id) return function() return router.jobs.get(id).id end end
        local a, b = all { get "a", get "b" }
        router.jobs.get(a .. b)
      end]],
    })
    router.is_held = function()
      return #router.paths < 2
    end
    deliver(server, "RouterJobQueued", "j1")
    server:wait_run(1, "done")
    assert.equal("GET /routing/jobs/anyany", router.paths[3])
    server:stop()
  end)

  it("is tried again with what failed, and not with what went through", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[return function()
        local function get(id) return function() return router.jobs.get(id) end end
        all { get "bad", get "good" }
      end]],
    })
    local tries = 0
    router.is_held = function(request) -- the good one first, so that the bad one's error is the last
      return request.path:find "bad$" and router:asked "GET /routing/jobs/good" == 0
    end
    router.answer = function(request)
      if request.path:find "bad$" then
        tries = tries + 1
        return tries < 3 and 503 or nil, {}, ""
      end
    end
    deliver(server, "RouterJobQueued", "j1")
    server:wait_run(1, "done")
    assert.equal(3, router:asked "GET /routing/jobs/bad")
    assert.equal(1, router:asked "GET /routing/jobs/good")
    server:stop()
  end)
end)
