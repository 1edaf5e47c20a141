local kit = require "switchhook.kit"

describe("RouterJobExceptionTriggered", function()
  it("says which rule fired, and touches nothing", function()
    local host = kit.load "scripts"
    local run = host:deliver("RouterJobExceptionTriggered", { jobId = "j1", ruleKey = "waited-long" })
    assert.same({}, run.steps)
    assert.equal("waited-long", run.log[1].fields.rule)
  end)
end)
