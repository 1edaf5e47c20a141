-- What goes wrong on purpose with calls of the local Job Router's REST API.
local host = require "host"
local refusals = require "refusals"
local webhook = require "webhook"

local function open(...)
  return host.sim { arguments = { "--seed", "1", ... } }
end

local POLICY = "/routing/distributionPolicies/p"

local function put(sim)
  return sim.router:request("PATCH", POLICY, { offerExpiresAfterSeconds = 60 })
end

local function get(sim)
  return sim.router:request("GET", POLICY)
end

local function assert_fault(status, code, words, answer)
  assert.equal(status, answer.status, answer.body)
  assert.equal(code, answer.headers["x-ms-error-code"])
  assert.equal(code, answer.json.error.code)
  assert.is_truthy(answer.json.error.message:find(words, 1, true), answer.body)
end

describe("switchhook sim --fail", function()
  it("fails calls with that status, and does not do them", function()
    local sim = open("--fail", "distribution_policies.update=503")
    assert_fault(503, "ServiceUnavailable", "on purpose (--fail)", put(sim))
    assert_fault(404, "NotFound", "", get(sim))
    sim:stop()
  end)

  it("is by chance from the seed, the first of several first", function()
    local seen = {}
    for i = 1, 2 do
      local sim = open("--fail", "500:30%", "--fail", "router.distribution_policies.get=409:50%")
      local statuses = {}
      for call = 1, 40 do
        statuses[call] = get(sim).status
      end
      seen[i] = table.concat(statuses, " ")
      sim:stop()
    end
    assert.equal(seen[1], seen[2])
    for _, status in ipairs { "500", "409", "404" } do
      assert.is_truthy(seen[1]:find(status, 1, true), seen[1])
    end
  end)

  it("says with 429 when to come again", function()
    local sim = open("--fail", "429")
    local answer = get(sim)
    assert_fault(429, "TooManyRequests", "on purpose", answer)
    assert.equal("1", answer.headers["retry-after"])
    sim:stop()
  end)
end)

describe("switchhook sim --lose-answers", function()
  it("does the call, and answers as if it had not come back", function()
    local hook = webhook.new(host)
    local sim = host.sim { to = { hook.url }, arguments = { "--lose-answers", "100%" } }
    assert_fault(504, "GatewayTimeout", "the call was done", put(sim))
    sim.router:request("PATCH", "/routing/queues/q", { distributionPolicyId = "p" })
    sim.router:request("PATCH", "/routing/jobs/j1", { channelId = "voice", queueId = "q" })
    assert.equal("j1", hook:wait_events(2)[2].data.jobId)
    sim:stop()
  end)
end)

