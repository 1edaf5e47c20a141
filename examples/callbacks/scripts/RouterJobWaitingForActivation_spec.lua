local kit = require "switchhook.kit"

-- The Job Router raises the event at this moment, of Berlin.
local function raise(moment)
  local host = kit.load("scripts", { timezone = "Europe/Berlin", time = moment })
  return host:deliver("RouterJobWaitingForActivation", { jobId = "j1" }), host
end

local function put_off_until(moment)
  local run = raise(moment)
  assert.equal(1, #run.steps)
  assert.equal("router.jobs.schedule", run.steps[1][1])
  return run.steps[1][3].scheduleAt
end

describe("a callback", function()
  it("goes into its queue in office hours", function()
    local moments = { "2026-03-02T09:00:00+01:00", "2026-03-02T16:59:59+01:00", "2026-07-06T09:00:00+02:00" }
    for _, moment in ipairs(moments) do
      local run = raise(moment)
      assert.same({ "router.jobs.activate", "j1" }, run.steps[1])
    end
  end)

  it("is put off until the office opens, on the same day or the next", function()
    assert.equal("2026-03-02T08:00:00.000000Z", put_off_until "2026-03-02T08:59:59+01:00")
    assert.equal("2026-03-03T08:00:00.000000Z", put_off_until "2026-03-02T17:00:00+01:00")
  end)

  it("is put off over the weekend, days off, and the night in which the clocks change", function()
    assert.equal("2026-03-09T08:00:00.000000Z", put_off_until "2026-03-06T15:00:00+01:00") -- Friday
    assert.equal("2026-03-30T07:00:00.000000Z", put_off_until "2026-03-28T12:00:00+01:00") -- summer time
    assert.equal("2026-12-28T08:00:00.000000Z", put_off_until "2026-12-25T10:00:00+01:00")
  end)

  it("goes first when nobody took it for half an hour", function()
    local _, host = raise "2026-03-02T10:00:00+01:00"
    host:answer("router.jobs.get", { id = "j1", status = "queued" })
    host:advance(30 * 60)
    assert.same({ "router.jobs.update", "j1", { priority = 100 } }, host.runs[2].steps[2])
  end)

  it("is left alone when somebody has it by then", function()
    local _, host = raise "2026-03-02T10:00:00+01:00"
    host:answer("router.jobs.get", { id = "j1", status = "assigned" })
    host:advance(30 * 60)
    assert.same({ { "router.jobs.get", "j1" } }, host.runs[2].steps)
  end)
end)
