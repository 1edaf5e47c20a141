-- The scripts that ship, in the real host: what they do as they are, and what the settings switch on.
local host = require "host"
local ledger = require "ledger"

-- A copy of the shipped folder, with other settings if there are any.
local function copy(settings)
  local folder = host.folder()
  local result = host.run_program { "cp", "-r", host.source .. "/scripts", folder .. "/scripts" }
  assert.equal(0, result.status, result.stderr)
  if settings then
    host.write(folder .. "/scripts/lib/settings.lua", settings)
  end
  return folder
end

local function types()
  local names = {}
  for _, row in ipairs(host.json.decode(host.run({ "catalog", "--json" }).stdout).types) do
    names[#names + 1] = row.name
  end
  assert.is_true(#names > 20)
  return names
end

-- The host with a copy of the scripts, the local Job Router, and the call that asks that one.
local function start(settings, config)
  local port = host.free_port()
  local sim = host.sim { to = { ("http://127.0.0.1:%d/events"):format(port) } }
  local server = host.serve {
    port = port,
    folder = copy(settings),
    config = ('router = { connection_string = "%s" }\n%s'):format(sim.connection_string, config or ""),
  }
  sim:wait_line "takes events (now)"
  local function ask(method, path, body)
    local answer = sim.router:request(method, path, body)
    assert.is_true(answer.status < 300, answer.body)
    return host.json.decode(answer.body)
  end
  ask("PATCH", "/routing/distributionPolicies/d1", { mode = { kind = "longestIdle" } })
  ask("PATCH", "/routing/queues/q1", { distributionPolicyId = "d1" })
  return server, ask
end

describe("the scripts that ship", function()
  it("do nothing in a live contact centre but activate jobs whose time has come", function()
    local router = ledger.open()
    local server = host.serve { folder = copy(), config = router.config }
    local names = types()
    for _, name in ipairs(names) do
      assert.equal(0, host.run({ "emit", name, "--to", server.url }).status)
    end
    for seq = 1, #names do
      local event
      host.wait_until(function()
        event = server:api("/api/events/" .. seq).json
        return event and (event.state == "done" or event.state == "unhandled" or event.state == "parked")
      end, "event " .. seq .. " to be over")
      assert.not_equal("parked", event.state, event.type)
    end
    assert.same({ "PATCH /routing/jobs/job-4711" }, router.paths)
    local activation = router.server.requests[1].body
    assert.same("queueAndMatch", host.json.decode(activation).matchingMode.kind)
    server:stop()
  end)

  it("cancel a job that was given back too often, when the settings say so", function()
    local server, ask = start "return { cancel_after_unassignments = 2 }"
    ask("PATCH", "/routing/workers/anna", {
      queues = { "q1" },
      capacity = 1,
      availableForOffers = true,
      channels = { { channelId = "voice", capacityCostPerJob = 1 } },
    })
    ask("PATCH", "/routing/jobs/j1", { channelId = "voice", queueId = "q1" })
    for _ = 1, 2 do
      local offer
      host.wait_until(function()
        offer = (ask("GET", "/routing/workers/anna").offers or {})[1]
        return offer
      end, "an offer for anna")
      local path = "/routing/workers/anna/offers/" .. offer.offerId .. ":accept"
      local assignment = ask("POST", path).assignmentId
      -- Until the second has arrived and done its work, she is not to get it again.
      ask("PATCH", "/routing/workers/anna", { availableForOffers = false })
      ask("POST", "/routing/jobs/j1/assignments/" .. assignment .. ":unassign")
      server:wait_line "script: says message=.-(given back)"
      if ask("GET", "/routing/jobs/j1").status == "queued" then
        ask("PATCH", "/routing/workers/anna", { availableForOffers = true })
      end
    end
    host.wait_until(function()
      return ask("GET", "/routing/jobs/j1").status == "cancelled"
    end, "the job to be cancelled")
    assert.equal("UnassignedTooOften", ask("GET", "/routing/jobs/j1").dispositionCode)
    server:stop()
  end)

  it("escalate a job that waits too long, when the settings have the rule", function()
    local server, ask = start [[return { escalations = { ["waited-long"] = { priority = 100, queueId = "q2" } } }]]
    ask("PATCH", "/routing/exceptionPolicies/e1", {
      exceptionRules = {
        {
          id = "waited-long",
          trigger = { kind = "waitTime", thresholdSeconds = 0.1 },
          actions = setmetatable({}, { __jsontype = "array" }),
        },
      },
    })
    ask("PATCH", "/routing/queues/q1", { exceptionPolicyId = "e1" })
    ask("PATCH", "/routing/queues/q2", { distributionPolicyId = "d1" })
    ask("PATCH", "/routing/jobs/j1", { channelId = "voice", queueId = "q1", priority = 3 })
    host.wait_until(function()
      return ask("GET", "/routing/jobs/j1").queueId == "q2"
    end, "the job to be escalated")
    assert.equal(100, ask("GET", "/routing/jobs/j1").priority)
    server:wait_line "script: says message=(escalated)"
    server:stop()
  end)

  it("put a job that was not classified into the fallback queue, without its policy", function()
    local router = ledger.open()
    router.answer = function()
      local job = { id = "job-4711", status = "classificationFailed", classificationPolicyId = "c1" }
      return 200, { ["Content-Type"] = "application/json" }, host.json.encode(job)
    end
    local server = host.serve { folder = copy [[return { fallback_queue = "q2" }]], config = router.config }
    assert.equal(0, host.run({ "emit", "RouterJobClassificationFailed", "--to", server.url }).status)
    server:wait_state(1, "done")
    assert.same({ "GET /routing/jobs/job-4711", "PATCH /routing/jobs/job-4711" }, router.paths)
    local body = router.server.requests[2].body:gsub("null", '"gone"')
    assert.same({ queueId = "q2", classificationPolicyId = "gone" }, host.json.decode(body))
    server:stop()
  end)

  it("send a note to the incident webhook, when the settings name one", function()
    local count = 0
    local webhook = host.upstream(function()
      count = count + 1
      return count == 1 and 503 or 204, {}, ""
    end)
    local server, ask = start(
      ([[return { incident_url = "%s/in", incident_secret = "INCIDENTS" }]]):format(webhook.url),
      ('http = { allow = { "%s" } }\n'):format(webhook.url:sub(8))
        .. 'secrets = { INCIDENTS = { value = "a-token-of-ours", hosts = { "127.0.0.1" } } }\n'
    )
    local text, changed = host.read(server.folder .. "/scripts/lib/incidents.lua"):gsub("{ 10, 60,", "{ 0.01, 60,")
    assert.equal(1, changed)
    local mark = server:mark()
    server:write("lib/incidents.lua", text)
    server:wait_line("(scripts are live)", mark)
    local selector = { key = "Language", labelOperator = "equal", value = "de", expiresAfterSeconds = 0.1 }
    ask("PATCH", "/routing/jobs/j1", {
      channelId = "voice",
      queueId = "q1",
      requestedWorkerSelectors = { selector },
    })
    webhook:wait_requests(2)
    for _, request in ipairs(webhook.requests) do
      assert.equal("Bearer a-token-of-ours", request.headers.authorization)
      local note = host.json.decode(request.body)
      assert.equal("j1", note.jobId)
      assert.same({ "Language" }, note.requested)
    end
    server:wait_line "(it is sent again)"
    server:stop()
  end)
end)
