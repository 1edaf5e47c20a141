-- `switchhook sim --torture`: scripts with known faults are found out, with their lines; sound ones come through.
local host = require "host"

local function torture(files, options)
  local folder = host.folder()
  for name, text in pairs(files) do
    local sub = name:match "^(.*)/"
    host.make_folders(folder .. "/scripts" .. (sub and "/" .. sub or ""))
    host.write(folder .. "/scripts/" .. name, text)
  end
  local arguments = { "sim", "--torture", "scripts", "--seed", "1", "--length", "20m" }
  for _, word in ipairs(options or {}) do
    arguments[#arguments + 1] = word
  end
  local environment = { SWITCHHOOK_FAULT = options and options.fault }
  local run = host.run(arguments, { folder = folder, environment = environment })
  return run, folder
end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

local function has_not(text, part)
  assert.is_falsy(text:find(part, 1, true), ("%q is in:\n%s"):format(part, text))
end

local activate = [[
return function(event)
  router.jobs.activate(event.data.jobId)
end]]

describe("switchhook sim --torture", function()
  it("finds a post that is sent twice, and its line; not one that carries a key", function()
    local run = torture {
      ["RouterJobQueued.lua"] = [[
return function(event)
  local job = { job = event.data.jobId }
  http.post("https://crm.example.com/tickets", { json = job })
  http.post("https://crm.example.com/keyed", { json = job, headers = { ["Idempotency-Key"] = uuid() } })
end]],
    }
    assert.equal("", run.stderr)
    assert.equal(1, run.status)
    local found, rest = run.stdout:match "\nFound:\n(.-)\n\n(.*)"
    has(found, "scripts/RouterJobQueued.lua:3: http.post was done twice, in ")
    has(found, "the host died after the request and before its answer was journaled; about.repeated said so")
    has_not(found, "RouterJobQueued.lua:4")
    has(rest, "scripts/RouterJobQueued.lua:4: http.post was done twice, which changed nothing")
    has(rest, "scripts/RouterJobQueued.lua:3: http.post was done for two events alike")
    has(rest, "There is harm")
  end)

  it("finds a handler that counts on the order of events, by its line", function()
    local run = torture({
      ["RouterJobReceived.lua"] = [[
return function(event)
  state.set("job " .. event.data.jobId, { channel = event.data.channelId })
end]],
      ["RouterWorkerOfferIssued.lua"] = [[
return function(event)
  local job = state.get("job " .. event.data.jobId)
  log.info(job.channel)
end]],
    }, { "--length", "1h" })
    assert.equal(1, run.status)
    has(run.stdout, "scripts/RouterWorkerOfferIssued.lua:3: its run was parked")
    has(run.stdout, "attempt to index a nil value")
    has_not(run.stdout, "RouterJobReceived.lua")
  end)

  it("passes what is done twice and changes nothing, and says so", function()
    local run = torture { ["RouterJobWaitingForActivation.lua"] = activate }
    assert.equal(0, run.status)
    local line = "scripts/RouterJobWaitingForActivation.lua:2: "
    has(run.stdout, line .. "router.jobs.activate was done twice, which changed nothing")
    has(run.stdout, "No harm")
  end)

  it("does the same again with the same seed, and something else with another", function()
    local files = {
      ["RouterJobQueued.lua"] = 'return function(e) http.post("https://x.example/" .. e.data.jobId) end',
    }
    local function run_with(seed)
      local run, folder = torture(files, { "--seed", seed, "--events", "events.jsonl" })
      return run.stdout, host.read(folder .. "/events.jsonl")
    end
    local one, one_events = run_with "1"
    local other, other_events = run_with "1"
    assert.equal(one, other)
    assert.equal(one_events, other_events)
    assert.is_true(select(2, one_events:gsub("\n", "")) > 100)
    for line in one_events:gmatch "[^\n]+" do
      assert(host.json.decode(line), line)
    end
    local third, third_events = run_with "2"
    assert.not_equal(one, third)
    assert.not_equal(one_events, third_events)
  end)

  it("keeps the branches of a handler apart", function()
    local run = torture {
      ["RouterJobReceived.lua"] = [[
return function(event)
  local function post(name)
    return function()
      http.post("https://x.example/" .. name, { headers = { ["Idempotency-Key"] = uuid() } })
      state.increment(name)
      http.post("https://x.example/" .. name, { headers = { ["Idempotency-Key"] = uuid() } })
    end
  end
  all { post "a", post "a", post "b" }
end]],
    }
    assert.equal(0, run.status, run.stdout)
    has_not(run.stdout, "the host:")
    has_not(run.stdout, "by the host")
    assert.is_true(tonumber(run.stdout:match "(%d+) crashes") >= 6, run.stdout)
  end)

  it("raises what scripts put off, across crashes, and lets time pass in a sleep", function()
    local run = torture {
      ["RouterJobReceived.lua"] = [[
return function(event)
  local before = os.time()
  sleep(20)
  if os.time() - before < 20 then error "no time passed" end
  after(3600 / 12, "look", { job = event.data.jobId, at = os.time() })
end]],
      ["local/look.lua"] = [[
return function(event)
  if os.time() - event.data.at < 300 then error "too early" end
  http.post("https://crm.example.com/looked", { json = event.data })
end]],
    }
    has_not(run.stdout, "parked, ")
    has(run.stdout, "0 parked")
    has(run.stdout, "scripts/local/look.lua:3: http.post was done twice")
  end)

  it("takes a scenario, and names the handlers that it has no events for", function()
    local files = {
      ["RouterJobWaitingForActivation.lua"] = activate,
      ["RouterWorkerDeleted.lua"] = "return function() end",
      ["lib/words.lua"] = "return {}",
    }
    local scenario = host.source .. "/examples/scenarios/callbacks.lua"
    local run = torture(files, { "--length", "1h", "--scenario", scenario })
    assert.equal("", run.stderr)
    assert.equal(0, run.status, run.stdout)
    has(run.stdout, "no event came for them: RouterWorkerDeleted.lua\n")
    assert.is_true(tonumber(run.stdout:match "(%d+) crashes") >= 3, run.stdout)
    run = host.run { "sim", "--torture", "scripts", "--to", "http://127.0.0.1:1/events" }
    assert.equal(2, run.status)
  end)

  it("lets the shipped scripts through", function()
    local run = host.run { "sim", "--torture", host.source .. "/scripts", "--seed", "3" }
    assert.equal("", run.stderr)
    assert.equal(0, run.status, run.stdout)
    has(run.stdout, "No harm")
    assert.is_true(tonumber(run.stdout:match "(%d+) crashes") >= 6, run.stdout)
    assert.is_true(tonumber(run.stdout:match "(%d+) duplicates") >= 20, run.stdout)
    has(run.stdout, " 0 parked")
  end)

  it("would see a journal that forgets", function()
    local run = torture({ ["RouterJobWaitingForActivation.lua"] = activate }, { fault = "host.forget:1:fail*" })
    assert.equal(1, run.status)
    has(run.stdout, "scripts/RouterJobWaitingForActivation.lua:2: router.jobs.activate was done again by the host")
    has(run.stdout, "its answer was journaled, and the host asked again")
  end)

  it("leaves no store behind", function()
    local folder = host.folder()
    host.make_folders(folder .. "/scripts")
    host.write(folder .. "/scripts/RouterJobWaitingForActivation.lua", activate)
    local run = host.run({ "sim", "--torture", "scripts", "--length", "2m" },
      { folder = folder, environment = { TMPDIR = folder } })
    assert.equal(0, run.status, run.stdout)
    assert.equal("", host.run_program({ "find", folder, "-name", "switchhook-torture*" }).stdout)
  end)

  it("says what is wrong with its options and with scripts that do not load", function()
    local run = torture { ["RouterJobQueued.lua"] = "return function(event" }
    assert.equal(1, run.status)
    has(run.stderr, "the scripts do not load: RouterJobQueued.lua:1")
    run = host.run { "sim", "--torture", "nowhere" }
    assert.equal(1, run.status)
    has(run.stderr, "cannot read the folder nowhere")
    local wrong = { { "--length", "5" }, { "--length", "0s" }, { "--crashes", "-1" }, { "--crashes", "x" } }
    for _, words in ipairs(wrong) do
      run = host.run { "sim", "--torture", "nowhere", table.unpack(words) }
      assert.equal(2, run.status)
      has(run.stderr, words[1])
    end
    run = host.run { "sim", "--crashes", "3" }
    assert.equal(2, run.status)
    has(run.stderr, "--crashes goes with --torture SCRIPTS")
  end)
end)
