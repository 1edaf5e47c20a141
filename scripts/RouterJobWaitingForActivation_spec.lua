local kit = require "switchhook.kit"

local settings = [[return { priority_label = "Segment", priorities = { Gold = 100, Silver = 50 } }]]

describe("RouterJobWaitingForActivation", function()
  local host
  before_each(function()
    host = kit.load("scripts", { files = { ["lib/settings.lua"] = settings } })
  end)

  it("activates the job with the priority of its label", function()
    for segment, priority in pairs { Gold = 100, Silver = 50 } do
      local job = { jobId = "j1", labels = { Segment = segment } }
      local run = host:deliver("RouterJobWaitingForActivation", job)
      assert.same({ { "router.jobs.activate", "j1", { priority = priority } } }, run.steps)
      assert.equal("done", run.state)
    end
  end)

  it("leaves the priority of others as it is", function()
    for _, labels in ipairs { { Segment = "Bronze" }, { Segment = 7 }, { Language = "de" } } do
      local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1", labels = labels })
      assert.same({ { "router.jobs.activate", "j1" } }, run.steps)
    end
    local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1" })
    assert.same({ { "router.jobs.activate", "j1" } }, run.steps)
  end)

  it("tries again when the Job Router has a bad moment", function()
    host:fail("router.jobs.activate", { status = 503, times = 1 })
    local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1" })
    assert.equal("waiting", run.state)
    host:advance(60)
    assert.equal("done", run.state)
    assert.equal(2, run.attempts)
  end)

  it("is parked when the job is not there any more", function()
    host:fail("router.jobs.activate", { status = 404, code = "JobNotFound" })
    local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1" })
    assert.equal("parked", run.state)
    assert.equal("JobNotFound", run.error.code)
  end)
end)
