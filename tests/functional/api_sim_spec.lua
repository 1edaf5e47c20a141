-- Every Job Router operation against the local Job Router, in the order in which a job needs them, with ids that
-- hold everything that an address has a use for.
local host = require "host"

local LIFE = [[
local ID = "a/b?c%d:e ü#&=+.."
local seen = {}

local function call(name, ...)
  seen[name] = true
  local found = router
  for part in name:gmatch "[^.]+" do found = found[part] end
  return found(...)
end

local function list(name, query)
  local ids = {}
  for entry in call(name, query) do ids[#ids + 1] = entry.id end
  return ids
end

local function has(ids, wanted)
  for _, id in ipairs(ids) do
    if id == wanted then return end
  end
  error(wanted .. " is not in the list")
end

-- Creates, reads, changes under its etag, and lists it.
local function keep(module, id, options, change)
  local made, about = call(module .. ".create", id, options)
  local read = call(module .. ".get", id)
  change.ifMatch = about.etag
  local changed = call(module .. ".update", id, change)
  assert(made.id == id and read.id == id and changed.id == id and about.status == 201)
  has(list(module .. ".list", { maxpagesize = 5 }), id)
  local is_done, why = pcall(router[module].update, id, change)
  assert(not is_done and why.status == 412, "an old etag must not do")
end

local function wait_offer(worker, job)
  for _ = 1, 200 do
    for _, offer in ipairs(call("workers.get", worker).offers) do
      if offer.jobId == job then return offer.offerId end
    end
    sleep(0.05)
  end
  error("no offer came for " .. job)
end

return {
  timeout = 300,
  handle = function()
    local mode = { kind = "longestIdle" }
    keep("distribution_policies", ID, { offerExpiresAfterSeconds = 600, mode = mode }, { name = "D" })
    keep("classification_policies", ID, { name = "c" }, { name = "C" })
    keep("exception_policies", ID, { name = "e", exceptionRules = {} }, { name = "E" })
    keep("queues", ID, { distributionPolicyId = ID }, { name = "Q", labels = { Region = "EMEA" } })
    keep("workers", ID, {
      queues = { ID },
      capacity = 5,
      channels = { { channelId = "voice", capacityCostPerJob = 1 } },
    }, { labels = { Language = "de" } })
    keep("jobs", ID, { channelId = "voice", queueId = ID, matchingMode = { kind = "suspend" } }, { priority = 3 })
    call("queues.statistics", ID)

    call("workers.register", ID)
    call("jobs.schedule", ID, { scheduleAt = now() + 3600 })
    call("jobs.suspend", ID)
    call("jobs.activate", ID, { priority = 10 })
    call("jobs.position", ID)
    local accepted = call("offers.accept", ID, wait_offer(ID, ID))
    call("jobs.unassign", ID, accepted.assignmentId, { suspendMatching = true })
    call("jobs.activate", ID)
    accepted = call("offers.accept", ID, wait_offer(ID, ID))
    call("jobs.complete", ID, accepted.assignmentId, { note = "done" })
    call("jobs.close", ID, accepted.assignmentId, { dispositionCode = "Sold" })
    assert(call("jobs.get", ID).status == "closed")

    local other = ID .. "2"
    call("jobs.create", other, { channelId = "voice", queueId = ID, classificationPolicyId = ID })
    local pages = list("jobs.list", { maxpagesize = 1, queueId = ID })
    assert(#pages == 2, "two pages of one job each")
    has(pages, ID)
    has(pages, other)
    call("offers.decline", ID, wait_offer(ID, other))
    call("jobs.reclassify", other)
    call("jobs.cancel", other, { note = "gone" })
    call("workers.deregister", ID)

    call("jobs.delete", other)
    call("jobs.delete", ID)
    call("workers.delete", ID)
    call("queues.delete", ID)
    call("distribution_policies.delete", ID)
    call("classification_policies.delete", ID)
    call("exception_policies.delete", ID)

    for module, functions in pairs(router) do
      for name in pairs(functions) do
        assert(seen[module .. "." .. name], module .. "." .. name .. " was not called")
      end
    end
    state.set("everything", true)
  end,
}
]]

describe("the local Job Router", function()
  it("takes every operation that a script can ask for", function()
    local sim = host.sim()
    local server = host.serve {
      config = ('router = { connection_string = "%s" }\nretry = { attempts = 1 }\n'):format(sim.connection_string),
      scripts = { ["RouterJobQueued.lua"] = LIFE },
    }
    assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j1" }) }).status)
    local run = server:wait_run(1, "done")
    local last = run.steps[#run.steps]
    assert.equal("state.set", last.operation)
    assert.equal("everything", last.arguments[1])
    server:stop()
    sim:stop()
  end)
end)
