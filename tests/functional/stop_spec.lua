-- Stopping, starting again, and a store that cannot be written: what is under way is finished or goes on later.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local scripts = {
  ["RouterJobQueued.lua"] = [[return function(event)
    router.jobs.activate(event.data.jobId)
    router.jobs.complete(event.data.jobId, "a1")
  end]],
}

local function event_of(job)
  return host.event("RouterJobQueued", { jobId = job })
end

local function deliver(server, job)
  assert.equal(200, server:deliver({ event_of(job) }).status)
end

-- A host whose first event waits for an answer of the Job Router.
local function serve_held(config, options)
  local router = ledger.open()
  router.is_held = function()
    return true
  end
  local all = { config = router.config .. (config or ""), scripts = scripts }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  local server = host.serve(all)
  deliver(server, "j1")
  router:wait_asked "PATCH /routing/jobs/j1"
  return server, router
end

local function steps_of(server, seq)
  local event = server:wait_state(seq, "done")
  assert.equal(1, #event.runs)
  assert.equal(1, event.runs[1].attempt)
  return event.runs[1].steps
end

-- What a sender hears of a host that stops: a 503, or that nobody listens any more.
local function assert_refused(server)
  local is_answered, answer = pcall(server.deliver, server, { event_of "late" })
  if is_answered then
    assert.equal(503, answer.status)
    assert.is_truthy(answer.headers["retry-after"])
  end
end

describe("a stop", function()
  for _, name in ipairs { "SIGTERM", "SIGINT" } do
    it("finishes what is under way and takes nothing new: " .. name, function()
      local server, router = serve_held()
      local mark = server:mark()
      server:signal(native[name])
      server:wait_line("stopping", mark)
      assert_refused(server)
      assert.is_true(server:is_running())
      router.is_held = nil
      assert.same({ "exit", 0 }, { server:wait_exit() })
      server = server:again()
      for _, step in ipairs(steps_of(server, 1)) do
        assert.is_false(step.repeated)
      end
      assert.equal(2, #router.paths)
      assert.equal(404, server:api("/api/events/2").status)
      server:stop()
    end)
  end

  it("leaves what waits behind for the next start", function()
    local server, router = serve_held()
    deliver(server, "j1")
    local mark = server:mark()
    server:signal(native.SIGTERM)
    server:wait_line("stopping", mark)
    router.is_held = nil
    assert.same({ "exit", 0 }, { server:wait_exit() })
    assert.equal(0, router.count["2-1"] or 0)
    server = server:again()
    steps_of(server, 2)
    assert.equal(1, router.count["2-1"])
    server:stop()
  end)

  local impatient = {
    ["when the time to drain is over"] = function(server)
      server:signal(native.SIGTERM)
    end,
    ["at the second signal"] = function(server)
      local mark = server:mark()
      server:signal(native.SIGTERM)
      server:wait_line("stopping", mark)
      server:signal(native.SIGTERM)
    end,
  }
  for what, ask in pairs(impatient) do
    it("does not wait for ever, " .. what .. ", and tells the script of the repetition", function()
      local seconds = what:find "time" and 1 or 600
      local server, router = serve_held(("limits = { drain_seconds = %d }"):format(seconds))
      ask(server)
      assert.same({ "exit", 0 }, { server:wait_exit() })
      router.is_held = nil
      server = server:again()
      local steps = steps_of(server, 1)
      assert.is_true(steps[1].repeated)
      assert.is_false(steps[2].repeated)
      assert.equal(2, router.count["1-1"])
      assert.equal(1, router.count["1-2"])
      server:stop()
    end)
  end
end)

-- From now on no file of its may grow beyond that.
local function allow(server, bytes)
  local program = { "prlimit", "--pid", tostring(server.pid), "--fsize=" .. bytes .. ":" }
  assert.equal(0, host.run_program(program).status)
end

describe("a store", function()
  it("belongs to one host", function()
    local server = host.serve { scripts = scripts }
    local other = host.run({ "serve", "-c", server.folder .. "/switchhook.lua" }, { folder = server.folder })
    assert.equal(1, other.status)
    local words = ("another switchhook (pid %d) has "):format(server.pid)
    assert.is_truthy(other.stderr:find(words, 1, true), other.stderr)
    assert.is_truthy(other.stderr:find("switchhook.db open: stop it, or name another store", 1, true))
    deliver(server, "j1")
    server:stop()
  end)

  it("of a newer version is left alone", function()
    local server = host.serve { scripts = scripts }
    server:stop()
    local path = server.folder .. "/switchhook.db"
    local file = assert(io.open(path, "r+b"))
    file:seek("set", 60) -- SQLite's user_version, sqlite.org/fileformat.html
    file:write "\0\0\3\232"
    file:close()
    local before = host.read(path)
    local result = host.run({ "serve", "-c", server.folder .. "/switchhook.lua" }, { folder = server.folder })
    assert.equal(1, result.status)
    assert.is_truthy(result.stderr:find("written by a newer switchhook (layout 1000", 1, true), result.stderr)
    assert.equal(before, host.read(path))
  end)

  it("without room refuses deliveries, and what is under way goes on when there is room", function()
    local server, router = serve_held()
    allow(server, 4096)
    local refused = event_of "j2"
    local answer = server:deliver { refused }
    assert.equal(503, answer.status)
    assert.is_truthy(tonumber(answer.headers["retry-after"]))
    assert.equal("disk_full", answer.json.error.code)
    router.is_held = nil
    host.wait_until(function() -- it was answered, and nothing came of it yet
      return server:api("/api/status").json.sinceStart.steps == 1
    end, "the answer")
    assert.equal(503, server:deliver({ refused }).status)
    assert.equal(1, #router.paths)
    assert.same({}, server:api("/api/events/1").json.runs)
    allow(server, "unlimited")
    for _, step in ipairs(steps_of(server, 1)) do
      assert.is_false(step.repeated)
    end
    assert.same({ stored = 1, duplicates = 0, quarantined = 0 }, server:deliver({ refused }).json)
    steps_of(server, 2)
    for id, count in pairs(router.count) do
      assert.equal(1, count, id)
    end
    assert.is_true(server:is_running())
    server:stop()
  end)

  it("without room does not keep the host from stopping, nor does a log without room", function()
    local server = host.serve { scripts = scripts }
    allow(server, 0)
    assert.equal(503, server:deliver({ event_of "j1" }).status)
    server:stop()
    server = server:again()
    deliver(server, "j1")
    server:stop()
  end)

  it("that breaks ends the host, and the next one goes on", function()
    -- Commits: the scripts and the delivery, in one or two, then the steps.
    local server, router = serve_held(nil, { environment = { SWITCHHOOK_FAULT = "store.sync:3:fail" } })
    router.is_held = nil
    local how, status = server:wait_exit()
    assert.same({ "exit", 1 }, { how, status })
    assert.is_truthy(server:stderr():find("the store is broken", 1, true))
    server = server:again { environment = {} }
    -- The commit whose sync failed may be there, with the next step's intent or without: a step that was sent
    -- twice says so, and none was left out.
    local steps = steps_of(server, 1)
    assert.equal(2, #steps)
    for number, step in ipairs(steps) do
      local count = router.count["1-" .. number]
      assert.is_true(count == 1 or (count == 2 and step.repeated))
    end
    server:stop()
  end)
end)
