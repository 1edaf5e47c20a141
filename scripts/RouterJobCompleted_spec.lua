local kit = require "switchhook.kit"

describe("RouterJobCompleted", function()
  local host
  before_each(function()
    host = kit.load("scripts", {
      files = { ["lib/settings.lua"] = [[return { bot_prefix = "bot-", bot_label = "Bot" }]] },
    })
    host:answer("router.workers.get", function(id)
      return { id = id, labels = { Bot = id == "seven" } }
    end)
  end)

  it("closes a bot's job", function()
    local run = host:deliver("RouterJobCompleted", { jobId = "j1", assignmentId = "a1", workerId = "bot-7" })
    assert.same({ { "router.jobs.close", "j1", "a1", { dispositionCode = "Done" } } }, run.steps)
  end)

  it("asks for the worker's label, which the event does not have", function()
    local run = host:deliver("RouterJobCompleted", { jobId = "j1", assignmentId = "a1", workerId = "seven" })
    assert.same({ "router.workers.get", "seven" }, run.steps[1])
    assert.same({ "router.jobs.close", "j1", "a1", { dispositionCode = "Done" } }, run.steps[2])
  end)

  it("leaves a person's job open, for the work after the call", function()
    local run = host:deliver("RouterJobCompleted", { jobId = "j1", assignmentId = "a1", workerId = "anna" })
    assert.same({ { "router.workers.get", "anna" } }, run.steps)
  end)

  it("has nothing to do for a job that is closed already", function()
    host:fail("router.jobs.close", { status = 409 })
    local run = host:deliver("RouterJobCompleted", { jobId = "j1", assignmentId = "a1", workerId = "bot-7" })
    assert.equal("done", run.state)
  end)
end)
