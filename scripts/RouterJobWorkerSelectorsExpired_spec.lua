local kit = require "switchhook.kit"

local expired = {
  jobId = "j1",
  queueId = "support",
  expiredRequestedWorkerSelectors = { { key = "Language" }, { key = "Level" } },
}

local function load(settings)
  return kit.load("scripts", { files = { ["lib/settings.lua"] = settings }, secrets = { "INCIDENTS" } })
end

describe("RouterJobWorkerSelectorsExpired", function()
  local host
  before_each(function()
    host = load [[return { incident_url = "https://incidents.example.com/in" }]]
    host:answer("http.post", { status = 204 })
  end)

  it("sends a note to the incident webhook", function()
    local run = host:deliver("RouterJobWorkerSelectorsExpired", expired)
    local operation, url, options = table.unpack(run.steps[1])
    assert.equal("http.post", operation)
    assert.equal("https://incidents.example.com/in", url)
    assert.equal("The job j1 waits in support, and nobody came who meets what it asks for.", options.json.text)
    assert.same({ "Language", "Level" }, options.json.requested)
    assert.equal(0, #options.json.attached)
    assert.equal(1, #run.steps)
  end)

  it("sends the secret that the settings name", function()
    host = load [[return { incident_url = "https://incidents.example.com/in", incident_secret = "INCIDENTS" }]]
    host:answer("http.post", { status = 204 })
    local run = host:deliver("RouterJobWorkerSelectorsExpired", expired)
    assert.equal("done", run.state)
    assert.is_not_nil(run.steps[1][3].headers.Authorization)
  end)

  it("sends it again, later, when the webhook has a bad moment", function()
    host:answer("http.post", { status = 503 })
    assert.equal("done", host:deliver("RouterJobWorkerSelectorsExpired", expired).state)
    assert.equal(1, #host.runs)
    host:fail("http.post", { times = 1 }) -- no answer at all
    host:advance(10)
    host:answer("http.post", { status = 204 })
    host:advance(60)
    assert.equal(3, #host.runs)
    assert.equal("local/incident.lua", host.runs[3].handler)
    assert.equal("j1", host.runs[3].steps[1][3].json.jobId)
    local key = host.runs[1].steps[1][3].headers["Idempotency-Key"]
    assert.equal("string", type(key))
    assert.equal(key, host.runs[3].steps[1][3].headers["Idempotency-Key"])
    assert.equal(1, #host.runs[3].steps)
  end)

  it("parks a note that the webhook never takes", function()
    host:answer("http.post", { status = 500 })
    host:deliver("RouterJobWorkerSelectorsExpired", expired)
    host:advance(6 * 3600)
    assert.equal(5, #host.runs)
    assert.equal("parked", host.runs[5].state)
    host:answer("http.post", { status = 401 })
    assert.equal("parked", host:deliver("RouterJobWorkerSelectorsExpired", expired).state)
  end)

  it("does nothing without a webhook in the settings", function()
    host = load "return {}"
    assert.same({}, host:deliver("RouterJobWorkerSelectorsExpired", expired).steps)
  end)
end)
