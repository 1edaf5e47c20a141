local kit = require "switchhook.kit"

local failed = {
  jobId = "j1",
  classificationPolicyId = "by-language",
  errors = { { code = "NoQueue", message = "no queue has these labels" } },
}

local function load(settings)
  return kit.load("scripts", { files = { ["lib/settings.lua"] = settings } })
end

describe("RouterJobClassificationFailed", function()
  local host
  before_each(function()
    host = load [[return { fallback_queue = "support" }]]
    host:answer("router.jobs.get", { id = "j1", status = "classificationFailed" })
  end)

  it("puts the job into the fallback queue", function()
    local run = host:deliver("RouterJobClassificationFailed", failed)
    assert.same({
      { "router.jobs.get", "j1" },
      { "router.jobs.update", "j1", { queueId = "support" } },
    }, run.steps)
    assert.equal("no queue has these labels", run.log[1].fields.reason)
  end)

  it("takes its policy from a job that names the fallback queue itself", function()
    local job = { id = "j1", status = "classificationFailed", queueId = "support", classificationPolicyId = "p" }
    host:answer("router.jobs.get", job)
    local run = host:deliver("RouterJobClassificationFailed", failed)
    assert.same({ "router.jobs.update", "j1", { queueId = "support" } }, run.steps[2])
    assert.equal("done", run.state)
  end)

  it("does not go round and round with a job that fails in the fallback queue, too", function()
    host:answer("router.jobs.get", { id = "j1", status = "classificationFailed", queueId = "support" })
    local run = host:deliver("RouterJobClassificationFailed", failed)
    assert.equal("parked", run.state)
    assert.same({ { "router.jobs.get", "j1" } }, run.steps)
  end)

  it("leaves a job alone that was mended meanwhile", function()
    host:answer("router.jobs.get", { id = "j1", status = "queued" })
    local run = host:deliver("RouterJobClassificationFailed", failed)
    assert.same({ { "router.jobs.get", "j1" } }, run.steps)
  end)

  it("only says so when the settings have no fallback queue", function()
    host = load "return {}"
    local run = host:deliver("RouterJobClassificationFailed", failed)
    assert.same({}, run.steps)
    assert.equal("warn", run.log[1].level)
    assert.equal("by-language", run.log[1].fields.policy)
  end)
end)
