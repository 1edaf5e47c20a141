-- What an operator does to a running host: replay, pause, resume, backup, check.
local host = require "host"
local ledger = require "ledger"

local QUICK = "retry = { first_seconds = 0.05, factor = 1, attempts = 3 }\n"

local function deliver(server, name, data)
  local answer = server:deliver { host.event(name, data) }
  assert.equal(200, answer.status)
end

local function run(server, ...)
  return host.run({ ... }, { folder = server.folder })
end

-- The exit status, with the words that it ends with.
local function expect(found, status, words)
  assert.equal(status, found.status, found.stdout .. found.stderr)
  local text = status == 0 and found.stdout or found.stderr
  assert.is_truthy(text:find(words, 1, true), ("%q is not in %q"):format(words, text))
  assert.equal("", status == 0 and found.stderr or found.stdout)
end

local function settle(server)
  server:write_port()
  return server
end

local function serve(options)
  return settle(host.serve(options))
end

local function post(server, path, json, headers)
  return server:api(path, { method = "POST", json = json, headers = headers })
end

local function status_of(server)
  return server:api("/api/status").json
end

describe("switchhook replay", function()
  local COUNTING = [[
    return function(event)
      router.jobs.get(event.data.jobId)
      if not %s then fail "not mended" end
      router.jobs.activate(event.data.jobId)
    end
  ]]

  it("runs what is parked again, with the scripts of now and with what is journaled", function()
    local router = ledger.open()
    local scripts = { ["RouterJobQueued.lua"] = COUNTING:format "false" }
    local server = serve { config = router.config, scripts = scripts }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    deliver(server, "RouterJobQueued", { jobId = "j2" })
    server:wait_state(1, "parked")
    server:wait_state(2, "parked")
    -- Not mended: parked again.
    expect(run(server, "replay", "1"), 0, "event 1: 1 run again\n")
    server:wait_state(1, "parked")
    local generation = status_of(server).generation
    server:write("RouterJobQueued.lua", COUNTING:format "true")
    host.wait_until(function()
      return status_of(server).generation ~= generation
    end, "the mended script to be live")
    -- `fail` was the script's decision: it does not go through by itself.
    assert.equal("parked", server:wait_state(1, "parked").state)
    expect(run(server, "replay", "--parked"), 0, "event 1: 1 run again\nevent 2: 1 run again\n")
    for seq = 1, 2 do
      local event = server:wait_state(seq, "done")
      assert.equal(2, #event.runs[1].steps)
      assert.equal(1, event.runs[1].attempt)
      assert.equal(1, router:asked("GET /routing/jobs/j" .. seq))
      assert.equal(1, router:asked("PATCH /routing/jobs/j" .. seq))
    end
    local nothing = run(server, "replay", "--parked")
    assert.equal(0, nothing.status)
    assert.equal("nothing is parked\n", nothing.stderr)
    server:stop()
  end)

  it("takes all runs from the start, those that are done too", function()
    local router = ledger.open()
    local server = serve { config = router.config, scripts = { ["RouterJobQueued.lua"] = COUNTING:format "true" } }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    server:wait_state(1, "done")
    expect(run(server, "replay", "1"), 1, "--from-start")
    expect(run(server, "replay", "1", "--from-start"), 0, "event 1: 1 run again")
    host.wait_until(function()
      return router:asked "PATCH /routing/jobs/j1" == 2
    end, "the job to be activated again")
    local event = server:wait_state(1, "done")
    assert.equal(4, #event.runs[1].steps)
    for i, step in ipairs(event.runs[1].steps) do
      assert.equal(i <= 2, step.forgotten)
    end
    server:stop()
  end)

  it("goes past an event's deadline only by force", function()
    local router = ledger.open()
    local server = serve { config = router.config, scripts = {
      ["RouterWorkerOfferIssued.lua"] = [[return function(event) fail "as the test says" end]],
    } }
    deliver(server, "RouterWorkerOfferIssued", {
      jobId = "j1",
      workerId = "w1",
      offerId = "o1",
      expiresOn = "2026-03-01T09:30:00Z",
    })
    server:wait_state(1, "parked")
    local before = server:wait_state(1, "parked").runs[1].finishedAt
    expect(run(server, "replay", "1"), 1, "past its deadline")
    expect(run(server, "replay", "1", "--force"), 0, "event 1: 1 run again")
    host.wait_until(function()
      local event = server:wait_state(1, "parked")
      return event.runs[1].finishedAt ~= before
    end, "the run to be parked anew")
    server:stop()
  end)

  it("refuses what it cannot do, and goes on with the others", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = [[return function() fail "no" end]] } }
    assert.equal(200, server:deliver({ { id = 5 }, host.event("RouterJobQueued", { jobId = "j1" }) }).status)
    server:wait_state(2, "parked")
    local found = run(server, "replay", "99", "2", "1")
    assert.equal(1, found.status)
    assert.equal("event 2: 1 run again\n", found.stdout)
    assert.is_truthy(found.stderr:find("99", 1, true) and found.stderr:find("quarantined", 1, true))
    for _, wrong in ipairs { {}, { "x" }, { "0" }, { "--parked", "1" }, { "-1" }, { "--nonsense", "1" } } do
      assert.equal(2, run(server, "replay", table.unpack(wrong)).status)
    end

    server:wait_state(2, "parked")
    assert.equal(404, post(server, "/api/events/99/replay").status)
    assert.equal(409, post(server, "/api/events/1/replay").status)
    assert.equal(400, post(server, "/api/events/x/replay").status)
    assert.equal(400, post(server, "/api/events//replay").status)
    assert.equal(404, post(server, "/api/events/replay").status)
    for _, body in ipairs { { fromstart = true }, { force = "yes" }, { 1 } } do
      assert.equal(400, post(server, "/api/events/2/replay", body).status)
    end
    -- Not from a page in a browser.
    assert.equal(403, post(server, "/api/events/2/replay", nil, {}).status)
    assert.equal(403, post(server, "/api/pause", nil, {}).status)
    local foreign = { ["X-Switchhook"] = "1", Host = "evil.example" }
    assert.equal(403, post(server, "/api/events/2/replay", nil, foreign).status)
    local answer = post(server, "/api/events/2/replay", { force = true, fromStart = false })
    assert.same({ seq = 2, runs = 1 }, answer.json)
    server:stop()
  end)

  it("leaves alone what is under way", function()
    local router = ledger.open()
    router.is_held = function()
      return true
    end
    local server = serve { config = router.config, scripts = { ["RouterJobQueued.lua"] = COUNTING:format "true" } }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    host.wait_until(function()
      return router:asked "GET /routing/jobs/j1" == 1
    end, "the first step to be under way")
    expect(run(server, "replay", "1", "--from-start"), 1, "being handled")
    assert.equal(409, post(server, "/api/events/1/replay", { fromStart = true }).status)
    router.is_held = nil
    server:wait_state(1, "done")
    server:stop()
  end)
end)

