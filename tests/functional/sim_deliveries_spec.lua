-- How the local Job Router delivers its events: both schemas, filters, what goes wrong on purpose, dead letters.
local host = require "host"
local refusals = require "refusals"
local webhook = require "webhook"

-- A job each, with a RouterJobReceived and a RouterJobQueued.
local function make_jobs(sim, count)
  local router = sim.router
  assert.equal(201, router:request("PATCH", "/routing/distributionPolicies/p", {
    offerExpiresAfterSeconds = 3600,
  }).status)
  assert.equal(201, router:request("PATCH", "/routing/queues/q", { distributionPolicyId = "p" }).status)
  for i = 1, count do
    local job = { channelId = i % 2 == 0 and "chat" or "voice", queueId = "q", priority = i }
    assert.equal(201, router:request("PATCH", "/routing/jobs/j" .. i, job).status)
  end
end

local function open(hook, ...)
  return host.sim { to = { hook.url }, arguments = { "--seed", "1", "--retry-scale", "0.002", ... } }
end

local function ids_of(events)
  local ids = {}
  for i, event in ipairs(events) do
    ids[i] = event.id
  end
  return ids
end

local QUEUED = "Microsoft.Communication.RouterJobQueued"

describe("CloudEvents", function()
  it("come after the target's consent, alone and in batches", function()
    local hook = webhook.new(host)
    hook.is_holding = true
    local sim = open(hook, "--cloudevents", "--batch", "3", "--subscription", "mine")
    make_jobs(sim, 2)
    hook.server:wait_requests(2)
    assert.equal(0, #hook.deliveries)
    hook.is_holding = false
    hook:wait_events(4)
    for _, asked in ipairs(hook.handshakes) do
      assert.equal("OPTIONS", asked.method)
      assert.equal("/events?code=secret", asked.target)
      assert.equal("mine", asked.headers["aeg-subscription-name"])
      assert.equal("eventgrid.azure.net", asked.headers["webhook-request-origin"])
    end
    local first, second = table.unpack(hook.deliveries)
    assert.equal(3, #first.events)
    assert.equal("application/cloudevents-batch+json; charset=utf-8", first.headers["content-type"])
    assert.equal("application/cloudevents+json; charset=utf-8", second.headers["content-type"])
    assert.equal("Notification", second.headers["aeg-event-type"])
    assert.equal("eventgrid.azure.net", second.headers["webhook-request-origin"])
    assert.equal(second.events[1].id, second.headers["aeg-output-event-id"])
    assert.is_nil(second.headers["aeg-data-version"])
    local event = host.json.decode(second.body)
    assert.equal("1.0", event.specversion)
    assert.equal("Microsoft.Communication.RouterJobQueued", event.type)
    assert.is_truthy(event.source:find("/providers/Microsoft.Communication/communicationServices/", 1, true))
    assert.is_truthy(event.subject:find("job/j2/", 1, true))
    assert.is_truthy(event.time:find "^%d+%-%d+%-%d+T.*Z$")
    assert.equal("j2", event.data.jobId)
    for _, name in ipairs { "eventType", "topic", "eventTime", "dataVersion", "metadataVersion" } do
      assert.is_nil(event[name])
    end
    sim:stop()
  end)

  it("reach the host", function()
    local port = host.free_port()
    local sim = host.sim { to = { ("http://127.0.0.1:%d/events"):format(port) }, arguments = { "--cloudevents" } }
    local server = host.serve {
      port = port,
      config = ('router = { connection_string = "%s" }'):format(sim.connection_string),
      scripts = { ["RouterJobQueued.lua"] = "return function(e) return router.jobs.get(e.data.jobId).status end" },
    }
    make_jobs(sim, 1)
    server:wait_state(1, "unhandled")
    local event = server:wait_state(2, "done")
    assert.equal("1.0", host.json.decode(event.raw).specversion)
    server:stop()
    sim:stop()
  end)
end)

describe("a subscription's filter", function()
  local function sim_with(filter, hook, ...)
    local path = host.folder() .. "/filter.json"
    host.write(path, filter)
    return open(hook, "--filter", path, ...)
  end

  for name, case in pairs {
    ["alone"] = {
      '{"includedEventTypes":["Microsoft.Communication.RouterJobQueued"],'
        .. '"advancedFilters":[{"operatorType":"NumberGreaterThan","key":"data.priority","value":2}]}',
    },
    ["in a whole subscription"] = {
      '{"properties":{"destination":{},"filter":{"subjectEndsWith":"/queue/q",'
        .. '"advancedFilters":[{"operatorType":"NumberIn","key":"data.priority","values":[3,4]}]}}}',
    },
    ["over the attributes of CloudEvents"] = {
      '{"filter":{"advancedFilters":['
        .. '{"operatorType":"StringEndsWith","key":"type","values":["RouterJobQueued"]},'
        .. '{"operatorType":"NumberGreaterThan","key":"data.priority","value":2}]}}',
      "--cloudevents",
    },
  } do
    it(name .. " says which events go out", function()
      local hook = webhook.new(host)
      local sim = sim_with(case[1], hook, table.unpack(case, 2))
      make_jobs(sim, 4)
      sim.router:request("DELETE", "/routing/jobs/j4") -- its event passes no filter
      hook:wait_events(2)
      sim:stop()
      assert.same({ ["RouterJobQueued j3"] = 1, ["RouterJobQueued j4"] = 1 }, hook:counts())
    end)
  end

  it("that is none is refused, with the place", function()
    for text, words in pairs {
      [""] = "it is no JSON",
      ["{"] = "it is no JSON",
      ["[]"] = "filter",
      ['{"filter":{"advancedFilter":[]}}'] = "advancedFilters",
      ['{"advancedFilters":[{"operatorType":"StringIs","key":"id","values":[]}]}'] = "filter.advancedFilters[1]",
    } do
      local path = host.folder() .. "/filter.json"
      host.write(path, text)
      local run = host.run { "sim", "--filter", path }
      assert.equal(2, run.status, text)
      assert.is_truthy(run.stderr:find("--filter " .. path, 1, true), run.stderr)
      assert.is_truthy(run.stderr:find(words, 1, true), run.stderr)
    end
    assert.equal(2, host.run({ "sim", "--filter", "/nonexistent" }).status)
  end)
end)

describe("what may go wrong with deliveries", function()
  it("--duplicate: every event comes twice, and the host takes each once", function()
    local port = host.free_port()
    local hook = webhook.new(host)
    local sim = host.sim {
      to = { hook.url, ("http://127.0.0.1:%d/events"):format(port) },
      arguments = { "--seed", "1", "--duplicate", "100%", "--retry-scale", "0.002" },
    }
    local server = host.serve { port = port, scripts = { ["default.lua"] = "return function() end" } }
    make_jobs(sim, 5)
    hook:wait_events(20)
    for seq = 1, 10 do
      server:wait_state(seq, "done")
    end
    sim:stop() -- what was on its way is answered
    local counts = hook:counts()
    for i = 1, 5 do
      assert.equal(2, counts["RouterJobReceived j" .. i])
      assert.equal(2, counts["RouterJobQueued j" .. i])
    end
    assert.equal(20, #hook.events)
    assert.equal(10, #server:api("/api/events").json.events)
    assert.is_truthy(sim:stderr():find "with deliveries on purpose duplicates=20 reordered=0 answers_dropped=0")
    server:stop()
  end)

  it("--reorder: later events overtake earlier ones, and none is lost", function()
    local ids = {}
    for i, share in ipairs { "0%", "50%", "50%" } do
      local hook = webhook.new(host)
      hook.is_holding = true -- they wait together, so that nothing but the seed decides
      local sim = open(hook, "--batch", "100", "--reorder", share)
      make_jobs(sim, 20)
      hook.is_holding = false
      ids[i] = ids_of(hook:wait_events(40))
      assert.equal(40, #ids[i])
      sim:stop()
    end
    assert.not_same(ids[1], ids[2])
    assert.same(ids[2], ids[3])
    table.sort(ids[1])
    table.sort(ids[2])
    assert.same(ids[1], ids[2])
  end)

  it("--drop-answers: what was taken comes again, until no attempt is left", function()
    local hook = webhook.new(host)
    local dead = host.folder() .. "/dead"
    local limits = { "--batch", "1", "--max-attempts", "3" }
    local sim = open(hook, "--drop-answers", "100%", "--dead-letters", dead, table.unpack(limits))
    make_jobs(sim, 2)
    hook:wait_events(12)
    host.wait_until(function()
      return select(2, sim:stderr():gsub("events go to the dead letters", "")) == 4
    end, "four dead letters")
    local counts, attempts = hook:counts(), {}
    for _, delivery in ipairs(hook.deliveries) do
      local id = delivery.events[1].id
      attempts[id] = (attempts[id] or "") .. delivery.headers["aeg-delivery-count"]
    end
    for _, event in ipairs(hook.events) do
      assert.equal("012", attempts[event.id])
      local letter = assert(host.json.decode(host.read(("%s/%s.json"):format(dead, event.id))))
      assert.equal("MaxDeliveryAttemptsExceeded", letter.deadLetterReason)
      assert.equal("TimedOut", letter.lastDeliveryOutcome)
      assert.equal(3, letter.deliveryAttempts)
    end
    assert.equal(3, counts["RouterJobQueued j2"])
    sim:stop()
  end)
end)

describe("dead letters", function()
  -- The letters of a job that the target answers so, by their type.
  local function letters_of(status, ...)
    local hook = webhook.new(host, function()
      return status, {}, ""
    end)
    local dead = host.folder()
    local sim = open(hook, "--dead-letters", dead, "--batch", "1", ...)
    make_jobs(sim, 1)
    host.wait_until(function()
      return select(2, sim:stderr():gsub("events go to the dead letters", "")) == 2
    end, "two dead letters")
    sim:stop()
    local letters = {}
    for _, event in ipairs(hook.events) do
      local letter = assert(host.json.decode(host.read(("%s/%s.json"):format(dead, event.id))))
      letters[event.type or event.eventType] = letter
    end
    return letters, hook
  end

  for status, outcome in pairs {
    [400] = "BadRequest",
    [401] = "Unauthorized",
    [403] = "Forbidden",
    [413] = "PayloadTooLarge",
  } do
    it(("hold what got a %d, which is not tried again"):format(status), function()
      local letters, hook = letters_of(status)
      local letter = letters[QUEUED]
      assert.equal("MaxDeliveryAttemptsExceeded", letter.deadLetterReason)
      assert.equal(1, letter.deliveryAttempts)
      assert.equal(outcome, letter.lastDeliveryOutcome)
      assert.equal(2, #hook.events)
      assert.equal(letter.eventTime, letter.publishTime)
      assert.is_true(letter.lastDeliveryAttemptTime >= letter.publishTime)
      assert.equal("j1", letter.data.jobId)
    end)
  end

  it("hold what was tried for as long as its time to live, as many times as the waits allow", function()
    local letter = letters_of(500, "--event-ttl", "1m")[QUEUED]
    assert.equal("TimeToLiveExceeded", letter.deadLetterReason)
    assert.equal("Aborted", letter.lastDeliveryOutcome)
    assert.is_true(letter.deliveryAttempts <= 3) -- at once, after 10 s, after 30 more; the next would be at 1:40
  end)

  it("say so in CloudEvents with names in lower case", function()
    local letter = letters_of(503, "--cloudevents", "--max-attempts", "2")[QUEUED]
    assert.equal("MaxDeliveryAttemptsExceeded", letter.deadletterreason)
    assert.equal("Busy", letter.lastdeliveryoutcome)
    assert.equal(2, letter.deliveryattempts)
    assert.equal(letter.time, letter.publishtime)
    assert.is_true(letter.lastdeliveryattempttime >= letter.publishtime)
    assert.is_nil(letter.deadLetterReason)
  end)

  it("need a folder", function()
    local file = host.folder() .. "/file"
    host.write(file, "")
    for _, path in ipairs { file, file .. "/dead", "/proc/dead" } do
      local run = host.run { "sim", "--listen", "127.0.0.1:0", "--dead-letters", path }
      assert.equal(1, run.status)
      assert.is_truthy(run.stderr:find("dead letters", 1, true), run.stderr)
      assert.is_truthy(run.stderr:find(path, 1, true), run.stderr)
    end
  end)
end)

describe("what these options cannot be", function()
  refusals {
    { "--duplicate", "5", "--duplicate 5: must be a share from 0% to 100%, such as 5%" },
    { "--duplicate", "101%", "must be a share" },
    { "--reorder", "-1%", "--reorder -1%: must be a share" },
    { "--drop-answers", "%", "--drop-answers %: must be a share" },
    { "--drop-answers", "1%%", "must be a share" },
    { "--max-attempts", "31", "--max-attempts 31: must be a number from 1 to 30" },
    { "--max-attempts", "0", "must be a number from 1 to 30" },
    { "--event-ttl", "59s", "--event-ttl 59s: must be a time from 1m to 24h" },
    { "--event-ttl", "25h", "must be a time from 1m to 24h" },
    { "--event-ttl", "10", "must be a time from 1m to 24h" },
    { "--cloudevents=yes", "", "--cloudevents takes no value" },
  }
end)

describe("A target that is away for long", function()
  it("has 50,000 events at most waiting for it, and the log counts the others too", function()
    local folder = host.folder()
    host.write(
      folder .. "/crowd.lua",
      [[
        distribution_policy "p" {}
        queue "q" { distributionPolicyId = "p" }
        workers { name = "w", count = 100, queues = { "q" }, channels = { voice = 1 } }
        customers { name = "c", channel = "voice", queue = "q", per_hour = 36000, patience = 30 }
      ]]
    )
    local sim = host.sim {
      to = { ("http://127.0.0.1:%d/"):format(host.free_port()) },
      arguments = { "--seed", "1", "--speed", "3600", "--scenario", folder .. "/crowd.lua", "--no-trace" },
    }
    host.wait_until(function()
      return sim:stderr():find("new ones are dropped", 1, true)
    end, "50,000 events", 60)
    sim:stop()
    local lost = tonumber(sim:stderr():match "are lost target=%S+ events=(%d+)")
    assert.is_true(lost > 50000, sim:stderr())
  end)
end)
