local kit = require "switchhook.kit"

local function load(settings)
  return kit.load("scripts", { files = { ["lib/settings.lua"] = settings } })
end

local function offer(host, worker, labels)
  local data = { workerId = worker, offerId = "o1", jobId = "j1", workerLabels = labels }
  return host:deliver("RouterWorkerOfferIssued", data)
end

describe("RouterWorkerOfferIssued", function()
  it("accepts an offer for a bot", function()
    local run = offer(load [[return { bot_prefix = "bot-" }]], "bot-7")
    assert.same({ { "router.offers.accept", "bot-7", "o1" } }, run.steps)
  end)

  it("never answers for a person", function()
    local host = load [[return { bot_prefix = "bot-" }]]
    for _, worker in ipairs { "anna", "robot-7", "Bot-7", "bot7", "bot" } do
      local run = offer(host, worker, { Bot = true })
      assert.same({}, run.steps, worker)
      assert.equal("done", run.state)
    end
  end)

  it("knows bots by a label, when the settings name one", function()
    local host = load [[return { bot_label = "Bot" }]]
    assert.same({ { "router.offers.accept", "seven", "o1" } }, offer(host, "seven", { Bot = true }).steps)
    assert.same({}, offer(host, "anna", { Bot = false }).steps)
    assert.same({}, offer(host, "anna", { Bot = "true" }).steps)
  end)

  it("asks for the labels when the event has none", function()
    local host = load [[return { bot_label = "Bot" }]]
    host:answer("router.workers.get", { id = "seven", labels = { Bot = true } })
    local run = offer(host, "seven")
    assert.same({ { "router.workers.get", "seven" }, { "router.offers.accept", "seven", "o1" } }, run.steps)
  end)

  it("takes nobody for a bot when the settings say nothing", function()
    for _, settings in ipairs { "return {}", [[return { bot_prefix = "" }]] } do
      assert.same({}, offer(load(settings), "anna", { Bot = true }).steps)
    end
  end)

  it("is done when the offer is over", function()
    local host = load [[return { bot_prefix = "bot-" }]]
    host:fail("router.offers.accept", { status = 409, code = "OfferRevoked" })
    local run = offer(host, "bot-7")
    assert.equal("done", run.state)
    assert.equal("the offer was over before it was accepted", run.log[1].message)
  end)

  it("tries again when the Job Router has a bad moment", function()
    local host = load [[return { bot_prefix = "bot-" }]]
    host:fail("router.offers.accept", { status = 503, times = 1 })
    assert.equal("waiting", offer(host, "bot-7").state)
  end)
end)
