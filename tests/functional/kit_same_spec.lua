-- The kit does as the host does: the same scripts and the same events take the same steps in both, with the same
-- arguments and answers, and come to the same end.
local folder = require "kit_folder"
local host = require "host"
local ledger = require "ledger"
local core = require "switchhook.kit.core"

local SCRIPTS = {
  ["RouterJobQueued.lua"] = [[
    local ids = require "ids"
    return function(event)
      local job, about = router.jobs.get(ids.of(event))
      log.info("got", { id = job.id })
      router.jobs.update(job.id, { labels = { Segment = "Gold", N = 1.5 }, priority = 10.0, tags = {} })
      state.set("seen", { job.id, json.null, { deep = { true, "ü\0" } } })
      state.increment("count", 41)
      local count = state.increment "count"
      state.compare_and_set("count", 42, { n = count })
      state.compare_and_set("free", nil, 1, { ttl = 60 })
      state.delete "free"
      local kept = step("once", function() router.queues.get "q/1 ?%" return { count, about.status } end)
      all {
        function() sleep(0.02) router.workers.get "w1" end,
        function() router.workers.get "w2" router.workers.get "w2" end,
      }
      local seen = {}
      for job in router.jobs.list { maxpagesize = 2 } do seen[#seen + 1] = job.job.id end
      local ok, raised = pcall(router.jobs.get, "missing")
      local id = after(0.05, "later", { job = job.id, list = {} })
      cancel(after(1000, "never"))
      return {
        kept = kept, seen = seen, ok = ok,
        words = { raised.status, raised.code, raised.message, tostring(raised) },
        parsed = event.parsed, kind = math.type(job.priority), state = state.get "seen",
        event = { event.attempt, event.seq, event.name, event.subject, event.type, event.id },
        time = { os.date("%H", 1782945000), time.format(1782945000.25) },
      }
    end]],
  ["lib/ids.lua"] = "return { of = function(event) return event.data.jobId end }",
  ["local/later.lua"] = [[return function(event)
    router.jobs.get(event.data.job)
    return { event.data, event.type }
  end]],
  ["RouterJobCancelled.lua"] = "return function(event) router.jobs.get 'top' end",
  ["RouterJobCancelled/a.lua"] = "return function(event) router.jobs.get 'a' return a end",
  ["RouterJobCancelled/b.lua"] = "return function(event) a = 1 router.jobs.get 'b' return a end",
  ["RouterJobClosed.lua"] = "return function(event)\n  router.jobs.get 'x'\n  return event.data.labels.x.y\nend",
  ["RouterJobCompleted.lua"] = "return function(event) router.jobs.activate(event.data.id) end",
  ["RouterJobClassified.lua"] = "return function(event) router.jobs.get 'missing' end",
  ["RouterJobDeleted.lua"] = [[return {
    filter = { subjectBeginsWith = "nothing" },
    handle = function() router.jobs.get 'x' end,
  }]],
  ["RouterJobExceptionTriggered.lua"] = [[return { retry = { attempts = 4 }, handle = function(event)
    router.jobs.get "once"
    router.workers.get "busy"
    return event.attempt
  end }]],
  ["RouterJobUnassigned.lua"] = [[return {
    retry = { attempts = 2 },
    handle = function() router.workers.get "down" end,
  }]],
  ["RouterWorkerRegistered.lua"] = "return function() fail 'not for us' end",
  ["RouterWorkerDeregistered.lua"] = "return function() error { message = 'mine', n = 1 } end",
  ["RouterWorkerUpdated.lua"] = "return function() table.sort({ 1, 2 }, function() router.jobs.get 'x' end) end",
  ["default.lua"] = "return function(event) return event.data end",
}

local TYPES = {
  "RouterJobQueued",
  "RouterJobCancelled",
  "RouterJobClosed",
  "RouterJobCompleted",
  "RouterJobClassified",
  "RouterJobDeleted",
  "RouterJobExceptionTriggered",
  "RouterJobUnassigned",
  "RouterWorkerRegistered",
  "RouterWorkerDeregistered",
  "RouterWorkerUpdated",
  "RouterWorkerDeleted",
  "RouterJobSchedulingFailed",
}

-- What the Job Router answers in both: status, value.
local function world()
  local asked = 0
  return function(kind, id)
    if id == "missing" then
      return 404, { error = { code = "JobNotFound", message = "there is no\njob " .. id } }
    elseif id == "down" or (id == "busy" and asked < 2) then
      asked = asked + 1
      return 503, { error = { code = "Busy", message = "later" } }
    elseif kind == "list" then
      return 200, { value = { { job = { id = "l1" }, etag = "1" }, { job = { id = "l2" }, etag = "2" } } }
    end
    return 200, { id = id, priority = 7, half = 0.5, etag = '"' .. id .. '"', none = { a = {} } }
  end
end

local function serve_world(router)
  local answer = world()
  router.answer = function(request)
    local path = request.target:match "^[^?]*"
    local id = path:match "^/routing/%w+/(.+)$"
    id = id and id:gsub("%%(%x%x)", function(code)
      return string.char(tonumber(code, 16))
    end)
    local status, value = answer(id and "one" or "list", id)
    return status, { ["Content-Type"] = "application/json" }, core.encode(value)
  end
end

local function answer_world(kit_host)
  local answer = world()
  for name, operation in pairs(core.operations) do
    kit_host:answer(name, function(id)
      local status, value = answer(operation.is_list and "list" or "one", id)
      if status >= 300 then
        return nil, { status = status, code = value.error.code, message = value.error.message }
      end
      return value, { status = status }
    end)
  end
end

-- What is compared of a step. Timers' numbers are each side's own; a sleep's end is not the step's answer.
local function simplify(step)
  local is_timer = step.operation == "after" or step.operation == "cancel"
  return {
    operation = step.operation,
    arguments = step.operation ~= "cancel" and core.encode(step.arguments) or nil,
    answer = not is_timer and step.answer or nil,
    status = step.status ~= 0 and step.status or nil,
    forgotten = step.forgotten or nil,
    repeated = step.repeated or nil,
  }
end

-- Branches go on in the order of their answers: of those, only what is in each counts.
local function sort_steps(steps)
  table.sort(steps, function(a, b)
    return core.encode(a) < core.encode(b)
  end)
  return steps
end

local function of_host(server, seq)
  local event = host.wait_until(function()
    local answer = server:api("/api/events/" .. seq)
    local decoded = answer.status == 200 and core.decode(answer.body)
    return decoded and (decoded.state == "done" or decoded.state == "parked") and decoded
  end, "the end of event " .. seq)
  local runs = {}
  for i, run in ipairs(event.runs) do
    local steps = {}
    for k, step in ipairs(run.steps) do
      steps[k] = simplify(step)
    end
    runs[i] = {
      handler = run.handler,
      state = run.state,
      result = run.result,
      attempt = run.attempt,
      reason = run.reason,
      returned = run.returned,
      steps = sort_steps(steps),
    }
  end
  return runs
end

local function of_kit(run)
  local runs = {}
  for i, each in ipairs { run, table.unpack(run.others or {}) } do
    local steps = {}
    for k, entry in ipairs(each.journal) do
      local step = {
        operation = entry.operation,
        arguments = core.array(entry.arguments),
        answer = entry.answer,
        status = entry.status,
        forgotten = entry.forgotten,
        repeated = entry.repeated,
      }
      if entry.error then
        step.answer = entry.error
      end
      steps[k] = simplify(step)
    end
    runs[i] = {
      handler = each.handler,
      state = each.state,
      result = each.result,
      attempt = each.attempts,
      reason = each.reason,
      returned = each.value,
      steps = sort_steps(steps),
    }
  end
  return runs
end

describe("the kit and the host", function()
  it("do the same", function()
    local retry = "retry = { first_seconds = 0.05, factor = 1.5, attempts = 5 }\ntimezone = 'Europe/Berlin'\n"
    local router = ledger.open()
    serve_world(router)
    local server = host.serve { config = router.config .. retry, scripts = SCRIPTS }
    local kit_host = folder.load(SCRIPTS, {
      retry = { first_seconds = 0.05, factor = 1.5, attempts = 5 },
      timezone = "Europe/Berlin",
      time = os.time(),
    })
    answer_world(kit_host)

    local runs, seq, compared = {}, 0, 0
    for i, name in ipairs(TYPES) do
      local job = name:match "^RouterJob" and "j" .. i or nil
      local sample = core.decode(core.sample(name, "e" .. i, "2026-03-02T08:15:04.1200000Z"))
      sample.data.jobId = job
      local event = host.event(name, sample.data)
      assert.equal(200, server:deliver({ event }).status)
      local fields = { id = event.id, subject = event.subject, source = event.topic, time = event.eventTime }
      runs[i] = kit_host:deliver(name, sample.data, fields)
      seq = seq + 1
      -- The host gives what after() raises the next number: each event is over before the next one comes.
      kit_host:advance(30)
      local expected = of_host(server, seq)
      assert.same(expected, of_kit(runs[i]), name)
      for _, run in ipairs(expected) do
        compared = compared + #run.steps
      end
      if name == "RouterJobQueued" then
        seq = seq + 1
        assert.same(of_host(server, seq), of_kit(kit_host.runs[2]))
      end
    end
    assert.is_true(compared > 30, compared)
    server:stop()
  end)
end)
