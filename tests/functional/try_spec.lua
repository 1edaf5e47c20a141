-- `switchhook try`: one handler, one event, and nothing that leaves the machine.
local host = require "host"
local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

local function try(files, ...)
  local folder = host.folder()
  for name, text in pairs(files) do
    local sub = name:match "^(.*)/"
    if sub then
      host.make_folders(folder .. "/" .. sub)
    end
    host.write(folder .. "/" .. name, text)
  end
  return host.run({ "try", ... }, { folder = folder, environment = { TMPDIR = folder } }), folder
end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

describe("switchhook try", function()
  it("shows each step in order, what it was answered and by whom, and how it ended", function()
    local run, folder = try({
      ["RouterJobQueued.lua"] = [[
        return function(event)
          local job = router.jobs.get(event.data.jobId)
          log.info("looked", { queue = job.queueId })
          state.set("seen", { jobs = 1 })
          sleep(3600)
          router.jobs.reclassify(event.data.jobId)
          step("named", function() return "kept" end)
          return state.get "seen"
        end]],
    }, "RouterJobQueued.lua")
    assert.equal("", run.stderr)
    assert.equal(0, run.status)
    local at = 1
    for _, part in ipairs {
      "RouterJobQueued.lua, on RouterJobQueued (the type's sample)",
      '  1  router.jobs.get("job-4711")   RouterJobQueued.lua:2',
      "-> 200 {",
      "[the operation's sample]",
      'log.info: looked { queue = "support" }',
      '  2  state.set("seen", { jobs = 1 })',
      "[a state of this try's own]",
      "  3  sleep(3600)",
      "[time is not waited for]",
      '  4  router.jobs.reclassify("job-4711")   RouterJobQueued.lua:6',
      '  5  step("named") -> "kept"',
      '  6  state.get("seen")',
      "-> { jobs = 1 }",
      "done; it returned { jobs = 1 }",
      "Nothing left this machine",
    } do
      local first, last = run.stdout:find(part, at, true)
      assert.is_truthy(first, ("%q does not come after byte %d of:\n%s"):format(part, at, run.stdout))
      at = last
    end
    local left = host.run_program { "find", folder, "-name", "switchhook-try*" }
    assert.equal("", left.stdout)
  end)

  it("says the same as JSON, an object a line", function()
    local run = try({
      ["RouterJobQueued.lua"] = [[
        return function(event)
          log.info("looked", { at = event.data.jobId })
          return router.jobs.get("a").priority
        end]],
    }, "RouterJobQueued.lua", "--json")
    assert.equal(0, run.status)
    local lines = {}
    for line in run.stdout:gmatch "[^\n]+" do
      lines[#lines + 1] = assert(host.json.decode(line))
    end
    local kinds = {}
    for i, line in ipairs(lines) do
      kinds[i] = line.kind
    end
    assert.same({ "event", "log", "wanted", "answered", "end" }, kinds)
    assert.equal("RouterJobQueued", lines[1].type)
    assert.equal("job-4711", lines[2].fields.at)
    assert.equal("a", lines[3].arguments[1])
    assert.equal("RouterJobQueued.lua:3", lines[3].place)
    assert.same({ 1, 200, "the operation's sample" }, { lines[4].step, lines[4].status, lines[4].from })
    assert.same({ "done", 5 }, { lines[5].result, lines[5].returned })
  end)

  it("moves the script's clock by what it slept", function()
    local run = try({
      ["RouterJobQueued.lua"] = [[
        return function() local before = now() sleep(7200) return now() - before >= 7200 end]],
    }, "RouterJobQueued.lua")
    has(run.stdout, "done; it returned true")
  end)

  it("answers a step from a file, by its operation or its number, also with an error", function()
    local files = {
      ["RouterJobQueued.lua"] = [[
        return function(event)
          local first = router.jobs.get "a"
          local second = router.jobs.get "b"
          local ok, problem = pcall(router.jobs.cancel, "c")
          return { first.priority, second.priority, ok, problem.status, problem.code, problem.retryable }
        end]],
      ["job.json"] = '{ "id": "x", "priority": 1 }',
      ["second.json"] = '{ "id": "x", "priority": 2 }',
      ["gone.json"] = '{ "error": { "status": 404, "code": "JobNotFound", "message": "it is gone" } }',
    }
    local run = try(
      files,
      "RouterJobQueued.lua",
      "--answer",
      "router.jobs.get=job.json",
      "--answer",
      "2=second.json",
      "--answer",
      "router.jobs.cancel=gone.json"
    )
    assert.equal("", run.stderr)
    has(run.stdout, "[second.json]")
    has(run.stdout, "-> 404 error JobNotFound: it is gone   [gone.json]")
    has(run.stdout, 'done; it returned { 1, 2, false, 404, "JobNotFound", false }')
  end)

  it("refuses an answer for an operation that does not exist, before anything runs", function()
    local files = { ["RouterJobQueued.lua"] = "return function() end", ["a.json"] = "{}" }
    for step, words in pairs {
      ["router.jobs.gte"] = "there is no such operation; did you mean router.jobs.get?",
      ["htp.get"] = "there is no such operation; did you mean http.get?",
      ["log.info"] = "there is no such operation\n",
      ["0"] = "there is no such operation\n",
    } do
      local run = try(files, "RouterJobQueued.lua", "--answer", step .. "=a.json")
      assert.equal(1, run.status)
      assert.equal("", run.stdout)
      has(run.stderr, "switchhook: --answer " .. step .. ": " .. words)
    end
    for _, step in ipairs { "http.get", "state.get", "sleep", "step", "7", "router.workers.list" } do
      local run = try(files, "RouterJobQueued.lua", "--answer", step .. "=a.json")
      assert.equal(0, run.status, run.stderr)
      has(run.stderr, "no step asked for the answer " .. step)
    end
  end)

  it("says what the host would do with a run that fails", function()
    local files = {
      ["RouterJobQueued.lua"] = [[return function(event) return event.data.nothing.here end]],
      ["RouterJobClosed.lua"] = [[return function(event) router.jobs.get "j" end]],
      ["busy.json"] = '{ "error": { "status": 503 } }',
    }
    local bug = try(files, "RouterJobQueued.lua")
    assert.equal(1, bug.status)
    has(bug.stdout, "failed: RouterJobQueued.lua:1:")
    has(bug.stdout, "The host would park the event")
    local busy = try(files, "RouterJobClosed.lua", "--answer", "router.jobs.get=busy.json")
    assert.equal(1, busy.status)
    has(busy.stdout, "The host would try again in ")
    has(busy.stdout, "up to 20 times in all")
  end)

  it("runs only that handler, finds its modules, and knows handlers in folders and local ones", function()
    local files = {
      ["scripts/RouterJobQueued.lua"] = [[return function() return "the other" end]],
      ["scripts/RouterJobQueued/second.lua"] = [[
        local names = require "names"
        return function(event) return names.of(event) end]],
      ["scripts/local/later.lua"] = [[return function(event) return event.type end]],
      ["scripts/lib/names.lua"] = [[return { of = function(event) return "second " .. event.name end }]],
    }
    local second = try(files, "scripts/RouterJobQueued/second.lua")
    has(second.stdout, 'done; it returned "second RouterJobQueued"')
    assert.is_nil(second.stdout:find("the other", 1, true))
    local later = try(files, "scripts/local/later.lua")
    has(later.stdout, 'done; it returned "Switchhook.Local.later"')
  end)

  it("takes an event from a file", function()
    local event = host.event("RouterJobQueued", { jobId = "mine" })
    local files = {
      ["RouterJobQueued.lua"] = "return function(event) return event.data.jobId end",
      ["one.json"] = host.json.encode(event),
      ["array.json"] = host.json.encode { event },
      ["two.json"] = host.json.encode { event, event },
      ["other.json"] = host.json.encode(host.event("RouterJobClosed", { jobId = "mine" })),
      ["broken.json"] = '{"id": ',
    }
    has(try(files, "RouterJobQueued.lua", "one.json").stdout, 'done; it returned "mine"')
    has(try(files, "RouterJobQueued.lua", "array.json").stdout, 'done; it returned "mine"')
    for file, words in pairs {
      ["two.json"] = "it must hold one event",
      ["other.json"] = "the event is a RouterJobClosed",
      ["broken.json"] = "at byte",
      ["absent.json"] = "cannot read absent.json",
    } do
      local run = try(files, "RouterJobQueued.lua", file)
      assert.equal(1, run.status, file)
      has(run.stderr, words)
    end
  end)

  it("sends nothing, until it is told to", function()
    local upstream = host.upstream(function()
      return 200, { ["Content-Type"] = "application/json" }, '{"id":"j","priority":77}'
    end)
    local files = {
      ["RouterJobQueued.lua"] = "return function() return router.jobs.get('j').priority end",
      ["switchhook.lua"] = ('router = { connection_string = "endpoint=%s/;accesskey=%s" }'):format(
        upstream.url,
        "bWFkZSB1cCBmb3IgdGVzdHM="
      ),
    }
    has(try(files, "RouterJobQueued.lua").stdout, "done; it returned 5")
    assert.equal(0, #upstream.requests)
    local live = try(files, "RouterJobQueued.lua", "--live")
    has(live.stdout, "[the Job Router]")
    has(live.stdout, "done; it returned 77")
    assert.is_nil(live.stdout:find("Nothing left", 1, true))
    assert.equal(1, #upstream.requests)
  end)

  it("ends a script that does not give way, and says where it was", function()
    local run = try({
      ["RouterJobQueued.lua"] = "return function()\n  while true do end\nend",
      ["switchhook.lua"] = "limits = { slice_ms = 50 }",
    }, "RouterJobQueued.lua")
    assert.equal(1, run.status)
    has(run.stdout, "failed: killed after 50 ms")
    if sanitizer ~= "thread" then -- that one delivers no signal to a loop, which therefore cannot say where it is
      has(run.stdout, "RouterJobQueued.lua:2")
    end
  end)

  it("explains wrong use", function()
    local files = {
      ["RouterJobQueed.lua"] = "return function() end",
      ["RouterJobQueued.lua"] = "return 7",
      ["default.lua"] = "return function() end",
      ["scripts/lib/m.lua"] = "return {}",
      ["text.txt"] = "",
    }
    assert.equal(2, try(files).status)
    has(try(files, "RouterJobQueed.lua").stderr, "RouterJobQueued?")
    has(try(files, "RouterJobQueued.lua").stderr, "does not load: RouterJobQueued.lua:1:")
    has(try(files, "default.lua").stderr, "give it one, as a file")
    has(try(files, "text.txt").stderr, "does not end in .lua")
    has(try(files, "nowhere.lua").stderr, "nowhere.lua")
    assert.equal(1, try(files, "RouterJobQueued.lua", "--answer", "router.jobs.get").status)
  end)
end)
