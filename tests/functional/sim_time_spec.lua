-- The local Job Router's clock and chance: --speed and --seed.
local host = require "host"
local refusals = require "refusals"
local webhook = require "webhook"

local function furnish(router)
  assert.equal(201, router:request("PATCH", "/routing/distributionPolicies/p", {
    offerExpiresAfterSeconds = 3600,
  }).status)
  assert.equal(201, router:request("PATCH", "/routing/queues/q", { distributionPolicyId = "p" }).status)
end

local function schedule(router, id, time)
  local answer = router:request("PATCH", "/routing/jobs/" .. id, {
    channelId = "voice",
    queueId = "q",
    matchingMode = { kind = "scheduleAndSuspend", scheduleAt = os.date("!%Y-%m-%dT%H:%M:%SZ", time) },
  })
  assert.equal(201, answer.status, answer.body)
end

local function wait_status(router, id, status)
  host.wait_until(function()
    return router:request("GET", "/routing/jobs/" .. id).json.status == status
  end, id .. " to be " .. status)
end

describe("switchhook sim --speed", function()
  it("lets hours pass in seconds, while signatures are held against the wall's clock", function()
    local sim = host.sim { arguments = { "--speed", "36000" } }
    furnish(sim.router)
    schedule(sim.router, "j1", os.time() + 20 * 3600)
    wait_status(sim.router, "j1", "waitingForActivation")
    local answer = sim.router:request("PATCH", "/routing/workers/w", {
      queues = { "q" },
      capacity = 1,
      availableForOffers = true,
      channels = { { channelId = "voice", capacityCostPerJob = 1 } },
    })
    assert.equal(201, answer.status)
    local matching = { matchingMode = { kind = "queueAndMatch" } }
    assert.equal(200, sim.router:request("PATCH", "/routing/jobs/j1", matching).status)
    host.wait_until(function() -- an hour later
      return sim.router:request("GET", "/routing/workers/w").json.state == "inactive"
    end, "the offer to expire, and its worker to be deregistered with it")
    sim:stop()
  end)

  it("lets time stand nearly still", function()
    local sim = host.sim { arguments = { "--speed", "0.001" } }
    furnish(sim.router)
    schedule(sim.router, "j1", os.time() + 2)
    local wall = os.time()
    host.wait_until(function()
      return os.time() > wall + 3
    end, "three seconds of the wall's clock")
    assert.equal("scheduled", sim.router:request("GET", "/routing/jobs/j1").json.status)
    sim:stop()
  end)
end)

describe("switchhook sim --seed", function()
  local function ids_with(seed)
    local hook = webhook.new(host)
    local sim = host.sim { to = { hook.url }, arguments = { "--seed", seed } }
    furnish(sim.router)
    schedule(sim.router, "j1", os.time() - 10)
    schedule(sim.router, "j2", os.time() - 10)
    local ids = {}
    for i, event in ipairs(hook:wait_events(4)) do
      ids[i] = event.id
    end
    sim:stop()
    return ids
  end

  it("gives the same ids again, and others with another one", function()
    local first = ids_with "7"
    assert.equal(4, #first)
    assert.same(first, ids_with "7")
    assert.not_equal(first[1], ids_with("8")[1])
  end)
end)

describe("the seed", function()
  it("is told when one was chosen and something hangs on it, and does the same again", function()
    local function fates(...)
      local sim = host.sim { arguments = { "--fail", "503:50%", ... } }
      local statuses = {}
      for i = 1, 30 do
        statuses[i] = sim.router:request("GET", "/routing/queues").status
      end
      local seed = sim:stderr():match "a seed was chosen.-seed=(%d+)"
      sim:stop()
      return statuses, seed
    end
    local statuses, seed = fates()
    local again, told = fates("--seed", seed)
    assert.same(statuses, again)
    assert.is_nil(told)
    local sim = host.sim()
    assert.is_nil(sim:stderr():find("seed", 1, true))
    sim:stop()
  end)
end)

describe("what these options cannot be", function()
  refusals {
    { "--speed", "0", "--speed 0: must be a number from 0.001 to 1000000" },
    { "--speed", "fast", "--speed fast: must be a number" },
    { "--speed", "60x", "--speed 60x: must be a number" },
    { "--speed", "nan", "--speed nan: must be a number" },
    { "--speed", "-1", "--speed -1: must be a number" },
    { "--seed", "x", "--seed x: must be a whole number" },
    { "--seed", "18446744073709551616", "must be a whole number" },
    { "--retry-scale", "0", "--retry-scale 0: must be a number above 0" },
  }
end)
