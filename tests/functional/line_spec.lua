-- The line from a delivery to a signed call, watched from both ends: what a script sees, and what arrives at the
-- Job Router, here a server of the test's own.
local host = require "host"
local job_router = require "job_router"

local key = host.native.base64("0123456789abcdef0123456789abcdef")

local function connection_string(upstream)
  return ("endpoint=%s/;accesskey=%s"):format(upstream.url, key)
end

local function serve(upstream, scripts, config)
  return host.serve {
    config = ('router = { connection_string = "%s" }\n%s'):format(connection_string(upstream), config or ""),
    scripts = scripts,
  }
end

local function fixture(name)
  return host.read(("%s/tests/fixtures/%s.json"):format(host.source, name))
end

-- The request is signed with the key, for its own method, target and body, within the last minutes.
local function assert_signed(upstream, request)
  local router = job_router.open(connection_string(upstream))
  local headers = request.headers
  local expected = router:sign(request.method, request.target, request.body, headers["x-ms-date"])
  assert.equal(expected.Host, headers.host)
  assert.equal(expected["x-ms-content-sha256"], headers["x-ms-content-sha256"])
  assert.equal(expected.Authorization, headers.authorization)
  local day, month, year, hour, minute = headers["x-ms-date"]:match "^%a+, (%d+) (%a+) (%d+) (%d+):(%d+):%d+ GMT$"
  local sent = os.time {
    day = day,
    month = ("JanFebMarAprMayJunJulAugSepOctNovDec"):find(month, 1, true) // 3 + 1,
    year = year,
    hour = hour,
    min = minute,
  }
  assert.is_true(math.abs(os.time(os.date "!*t") - sent) < 600)
end

-- Asks for exactly this: a method, a target and a body ("" for none).
local function assert_request(upstream, method, target, body)
  target = target .. "?api-version=2023-11-01"
  local found
  for _, request in ipairs(upstream.requests) do
    found = request.target == target and request.method == method and request or found
  end
  assert(found, ("no %s %s arrived"):format(method, target))
  assert.equal(body, found.body)
  assert.equal("application/json", found.headers.accept)
  if body == "" then
    assert.is_nil(found.headers["content-type"])
    assert.is_true(method == "GET" or found.headers["content-length"] == "0")
  else
    local type = method == "PATCH" and "application/merge-patch+json" or "application/json"
    assert.equal(type, found.headers["content-type"])
  end
  assert_signed(upstream, found)
  return found
end

-- A script that sends what it makes of the event to the upstream: as the label `seen` of a job.
local function showing(expression)
  local script = "return function(event) router.jobs.update('shown', { labels = { seen = json.encode(%s) } }) end"
  return script:format(expression)
end

local function seen(upstream, number)
  local request = upstream:wait_requests(number or 1)[number or 1]
  local text = host.json.decode(request.body).labels.seen
  return host.json.decode(text), text
end

