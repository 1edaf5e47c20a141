local kit = require "switchhook.kit"

describe("RouterWorkerOfferIssued", function()
  local host
  before_each(function()
    host = kit.load "scripts"
  end)

  it("accepts an offer for a bot", function()
    local run = host:deliver("RouterWorkerOfferIssued", { workerId = "bot-7", offerId = "o1", jobId = "j1" })
    assert.same({ { "router.offers.accept", "bot-7", "o1" } }, run.steps)
  end)

  it("never answers for a person", function()
    for _, worker in ipairs { "anna", "robot-7", "Bot-7", "bot7", "bot" } do
      local run = host:deliver("RouterWorkerOfferIssued", { workerId = worker, offerId = "o1", jobId = "j1" })
      assert.same({}, run.steps, worker)
      assert.equal("done", run.state)
    end
  end)
end)