describe("switchhook pause", function()
  local NOTHING = "return function() end"

  local function has_queued(server, seqs)
    for _, seq in ipairs(seqs) do
      assert.equal("queued", server:api("/api/events/" .. seq).json.state)
    end
  end

  it("stops handing out, while deliveries go on being stored", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = NOTHING } }
    expect(run(server, "pause"), 0, "paused\n")
    assert.is_true(status_of(server).paused)
    for i = 1, 5 do
      deliver(server, "RouterJobQueued", { jobId = "j" .. i })
    end
    expect(run(server, "status"), 0, "paused       no runs are handed out")
    host.wait_until(function()
      return status_of(server).events.queued == 5
    end, "the events to be queued")
    has_queued(server, { 1, 2, 3, 4, 5 })
    assert.is_truthy(server:api("/metrics").body:find("\nswitchhook_paused 1\n", 1, true))
    assert.is_truthy(server:api("/metrics").body:find("\nswitchhook_backlog 5\n", 1, true))
    expect(run(server, "resume"), 0, "resumed\n")
    for seq = 1, 5 do
      server:wait_state(seq, "done")
    end
    assert.is_false(status_of(server).paused)
    server:stop()
  end)

  it("takes one handler aside and lets the others run", function()
    local server = serve { scripts = {
      ["RouterJobQueued.lua"] = NOTHING,
      ["RouterJobClosed.lua"] = NOTHING,
      ["RouterJobClosed/second.lua"] = NOTHING,
    } }
    expect(run(server, "pause", "RouterJobQueued"), 0, "paused RouterJobQueued\n")
    expect(run(server, "pause", "RouterJobQueued"), 0, "paused RouterJobQueued\n") -- as it is already
    assert.equal(200, post(server, "/api/pause?handler=RouterJobClosed%2Fsecond.lua").status)
    local status = status_of(server)
    assert.is_false(status.paused)
    assert.same({ "RouterJobQueued.lua", "RouterJobClosed/second.lua" }, status.pausedHandlers)
    expect(run(server, "status"), 0, "paused       RouterJobQueued.lua\npaused       RouterJobClosed/second.lua\n")
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    deliver(server, "RouterJobClosed", { jobId = "j2" })
    host.wait_until(function()
      local runs = server:api("/api/events/2").json.runs
      return #runs == 2 and (runs[1].state == "done") ~= (runs[2].state == "done")
    end, "the handler that is not paused to run")
    assert.not_equal("done", server:api("/api/events/1").json.state)
    expect(run(server, "resume", "RouterJobQueued.lua"), 0, "resumed RouterJobQueued.lua\n")
    server:wait_state(1, "done")
    assert.same({ "RouterJobClosed/second.lua" }, status_of(server).pausedHandlers)
    expect(run(server, "resume"), 0, "resumed\n")
    server:wait_state(2, "done")
    assert.same({}, status_of(server).pausedHandlers)
    server:stop()
  end)

  it("says which handler it does not know", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = NOTHING } }
    expect(run(server, "pause", "RouterJobQeued"), 1, "there is no handler RouterJobQeued")
    expect(run(server, "resume", "RouterJobQueued"), 1, "not paused")
    assert.equal(404, post(server, "/api/pause?handler=x").status)
    assert.equal(400, post(server, "/api/pause?handler=").status)
    assert.equal(400, post(server, "/api/pause?handlr=RouterJobQueued").status)
    assert.is_false(status_of(server).paused)
    assert.equal(2, run(server, "pause", "a", "b").status)
    assert.equal(2, run(server, "resume", "--all").status)
    server:stop()
  end)

  it("is how a host starts that was asked to", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = NOTHING }, arguments = { "--paused" } }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    host.wait_until(function()
      return status_of(server).events.queued == 1
    end, "the event to be queued")
    assert.is_true(status_of(server).paused)
    has_queued(server, { 1 })
    -- Neither a restart nor a new script lets it go.
    server:write("RouterJobQueued.lua", NOTHING .. " -- changed")
    host.wait_until(function()
      return status_of(server).reload.succeeded == 2
    end, "the changed script to be live")
    server:stop()
    server = server:again()
    has_queued(server, { 1 })
    server:stop()
    server = server:again { arguments = {} }
    server:wait_state(1, "done")
    server:stop()
  end)
