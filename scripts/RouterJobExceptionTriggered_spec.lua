local kit = require "switchhook.kit"

local settings = [[return { escalations = {
  ["waited-long"] = { priority = 100, queueId = "supervisors" },
  ["queue-full"] = { priority = 5 },
  ["rule-3"] = { queueId = "overflow" },
} }]]

describe("RouterJobExceptionTriggered", function()
  local host
  local job
  before_each(function()
    host = kit.load("scripts", { files = { ["lib/settings.lua"] = settings } })
    job = { id = "j1", status = "queued", priority = 10 }
    host:answer("router.jobs.get", function()
      return job
    end)
  end)

  local function fire(rule, id)
    return host:deliver("RouterJobExceptionTriggered", { jobId = "j1", ruleKey = rule, exceptionRuleId = id })
  end

  it("escalates the job as the settings say for the rule", function()
    local run = fire "waited-long"
    assert.same({ "router.jobs.update", "j1", { priority = 100, queueId = "supervisors" } }, run.steps[2])
    assert.equal("escalated", run.log[1].message)
    run = fire("other", "rule-3")
    assert.same({ "router.jobs.update", "j1", { priority = 10, queueId = "overflow" } }, run.steps[2])
  end)

  it("never lowers a priority", function()
    assert.same({ "router.jobs.update", "j1", { priority = 10 } }, fire("queue-full").steps[2])
  end)

  it("leaves a job alone that somebody has", function()
    job.status = "assigned"
    local run = fire "waited-long"
    assert.same({ { "router.jobs.get", "j1" } }, run.steps)
    assert.equal("not escalated: the job is assigned", run.log[1].message)
    job.status = "queued"
    host:fail("router.jobs.update", { status = 409, code = "InvalidJobState" })
    run = fire "waited-long"
    assert.equal("done", run.state)
    assert.equal("not escalated: somebody has the job by now", run.log[1].message)
  end)

  it("does nothing for a rule that the settings do not have", function()
    assert.same({}, fire("other").steps)
    host = kit.load("scripts", { files = { ["lib/settings.lua"] = "return { escalations = {} }" } })
    local run = fire "waited-long"
    assert.same({}, run.steps)
    assert.equal("done", run.state)
  end)
end)
