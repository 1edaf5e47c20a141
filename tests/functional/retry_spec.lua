-- What becomes of a run that fails: tried again, parked, or held against the ones behind it.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local QUICK = "retry = { first_seconds = 0.05, factor = 1.5, attempts = 5 }\n"
local ACTIVATE = [[return function(event) router.jobs.activate(event.data.jobId) end]]

local function serve(router, scripts, config)
  return host.serve { config = router.config .. (config or QUICK), scripts = scripts }
end

local function deliver(server, name, job)
  assert.equal(200, server:deliver({ host.event(name, { jobId = job }) }).status)
end

-- Answers with the status until it is told otherwise, what matches the pattern.
local function refuse(router, pattern, status, headers)
  router.answer = function(request)
    if request.path:find(pattern) then
      return status, headers or {}, '{"error":{"code":"Test","message":"as the test says"}}'
    end
  end
end

local function has_words(text, words)
  assert.is_truthy(text:find(words, 1, true), ("%q in %q"):format(words, text))
end

describe("a run that fails", function()
  it("waits while the Job Router is down, and all is done when it comes up", function()
    local port = host.free_port()
    local config = 'router = { connection_string = "endpoint=http://127.0.0.1:%d;accesskey=c2VjcmV0" }\n'
    local server = host.serve {
      config = config:format(port) .. "retry = { first_seconds = 0.05, factor = 1.2, attempts = 1000 }",
      scripts = { ["RouterJobQueued.lua"] = ACTIVATE },
    }
    for i = 1, 20 do
      deliver(server, "RouterJobQueued", "j" .. i)
    end
    local run = server:wait_run(1, "waiting")
    assert.is_true(run.attempt >= 1)
    assert.is_truthy(run.reason:find "^router%.jobs%.activate: ")
    assert.is_string(run.dueAt)
    host.wait_until(function()
      return server:api("/api/status").json.sinceStart.retries > 5
    end, "some retries")
    local router = ledger.open(port)
    for seq = 1, 20 do
      server:wait_run(seq, "done")
      assert.equal(1, router:asked("PATCH /routing/jobs/j" .. seq))
    end
    server:stop()
  end)

  it("backs off, and counts its attempts", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = ACTIVATE })
    local times = {}
    router.answer = function()
      times[#times + 1] = native.now()
      return #times < 4 and 500 or nil
    end
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.equal(4, run.attempt)
    assert.equal(4, #times)
    -- 50, 75, 112 ms, each less a quarter at most.
    assert.is_true(times[2] - times[1] >= 0.0375 and times[4] - times[3] >= 0.084)
    -- Each failed call is in the timeline, forgotten, and each new one says that it is a repetition.
    assert.equal(4, #run.steps)
    for number, step in ipairs(run.steps) do
      assert.equal(number < 4, step.forgotten)
      assert.equal(number < 4 and 500 or 200, step.status)
      assert.equal(number > 1, step.repeated)
      assert.equal(1, router.count["1-" .. number])
    end
    server:stop()
  end)

  it("waits as long as Retry-After says", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = ACTIVATE })
    local first, second
    router.answer = function()
      if not first then
        first = native.now()
        return 503, { ["Retry-After"] = "1" }, ""
      end
      second = native.now()
    end
    deliver(server, "RouterJobQueued", "j1")
    assert.equal(2, server:wait_run(1, "done").attempt)
    assert.is_true(second - first >= 0.99, second - first)
    server:stop()
  end)

  it("parks at once for an answer that will not change", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = ACTIVATE })
    refuse(router, "jobs/j1$", 404)
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "parked")
    assert.equal("answer", run.result)
    assert.equal("router.jobs.activate: 404 Test: as the test says", run.reason)
    has_words(run.traceback, "RouterJobQueued.lua:1")
    assert.equal(1, #router.paths)
    server:stop()
  end)

  it("parks when its attempts are used up", function()
    local router = ledger.open()
    local server =
      serve(router, { ["RouterJobQueued.lua"] = ACTIVATE }, "retry = { attempts = 3, first_seconds = 0.01 }")
    refuse(router, "", 500)
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "parked")
    assert.equal(3, run.attempt)
    has_words(run.reason, "all attempts used up: router.jobs.activate: 500")
    assert.equal(3, #router.paths)
    server:stop()
  end)

  it("parks at once for a mistake in the script, and says where", function()
    local router = ledger.open()
    local script = "return function(event)\n  local function deep() return event.data.queue.name end\n"
      .. "  deep()\nend"
    local server = serve(router, { ["RouterJobQueued.lua"] = script })
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "parked")
    assert.equal("error", run.result)
    assert.equal(1, run.attempt)
    has_words(run.reason, "RouterJobQueued.lua:2: attempt to index a nil value (field 'queue')")
    has_words(run.traceback, "RouterJobQueued.lua:2")
    assert.equal("RouterJobQueued.lua", run.handler)
    server:stop()
  end)

  it("parks when its script is gone", function()
    local router = ledger.open()
    local server =
      serve(router, { ["RouterJobQueued.lua"] = ACTIVATE }, "retry = { first_seconds = 0.5, attempts = 50 }")
    refuse(router, "", 503)
    deliver(server, "RouterJobQueued", "j1")
    server:wait_run(1, "waiting")
    local mark = server:mark()
    os.remove(server.folder .. "/scripts/RouterJobQueued.lua")
    server:wait_line("scripts are live", mark)
    has_words(server:wait_run(1, "parked").reason, "handler removed")
    server:stop()
  end)
