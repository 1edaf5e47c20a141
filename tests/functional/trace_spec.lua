-- What an operator sees: the recorded events, one event's timeline, the stream, the metrics.
local host = require "host"
local ledger = require "ledger"

local ACTIVATE = [[return function(event) router.jobs.activate(event.data.jobId) end]]
local QUICK = "retry = { first_seconds = 0.05, factor = 1, attempts = 3 }\n"

local function deliver(server, name, data, fields)
  assert.equal(200, server:deliver({ host.event(name, data, fields) }).status)
end

local function run(server, ...)
  return host.run({ ... }, { folder = server.folder, environment = server.options.environment })
end

local function serve(options)
  local server = host.serve(options)
  server:write_port()
  return server
end

local function has(text, words)
  assert.is_truthy(text:find(words, 1, true), ("%q is not in:\n%s"):format(words, text))
end

local function lacks(text, words)
  assert.is_nil(text:find(words, 1, true), ("%q is in:\n%s"):format(words, text))
end

describe("switchhook events", function()
  it("lists the newest first, and those that are asked for", function()
    local server = serve {
      scripts = {
        ["RouterJobQueued.lua"] = "return function() end",
        ["RouterJobClosed.lua"] = "return function() fail 'never' end",
      },
    }
    local none = run(server, "events")
    assert.equal(0, none.status)
    assert.equal("", none.stdout)
    for i = 1, 3 do
      deliver(server, "RouterJobQueued", { jobId = "j" .. i })
    end
    deliver(server, "RouterJobClosed", { jobId = "j1" })
    deliver(server, "RouterJobCompleted", { jobId = "j2" })
    server:wait_state(4, "parked")
    server:wait_state(5, "unhandled")
    server:wait_state(3, "done")

    local lines = {}
    for line in run(server, "events").stdout:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    assert.equal(6, #lines)
    assert.is_truthy(lines[1]:find "^SEQ%s+RECEIVED%s+STATE%s+TYPE%s+OF%s+ID$")
    assert.is_truthy(lines[2]:find "^5%s+%S+Z%s+unhandled%s+RouterJobCompleted%s+j2%s+%S+$")
    assert.is_truthy(lines[3]:find "^4%s+%S+Z%s+parked%s+RouterJobClosed%s+j1%s+%S+$")
    assert.is_truthy(lines[6]:find "^1%s")

    local function count(...)
      local found = run(server, "events", "--json", ...)
      assert.equal(0, found.status, found.stderr)
      return #host.json.decode(found.stdout).events
    end
    assert.equal(2, count("--job", "j1"))
    assert.equal(1, count("--job", "j1", "--type", "RouterJobQueued"))
    assert.equal(3, count("--state", "done"))
    assert.equal(2, count("--limit", "2"))
    assert.equal(0, count("--job", "j1&state=parked"))
    local wrong = run(server, "events", "--state", "finished")
    assert.equal(2, wrong.status)
    has(wrong.stderr, "must be one of queued, running")
    has(server:api("/api/events?state=finished").body, "state is one of queued, running")
    assert.equal(2, run(server, "events", "--nonsense").status)
    assert.equal(2, run(server, "events", "show").status)
    assert.equal(2, run(server, "events", "show", "x").status)
    assert.equal(1, run(server, "events", "show", "99").status)
    server:stop()
  end)

  it("shows what control characters there are and sends none", function()
    local server = serve { scripts = {} }
    deliver(server, "RouterJobQueued", { jobId = "j\27[2J" }, { id = "an\0id\7", subject = "s\n" })
    server:wait_state(1, "unhandled")
    for _, command in ipairs { { "events" }, { "events", "show", "1" } } do
      local shown = run(server, table.unpack(command))
      assert.equal(0, shown.status, shown.stderr)
      has(shown.stdout, [[an\x00id\x07]])
      has(shown.stdout, [[j\x1b[2J]])
      assert.is_nil(shown.stdout:find "[\0-\9\11-\31\127]")
    end
    server:stop()
  end)

  it("says where it looked when there is no host", function()
    local folder = host.folder()
    local port = host.free_port()
    host.write(folder .. "/switchhook.lua", ('admin = "127.0.0.1:%d"\n'):format(port))
    local commands = { { "events" }, { "replay", "1" }, { "pause" }, { "backup", "x" }, { "store", "check" } }
    for _, command in ipairs(commands) do
      local found = host.run(command, { folder = folder })
      assert.equal(1, found.status)
      assert.equal("", found.stdout)
      has(found.stderr, (":%d (is `switchhook serve` running?)"):format(port))
    end
  end)
end)

describe("switchhook events show", function()
  it("tells what became of one event, in the order of time", function()
    local router = ledger.open()
    local server = serve {
      config = router.config .. QUICK,
      scripts = { ["RouterJobQueued.lua"] = [[
        return function(event)
          router.jobs.get(event.data.jobId)
          router.jobs.activate(event.data.jobId, { priority = 7 })
          local function deeper() error("a mistake\nof two lines") end
          deeper()
        end
      ]] },
    }
    local failures = 0
    router.answer = function(request)
      if request.method == "PATCH" and failures < 1 then
        failures = failures + 1
        return 503, {}, '{"error":{"code":"Busy","message":"later"}}'
      end
    end
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    server:wait_state(1, "parked")
    local shown = run(server, "events", "show", "1")
    assert.equal(0, shown.status, shown.stderr)
    local at, text = 1, shown.stdout
    for _, words in ipairs {
      "event 1: parked",
      "job       j1",
      ": received\n",
      "RouterJobQueued.lua: step 1: router.jobs.get [\"j1\"] -> 200",
      'step 2: router.jobs.activate ["j1",{"priority":7}] -> 503 error',
      "[it failed the run: done again when the run goes on]",
      'step 3: router.jobs.activate ["j1",{"priority":7}] -> 200',
      "[repeated: it was perhaps sent before]",
      "RouterJobQueued.lua: parked after attempt 2",
      "a mistake",
      "\n        RouterJobQueued.lua:4: in function 'deeper'",
    } do
      words = words:gsub("^: ", "")
      local found = text:find(words, at, true)
      assert.is_truthy(found, ("%q does not follow in:\n%s"):format(words, text:sub(at)))
      at = found
    end
    lacks(text, "\27")
    -- Times go up.
    local last = ""
    for time in text:gmatch "\n(%d%d%d%d%-%d%d%-%d%dT%S+Z)  " do
      assert.is_true(last <= time)
      last = time
    end
    local exact = run(server, "events", "show", "1", "--json")
    assert.equal(3, #host.json.decode(exact.stdout).runs[1].steps)
    server:stop()
  end)

  it("tells of a run that sleeps until when it does", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = "return function() sleep(3600) end" } }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    server:wait_run(1, "waiting")
    local shown = run(server, "events", "show", "1").stdout
    assert.is_truthy(shown:find "RouterJobQueued%.lua: asleep, goes on at %d%d%d%d%-", shown)
    server:stop()
  end)

  it("shortens long answers", function()
    local router = ledger.open()
    local server = serve { config = router.config, scripts = { ["RouterJobQueued.lua"] = ACTIVATE } }
    router.answer = function()
      return 200, {}, ('{"id":"%s"}'):format(("\xc3\xa4"):rep(5000))
    end
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    server:wait_state(1, "done")
    local shown = run(server, "events", "show", "1").stdout
    assert.is_true(#shown < 2000)
    has(shown, "\xc3\xa4...")
    server:stop()
  end)
end)

-- A listener of /api/stream, and what it has heard as { id =, kind =, data = }.
local function listen(server)
  local connection = host.connect(server.admin_url:match ":(%d+)$")
  connection:send("GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
  connection.head = connection:expect "^(.-\r\n\r\n)%x+\r\n: listening\n\n"
  connection.bytes = connection.bytes:sub(#connection.head + 1)
  connection.content = ""
  return connection
end

-- Takes the chunks off what came.
local function take(connection)
  connection:pull()
  local at, parts = 1, { connection.content }
  while true do
    local size, from = connection.bytes:match("^(%x+)\r\n()", at)
    local to = size and from + tonumber(size, 16) - 1
    if not size or #connection.bytes < to + 2 then
      break
    end
    parts[#parts + 1] = connection.bytes:sub(from, to)
    connection.has_end = tonumber(size, 16) == 0
    at = to + 3
  end
  connection.bytes = connection.bytes:sub(at)
  connection.content = table.concat(parts)
end

local function heard(connection)
  take(connection)
  local found = {}
  for id, kind, data in connection.content:gmatch "id: (%d+)\nevent: (%a+)\ndata: ([^\n]+)\n\n" do
    found[#found + 1] = { id = tonumber(id), kind = kind, data = assert(host.json.decode(data)) }
  end
  return found
end

local function wait_heard(connection, count)
  return host.wait_until(function()
    local found = heard(connection)
    return #found >= count and found
  end, count .. " happenings on the stream", nil, function()
    return connection.content:sub(-2000)
  end)
end

describe("/api/stream", function()
  it("tells what happens in its order, to everybody who listens", function()
    local router = ledger.open()
    local server = serve { config = router.config .. QUICK, scripts = { ["RouterJobQueued.lua"] = ACTIVATE } }
    local first, second = listen(server), listen(server)
    has(first.head, "Content-Type: text/event-stream")
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    local found = wait_heard(first, 3)
    assert.same({ "event", "step", "run" }, { found[1].kind, found[2].kind, found[3].kind })
    assert.same({ "arrived", "answered", "done" }, { found[1].data.what, found[2].data.what, found[3].data.what })
    for i, happening in ipairs(found) do
      assert.equal(found[1].id + i - 1, happening.id)
      assert.equal(1, happening.data.seq)
      assert.equal("RouterJobQueued", happening.data.type)
      assert.equal("j1", happening.data.subject)
      assert.is_truthy(happening.data.at:find "^%d%d%d%d%-%d%d%-%d%dT.*Z$")
    end
    assert.equal("router.jobs.activate", found[2].data.operation)
    assert.equal(200, found[2].data.status)
    assert.is_false(found[2].data.isError)
    assert.equal("RouterJobQueued.lua", found[3].data.handler)
    assert.equal("done", found[3].data.result)
    assert.same(found, wait_heard(second, 3))
    first:close()

    -- Who listens later hears what comes later; one who leaves disturbs nobody.
    router.answer = function()
      return 404, {}, '{"error":{"code":"JobNotFound","message":"no \\"such\\" job"}}'
    end
    local third = listen(server)
    deliver(server, "RouterJobQueued", { jobId = "j2" })
    local later = wait_heard(third, 3)
    assert.equal(found[3].id + 1, later[1].id)
    assert.equal("failed", later[2].data.what)
    assert.equal("JobNotFound", later[2].data.error.code)
    assert.equal("parked", later[3].data.what)
    has(later[3].data.reason, 'no "such" job')
    assert.equal(6, #wait_heard(second, 6))
    server:stop()
    second:rest()
    take(second)
    assert.is_true(second.has_end)
  end)

  it("tells of every step, and counts it, whoever answers it", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = [[
      return function(event)
        state.set("k", 1)
        step("s", function() return 2 end)
        cancel(after(3600, "later"))
      end
    ]], ["local/later.lua"] = "return function() end" } }
    local listener = listen(server)
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    local found = wait_heard(listener, 6)
    local text = server:api("/metrics").body
    for i, operation in ipairs { "state.set", "step", "after", "cancel" } do
      assert.equal("step", found[i + 1].kind)
      assert.equal("answered", found[i + 1].data.what)
      assert.equal(operation, found[i + 1].data.operation)
      has(text, ('switchhook_steps_total{operation="%s",status="ok"} 1\n'):format(operation))
    end
    assert.equal("done", found[6].data.what)
  end)

  it("tells of reloads, good and bad, of retries and of workers that end", function()
    local server = serve {
      config = QUICK .. "workers = 1 limits = { slice_ms = 100 }",
      scripts = { ["RouterJobQueued.lua"] = "return function() end" },
    }
    local connection = listen(server)
    server:write("RouterJobQueued.lua", "return function( end")
    local found = wait_heard(connection, 1)
    assert.same({ "reload", "refused" }, { found[1].kind, found[1].data.what })
    has(found[1].data.reason, "RouterJobQueued.lua:1")
    server:write("RouterJobQueued.lua", "return function() while true do end end")
    found = wait_heard(connection, 2)
    assert.same({ "reload", "live" }, { found[2].kind, found[2].data.what })
    assert.equal(32, #found[2].data.generation)
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    found = wait_heard(connection, 5)
    assert.same({ "worker", "ended" }, { found[4].kind, found[4].data.what })
    assert.equal("slice", found[4].data.result)
    assert.same({ "run", "waiting", "killed", 1 }, {
      found[5].kind,
      found[5].data.what,
      found[5].data.result,
      found[5].data.attempt,
    })
    assert.is_string(found[5].data.dueAt)
    server:wait_state(1, "parked")
    server:stop()
  end)

  it("closes those who do not read, and is heard by the others all the while", function()
    local server = serve { scripts = { ["RouterJobQueued.lua"] = [[
      return function(event) error(("x"):rep(20000)) end
    ]] } }
    local deaf, other = listen(server), listen(server)
    deaf.tcp:setoption("recv-buffer-size", 64 * 1024)
    local count, bytes = 0, 0
    -- 16 MB in all: more than the system's buffers hold. At a time less than what may wait for a listener.
    for round = 1, 25 do
      local events = {}
      for i = 1, 40 do
        events[i] = host.event("RouterJobQueued", { jobId = "j" .. i })
      end
      assert.equal(200, server:deliver(events).status)
      host.wait_until(function()
        take(other)
        local _, found = other.content:gsub("\nevent: %l+\n", "")
        local rest = other.content:match "\n[^\n]*$" or other.content
        count, bytes = count + found, bytes + #other.content - #rest
        other.content = rest
        return count == 2 * 40 * round
      end, "everything to be heard")
    end
    assert.is_true(bytes > 15e6)
    -- The connection of the one who did not read ends without an end of the stream.
    deaf:rest()
    take(deaf)
    assert.is_nil(deaf.has_end or nil)
    assert.is_true(#deaf.content < bytes)
    server:stop()
  end)

  it("lets only so many listen", function()
    local server = serve { scripts = {} }
    local listeners = {}
    for i = 1, 32 do
      listeners[i] = listen(server)
    end
    assert.equal(503, server:api("/api/stream").status)
    for i = 1, 32 do
      listeners[i]:close()
    end
    -- Those who left make room as soon as somebody asks.
    host.wait_until(function()
      local connection = host.connect(server.admin_url:match ":(%d+)$")
      connection:send("GET /api/stream HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
      return connection:expect "HTTP/1.1 (%d+)" == "200"
    end, "room for a listener")
    server:stop()
  end)
end)

describe("/metrics", function()
  local function metrics(server)
    local answer = server:api "/metrics"
    assert.equal(200, answer.status)
    assert.equal("text/plain; version=0.0.4; charset=utf-8", answer.headers["content-type"])
    return answer.body
  end

  it("counts events, runs, steps, reloads, kills and times", function()
    local router = ledger.open()
    local server = serve {
      config = router.config .. QUICK .. "workers = 1 limits = { slice_ms = 100 }",
      scripts = {
        ["RouterJobQueued.lua"] = ACTIVATE,
        ["RouterJobCancelled.lua"] = "return function() while true do end end",
      },
    }
    local same = host.event("RouterJobQueued", { jobId = "j1" })
    assert.equal(200, server:deliver({ same, same }).status)
    assert.equal(200, server:deliver({ same }).status)
    local other = host.event("RouterJobExceptionTriggered", { jobId = "j4" })
    assert.equal(200, server:deliver({ { id = "" }, other }).status)
    assert.equal(400, server:deliver("nonsense").status)
    server:wait_state(1, "done")
    router.answer = function()
      return 404, {}, '{"error":{"code":"JobNotFound","message":"gone"}}'
    end
    deliver(server, "RouterJobQueued", { jobId = "j2" })
    server:wait_state(4, "parked")
    deliver(server, "RouterJobCancelled", { jobId = 'q"\\' })
    server:wait_state(5, "parked")
    server:write("RouterJobQueued.lua", "return function( end")
    host.wait_until(function()
      return server:api("/api/status").json.reload.refused == 1
    end, "the mistake to be refused")

    local text = metrics(server)
    for _, line in ipairs {
      'switchhook_events_total{type="RouterJobQueued",result="stored"} 2',
      'switchhook_events_total{type="RouterJobQueued",result="duplicate"} 2',
      'switchhook_events_total{type="",result="quarantined"} 1',
      'switchhook_events_total{type="RouterJobExceptionTriggered",result="stored"} 1',
      'switchhook_events_total{type="RouterJobExceptionTriggered",result="unhandled"} 1',
      'switchhook_runs_total{handler="RouterJobQueued.lua",result="done"} 1',
      'switchhook_runs_total{handler="RouterJobQueued.lua",result="parked"} 1',
      'switchhook_runs_total{handler="RouterJobCancelled.lua",result="retried"} 2',
      'switchhook_runs_total{handler="RouterJobCancelled.lua",result="parked"} 1',
      'switchhook_steps_total{operation="router.jobs.activate",status="200"} 1',
      'switchhook_steps_total{operation="router.jobs.activate",status="404"} 1',
      'switchhook_router_seconds_count{operation="router.jobs.activate"} 2',
      "switchhook_run_seconds_count 3",
      'switchhook_deliveries_total{status="200"} 5',
      'switchhook_deliveries_total{status="400"} 1',
      'switchhook_reloads_total{result="live"} 1',
      'switchhook_reloads_total{result="refused"} 1',
      'switchhook_worker_kills_total{reason="slice"} 3',
      "switchhook_backlog 0",
      "switchhook_paused 0",
      ('switchhook_generation_info{hash="%s"} 1'):format(server:api("/api/status").json.generation),
    } do
      has("\n" .. text, "\n" .. line .. "\n")
    end
    assert.is_truthy(text:find "\nswitchhook_ack_seconds_count [56]\n")
    -- Every sample belongs to a metric that was declared, each once.
    local declared = {}
    for name, kind in text:gmatch "# TYPE (%S+) (%S+)\n" do
      assert.is_nil(declared[name])
      declared[name] = kind
    end
    for line in text:gmatch "[^\n]+" do
      local name = line:match "^([%w_]+)"
      assert.is_truthy(line:find "^#" or declared[name] or declared[name:gsub("_%l+$", "")], line)
    end
    server:stop()
  end)

  it("stays small whatever types come", function()
    local server = serve { scripts = {} }
    local events = {}
    for i = 1, 500 do
      events[i] = host.event("RouterJobQueued", {}, { eventType = ('T"%d\n\\'):format(i) })
    end
    assert.equal(200, server:deliver(events).status)
    local text = metrics(server)
    local lines, sum = 0, 0
    for number in text:gmatch "\nswitchhook_events_total{[^\n]-,result=\"%l+\"} (%d+)" do
      lines, sum = lines + 1, sum + tonumber(number)
    end
    assert.equal(200, lines)
    assert.is_true(sum >= 500)
    has(text, [[{type="T\"1\\x0a\\",result="stored"} 1]])
    has(text, [[{type="other",result="other"}]])
    server:stop()
  end)
end)
