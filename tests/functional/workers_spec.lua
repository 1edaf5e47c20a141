-- Workers that die, hang or use up what they have: only the run that is to blame pays for it.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"
local ACTIVATE = [[return function(event) router.jobs.activate(event.data.jobId) end]]

local function event_of(name, job)
  return host.event(name, { jobId = job })
end

local function worker_pids(server)
  local pids = {}
  for i, worker in ipairs(server:api("/api/status").json.workers) do
    pids[i] = worker.ready and worker.pid or nil
  end
  return pids
end

local function assert_unharmed(run)
  assert.equal(1, run.attempt)
  assert.equal(0, run.kills)
end

-- Runs that wait for their answer on the one worker: the neighbours of what a test does to it.
local function wait_with_neighbours(server, router)
  router.is_held = function()
    return true
  end
  for i = 1, 3 do
    assert.equal(200, server:deliver({ event_of("RouterJobQueued", "n" .. i) }).status)
    router:wait_asked("PATCH /routing/jobs/n" .. i)
  end
end

local function check_neighbours(server, router)
  router.is_held = nil
  for seq = 1, 3 do
    local run = server:wait_run(seq, "done")
    assert_unharmed(run)
    assert.equal(1, #run.steps)
    assert.is_false(run.steps[1].repeated)
    assert.equal(1, router:asked("PATCH /routing/jobs/n" .. seq))
  end
end

describe("kill -9 of the workers", function()
  it("gives the runs back, and the new attempt takes up the call that is under way", function()
    local router = ledger.open()
    local server =
      host.serve { config = router.config .. "workers = 2", scripts = { ["RouterJobQueued.lua"] = ACTIVATE } }
    wait_with_neighbours(server, router)
    local before = worker_pids(server)
    assert.equal(2, #before)
    for _, pid in ipairs(before) do
      native.signal(pid, native.SIGKILL)
    end
    host.wait_until(function()
      local now = worker_pids(server)
      return #now == 2 and now[1] ~= before[1] and now[2] ~= before[2]
    end, "both workers to be replaced")
    check_neighbours(server, router)
    server:stop()
  end)

  it("again and again loses no run", function()
    local router = ledger.open()
    local script = [[return function(event)
      for i = 1, 5 do router.jobs.activate(event.data.jobId, { priority = i }) end
    end]]
    local server =
      host.serve { config = router.config .. "workers = 2", scripts = { ["RouterJobQueued.lua"] = script } }
    local count = 0
    for _ = 1, 10 do
      for _ = 1, 5 do
        count = count + 1
        assert.equal(200, server:deliver({ event_of("RouterJobQueued", "j" .. count % 8) }).status)
      end
      for _, pid in pairs(worker_pids(server)) do
        native.signal(pid, native.SIGKILL)
      end
    end
    for seq = 1, count do
      local run = server:wait_run(seq, "done")
      assert_unharmed(run)
      assert.equal(5, #run.steps)
      for number = 1, 5 do
        assert.equal(1, router.count[seq .. "-" .. number])
      end
    end
    server:stop()
  end)
end)

describe("a script that does not give way", function()
  local loops = {
    ["a loop"] = {
      at = "RouterJobCancelled.lua:3",
      text = "return function()\n  local n = 0\n  while true do n = n + 1 end\nend",
    },
    ["a loop that catches errors"] = {
      at = "RouterJobCancelled.lua:2",
      text = "return function()\n  while true do pcall(error, 'no') end\nend",
    },
    ["a function of C"] = {
      text = "return function()\n  return ('a'):rep(40):find(('a?'):rep(40) .. ('a'):rep(40))\nend",
    },
  }
  for what, loop in pairs(loops) do
    it(("is killed, and parked after three times: %s"):format(what), function()
      local router = ledger.open()
      local config = router.config
        .. "workers = 1; limits = { slice_ms = 150 }; retry = { first_seconds = 0.05, attempts = 10 }"
      local server = host.serve {
        config = config,
        scripts = { ["RouterJobQueued.lua"] = ACTIVATE, ["RouterJobCancelled.lua"] = loop.text },
      }
      wait_with_neighbours(server, router)
      assert.equal(200, server:deliver({ event_of("RouterJobCancelled", "j1") }).status)
      local run = server:wait_run(4, "parked")
      assert.equal(3, run.kills)
      assert.equal(3, run.attempt)
      assert.equal("killed", run.result)
      assert.is_truthy(run.reason:find("killed three times: ", 1, true), run.reason)
      assert.is_truthy(run.reason:find("150 ms of processor time", 1, true), run.reason)
      if loop.at and sanitizer ~= "thread" then -- that one delivers no signal to a loop
        assert.is_truthy(run.reason:find(loop.at, 1, true), run.reason)
      end
      check_neighbours(server, router)
      server:stop()
    end)
  end
end)

describe("a limit", function()
  it("of memory fails the one run, at once, and the worker goes on", function()
    local router = ledger.open()
    local hog = "return function()\n  local all = {}\n"
      .. "  while true do all[#all + 1] = ('x'):rep(100000) .. #all end\nend"
    local server = host.serve {
      config = router.config .. "workers = 1; limits = { run_memory_mib = 8 }",
      scripts = { ["RouterJobQueued.lua"] = ACTIVATE, ["RouterJobCancelled.lua"] = hog },
    }
    wait_with_neighbours(server, router)
    local before = worker_pids(server)
    assert.equal(200, server:deliver({ event_of("RouterJobCancelled", "j1") }).status)
    local run = server:wait_run(4, "parked")
    assert.equal("memory", run.result)
    assert.is_truthy(run.reason:find("RouterJobCancelled.lua:3: not enough memory", 1, true), run.reason)
    assert.is_truthy(run.reason:find("limits.run_memory_mib", 1, true), run.reason)
    assert.same(before, worker_pids(server))
    check_neighbours(server, router)
    server:stop()
  end)

  local slow = {
    { "limits.run_seconds", config = "limits = { run_seconds = 1 }", script = ACTIVATE },
    {
      "the handler's timeout",
      config = "",
      script = "return { timeout = 0.3, handle = function(event) router.jobs.activate(event.data.jobId) end }",
    },
  }
  for _, case in ipairs(slow) do
    it("of time ends an attempt: " .. case[1], function()
      local router = ledger.open()
      local server = host.serve {
        config = router.config .. "retry = { attempts = 2, first_seconds = 0.05 }\n" .. case.config,
        scripts = { ["RouterJobQueued.lua"] = case.script },
      }
      router.is_held = function()
        return true
      end
      assert.equal(200, server:deliver({ event_of("RouterJobQueued", "j1") }).status)
      local run = server:wait_run(1, "parked")
      assert.equal(2, run.attempt)
      assert.equal("timeout", run.result)
      assert.is_truthy(run.reason:find("all attempts used up: it took longer than", 1, true), run.reason)
      assert.equal(1, #router.paths)
      router.is_held = nil
      server:stop()
    end)
  end

  it("of steps parks the run", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config .. "limits = { run_steps = 5 }",
      scripts = {
        ["RouterJobQueued.lua"] = "return function(event) while true do router.jobs.get(event.data.jobId) end end",
      },
    }
    assert.equal(200, server:deliver({ event_of("RouterJobQueued", "j1") }).status)
    local run = server:wait_run(1, "parked")
    assert.equal(5, #run.steps)
    assert.is_truthy(run.reason:find("limits.run_steps", 1, true), run.reason)
    assert.equal(5, router:asked "GET /routing/jobs/j1")
    server:stop()
  end)
end)

describe("a worker", function()
  local function output(...)
    local result = host.run_program { ... }
    return result.status == 0 and result.stdout:gsub("%s+$", "") or nil
  end

  -- Root sees everything of a process, also who /proc says its files belong to when the host is not root's.
  local function serve_as_nobody()
    local folder = host.folder()
    local somebody = { "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--" }
    host.make_folders(folder .. "/scripts")
    host.write(folder .. "/scripts/RouterJobQueued.lua", ACTIVATE)
    host.write(folder .. "/switchhook.lua", 'listen = "127.0.0.1:0"; admin = "127.0.0.1:0"; workers = 1')
    if output("id", "-u") ~= "0" then
      return host.start({ "serve", "-c", folder .. "/switchhook.lua" }, { folder = folder }), false
    end
    -- The build may be where nobody else may look.
    local program = folder .. "/switchhook"
    for _, ending in ipairs { "", "-worker" } do
      assert(output("cp", host.binary .. ending, program .. ending))
    end
    output("chown", "-R", "65534:65534", folder)
    local arguments = { program, "serve", "-c", folder .. "/switchhook.lua" }
    table.move(arguments, 1, #arguments, #somebody + 1, somebody)
    return host.start_program(somebody, { folder = folder }), true
  end

  it("holds a socket and nothing else", function()
    if sanitizer then
      return pending "a sanitizer needs more"
    end
    local process, is_root = serve_as_nobody()
    local admin = process:wait_line "^admin on (http://%S+)"
    process:wait_line "^ready"
    local pid = host.request({ url = admin .. "/api/status" }).json.workers[1].pid
    local status = host.read(("/proc/%d/status"):format(pid))
    assert.equal(process.pid, tonumber(status:match "\nPPid:%s+(%d+)"))
    assert.equal("1", status:match "\nNoNewPrivs:%s+(%d)")
    assert.equal("0", output("stat", "-c", "%u", ("/proc/%d/environ"):format(pid))) -- not dumpable
    if is_root then
      assert.equal("0", output("ls", ("/proc/%d/fd"):format(pid)))
      assert.is_truthy(output("readlink", ("/proc/%d/fd/0"):format(pid)):match "^socket:")
      assert.equal("", host.read(("/proc/%d/environ"):format(pid)))
    end
    process:stop()
    assert.is_nil(output("test", "-e", ("/proc/%d"):format(pid)))
  end)

  it("dies with its host", function()
    local server = host.serve { config = "workers = 2", scripts = { ["RouterJobQueued.lua"] = ACTIVATE } }
    local pids = worker_pids(server)
    server:kill()
    for _, pid in ipairs(pids) do
      host.wait_until(function()
        local status = io.open(("/proc/%d/status"):format(pid))
        local state = status and status:read("a"):match "\nState:%s+(%a)"
        return (status == nil or status:close()) and (state == nil or state == "Z")
      end, "the worker to end")
    end
  end)
end)

describe("a worker that has more to read than it should", function()
  it("is given the rest of its runs as soon as it has read that", function()
    local count, each = 60, 12
    local server = host.serve {
      config = "workers = 1; limits = { drain_seconds = 0 }",
      arguments = { "--paused" },
      scripts = { ["RouterJobQueued.lua"] = "return function() sleep(59) end" },
    }
    for first = 1, count, each do
      local events = {}
      for i = 1, each do
        events[i] = host.event("RouterJobQueued", { jobId = "j" .. first + i, padding = ("x"):rep(80 * 1024) })
      end
      assert.equal(200, server:deliver(events).status)
    end
    assert.equal(200, server:api("/api/resume", { method = "POST" }).status)
    host.wait_until(function()
      return server:api("/api/status").json.workers[1].runs == count
    end, "all runs to be on the worker")
    server:stop()
  end)
end)