end)

describe("switchhook backup", function()
  it("is a whole store, made while the host works", function()
    local server = serve { config = QUICK, scripts = { ["RouterJobQueued.lua"] = [[
      return function(event)
        if event.data.jobId == "bad" then fail "no" end
      end
    ]] } }
    deliver(server, "RouterJobQueued", { jobId = "bad" })
    server:wait_state(1, "parked")
    -- Where the command is given, which is not where the host is.
    local elsewhere = { folder = host.folder() }
    local copy, config = elsewhere.folder .. "/copy.db", server.folder .. "/switchhook.lua"
    local process = host.start({ "backup", "-c", config, "copy.db" }, elsewhere)
    local delivered = 1
    repeat
      local events = {}
      for i = 1, 20 do
        events[i] = host.event("RouterJobQueued", { jobId = "j" .. i })
      end
      assert.equal(200, server:deliver(events).status)
      delivered = delivered + #events
    until not process:is_running() or delivered > 20000
    local how, number = process:wait_exit()
    assert.same({ "exit", 0 }, { how, number }, process:tail())
    assert.equal(copy .. "\n", process:stdout())
    assert.equal("600\n", host.run_program({ "stat", "-c", "%a", copy }).stdout)
    -- Never over something that is there.
    expect(host.run({ "backup", "-c", config, "copy.db" }, elsewhere), 1, "copy.db")
    expect(run(server, "backup", "/nowhere/at/all.db"), 1, "/nowhere/at/all.db")
    assert.equal(2, run(server, "backup").status)
    server:wait_state(delivered, "done")
    server:stop()

    local folder = host.folder()
    host.run_program { "cp", copy, folder .. "/switchhook.db" }
    local second = host.serve {
      folder = folder,
      config = 'store = "sqlite:switchhook.db"',
      scripts = { ["RouterJobQueued.lua"] = "return function() end" },
    }
    assert.equal("parked", second:api("/api/events/1").json.state)
    assert.is_true(second:api("/api/check").json.sound)
    -- What was stored when the copy was made is handled, and what comes then as well.
    local answer = second:api("/api/events?limit=1").json
    local last = #answer.events > 0 and answer.events[1].seq or 1
    deliver(second, "RouterJobQueued", { jobId = "new" })
    second:wait_state(last + 1, "done")
    second:stop()
  end)

  it("says over HTTP what it cannot do", function()
    local server = serve { scripts = {} }
    for _, body in ipairs { { path = "x" }, { file = "" }, { file = 3 }, { file = "x", more = true } } do
      assert.equal(400, post(server, "/api/backup", body).status)
    end
    assert.equal(400, post(server, "/api/backup").status)
    assert.equal(403, post(server, "/api/backup", { file = "x" }, {}).status)
    assert.equal(404, server:api("/api/backup").status)
    local file = host.folder() .. "/copy.db"
    assert.same({ file = file }, post(server, "/api/backup", { file = file }).json)
    assert.equal(409, post(server, "/api/backup", { file = file }).status)
    server:stop()
  end)
end)

