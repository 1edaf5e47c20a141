local kit = require "switchhook.kit"

describe("RouterJobCompleted", function()
  local host
  before_each(function()
    host = kit.load "scripts"
  end)

  it("closes a bot's job", function()
    local run = host:deliver("RouterJobCompleted", { jobId = "j1", assignmentId = "a1", workerId = "bot-7" })
    assert.same({ { "router.jobs.close", "j1", "a1", { dispositionCode = "Done" } } }, run.steps)
  end)

  it("leaves a person's job open, for the work after the call", function()
    local run = host:deliver("RouterJobCompleted", { jobId = "j1", assignmentId = "a1", workerId = "anna" })
    assert.same({}, run.steps)
  end)
end)