end)

describe("an error that the script caught", function()
  local CATCHES = [[return function(event)
    local id = event.data.jobId
    local ok, problem = pcall(router.jobs.activate, id)
    if not ok then router.jobs.complete(id, "status-" .. problem.status) end
    %s
  end]]

  it("is an answer: the run goes on", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = CATCHES:format "" })
    refuse(router, "jobs/j1$", 409)
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.equal(1, run.attempt)
    assert.is_true(run.steps[1].isError)
    assert.equal(1, router:asked "POST /routing/jobs/j1/assignments/status-409:complete")
    server:stop()
  end)

  it("stays one when a later call fails, and is not asked for again", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = CATCHES:format "router.jobs.close(id, 'a')" })
    local closed = 0
    router.answer = function(request)
      if request.path:find ":close$" then
        closed = closed + 1
        return closed < 3 and 503 or nil
      end
      return request.method == "PATCH" and 503 or nil
    end
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.equal(3, run.attempt)
    assert.equal(1, router:asked "PATCH /routing/jobs/j1")
    assert.equal(1, router:asked "POST /routing/jobs/j1/assignments/status-503:complete")
    assert.equal(3, closed)
    server:stop()
  end)

  it("stays one when what was done about it fails, too", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = CATCHES:format "" })
    local completed = 0
    router.answer = function(request)
      completed = completed + (request.path:find ":complete$" and 1 or 0)
      return completed < 3 and 503 or nil
    end
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.same({ false, true }, { run.steps[1].forgotten, run.steps[2].forgotten })
    assert.equal(1, router:asked "PATCH /routing/jobs/j1")
    assert.equal(3, completed)
    server:stop()
  end)

  it("is forgotten in each branch that ends with one", function()
    local router = ledger.open()
    local script = [[return function()
      local function get(id) return function() return router.jobs.get(id) end end
      if not pcall(router.jobs.get, "x") then return all { get "a", get "b", get "c" } end
    end]]
    local server = serve(router, { ["RouterJobQueued.lua"] = script })
    local asked = {}
    router.answer = function(request)
      local id = request.path:match "[^/]+$"
      asked[id] = (asked[id] or 0) + 1
      return id ~= "c" and (asked[id] == 1 or id == "x") and 503 or nil
    end
    deliver(server, "RouterJobQueued", "j1")
    assert.equal(2, server:wait_run(1, "done").attempt)
    assert.same({ x = 1, a = 2, b = 2, c = 1 }, asked)
    server:stop()
  end)

  it("stays one when the script then breaks", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = CATCHES:format "error('oh')" })
    refuse(router, "jobs/j1$", 409)
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "parked")
    assert.is_false(run.steps[1].forgotten)
    assert.is_false(run.steps[2].forgotten)
    server:stop()
  end)

  it("is tried again when the script says that it is worth it", function()
    local router = ledger.open()
    local script = [[return function(event)
      local ok, problem = pcall(router.jobs.activate, event.data.jobId)
      if not ok then
        router.jobs.get("seen")
        problem.retryable = true
        error(problem)
      end
    end]]
    local server = serve(router, { ["RouterJobQueued.lua"] = script })
    local count = 0
    router.answer = function(request)
      if request.method == "PATCH" then
        count = count + 1
        return count < 3 and 404 or nil
      end
    end
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.equal(3, run.attempt)
    assert.equal(3, count)
    assert.equal(1, router:asked "GET /routing/jobs/seen") -- what it did about the error is not done again
    server:stop()
  end)
end)

describe("a script's own error", function()
  it("is tried again when it says so, and what http was answered is asked for anew", function()
    local statuses = { 503, 503, 200 }
    local upstream = host.upstream(function()
      return table.remove(statuses, 1), {}, "{}"
    end)
    local server = host.serve {
      config = QUICK .. ('http = { allow = { "127.0.0.1:%d" } }'):format(upstream.port),
      scripts = {
        ["RouterJobQueued.lua"] = ([[return function(event)
          local answer = http.get("http://127.0.0.1:%d/")
          if answer.status >= 500 then error({ message = "it is not well", retryable = true }) end
          return event.attempt
        end]]):format(upstream.port),
      },
    }
    deliver(server, "RouterJobQueued", "j1")
    local run = server:wait_run(1, "done")
    assert.same({ 3, 3 }, { run.attempt, run.returned })
    server:stop()
  end)
end)

