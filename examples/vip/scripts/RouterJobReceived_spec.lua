local kit = require "switchhook.kit"

describe("RouterJobReceived", function()
  local host
  before_each(function()
    host = kit.load("scripts", { secrets = { "CRM_TOKEN" } })
    host:answer("http.get", function(url)
      if url:match "/49301234%.json$" then
        return { json = { name = "Anna Schmidt", tier = "vip" } }
      end
      return { status = 404 }
    end)
  end)

  local function call(phone)
    return host:deliver("RouterJobReceived", { jobId = "j1", channelId = "voice", labels = { Phone = phone } })
  end

  it("asks the CRM who calls, and lets a VIP go first", function()
    local run = call "+49 30 1234"
    assert.matches("/customers/49301234%.json$", run.steps[1][2])
    assert.same({ "router.jobs.update", "j1", { priority = 100 } }, run.steps[2])
    assert.equal("Anna Schmidt", run.log[1].fields.name)
  end)

  it("changes nothing for others", function()
    assert.equal(1, #call("+49 89 5678").steps)
    assert.equal(1, #call("../../admin").steps)
  end)

  it("has nothing to ask for other channels, or without a number", function()
    local run = host:deliver("RouterJobReceived", { jobId = "j1", channelId = "chat", labels = { Phone = "1" } })
    assert.equal("filtered", run.result)
    run = host:deliver("RouterJobReceived", { jobId = "j1", channelId = "voice" })
    assert.equal("filtered", run.result)
  end)

  it("gives a VIP who still waits after a minute to the supervisors", function()
    call "+49 30 1234"
    host:answer("router.jobs.get", { id = "j1", status = "queued" })
    host:advance(60)
    assert.same({ "router.jobs.update", "j1", { queueId = "supervisors" } }, host.runs[2].steps[2])
  end)

  it("asks a CRM that has a bad moment again", function()
    local count = 0
    host:answer("http.get", function()
      count = count + 1
      return count < 3 and { status = 503 } or { json = { name = "Anna Schmidt", tier = "vip" } }
    end)
    local run = call "+49 30 1234"
    host:advance(10)
    assert.equal("done", run.state)
    assert.equal(3, count)
  end)

  it("takes everybody for a customer like others while the CRM is broken", function()
    host:answer("http.get", { status = 500 })
    local run = call "+49 30 1234"
    host:advance(10)
    assert.equal("done", run.state)
    assert.equal("the CRM does not say who calls", run.log[1].message)
  end)
end)