describe("the shipped scripts", function()
  it("answer the deliveries of the fixtures with signed calls", function()
    local upstream = host.upstream(function()
      return 200, { ["Content-Type"] = "application/json" }, "{}"
    end)
    local server = serve(upstream, nil, ('scripts = "%s/scripts"'):format(host.source))
    local names = { "RouterJobWaitingForActivation", "RouterWorkerOfferIssued", "RouterWorkerOfferIssued2021" }
    for seq, name in ipairs(names) do
      local headers = { ["aeg-subscription-name"] = "ROUTEREVENTS", ["aeg-delivery-count"] = "0" }
      local answer = server:deliver(fixture(name), { headers = headers })
      assert.same({ stored = 1, duplicates = 0, quarantined = 0 }, answer.json)
      local event = server:wait_state(seq, "done")
      assert.equal(fixture(name):match "^%s*%[%s*(.-)%s*%]%s*$", event.raw)
      assert.equal("done", event.runs[1].result)
      assert.equal(200, event.runs[1].steps[1].status)
    end
    assert.equal(3, #upstream.requests)
    local body = '{"matchingMode":{"kind":"queueAndMatch"},"priority":100}'
    local request = assert_request(upstream, "PATCH", "/routing/jobs/job-meridian-0042", body)
    assert.equal("1-1", request.headers["x-ms-client-request-id"])
    local offers = "/routing/workers/bot-larkspur/offers/"
    request = assert_request(upstream, "POST", offers .. "offer-6c2e9b17:accept", "")
    assert.equal("2-1", request.headers["x-ms-client-request-id"])
    assert_request(upstream, "POST", offers .. "offer-1f88d204:accept", "")
    server:stop()
  end)

  it("act for bots and for nobody else", function()
    local upstream = host.upstream()
    local server = serve(upstream, nil, ('scripts = "%s/scripts"'):format(host.source))
    local person = { jobId = "j", workerId = "ann", offerId = "o", assignmentId = "a" }
    local events = {}
    for i, name in ipairs { "RouterWorkerOfferIssued", "RouterWorkerOfferAccepted", "RouterJobCompleted" } do
      events[i] = host.event(name, person)
    end
    assert.equal(3, server:deliver(events).json.stored)
    for seq = 1, #events do
      server:wait_state(seq, "done")
    end
    assert.same({}, upstream.requests)
    server:stop()
  end)
end)

describe("the event that a script gets", function()
  it("has all fields, as they were sent", function()
    local upstream = host.upstream()
    local server = serve(upstream, { ["RouterJobWaitingForActivation.lua"] = showing "event" })
    local before = os.time()
    server:deliver(fixture "RouterJobWaitingForActivation")
    local event, text = seen(upstream)
    local sent = host.json.decode(fixture "RouterJobWaitingForActivation")[1]
    -- The names that other sources have for what was sent.
    for _, which in ipairs { "Requested", "Attached" } do
      local selectors = assert(sent.data[which:lower() .. "WorkerSelectors"])
      sent.data["expired" .. which .. "WorkerSelectors"] = selectors
      sent.data[which:lower() .. "WorkerSelectorsExpired"] = selectors
    end
    assert.is_true(event.received >= before and event.received <= os.time() + 1)
    event.received = nil
    assert.same({
      id = sent.id,
      type = "Microsoft.Communication.RouterJobWaitingForActivation",
      name = "RouterJobWaitingForActivation",
      source = sent.topic,
      subject = sent.subject,
      time = sent.eventTime,
      data = sent.data,
      attempt = 1,
      seq = 1,
    }, event)
    -- Integers stay integers, and a member that is null is not there.
    assert.is_truthy(text:find('"priority":7[,}]') and text:find('"ttlSeconds":90.5[,}]'))
    assert.is_nil(text:find("null", 1, true))
    server:stop()
  end)

  it("has null in arrays as json.null, and the largest integers", function()
    local upstream = host.upstream()
    local shown = [[{
      list = event.data.list, second = event.data.list[2] == json.null, length = #event.data.list,
      least = event.data.least == math.mininteger, kind = math.type(event.data.least),
      gone = event.data.gone == nil, empty = event.data.empty, count = #event.data.empty,
    }]]
    local server = serve(upstream, { ["RouterJobQueued.lua"] = showing(shown) })
    local data = '{"list":[1,null,"x"],"least":-9223372036854775808,"gone":null,"empty":[]}'
    server:deliver(('[{"id":"1","eventType":"Microsoft.Communication.RouterJobQueued","data":%s}]'):format(data))
    local _, text = seen(upstream)
    local expected = '{"count":0,"empty":[],"gone":true,"kind":"integer","least":true,"length":3,'
    assert.equal(expected .. '"list":[1,null,"x"],"second":true}', text)
    server:stop()
  end)

  it("has the present names for what the 2021 set calls otherwise", function()
    local upstream = host.upstream()
    local server = serve(upstream, {
      ["RouterWorkerOfferIssued.lua"] = showing "event.data",
      ["RouterJobClassified.lua"] = showing "event.data",
    })
    server:deliver(fixture "RouterWorkerOfferIssued2021")
    local expected = host.json.decode(fixture "RouterWorkerOfferIssued2021")[1].data
    expected.offeredOn, expected.expiresOn = expected.offerTimeUtc, expected.expiryTimeUtc
    assert.same(expected, (seen(upstream, 1)))

    server:deliver { host.event("RouterJobClassified", { jobId = "j", queueInfo = { id = "q", name = "Q" } }) }
    local data = seen(upstream, 2)
    assert.same({ id = "q", name = "Q" }, data.queueDetails)
    assert.same({ id = "q", name = "Q" }, data.queueInfo)

    -- What was sent under the present name stays.
    server:deliver { host.event("RouterJobClassified", { jobId = "j", queueInfo = "old", queueDetails = "new" }) }
    assert.equal("new", seen(upstream, 3).queueDetails)
    server:stop()
  end)

  it("has one form of what comes in several", function()
    local upstream = host.upstream()
    local server = serve(upstream, { ["RouterJobReceived.lua"] = showing "event.parsed" })
    local selector = { key = "k", labelOperator = "GreaterThanEqual", value = 5, ttl = "PT90S", state = "Active" }
    server:deliver {
      host.event("RouterJobReceived", {
        jobId = "j",
        jobStatus = "PendingSchedule",
        scheduledOn = "3/28/2007 7:13:50 PM +00:00",
        requestedWorkerSelectors = { selector },
      }, { eventTime = "2026-03-02T08:15:04.2500000Z" }),
    }
    selector = { key = "k", labelOperator = "greaterThanOrEqual", value = 5, ttlSeconds = 90, state = "active" }
    assert.same({
      time = 1772439304.25,
      jobStatus = "pendingSchedule",
      scheduledOn = 1175109230,
      requestedWorkerSelectors = { selector },
    }, (seen(upstream)))
    server:stop()
  end)
end)

describe("the calls of the API", function()
  local id = "a/b?c%d:ü +&#;=.."
  local encoded = "a%2Fb%3Fc%25d%3A%C3%BC%20%2B%26%23%3B%3D.."
  local script = [[
    return function(event)
      local data = event.data
      router.jobs.get(data.jobId)
      router.offers.accept(data.workerId, data.offerId)
      router.jobs.complete(data.jobId, data.assignmentId, { note = "ü\n\"" })
      router.jobs.close(data.jobId, data.assignmentId)
      router.jobs.close(data.jobId, data.assignmentId, { dispositionCode = "Done" })
      router.jobs.activate(data.jobId)
    end
  ]]

  it("keep every id one segment of the path", function()
    local upstream = host.upstream()
    local server = serve(upstream, { ["RouterJobQueued.lua"] = script })
    local data = { jobId = id, workerId = id, offerId = id, assignmentId = id }
    server:deliver { host.event("RouterJobQueued", data) }
    server:wait_state(1, "done")
    assert.equal(6, #upstream.requests)
    local job, assignment = "/routing/jobs/" .. encoded, "/assignments/" .. encoded
    assert_request(upstream, "GET", job, "")
    assert_request(upstream, "POST", "/routing/workers/" .. encoded .. "/offers/" .. encoded .. ":accept", "")
    assert_request(upstream, "POST", job .. assignment .. ":complete", '{"note":"ü\\n\\""}')
    assert_request(upstream, "PATCH", job, '{"matchingMode":{"kind":"queueAndMatch"}}')
    assert.equal("", upstream.requests[4].body)
    assert.equal('{"dispositionCode":"Done"}', upstream.requests[5].body)
    for number, request in ipairs(upstream.requests) do
      assert_signed(upstream, request)
      assert.equal("1-" .. number, request.headers["x-ms-client-request-id"])
    end
    server:stop()
  end)

  it("are understood by the local Job Router", function()
    local sim = host.sim()
    local server = host.serve {
      config = ('router = { connection_string = "%s" }'):format(sim.connection_string),
      scripts = {
        ["RouterJobQueued.lua"] = [[
          return function(event)
            local job, answer = router.jobs.get(event.data.jobId)
            assert(job.id == event.data.jobId and job.channelId == "voice" and answer.status == 200)
            router.jobs.activate(job.id, { priority = 3 })
            assert(router.jobs.get(job.id).priority == 3)
          end
        ]],
      },
    }
    local weird = "a/b?c%d:ü"
    local target = "/routing/jobs/a%2Fb%3Fc%25d%3A%C3%BC"
    local router = sim.router
    router:request("PATCH", "/routing/distributionPolicies/d", { mode = { kind = "longestIdle" } })
    router:request("PATCH", "/routing/queues/q", { distributionPolicyId = "d" })
    assert.equal(201, router:request("PATCH", target, { channelId = "voice", queueId = "q" }).status)
    server:deliver { host.event("RouterJobQueued", { jobId = weird }) }
    local event = server:wait_state(1, "done")
    assert.equal(weird, event.jobId)
    assert.equal(3, router:request("GET", target).json.priority)
    server:stop()
    sim:stop()
  end)

  it("answer with the value, and what is known of the answer", function()
    local upstream = host.upstream(function(request)
      if request.method == "GET" then
        return 200, { ETag = '"7"' }, '{"id":"j","priority":9007199254740993,"labels":{"a":null},"list":[null]}'
      end
      return 202, {}, ""
    end)
    local server = serve(upstream, {
      ["RouterJobQueued.lua"] = [[
        return function(event)
          local job, answer = router.jobs.get("j")
          local nothing, more = router.jobs.close("j", "a")
          router.jobs.update("shown", { labels = { seen = json.encode {
            id = job.id, is_exact = job.priority == 9007199254740993, labels = job.labels,
            is_null = job.list[1] == json.null, answer = answer, nothing = nothing == nil, more = more } } })
        end
      ]],
    })
    server:deliver { host.event("RouterJobQueued", { jobId = "j" }) }
    assert.same({
      id = "j",
      is_exact = true,
      labels = {},
      is_null = true,
      answer = { status = 200, etag = '"7"', repeated = false },
      nothing = true,
      more = { status = 202, repeated = false },
    }, (seen(upstream, 3)))
    local steps = server:wait_state(1, "done").runs[1].steps
    assert.same(
      { "router.jobs.get", "router.jobs.close", "router.jobs.update" },
      { steps[1].operation, steps[2].operation, steps[3].operation }
    )
    assert.same({ "j", "a" }, steps[2].arguments)
    assert.same({ '"7"', 202 }, { steps[1].etag, steps[2].status })
    server:stop()
  end)
end)

describe("a call that fails", function()
  local script = [[
    return function(event)
      local ok, problem = pcall(router.jobs.get, event.data.jobId)
      router.jobs.update("shown", { labels = { seen = json.encode {
        ok = ok, text = tostring(problem), kind = type(problem), operation = problem.operation,
        status = problem.status, code = problem.code, message = problem.message, retryable = problem.retryable,
        repeated = problem.repeated } } })
      if event.data.again then
        error(problem)
      end
    end
  ]]

  it("raises a value with what the service said, that prints as one line", function()
    local statuses = { missing = 404, busy = 503, full = 429, odd = 418 }
    local upstream = host.upstream(function(request)
      if request.method == "PATCH" then
        return 200, {}, "{}"
      end
      local status = statuses[request.target:match "jobs/(%w+)"]
      local body = '{"error":{"code":"Code%d","message":"Words of %d\\nin two lines","target":"x"}}'
      return status, {}, status == 418 and "<html>" or body:format(status, status)
    end)
    local server = serve(upstream, { ["RouterJobQueued.lua"] = script })
    local number = 0
    for _, case in ipairs {
      { "missing", 404, false, "Code404", "Words of 404\nin two lines" },
      { "busy", 503, true, "Code503", "Words of 503\nin two lines" },
      { "full", 429, true, "Code429", "Words of 429\nin two lines" },
      { "odd", 418, false, "Status418", "418" },
    } do
      local job, status, is_retryable, code, message = table.unpack(case)
      server:deliver { host.event("RouterJobQueued", { jobId = job }) }
      number = number + 2
      local shown = seen(upstream, number)
      local text = shown.text
      shown.text = nil
      assert.same({
        ok = false,
        kind = "table",
        operation = "router.jobs.get",
        status = status,
        code = code,
        message = message,
        retryable = is_retryable,
        repeated = false,
      }, shown)
      assert.is_nil(text:find "[\r\n]")
      for _, part in ipairs { "router.jobs.get", tostring(status), code, message:match "^[^\n]+" } do
        assert.is_truthy(text:find(part, 1, true), text)
      end
    end
    server:stop()
  end)

  it("parks the run with the reason when another try has no point", function()
    local upstream = host.upstream(function(request)
      if request.method == "PATCH" then
        return 200, {}, "{}"
      end
      return 409, {}, '{"error":{"code":"Conflict","message":"it is taken"}}'
    end)
    local server = serve(upstream, { ["RouterJobQueued.lua"] = script })
    server:deliver { host.event("RouterJobQueued", { jobId = "j", again = true }) }
    local event = server:wait_state(1, "parked")
    assert.is_truthy(event.runs[1].reason:find "router.jobs.get.*409.*Conflict.*it is taken")
    assert.equal(1, event.runs[1].attempt)
    assert.equal(409, event.runs[1].steps[1].status)
    assert.is_true(event.runs[1].steps[1].isError)
    server:stop()
  end)

  it("is tried again when nobody answered", function()
    local is_up = false
    local upstream = host.upstream(function()
      if is_up then
        return 200, {}, "{}"
      end
    end)
    local server = serve(
      upstream,
      { ["RouterJobQueued.lua"] = "return function(event) router.jobs.activate(event.data.jobId) end" },
      "retry = { first_seconds = 0.05, max_seconds = 0.05 }"
    )
    server:deliver { host.event("RouterJobQueued", { jobId = "j" }) }
    upstream:wait_requests(2)
    local event = server:wait_state(1, "waiting")
    assert.is_truthy(event.runs[1].reason:find("router.jobs.activate", 1, true))
    is_up = true
    event = server:wait_state(1, "done")
    assert.is_true(event.runs[1].attempt >= 2)
    -- One step went through; those before it are shown as forgotten.
    local last = event.runs[1].steps[#event.runs[1].steps]
    assert.same({ 200, false, true }, { last.status, last.forgotten, last.repeated })
    server:stop()
  end)
end)

describe("what a script logs", function()
  it("is in the log with its event and script", function()
    local server = host.serve {
      scripts = {
        ["RouterJobQueued.lua"] = [[
          return function(event)
            log.info("plain", { job = event.data.jobId, n = 1.5, list = { 1, 2 } })
            log.warn("two\nlines \27[31m")
            log.error(event.data.jobId)
            print("printed", 1)
          end
        ]],
      },
    }
    server:deliver { host.event("RouterJobQueued", { jobId = "j1" }) }
    server:wait_state(1, "done")
    local log = server:stderr()
    local lines = {}
    for line in log:gmatch "[^\n]*script: [^\n]*" do
      lines[#lines + 1] = line
      assert.is_truthy(line:find("script=RouterJobQueued.lua", 1, true), line)
      assert.is_truthy(line:find("event=1", 1, true), line)
    end
    assert.equal(4, #lines, log)
    assert.is_truthy(lines[1]:find "info .*message=plain .*job.*j1.*%[1,2%].*1%.5")
    assert.is_truthy(lines[2]:find "warn .*two\\x0alines \\x1b%[31m")
    assert.is_truthy(lines[3]:find "error .*j1")
    assert.is_truthy(lines[4]:find "info .*printed")
    server:stop()
  end)
end)
