local kit = require "switchhook.kit"

describe("RouterJobWaitingForActivation", function()
  local host
  before_each(function()
    host = kit.load "scripts"
  end)

  it("activates the job with the priority of the script's first lines", function()
    local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1" })
    assert.same({ { "router.jobs.activate", "j1", { priority = 1 } } }, run.steps)
    assert.equal("done", run.state)
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
