local kit = require "switchhook.kit"

local function load(settings)
  return kit.load("scripts", { files = { ["lib/settings.lua"] = settings } })
end

local function unassign(host, job)
  return host:deliver("RouterJobUnassigned", { jobId = job, assignmentId = "a1", workerId = "anna" })
end

local function is_cancelled(run)
  return run.steps[#run.steps][1] == "router.jobs.cancel"
end

describe("RouterJobUnassigned", function()
  it("cancels a job that was given back too often", function()
    local host = load "return { cancel_after_unassignments = 2 }"
    assert.is_false(is_cancelled(unassign(host, "j1")))
    assert.is_false(is_cancelled(unassign(host, "j2")))
    local run = unassign(host, "j1")
    local why = { dispositionCode = "UnassignedTooOften", note = "Given back 2 times." }
    assert.same({ "router.jobs.cancel", "j1", why }, run.steps[#run.steps])
    assert.equal(1, host.state["unassigned j2"])
  end)

  it("counts once, however often the Job Router has to be asked", function()
    local host = load "return { cancel_after_unassignments = 1 }"
    host:fail("router.jobs.cancel", { status = 503, times = 2 })
    local run = unassign(host, "j1")
    assert.equal("waiting", run.state)
    host:advance(60)
    assert.equal("done", run.state)
    assert.equal(1, host.state["unassigned j1"])
  end)

  it("leaves a job alone that a worker has again", function()
    local host = load "return { cancel_after_unassignments = 1 }"
    host:fail("router.jobs.cancel", { status = 409, code = "InvalidJobState" })
    local run = unassign(host, "j1")
    assert.equal("done", run.state)
    assert.equal("info", run.log[1].level)
  end)

  it("does nothing when the settings do not say how often is too often", function()
    local host = load "return {}"
    assert.same({}, unassign(host, "j1").steps)
  end)
end)
