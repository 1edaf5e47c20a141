-- Mend, save, and what a mistake in a script had parked goes through by itself.
local host = require "host"
local ledger = require "ledger"

local BROKEN = [[return function(event)
  router.jobs.get(event.data.jobId)
  return event.data.queue.name
end]]
local MENDED = BROKEN:gsub("event%.data%.queue%.name", "event.data.name")
local MEND = "its script was mended: it is tried again"

local function serve(router, scripts)
  return host.serve { config = router.config, scripts = scripts }
end

local function deliver(server, name, job)
  assert.equal(200, server:deliver({ host.event(name, { jobId = job }) }).status)
end

-- Returns when the scripts are live as they are now.
local function save(server, name, text)
  local mark = server:mark()
  server:write(name, text)
  server:wait_line("scripts are live", mark)
end

local function mended_count(server)
  local _, count = server:stderr():gsub(MEND, "")
  return count
end

-- What was to be tried again in the scripts of now has been by the time that a newer event is over: parked ones
-- are looked at when scripts go live, before anything is handed out to them.
local function assert_left_alone(server, seq, count)
  deliver(server, "RouterJobClosed", "barrier" .. seq .. count)
  host.wait_until(function()
    local newest = server:api("/api/events?limit=1").json.events[1]
    return newest.seq > seq and (newest.state == "done" or newest.state == "unhandled")
  end, "the event after it")
  assert.equal("parked", server:api("/api/events/" .. seq).json.state)
  assert.equal(count, mended_count(server))
end

describe("a run that a mistake in its script has parked", function()
  it("goes through when the script is mended, with the steps that it had", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = BROKEN, ["RouterJobClosed.lua"] = MENDED })
    deliver(server, "RouterJobQueued", "j1")
    assert.equal("error", server:wait_state(1, "parked").runs[1].result)
    save(server, "RouterJobQueued.lua", MENDED)
    local run = server:wait_state(1, "done").runs[1]
    assert.equal(1, #run.steps)
    assert.equal(1, router:asked "GET /routing/jobs/j1")
    assert.equal(1, mended_count(server))
    server:stop()
  end)

  it("is tried once for each change of it, and not for changes of others", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = BROKEN })
    deliver(server, "RouterJobQueued", "j1")
    server:wait_state(1, "parked")
    save(server, "RouterJobClosed.lua", "return function() end")
    assert_left_alone(server, 1, 0)
    local mark = server:mark()
    save(server, "RouterJobQueued.lua", "-- still wrong\n" .. BROKEN)
    server:wait_line("run: parked.*RouterJobQueued%.lua:4", mark)
    save(server, "RouterJobClosed.lua", "return function() return 1 end")
    assert_left_alone(server, 1, 1)
    save(server, "RouterJobQueued.lua", MENDED)
    server:wait_state(1, "done")
    assert.equal(2, mended_count(server))
    server:stop()
  end)

  it("goes through when a module is mended", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued.lua"] = [[local names = require "names"
        return function(event) return names.of(event) end]],
      ["lib/names.lua"] = "return { of = function(event) return event.data.queue.name end }",
    })
    deliver(server, "RouterJobQueued", "j1")
    server:wait_state(1, "parked")
    save(server, "lib/names.lua", "return { of = function(event) return event.data.jobId end }")
    server:wait_state(1, "done")
    server:stop()
  end)

  it("goes through when the script was mended while the host was down", function()
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = BROKEN })
    deliver(server, "RouterJobQueued", "j1")
    server:wait_state(1, "parked")
    server:stop()
    server:write("RouterJobQueued.lua", MENDED)
    server = server:again()
    server:wait_state(1, "done")
    server:stop()
  end)

  it("goes through, too, when it still ran in the old scripts as the new ones went live", function()
    local router = ledger.open()
    local is_held = true
    router.is_held = function()
      return is_held
    end
    local server = serve(router, { ["RouterJobQueued.lua"] = BROKEN })
    deliver(server, "RouterJobQueued", "j1")
    router:wait_asked "GET /routing/jobs/j1"
    save(server, "RouterJobQueued.lua", MENDED)
    is_held = false
    server:wait_line "run: parked"
    server:wait_state(1, "done")
    assert.equal(1, router:asked "GET /routing/jobs/j1")
    server:stop()
  end)

  it("goes through with all the others, however many", function()
    local COUNT = 450
    local router = ledger.open()
    local server = serve(router, { ["RouterJobQueued.lua"] = BROKEN })
    local batch = {}
    for i = 1, COUNT do
      batch[i] = host.event("RouterJobQueued", { jobId = "j" .. i })
    end
    assert.equal(200, server:deliver(batch).status)
    local function wait_all(what)
      host.wait_until(function()
        return server:api("/api/status").json.sinceStart[what] == COUNT
      end, "all to be " .. what)
    end
    wait_all "parked"
    save(server, "RouterJobQueued.lua", MENDED)
    wait_all "done"
    assert.equal(COUNT, #router.paths)
    server:stop()
  end)

  it("goes through as one of several handlers, the others are left alone", function()
    local router = ledger.open()
    local server = serve(router, {
      ["RouterJobQueued/first.lua"] = BROKEN,
      ["RouterJobQueued/second.lua"] = [[return function() router.jobs.get "second" end]],
    })
    deliver(server, "RouterJobQueued", "j1")
    server:wait_state(1, "parked")
    save(server, "RouterJobQueued/first.lua", MENDED)
    server:wait_state(1, "done")
    assert.equal(1, router:asked "GET /routing/jobs/second")
    assert.equal(1, router:asked "GET /routing/jobs/j1")
    server:stop()
  end)
end)

describe("a run that was parked for another reason is not tried again:", function()
  local reasons = {
    ["fail()"] = [[return function(event) fail "no such queue" end]],
    ["an answer that will not change"] = [[return function(event) router.jobs.get(event.data.jobId) end]],
  }
  for name, script in pairs(reasons) do
    it(name, function()
      local router = ledger.open()
      router.answer = function()
        return 404, {}, "{}"
      end
      local server = serve(router, { ["RouterJobQueued.lua"] = script })
      deliver(server, "RouterJobQueued", "j1")
      server:wait_state(1, "parked")
      save(server, "RouterJobQueued.lua", "return function() end")
      assert_left_alone(server, 1, 0)
      server:stop()
    end)
  end
end)
