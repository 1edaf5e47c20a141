-- `switchhook emit`: well-formed events, as Event Grid sends them.
local host = require "host"

-- Writes down what it gets, and answers as the host does.
local function open_receiver(status)
  return host.upstream(function(request)
    local body = host.json.decode(request.body)
    return status or 200, {}, ('{"stored":%d,"duplicates":0,"quarantined":0}'):format(body[1] and #body or 1)
  end)
end

local function emit(...)
  return host.run { "emit", ... }
end

local function printed(...)
  local run = emit(...)
  assert.equal("", run.stderr)
  assert.equal(0, run.status)
  local bodies = {}
  for line in run.stdout:gmatch "[^\n]+" do
    bodies[#bodies + 1] = assert(host.json.decode(line))
  end
  return bodies
end

local events = "/events?code=s3cret"

describe("switchhook emit", function()
  it("sends one event of the type, as Event Grid does", function()
    local receiver = open_receiver()
    local run = emit("RouterJobQueued", "--to", receiver.url .. events)
    assert.equal("", run.stderr)
    assert.equal("1 RouterJobQueued in 1 delivery: 1 stored, 0 duplicates, 0 quarantined\n", run.stdout)
    assert.equal(0, run.status)
    assert.equal(1, #receiver.requests)
    local request = receiver.requests[1]
    assert.equal("POST", request.method)
    assert.equal(events, request.target)
    assert.equal("application/json; charset=utf-8", request.headers["content-type"])
    assert.equal("Notification", request.headers["aeg-event-type"])
    assert.equal("SWITCHHOOK-EMIT", request.headers["aeg-subscription-name"])
    local body = host.json.decode(request.body)
    assert.equal(1, #body)
    local event, data = body[1], body[1].data
    assert.equal("Microsoft.Communication.RouterJobQueued", event.eventType)
    assert.equal("1", event.metadataVersion)
    assert.is_truthy(event.topic:find("communicationServices", 1, true))
    assert.equal(("job/%s/channel/%s/queue/%s"):format(data.jobId, data.channelId, data.queueId), event.subject)
  end)

  it("says what became of them as JSON, too", function()
    local run = emit("RouterJobQueued", "--to", open_receiver().url .. events, "--count", "3", "--json")
    assert.same({
      type = "RouterJobQueued",
      events = 3,
      deliveries = 3,
      stored = 3,
      duplicates = 0,
      quarantined = 0,
    }, (host.json.decode(run.stdout)))
  end)

  it("sets members of the data and of the event, and the subject follows", function()
    local event = printed(
      "RouterJobQueued",
      "--print",
      "--set",
      "data.jobId=j1",
      "--set",
      "data.priority=7",
      "--set",
      "data.labels.Segment=Gold",
      "--set",
      'data.requestedWorkerSelectors=[{"key":"Language","labelOperator":"equal","value":"de"}]',
      "--set",
      "data.made.by.me=true",
      "--set",
      "id=e-1"
    )[1][1]
    assert.equal("j1", event.data.jobId)
    assert.equal(7, event.data.priority)
    assert.equal("Gold", event.data.labels.Segment)
    assert.equal("Language", event.data.requestedWorkerSelectors[1].key)
    assert.is_true(event.data.made.by.me)
    assert.equal("e-1", event.id)
    assert.is_truthy(event.subject:find("job/j1/", 1, true))
  end)

  it("is of now, with all of its times", function()
    local event = printed("RouterWorkerOfferIssued", "--print")[1][1]
    local function seconds(text)
      local year, month, day, hour, minute, second = text:match "^(%d+)-(%d+)-(%d+)T(%d+):(%d+):(%d+)"
      return os.time { year = year, month = month, day = day, hour = hour, min = minute, sec = second }
    end
    local now = seconds(os.date "!%Y-%m-%dT%H:%M:%S")
    assert.is_true(math.abs(now - seconds(event.eventTime)) < 60)
    assert.is_true(math.abs(now - seconds(event.data.offeredOn)) < 60)
    assert.equal(30, seconds(event.data.expiresOn) - seconds(event.data.offeredOn))
  end)

  it("gives each of many an id of its own, and puts a number where {n} stands", function()
    local many = { "--count", "5", "--batch", "2", "--set", "data.jobId=job-{n}" }
    local bodies = printed("RouterJobQueued", "--print", table.unpack(many))
    local seen, jobs, sizes = {}, {}, {}
    for _, body in ipairs(bodies) do
      sizes[#sizes + 1] = #body
      for _, event in ipairs(body) do
        assert.is_nil(seen[event.id])
        seen[event.id] = true
        jobs[#jobs + 1] = event.data.jobId
      end
    end
    assert.same({ 2, 2, 1 }, sizes)
    assert.same({ "job-1", "job-2", "job-3", "job-4", "job-5" }, jobs)
  end)

  it("speaks CloudEvents, alone and in batches", function()
    local receiver = open_receiver()
    local to = receiver.url .. events
    local run = emit("RouterWorkerOfferIssued", "--to", to, "--cloudevents", "--count", "3", "--batch", "2")
    assert.equal("", run.stderr)
    assert.equal(2, #receiver.requests)
    assert.equal(
      "application/cloudevents-batch+json; charset=utf-8",
      receiver.requests[1].headers["content-type"]
    )
    assert.equal("application/cloudevents+json; charset=utf-8", receiver.requests[2].headers["content-type"])
    assert.equal(2, #host.json.decode(receiver.requests[1].body))
    local event = host.json.decode(receiver.requests[2].body)
    assert.equal("1.0", event.specversion)
    assert.equal("Microsoft.Communication.RouterWorkerOfferIssued", event.type)
    assert.is_nil(event.eventType)
  end)

  it("takes the data from a file", function()
    local folder = host.folder()
    host.write(folder .. "/data.json", '{"jobId":"from-file","channelId":"c","queueId":"q"}')
    host.write(folder .. "/list.json", "[1]")
    host.write(folder .. "/broken.json", '{"jobId":')
    local event = printed("RouterJobQueued", "--print", "--data", folder .. "/data.json")[1][1]
    assert.same({ jobId = "from-file", channelId = "c", queueId = "q" }, event.data)
    assert.equal("job/from-file/channel/c/queue/q", event.subject)
    local list = emit("RouterJobQueued", "--print", "--data", folder .. "/list.json")
    assert.equal(1, list.status)
    assert.is_truthy(list.stderr:find("the data of an event is a JSON object", 1, true))
    local broken = emit("RouterJobQueued", "--print", "--data", folder .. "/broken.json")
    assert.equal(1, broken.status)
    assert.is_truthy(broken.stderr:find("broken.json", 1, true))
  end)

  it("finds the running host, and its secret, in the configuration", function()
    local port = host.free_port()
    local server = host.serve {
      port = port,
      config = 'verify = { secret = { "a secret/with ?&=" } }',
      scripts = { ["RouterJobQueued.lua"] = "return function(event) return event.data.jobId end" },
    }
    local run = host.run({ "emit", "RouterJobQueued", "--set", "data.jobId=j9", "-c", "switchhook.lua" }, {
      folder = server.folder,
    })
    assert.equal("", run.stderr)
    assert.equal(0, run.status)
    local event = server:wait_state(1, "done")
    assert.equal("j9", host.json.decode(event.raw).data.jobId)
    server:stop()
  end)

  it("says what went wrong", function()
    local refusing = open_receiver(503)
    local refused = emit("RouterJobQueued", "--to", refusing.url)
    assert.equal(1, refused.status)
    assert.equal("", refused.stdout)
    assert.is_truthy(refused.stderr:find("the host refused the delivery with 503", 1, true))
    local nobody = emit("RouterJobQueued", "--to", ("http://127.0.0.1:%d/events"):format(host.free_port()))
    assert.equal(1, nobody.status)
    assert.is_truthy(nobody.stderr:find("is `switchhook serve` running?", 1, true))
    local typo = emit "RouterJobQueed"
    assert.equal(1, typo.status)
    assert.is_truthy(typo.stderr:find("did you mean RouterJobQueued?", 1, true))
    for _, wrong in ipairs {
      { "RouterJobQueued", "--set", "data.jobId" },
      { "RouterJobQueued", "--set", "subjct=x" },
      { "RouterJobQueued", "--count", "0" },
      { "RouterJobQueued", "--count", "many" },
      { "RouterJobQueued", "--batch", "5001" },
      { "RouterJobQueued", "RouterJobClosed" },
      {},
    } do
      assert.equal(2, emit(table.unpack(wrong)).status, table.concat(wrong, " "))
    end
    assert.is_truthy(emit("RouterJobQueued", "--set", "subjct=x").stderr:find("did you mean subject?", 1, true))
    local list = emit("RouterJobQueued", "--print", "--set", "data.priority.high=1")
    assert.equal(1, list.status)
    assert.is_truthy(list.stderr:find("priority is no object", 1, true))
  end)
end)