describe("switchhook sim --latency", function()
  it("holds each answer back, those of failures too", function()
    local sim = open("--latency", "300ms", "--fail", "distribution_policies.get=500")
    local socket = require "socket"
    for _, call in ipairs { put, get } do
      local began = socket.gettime()
      call(sim)
      assert.is_true(socket.gettime() - began >= 0.29)
    end
    sim:stop()
  end)

  it("is cut short by a stop", function()
    local sim = open("--latency", "20s..60s", "--trace")
    local target = "/routing/workers/w1?api-version=2023-11-01"
    local body = '{"capacity":1,"availableForOffers":true}'
    local lines = { "PATCH " .. target .. " HTTP/1.1", "Content-Length: " .. #body }
    lines[#lines + 1] = "Content-Type: application/merge-patch+json"
    for name, value in pairs(sim.router:sign("PATCH", target, body)) do
      lines[#lines + 1] = name .. ": " .. value
    end
    local connection = host.connect(sim.url:match ":(%d+)$")
    connection:send(table.concat(lines, "\r\n") .. "\r\n\r\n" .. body)
    sim:wait_line "(w1)" -- it is done, and its answer waits
    assert.equal("", connection.bytes)
    sim:signal(host.native.SIGTERM)
    assert.equal(201, connection:answer(15).status)
    connection:close()
    sim:stop()
  end)
end)

describe("switchhook sim --rate-limit", function()
  it("refuses what is over it, and says when to come again", function()
    local sim = open("--rate-limit", "2/m")
    assert.equal(201, put(sim).status)
    assert.equal(200, get(sim).status)
    local answer = get(sim)
    assert_fault(429, "TooManyRequests", "rate limit (--rate-limit)", answer)
    local seconds = tonumber(answer.headers["retry-after"])
    assert.is_true(seconds >= 1 and seconds <= 30)
    sim:stop()
  end)
end)

describe("switchhook sim --outage", function()
  it("is over when its time is, by the router's clock", function()
    local sim = open("--speed", "600", "--outage", "10m..40m")
    host.wait_until(function()
      local answer = get(sim)
      return answer.status == 503 and answer
    end, "the outage")
    assert.equal("ServiceUnavailable", get(sim).headers["x-ms-error-code"])
    host.wait_until(function()
      return get(sim).status == 404
    end, "the end of the outage")
    sim:stop()
  end)
end)

describe("the host", function()
  it("does its work through all of it", function()
    local port = host.free_port()
    local sim = host.sim {
      to = { ("http://127.0.0.1:%d/events"):format(port) },
      arguments = {
        "--seed",
        "3",
        "--retry-scale",
        "0.002",
        "--fail",
        "503:30%",
        "--lose-answers",
        "10%",
        "--latency",
        "1ms..5ms",
        "--duplicate",
        "50%",
        "--reorder",
        "50%",
        "--drop-answers",
        "20%",
      },
    }
    local function insist(...)
      local arguments = table.pack(...)
      return host.wait_until(function()
        local answer = sim.router:request(table.unpack(arguments, 1, arguments.n))
        return answer.status < 300 and answer
      end, table.concat(arguments, " ", 1, 2))
    end
    local server = host.serve {
      port = port,
      config = ('router = { connection_string = "%s" }\nretry = { first_seconds = 0.02, factor = 1.2 }'):format(
        sim.connection_string
      ),
      scripts = {
        ["RouterJobWaitingForActivation.lua"] = [[
          return function(event)
            state.increment("runs " .. event.data.jobId)
            router.jobs.activate(event.data.jobId)
          end
        ]],
      },
    }
    insist("PATCH", POLICY, { offerExpiresAfterSeconds = 60 })
    insist("PATCH", "/routing/queues/q", { distributionPolicyId = "p" })
    for i = 1, 10 do
      insist("PATCH", "/routing/jobs/j" .. i, {
        channelId = "voice",
        queueId = "q",
        matchingMode = { kind = "scheduleAndSuspend", scheduleAt = "2026-01-01T00:00:00Z" },
      })
    end
    for i = 1, 10 do
      host.wait_until(function()
        return insist("GET", "/routing/jobs/j" .. i).json.status == "queued"
      end, "job " .. i .. " to be activated", 60)
    end
    local seen = {}
    for _, event in ipairs(server:api("/api/events?type=RouterJobWaitingForActivation&limit=1000").json.events) do
      server:wait_state(event.seq, "done", 60)
      local whole = server:api("/api/events/" .. event.seq).json
      local id = host.json.decode(whole.raw).id
      assert.is_nil(seen[id], "the host took an event twice")
      seen[id] = true
    end
    server:stop()
    sim:stop()
  end)
end)

describe("what these options cannot be", function()
  refusals {
    { "--fail", "200", "'200' is no status from 400 to 599" },
    { "--fail", "503:", "'' is no share" },
    { "--fail", "503:10", "'10' is no share from 0% to 100%; 503:10% is an example" },
    { "--fail", ":10%", "'' is no status" },
    { "--fail", "jobs.cancle=503", "there is no operation jobs.cancle (did you mean router.jobs.cancel?)" },
    { "--fail", "=503", "there is no operation" },
    { "--lose-answers", "1", "--lose-answers 1: must be a share" },
    { "--latency", "20", "--latency 20: must be a time up to 60s, or two: 20ms, 20ms..80ms" },
    { "--latency", "80ms..20ms", "must be a time up to 60s" },
    { "--latency", "2m", "must be a time up to 60s" },
    { "--rate-limit", "50", "--rate-limit 50: must be a number of calls, and by what: 50/s, 100/m" },
    { "--rate-limit", "0/s", "must be a number of calls" },
    { "--outage", "5m", "--outage 5m: must be two times after the start: 5m..7m" },
    { "--outage", "7m..5m", "must be two times" },
  }

  it("more than 16 of a kind", function()
    local arguments = { "sim" }
    for _ = 1, 17 do
      table.move({ "--fail", "503:1%" }, 1, 2, #arguments + 1, arguments)
    end
    local run = host.run(arguments)
    assert.equal(2, run.status)
    assert.is_truthy(run.stderr:find("at most 16 --fail", 1, true), run.stderr)
  end)
end)
