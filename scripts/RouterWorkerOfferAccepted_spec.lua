local kit = require "switchhook.kit"

describe("RouterWorkerOfferAccepted", function()
  local host
  before_each(function()
    host = kit.load("scripts", { files = { ["lib/settings.lua"] = [[return { bot_prefix = "bot-" }]] } })
  end)

  it("completes a bot's job", function()
    local accepted = { workerId = "bot-7", jobId = "j1", assignmentId = "a1" }
    local run = host:deliver("RouterWorkerOfferAccepted", accepted)
    assert.same({ { "router.jobs.complete", "j1", "a1" } }, run.steps)
  end)

  it("leaves a person's job to the person", function()
    local accepted = { workerId = "anna", jobId = "j1", assignmentId = "a1" }
    local run = host:deliver("RouterWorkerOfferAccepted", accepted)
    assert.same({}, run.steps)
  end)

  it("has nothing to do for a job that is completed already", function()
    host:fail("router.jobs.complete", { status = 409 })
    local accepted = { workerId = "bot-7", jobId = "j1", assignmentId = "a1" }
    local run = host:deliver("RouterWorkerOfferAccepted", accepted)
    assert.equal("done", run.state)
  end)
end)