describe("a lane", function()
  local function order_of(router)
    local order = {}
    for i, path in ipairs(router.paths) do
      order[i] = path:match "[^/]+$"
    end
    return table.concat(order, " ")
  end

  -- The path says which event it was.
  local BY_NAME = [[return function(event) router.jobs.complete(event.data.jobId, event.data.name) end]]
  local HANDLES = [[return { retry = { hold = %s }, handle = %s }]]

  local function deliver_named(server, job, name)
    local event = host.event("RouterJobQueued", { jobId = job, name = name })
    assert.equal(200, server:deliver({ event }).status)
  end

  it("waits behind a run that fails, in order, and no other lane does", function()
    local router = ledger.open()
    local server =
      serve(router, { ["RouterJobQueued.lua"] = BY_NAME }, "retry = { first_seconds = 0.2, factor = 1 }")
    refuse(router, "first:", 503)
    for _, name in ipairs { "first", "second", "third" } do
      deliver_named(server, "j1", name)
    end
    server:wait_run(1, "waiting")
    deliver_named(server, "j2", "other")
    server:wait_run(4, "done")
    for seq = 2, 3 do
      local event = server:api("/api/events/" .. seq).json
      assert.equal("queued", event.state)
      assert.equal(0, #event.runs)
    end
    router.answer = nil
    server:wait_run(3, "done")
    local order = "^[first:complete ]+other:complete [first:complete ]*second:complete third:complete$"
    assert.is_truthy(order_of(router):find(order))
    server:stop()
  end)

  it("keeps its order over a restart while its first run waits", function()
    local router = ledger.open()
    local server =
      serve(router, { ["RouterJobQueued.lua"] = BY_NAME }, "retry = { first_seconds = 1, factor = 1 }")
    refuse(router, "first:", 503)
    for _, name in ipairs { "first", "second" } do
      deliver_named(server, "j1", name)
    end
    server:wait_run(1, "waiting")
    server:kill()
    router.answer = nil
    server = server:again()
    server:wait_run(2, "done")
    assert.equal("first:complete first:complete second:complete", order_of(router))
    server:stop()
  end)

  it("lets the others pass where the handler says so", function()
    local router = ledger.open()
    local script = HANDLES:format("false", BY_NAME:match "^return (.*)$")
    local server =
      serve(router, { ["RouterJobQueued.lua"] = script }, "retry = { first_seconds = 0.5, factor = 1 }")
    refuse(router, "first:", 503)
    for _, name in ipairs { "first", "second", "third" } do
      deliver_named(server, "j1", name)
    end
    server:wait_run(2, "done")
    server:wait_run(3, "done")
    server:wait_run(1, "waiting")
    router.answer = nil
    server:wait_run(1, "done")
    server:stop()
  end)
end)

describe("the handlers of an event", function()
  it("have retries of their own where they say so", function()
    local router = ledger.open()
    local script = [[return { retry = { attempts = 2, first_seconds = 0.01 }, handle = function(event)
      router.jobs.activate(event.data.jobId)
    end }]]
    local server =
      serve(router, { ["RouterJobQueued.lua"] = script }, "retry = { attempts = 9, first_seconds = 60 }")
    refuse(router, "", 500)
    deliver(server, "RouterJobQueued", "j1")
    assert.equal(2, server:wait_run(1, "parked").attempt)
    server:stop()
  end)

  it("are runs of their own", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobCancelled/first.lua"] = ACTIVATE,
      ["RouterJobCancelled/second.lua"] = [[return function(event) router.jobs.get(event.data.jobId) end]],
      ["RouterJobCancelled.lua"] = [[return function() end]],
    })
    refuse(router, "", 404)
    router.answer = (function(answer)
      return function(request)
        if request.method == "PATCH" then
          return answer(request)
        end
      end
    end)(router.answer)
    deliver(server, "RouterJobCancelled", "j1")
    local event = server:wait_state(1, "parked")
    local states = {}
    for _, run in ipairs(event.runs) do
      states[run.handler] = run.state
    end
    assert.same({
      ["RouterJobCancelled/first.lua"] = "parked",
      ["RouterJobCancelled/second.lua"] = "done",
      ["RouterJobCancelled.lua"] = "done",
    }, states)
    assert.equal(1, router:asked "GET /routing/jobs/j1")
    server:stop()
  end)

  it("may be none, or the one for all that have none", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = ACTIVATE })
    deliver(server, "RouterJobClosed", "j1")
    assert.equal(0, #server:wait_state(1, "unhandled").runs)
    server:write("default.lua", [[return function(event) router.jobs.get(event.name) end]])
    server:wait_line "handlers=2"
    deliver(server, "RouterJobClosed", "j1")
    assert.equal("default.lua", server:wait_run(2, "done").handler)
    assert.equal(1, router:asked "GET /routing/jobs/RouterJobClosed")
    assert.equal("unhandled", server:api("/api/events/1").json.state)
    deliver(server, "RouterJobQueued", "j1")
    assert.equal("RouterJobQueued.lua", server:wait_run(3, "done").handler)
    server:stop()
  end)
end)