describe("switchhook store check", function()
  it("is content with a store that is sound", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = "return function() end" } }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    server:wait_state(1, "done")
    expect(run(server, "store", "check"), 0, "the store is sound\n")
    assert.equal(2, run(server, "store").status)
    assert.equal(2, run(server, "store", "mend").status)
    server:stop()
  end)

  it("finds the damage in one that is not", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = "return function() end" } }
    local events = {}
    for i = 1, 100 do
      events[i] = host.event("RouterJobQueued", { jobId = "j" .. i, filler = ("x"):rep(30000) })
    end
    assert.equal(200, server:deliver(events).status)
    server:wait_state(100, "done")
    server:stop()
    -- A stretch in the middle of the file, as a bad disk would leave it: in the bytes of an event, where nobody
    -- looks at a start.
    local file = assert(io.open(server.folder .. "/switchhook.db", "r+b"))
    local size = file:seek "end"
    file:seek("set", size // 2 // 4096 * 4096)
    file:write(("\xa5"):rep(2 * 4096))
    file:close()
    local damaged = settle(server:again())
    expect(run(damaged, "store", "check"), 1, "the store does not hold together: ")
    local answer = damaged:api("/api/check")
    assert.equal(200, answer.status)
    assert.is_false(answer.json.sound)
    assert.is_true(#answer.json.reason > 0)
    damaged:kill()
  end)
end)
