-- Scenarios through the real program: as fast as possible, and beside a host whose handlers act as well.
local host = require "host"

local examples = host.source .. "/examples/scenarios/"

local function run(...)
  return host.run { "sim", ... }
end

local function count(result, word)
  return tonumber(result.stdout:match("%f[%d](%d+) +" .. word)) or 0
end

local router = [[
distribution_policy "d" { offerExpiresAfterSeconds = 30, mode = { kind = "longestIdle" } }
queue "q" { distributionPolicyId = "d" }
workers { name = "w", count = 4, queues = { "q" }, channels = { voice = 1 },
  answer_after = { 1, 4 }, talk = { 5, 20 }, wrap_up = 2 }
]]

describe("switchhook sim --scenario FILE --fast", function()
  for _, name in ipairs { "monday", "storm", "callbacks" } do
    it("runs examples/scenarios/" .. name .. ".lua, the same each time", function()
      local folder = host.folder()
      local file = examples .. name .. ".lua"
      local first = run("--scenario", file, "--fast", "--events", folder .. "/1")
      local second = run("--scenario", file, "--fast", "--events", folder .. "/2")
      assert.equal(0, first.status)
      assert.equal("", first.stderr)
      assert.equal(first.stdout, second.stdout)
      local events = host.read(folder .. "/1")
      assert.is_true(#events > 100000)
      assert.is_true(events == host.read(folder .. "/2"))
      for line in events:gmatch "[^\n]+" do
        assert.is_truthy(line:find('^{"id":"%x+%-.*}}$'))
      end
      assert.is_true(count(first, "closed") > 50)
      assert.is_true(count(first, "gave up") > 0)
      assert.is_true(count(first, "RouterJobClosed") == count(first, "closed"))
      local other = run("--scenario", file, "--fast", "--seed", "99", "--events", folder .. "/3")
      assert.equal(0, other.status)
      assert.is_true(events ~= host.read(folder .. "/3"))
    end)
  end

  it("says in plain words what everybody does", function()
    local result = run("--scenario", examples .. "storm.lua", "--fast", "--trace")
    for _, words in ipairs {
      "08:00:00.000  office-1        comes to work",
      "09:00:00.000  home-1          takes a break",
      "10:00:00.000  home-1          comes to work",
      "11:15:00.000  backup-1        goes home",
      " does not notice the offer of call-",
      " gives up after ",
      " declines call-",
      " is back, and takes offers again",
    } do
      assert.is_truthy(result.stdout:find(words, 1, true), words)
    end
  end)

  it("refuses what does not go together", function()
    local file = examples .. "monday.lua"
    for _, case in ipairs {
      { 2, "name one with --scenario", "--fast" },
      { 2, "--events goes with --fast", "--events", "x", "--scenario", file },
      { 2, "--to has no place in it", "--fast", "--scenario", file, "--to", "http://127.0.0.1:1/" },
      { 2, "--duplicate has no place in it", "--fast", "--duplicate", "5%", "--scenario", file },
      { 2, "--outage has no place in it", "--fast", "--outage", "1m..2m", "--scenario", file },
      { 2, "--cloudevents has no place in it", "--torture", "scripts", "--cloudevents" },
      { 2, "--fast has no place in it", "--torture", "scripts", "--fast", "--scenario", file },
      { 2, "two ways to run", "--fast", "--scenario", file, "--speed", "60" },
      { 1, "cannot read nowhere.lua", "--fast", "--scenario", "nowhere.lua" },
      { 1, "cannot write /nowhere/events", "--fast", "--scenario", file, "--events", "/nowhere/events" },
      { 1, "cannot write /dev/full", "--fast", "--scenario", file, "--events", "/dev/full" },
    } do
      local result = run(table.unpack(case, 3))
      assert.equal(case[1], result.status)
      assert.is_truthy(result.stderr:find(case[2], 1, true), result.stderr)
    end
  end)

  it("names the line of a mistake", function()
    local folder = host.folder()
    host.write(folder .. "/s.lua", router .. "customers { name = 'c', chanel = 'voice', per_hour = 1 }\n")
    local result = host.run({ "sim", "--fast", "--scenario", "s.lua" }, { folder = folder })
    assert.equal(1, result.status)
    local words = "switchhook: s.lua:5: customers.chanel is no key of customers; did you mean channel?\n"
    assert.equal(words, result.stderr)
  end)
end)

describe("switchhook sim --scenario FILE", function()
  it("lives beside a host whose handlers activate callbacks", function()
    local port = host.free_port()
    local folder = host.folder()
    host.write(folder .. "/s.lua", router .. [[
      customers { name = "call", channel = "voice", queue = "q", per_hour = 600 }
      customers { name = "later", channel = "voice", queue = "q", per_hour = 300,
        callbacks = 1, callback_after = 30 }
    ]])
    local sim = host.sim {
      to = { ("http://127.0.0.1:%d/events"):format(port) },
      arguments = { "--scenario", folder .. "/s.lua", "--speed", "60", "--trace" },
    }
    local server = host.serve {
      port = port,
      config = ('router = { connection_string = "%s" }'):format(sim.connection_string),
      scripts = {
        ["RouterJobWaitingForActivation.lua"] = [[
          return function(event) router.jobs.activate(event.data.jobId) end
        ]],
      },
    }
    sim:wait_line "call%-1 +(closed)"
    sim:wait_line "later%-1 +(waiting for activation)"
    sim:wait_line "later%-1 +(activated)"
    sim:wait_line "w%-%d +accepts (later%-%d)"
    sim:wait_line "later%-%d +(closed)"
    server:stop()
    sim:stop()
    assert.is_truthy(sim:stdout():find "\njobs      %d+, %d+ closed")
  end)

  -- A host that had the events of an earlier run must not take the new ones for duplicates.
  it("has other ids each time, and the same people", function()
    local folder = host.folder()
    host.write(folder .. "/s.lua", router .. [[
      customers { name = "call", channel = "voice", queue = "q", per_hour = 3600 }
    ]])
    local offers, ids = {}, {}
    for i = 1, 2 do
      local sim = host.sim { arguments = { "--scenario", folder .. "/s.lua", "--speed", "60", "--trace" } }
      offers[i] = sim:wait_line "call%-1 +(offered to w%-%d)"
      sim:wait_line "call%-1 +(accepted)"
      ids[i] = next(sim.router:request("GET", "/routing/jobs/call-1").json.assignments)
      sim:stop()
    end
    assert.equal(offers[1], offers[2])
    assert.not_equal(ids[1], ids[2])
  end)

  it("goes on when handlers are quicker", function()
    local port = host.free_port()
    local folder = host.folder()
    host.write(folder .. "/s.lua", router:gsub("answer_after = { 1, 4 }", "answer_after = 20") .. [[
      customers { name = "call", channel = "voice", queue = "q", per_hour = 600 }
    ]])
    local sim = host.sim {
      to = { ("http://127.0.0.1:%d/events"):format(port) },
      arguments = { "--scenario", folder .. "/s.lua", "--speed", "20", "--trace" },
    }
    local server = host.serve {
      port = port,
      config = ('router = { connection_string = "%s" }'):format(sim.connection_string),
      scripts = {
        ["RouterWorkerOfferIssued.lua"] = [[
          return function(event) router.offers.accept(event.data.workerId, event.data.offerId) end
        ]],
        ["RouterWorkerOfferAccepted.lua"] = [[
          return function(event) router.jobs.complete(event.data.jobId, event.data.assignmentId) end
        ]],
      },
    }
    sim:wait_line "call%-1 +(accepted by)"
    sim:wait_line "w%-%d +has wrapped up (call%-%d)"
    sim:wait_line "call%-3 +(closed)"
    server:stop()
    sim:stop()
  end)
end)

describe("people who have more to do than the clock's speed leaves time for", function()
  it("keep the router neither from its callers nor from stopping", function()
    local folder = host.folder()
    host.write(
      folder .. "/flood.lua",
      [[
        distribution_policy "p" {}
        queue "q" { distributionPolicyId = "p" }
        workers { name = "w", count = 100, queues = { "q" }, channels = { voice = 1 } }
        customers { name = "c", channel = "voice", queue = "q", per_hour = 1000000, patience = 30 }
      ]]
    )
    local sim = host.sim {
      arguments = { "--seed", "1", "--speed", "36000", "--scenario", folder .. "/flood.lua", "--no-trace" },
    }
    for _ = 1, 5 do
      assert.equal(200, sim.router:request("GET", "/routing/queues/q").status)
    end
    sim:stop()
  end)
end)
