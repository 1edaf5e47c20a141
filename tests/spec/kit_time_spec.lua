-- The kit's clock, moved by hand: sleeps, timers, retries, lanes, and scripts that change meanwhile.
local folder = require "kit_folder"

local function operations(run)
  local names = {}
  for i, step in ipairs(run.steps) do
    names[i] = step[1] .. (type(step[2]) == "string" and " " .. step[2] or "")
  end
  return names
end

describe("sleep", function()
  it("ends when the clock is moved that far, and not before", function()
    local host = folder.handler [[
      local first = now()
      sleep(30)
      router.jobs.get "j1"
      return now() - first
    ]]
    local run = host:deliver "RouterJobQueued"
    assert.same({ "waiting", "sleep", { { "sleep", 30 } } }, { run.state, run.result, run.steps })
    host:advance(29.5)
    assert.equal("waiting", run.state)
    host:advance(0.5)
    assert.equal("done", run.state)
    assert.equal(30, run.value)
  end)

  it("runs the script again when it is long, and takes no step twice", function()
    local host = folder.handler [[
      log.info "begin"
      local id = uuid()
      router.jobs.get(id)
      sleep(3600)
      log.info "end"
      router.jobs.cancel(id)
    ]]
    local run = host:deliver "RouterJobQueued"
    local calls = 0
    host:answer("router.jobs.get", function()
      calls = calls + 1
    end)
    host:advance(3600)
    assert.equal("done", run.state)
    assert.equal(0, calls)
    assert.equal(3, #run.steps)
    assert.equal(run.steps[1][2], run.steps[3][2])
    assert.equal(1, run.attempts)
    assert.same({ "begin", "end" }, { run.log[1].message, run.log[2].message })
  end)

  it("of several branches ends at each one's moment", function()
    local host = folder.handler [[
      all {
        function() sleep(20) router.jobs.get "late" end,
        function() sleep(10) router.jobs.get "early" end,
      }
    ]]
    local run = host:deliver "RouterJobQueued"
    host:advance(10)
    assert.equal("router.jobs.get early", operations(run)[3])
    host:advance(100)
    assert.equal("router.jobs.get late", operations(run)[4])
    assert.equal("done", run.state)
  end)
end)

describe("after", function()
  local scripts = {
    ["RouterJobQueued.lua"] = [[return function(event)
      state.set("timer", after(60, "remind", { job = event.data.jobId }))
    end]],
    ["RouterJobCancelled.lua"] = "return function() return cancel(state.get 'timer') end",
    ["local/remind.lua"] = "return function(event) router.jobs.get(event.data.job) return event end",
  }

  it("raises an event for its script", function()
    local host = folder.load(scripts)
    host:deliver("RouterJobQueued", { jobId = "j1" })
    host:advance(59)
    assert.equal(1, #host.runs)
    host:advance(1)
    local run = host.runs[2]
    assert.equal("local/remind.lua", run.handler)
    assert.same({ { "router.jobs.get", "j1" } }, run.steps)
    assert.same({ "Switchhook.Local.remind", host.runs[1].event.subject }, { run.value.type, run.value.subject })
    host:advance(1000)
    assert.equal(2, #host.runs)
  end)

  it("is cancelled, once", function()
    local host = folder.load(scripts)
    host:deliver("RouterJobQueued", { jobId = "j1" })
    assert.is_true(host:deliver("RouterJobCancelled", { jobId = "j1" }).value)
    assert.is_false(host:deliver("RouterJobCancelled", { jobId = "j1" }).value)
    host:advance(100)
    assert.equal(3, #host.runs)
  end)

  it("says which script is missing", function()
    local host = folder.handler "after(1, 'nobody', {})"
    host:deliver "RouterJobQueued"
    local raised = folder.raised(host.advance, host, 1)
    assert.is_truthy(raised:find("no handler for Switchhook.Local.nobody: looked for ", 1, true), raised)
    assert.is_truthy(raised:find("local/nobody.lua", 1, true), raised)
  end)
end)

describe("a run that failed", function()
  it("is tried again as the policy says, with what the journal holds", function()
    local host = folder.handler [[
      router.jobs.get "a"
      router.jobs.activate "b"
      return event.attempt
    ]]
    local gets = 0
    host:answer("router.jobs.get", function()
      gets = gets + 1
      return {}
    end)
    host:fail("router.jobs.activate", { status = 503, times = 2 })
    local run = host:deliver "RouterJobQueued"
    assert.same({ "waiting", "answer", 503 }, { run.state, run.result, run.error.status })
    host:advance(0.9)
    assert.equal(1, run.attempts)
    host:advance(0.1)
    assert.same({ "waiting", 2 }, { run.state, run.attempts })
    host:advance(2)
    assert.same({ "done", 3, 3 }, { run.state, run.attempts, run.value })
    assert.equal(1, gets)
    local activate = "router.jobs.activate b"
    assert.same({ "router.jobs.get a", activate, activate, activate }, operations(run))
    assert.is_true(run.journal[2].forgotten and run.journal[3].forgotten)
    assert.is_nil(run.journal[4].forgotten)
    assert.is_true(run.journal[3].repeated)
    assert.is_nil(run.error)
  end)

  it("keeps an error on which the handler acted, and forgets what followed", function()
    local host = folder.handler [[
      if not pcall(router.jobs.get, "a") then
        all { function() router.jobs.get "b" end, function() router.jobs.get "c" end }
      end
    ]]
    host:fail("router.jobs.get", { status = 503, times = 3 })
    local run = host:deliver "RouterJobQueued"
    host:advance(1)
    assert.equal("done", run.state)
    local get = "router.jobs.get "
    assert.same({ get .. "a", get .. "b", get .. "c", get .. "b", get .. "c" }, operations(run))
    assert.is_nil(run.journal[1].forgotten)
  end)

  it("asks http anew after a status that the handler does not take", function()
    local host = folder.handler [[
      local answer = http.get "https://crm.example.com/"
      if answer.status >= 500 then error { message = "it is not well", retryable = true } end
    ]]
    local status = 503
    host:answer("http.get", function()
      return { status = status }
    end)
    local run = host:deliver "RouterJobQueued"
    assert.same({ "waiting", "it is not well" }, { run.state, run.reason })
    status = 200
    host:advance(1)
    assert.same({ "done", 2 }, { run.state, run.attempts })
  end)

  it("waits as long as the answer asks for", function()
    local host = folder.handler "router.jobs.get 'a'"
    host:fail("router.jobs.get", { status = 429, retry_after = 90, times = 1 })
    local run = host:deliver "RouterJobQueued"
    host:advance(89)
    assert.equal("waiting", run.state)
    host:advance(1)
    assert.equal("done", run.state)
  end)

  it("keeps an error on which the script acted", function()
    local host = folder.handler [[
      if not pcall(router.jobs.get, "a") then
        state.increment "without a"
        router.jobs.get "b"
      end
    ]]
    host:fail("router.jobs.get", { status = 503 })
    local run = host:deliver "RouterJobQueued"
    assert.equal("waiting", run.state)
    host:answer("router.jobs.get", {})
    host:advance(10)
    assert.same(
      { "router.jobs.get a", "state.increment without a", "router.jobs.get b", "router.jobs.get b" },
      operations(run)
    )
    assert.equal("done", run.state)
  end)

  it("is parked after the handler's own number of attempts", function()
    local host = folder.load {
      ["RouterJobQueued.lua"] = [[return {
        retry = { attempts = 3, first_seconds = 10, factor = 1 },
        handle = function() router.jobs.get "a" end,
      }]],
    }
    host:fail("router.jobs.get", { status = 500 })
    local run = host:deliver "RouterJobQueued"
    host:advance(20)
    assert.same({ "parked", 3 }, { run.state, run.attempts })
    assert.matches("^all attempts used up: router.jobs.get: 500 ", run.reason)
  end)

  it("is parked at once for what another try cannot help, unless the script says so", function()
    local host = folder.handler "router.jobs.get 'a'"
    host:fail("router.jobs.get", { status = 404 })
    assert.equal("parked", host:deliver("RouterJobQueued").state)
    host = folder.handler [[
      local ok, raised = pcall(router.jobs.get, "a")
      if not ok then raised.retryable = true error(raised) end
    ]]
    host:fail("router.jobs.get", { status = 404, times = 1 })
    local run = host:deliver "RouterJobQueued"
    assert.equal("waiting", run.state)
    host:advance(1)
    assert.equal("done", run.state)
  end)

  it("is parked when the event's deadline comes first", function()
    local host = folder.load { ["RouterWorkerOfferIssued.lua"] = "return function() router.jobs.get 'a' end" }
    host:fail("router.jobs.get", { status = 503 })
    host:set_time "2026-03-02T09:00:00Z"
    local offer = { workerId = "w", offerId = "o", jobId = "j", expiresOn = "2026-03-02T09:00:10Z" }
    local run = host:deliver("RouterWorkerOfferIssued", offer)
    host:advance(60)
    assert.same({ "parked", 4 }, { run.state, run.attempts })
    assert.matches("^past the event's deadline: ", run.reason)
  end)
end)

describe("a lane", function()
  it("holds later events of the job while one waits, and nobody else's", function()
    local host = folder.handler "sleep(10) router.jobs.get(event.data.jobId)"
    local first = host:deliver("RouterJobQueued", { jobId = "j1" })
    local second = host:deliver("RouterJobQueued", { jobId = "j1" })
    local other = host:deliver("RouterJobQueued", { jobId = "j2" })
    assert.same({ "waiting", "queued", "waiting" }, { first.state, second.state, other.state })
    host:advance(10)
    assert.same({ "done", "waiting", "done" }, { first.state, second.state, other.state })
    host:advance(10)
    assert.equal("done", second.state)
  end)

  it("goes on past a retry that does not hold it", function()
    local host = folder.handler("if event.data.bad then router.jobs.get 'a' end", { retry = { hold = false } })
    host:fail("router.jobs.get", { status = 503 })
    local first = host:deliver("RouterJobQueued", { jobId = "j1", bad = true })
    local second = host:deliver("RouterJobQueued", { jobId = "j1" })
    assert.same({ "waiting", "done" }, { first.state, second.state })
  end)
end)

describe("state with a time", function()
  it("is gone when that is over", function()
    local host = folder.handler "state.set('k', 1, { ttl = 10 })"
    host:deliver "RouterJobQueued"
    host:advance(9)
    assert.equal(1, host.state.k)
    host:advance(1)
    assert.is_nil(host.state.k)
  end)
end)

describe("host:reload", function()
  it("takes mended scripts: what a bug had failed goes through", function()
    local host, path = folder.load { ["RouterJobQueued.lua"] = "return function() router.jobs.get 'a' nope() end" }
    local run = host:deliver "RouterJobQueued"
    assert.equal("parked", run.state)
    local before = run.error
    host:reload()
    assert.equal(before, run.error) -- nothing changed: it was not tried
    folder.write(path, {
      ["RouterJobQueued.lua"] = "return function() router.jobs.get 'a' router.jobs.get 'b' end",
    })
    host:reload()
    assert.equal("done", run.state)
    assert.same({ "router.jobs.get a", "router.jobs.get b" }, operations(run))
  end)

  it("keeps the old scripts when the new ones do not load", function()
    local host, path = folder.load { ["RouterJobQueued.lua"] = "return function() return 1 end" }
    folder.write(path, { ["RouterJobQueued.lua"] = "return" })
    local raised = folder.raised(host.reload, host)
    assert.is_truthy(raised:find("RouterJobQueued.lua:1: the script returns nothing", 1, true), raised)
    assert.equal(1, host:deliver("RouterJobQueued").value)
  end)

  it("goes on with new scripts where a long sleep was, and with the old ones in a short one", function()
    for seconds, value in pairs { [50] = "old", [5000] = "new" } do
      local host, path = folder.load {
        ["RouterJobQueued.lua"] = ("return function() sleep(%d) return 'old' end"):format(seconds),
      }
      local run = host:deliver "RouterJobQueued"
      folder.write(path, {
        ["RouterJobQueued.lua"] = ("return function() sleep(%d) return 'new' end"):format(seconds),
      })
      host:reload()
      host:advance(seconds)
      assert.equal(value, run.value)
    end
  end)

  it("parks what waits for a handler that is gone", function()
    local host, path = folder.load {
      ["RouterJobQueued.lua"] = "return function() router.jobs.get 'a' end",
      ["default.lua"] = "return function() end",
    }
    host:fail("router.jobs.get", { status = 503 })
    local run = host:deliver "RouterJobQueued"
    assert(os.remove(path .. "/RouterJobQueued.lua"))
    host:reload()
    host:advance(1)
    assert.same({ "parked", "handler removed" }, { run.state, run.result })
  end)
end)

describe("the clock", function()
  it("is the spec's: a start, a zone, and no more than it is moved", function()
    local host = folder.handler("return os.date '%Y-%m-%d %H:%M'", {
      time = "2026-07-01T22:30:00Z",
      timezone = "Europe/Berlin",
    })
    local utc = folder.handler("return os.date '%H:%M'", { time = 1782945000 })
    assert.equal("2026-07-02 00:30", host:deliver("RouterJobQueued").value)
    assert.equal("22:30", utc:deliver("RouterJobQueued").value)
    assert.equal("2026-07-02 00:30", host:deliver("RouterJobQueued").value)
    host:advance(90)
    assert.equal(1782945090, host:now())
  end)

  it("says what is wrong", function()
    local host = folder.handler "return 1"
    assert.matches("host:advance takes seconds", folder.raised(host.advance, host, -1))
    assert.matches("host:advance takes seconds", folder.raised(host.advance, host, 0 / 0))
    assert.matches("host:set_time: a time is", folder.raised(host.set_time, host, "noon"))
    assert.matches("kit.load: a time is", folder.raised(folder.load, {}, { time = "noon" }))
  end)
end)

