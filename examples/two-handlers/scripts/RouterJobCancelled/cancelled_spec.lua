local kit = require "switchhook.kit"

describe("a job that is cancelled", function()
  local host
  before_each(function()
    host = kit.load "scripts"
  end)

  -- The runs by their handlers' names.
  local function cancel(why)
    local data = { jobId = "j1", channelId = "voice", dispositionCode = why, labels = { Phone = "+49 30 1234" } }
    local first = host:deliver("RouterJobCancelled", data)
    return { call_back = first, count = first.others[1] }
  end

  it("has two handlers, each with a run of its own", function()
    local runs = cancel "HungUp"
    assert.equal("RouterJobCancelled/call_back.lua", runs.call_back.handler)
    assert.equal("RouterJobCancelled/count.lua", runs.count.handler)
  end)

  it("is called back, when the customer hung up", function()
    local step = cancel("HungUp").call_back.steps[1]
    assert.same({ "router.jobs.schedule", "callback-j1" }, { step[1], step[2] })
    assert.equal("2026-03-02T09:10:00.000000Z", step[3].scheduleAt) -- the kit's clock starts at 9:00
    assert.same({ Phone = "+49 30 1234" }, step[3].labels)
    assert.same({}, cancel("Spam").call_back.steps)
  end)

  it("is counted by the reason", function()
    cancel "HungUp"
    cancel "HungUp"
    cancel "Spam"
    assert.equal(2, host.state["cancelled HungUp"])
    assert.equal(1, host.state["cancelled Spam"])
  end)

  it("is counted, whatever becomes of the callback", function()
    host:fail("router.jobs.schedule", { status = 400, code = "InvalidReference" })
    local runs = cancel "HungUp"
    assert.equal("parked", runs.call_back.state)
    assert.equal("done", runs.count.state)
  end)
end)
