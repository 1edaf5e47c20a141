-- Scripts that change while the host runs: what is live, when, and what is said of scripts that do not load.
local host = require "host"
local native = host.native

local QUEUED = "RouterJobQueued"
-- The thread sanitizer puts signals off, so a worker cannot tell where it loops.
local has_places = not host.read(host.build .. "/switchhook-worker"):find("__tsan_init", 1, true)

local function status_of(server)
  return server:api("/api/status").json
end

local function saying(text)
  return ("return function() log.info(%q) end"):format(text)
end

-- Waits until a generation other than the one of `before` (a status) is live.
local function wait_live(server, before)
  return host.wait_until(function()
    local now = status_of(server)
    return now.generation and now.generation ~= before.generation and now
  end, "a new generation to be live", nil, function()
    return server:tail()
  end)
end

-- Waits until that many reloads were refused, and returns what is said of the last one.
local function wait_refused(server, count)
  return host.wait_until(function()
    local now = status_of(server)
    return now.reload.refused >= count and now
  end, "the scripts to be refused").reload.error
end

-- Events of this test are numbered as they come: delivers one, and returns it when it is in that state.
local function deliver(server, name, state)
  server.count = (server.count or 0) + 1
  local answer = server:deliver { host.event(name, { jobId = "j" .. server.count }) }
  assert.equal(200, answer.status)
  return server:wait_state(server.count, state)
end

local function assert_says(server, text)
  local mark = server:mark()
  deliver(server, QUEUED, "done")
  assert.matches(text, server:wait_line('script: says message=(%S+)', mark), 1, true)
end

local function serve(scripts, options)
  options = options or {}
  options.scripts = scripts
  return host.serve(options)
end

describe("a saved script", function()
  it("is live for the next delivery", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    assert_says(server, "one")
    local before = status_of(server)
    server:write("RouterJobQueued.lua", saying "two")
    wait_live(server, before)
    assert_says(server, "two")
    server:stop()
  end)

  it("may be written in place", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    local before = status_of(server)
    host.write(server.folder .. "/scripts/RouterJobQueued.lua", saying "two")
    wait_live(server, before)
    assert_says(server, "two")
    server:stop()
  end)

  it("may be a module", function()
    local server = serve {
      ["RouterJobQueued.lua"] = "local words = require 'words'; return function() log.info(words.hello) end",
      ["lib/words.lua"] = "return { hello = 'one' }",
    }
    assert_says(server, "one")
    local before = status_of(server)
    server:write("lib/words.lua", "return { hello = 'two' }")
    wait_live(server, before)
    assert_says(server, "two")
    server:stop()
  end)

  it("may be for a type that had none, in a folder that was not there", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    deliver(server, "RouterJobClosed", "unhandled")
    local before = status_of(server)
    host.make_folders(server.folder .. "/scripts/RouterJobClosed")
    server:write("RouterJobClosed/first.lua", saying "closed")
    before = wait_live(server, before)
    assert.equal(2, before.handlers)
    assert.equal("RouterJobClosed/first.lua", deliver(server, "RouterJobClosed", "done").runs[1].handler)
    server:stop()
  end)

  it("may be for types of which many came, some of them behind others of their job", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    local function deliver_many(name)
      local events = {}
      for i = 1, 300 do
        local data = ('{"jobId":"j%d"}'):format(i % 100 == 50 and 50 or i)
        local type = "Microsoft.Communication." .. (i == 150 and QUEUED or "RouterJobClosed")
        events[i] = ('{"id":"%s%d","eventType":"%s","data":%s}'):format(name, i, type, data)
      end
      local body = "[" .. table.concat(events, ",") .. "]"
      assert.equal(300, host.request({ method = "POST", url = server.url, body = body }).json.stored)
    end
    -- They count from the start of the host.
    local function wait_over(done, unhandled)
      host.wait_until(function()
        local counts = status_of(server).sinceStart
        return counts.done == done and counts.unhandled == unhandled
      end, ("%d events to be done and %d to be unhandled"):format(done, unhandled), nil, function()
        return server:tail()
      end)
    end
    deliver_many "a"
    wait_over(1, 299)
    for seq = 1, 300 do
      assert.equal(seq == 150 and "done" or "unhandled", server:api("/api/events/" .. seq).json.state)
    end
    local before = status_of(server)
    server:write("RouterJobClosed.lua", saying "closed")
    wait_live(server, before)
    deliver_many "b" -- of the same jobs: no lane is held any more
    wait_over(301, 299)
    server:stop()
  end)

  it("may be missing while the disk is full for a moment", function()
    for commit = 2, 4 do -- of the delivery, or of its events' end
      local options = { environment = { SWITCHHOOK_FAULT = ("store.commit:%d:fail"):format(commit) } }
      local server = serve({ ["RouterJobQueued.lua"] = saying "one" }, options)
      local events = {}
      for i = 1, 20 do
        events[i] = host.event("RouterJobClosed", { jobId = "j" .. i })
      end
      host.wait_until(function()
        return server:deliver(events).status == 200
      end, "the events to be stored")
      for seq = 1, 20 do
        server:wait_state(seq, "unhandled")
      end
      server:stop()
    end
  end)

  it("that is removed leaves its events without a handler", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one", ["default.lua"] = saying "other" }
    local before = status_of(server)
    assert(os.remove(server.folder .. "/scripts/default.lua"))
    before = wait_live(server, before)
    assert(os.remove(server.folder .. "/scripts/RouterJobQueued.lua"))
    wait_live(server, before)
    deliver(server, QUEUED, "unhandled")
    server:stop()
  end)

  it("with the same bytes changes nothing", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    local before = status_of(server)
    server:write("RouterJobQueued.lua", saying "one")
    server:write("RouterJobQueued_spec.lua", "nothing that the host looks at")
    for _ = 1, 60 do -- many times longer than a save takes to be live
      deliver(server, QUEUED, "done")
    end
    server:write("RouterJobClosed.lua", saying "closed")
    assert.equal(2, wait_live(server, before).reload.succeeded)
    server:stop()
  end)
end)

describe("a script that does not load", function()
  it("leaves the ones before live, and is named everywhere until it is mended", function()
    local port = host.free_port()
    local server = serve(
      { ["RouterJobQueued.lua"] = saying "one" },
      { config = ('admin = "127.0.0.1:%d"'):format(port), arguments = { "--trace" } }
    )
    local before = status_of(server)
    local mark = server:mark()
    server:write("RouterJobQueued.lua", "return function()\n  this is no Lua\nend\n")
    assert.matches("RouterJobQueued.lua:2:", wait_refused(server, 1), 1, true)
    assert.equal(before.generation, status_of(server).generation)
    server:wait_line("(the ones before stay live) reason=.*RouterJobQueued.lua:2:", mark)
    server:wait_line("not loaded: .*(RouterJobQueued.lua:2:)", mark)
    local shown = host.run { "status", "-c", server.folder .. "/switchhook.lua" }
    assert.equal(0, shown.status)
    assert.matches("refused: .*RouterJobQueued%.lua:2:", shown.stdout)
    assert.equal(200, server:api("/readyz").status)
    assert_says(server, "one")
    server:write("RouterJobQueued.lua", saying "two")
    wait_live(server, before)
    assert.is_nil(status_of(server).reload.error)
    assert_says(server, "two")
    server:stop()
  end)

  it("is forgotten when the scripts are again what they were", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    local before = status_of(server)
    server:write("RouterJobQueued.lua", "no Lua")
    wait_refused(server, 1)
    server:write("RouterJobQueued.lua", saying "one")
    host.wait_until(function()
      return status_of(server).reload.error == nil
    end, "the error to be gone")
    assert.equal(before.generation, status_of(server).generation)
    server:stop()
  end)

  it("may be one that loops while it is loaded", function()
    local server = serve({ ["RouterJobQueued.lua"] = saying "one" }, { config = "limits = { slice_ms = 200 }" })
    local before = status_of(server)
    server:write("RouterJobQueued.lua", "local n = 0\nwhile true do\n  n = n + 1\nend\n")
    assert.matches(has_places and "RouterJobQueued%.lua:[23]" or "killed", wait_refused(server, 1))
    assert.equal(before.generation, status_of(server).generation)
    assert_says(server, "one")
    server:stop()
  end)

  it("may be a module, a script that returns nothing, and one that is too large", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    host.make_folders(server.folder .. "/scripts/lib")
    server:write("lib/broken.lua", "\n\nlocal x = = 1")
    assert.matches("lib/broken.lua:3:", wait_refused(server, 1), 1, true)
    assert(os.remove(server.folder .. "/scripts/lib/broken.lua"))
    server:write("RouterJobClosed.lua", "local nothing = true")
    assert.matches("RouterJobClosed.lua", wait_refused(server, 2), 1, true)
    server:write("RouterJobClosed.lua", ("-"):rep(1024 * 1024 + 1))
    assert.matches("RouterJobClosed.lua: a script may have 1 MiB", wait_refused(server, 3), 1, true)
    assert_says(server, "one")
    server:stop()
  end)

  it("at the start keeps the host waiting, and deliveries are stored", function()
    local server = serve({ ["RouterJobQueued.lua"] = "return function(" }, { is_started = false })
    server.url = server:wait_line "^listening on (http://%S+)"
    server.admin_url = server:wait_line "^admin on (http://%S+)"
    assert.matches("RouterJobQueued.lua:1:", wait_refused(server, 1), 1, true)
    assert.equal(503, server:api("/readyz").status)
    assert.is_nil(status_of(server).generation)
    assert.equal(200, server:deliver({ host.event(QUEUED, { jobId = "j1" }) }).status)
    assert.equal("queued", server:api("/api/events/1").json.state)
    server:write("RouterJobQueued.lua", saying "mended")
    server:wait_line "^ready"
    assert.equal(200, server:api("/readyz").status)
    server:wait_state(1, "done")
    server:stop()
  end)

  it("does not hold up the stopping", function()
    local server = serve({ ["RouterJobQueued.lua"] = "while true do end" }, { is_started = false })
    server:wait_line "^(admin on)"
    server:stop()
  end)
end)

describe("a reload that is asked for", function()
  it("by SIGHUP starts new workers, also of the same scripts", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    local before = status_of(server)
    server:signal(native.SIGHUP)
    local now = host.wait_until(function()
      local now = status_of(server)
      return now.reload.succeeded == 2 and now
    end, "a second generation")
    assert.equal(before.generation, now.generation)
    assert.not_equal(before.workers[1].pid, now.workers[1].pid)
    assert_says(server, "one")
    server:stop()
  end)

  it("by POST /api/reload needs the header that no browser sends by itself", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    assert.equal(403, server:api("/api/reload", { method = "POST", headers = {} }).status)
    assert.equal(202, server:api("/api/reload", { method = "POST" }).status)
    host.wait_until(function()
      return status_of(server).reload.succeeded == 2
    end, "a second generation")
    server:stop()
  end)

  it("does not take a file that is half written", function()
    local server = serve { ["RouterJobQueued.lua"] = saying "one" }
    local before = status_of(server)
    local file = assert(io.open(server.folder .. "/scripts/RouterJobQueued.lua", "wb"))
    file:write(saying "half")
    file:flush()
    server:signal(native.SIGHUP)
    host.wait_until(function()
      return (status_of(server).reload.error or ""):find("RouterJobQueued.lua is open for writing", 1, true)
    end, "the file to be waited for")
    assert_says(server, "one")
    file:write(" and " .. saying("two"):match "return (.*)")
    file:close()
    wait_live(server, before)
    assert_says(server, "two")
    assert.is_nil(status_of(server).reload.error)
    server:stop()
  end)
end)

describe("a file that is half written before the host starts", function()
  it("is waited for", function()
    local folder = host.folder()
    host.make_folders(folder .. "/scripts")
    local file = assert(io.open(folder .. "/scripts/RouterJobQueued.lua", "wb"))
    file:write(saying "half")
    file:flush()
    local server = host.serve { folder = folder, config = "", is_started = false }
    server:wait_line "waiting for the writer to close the script (file=%S+)"
    file:write(" and " .. saying("whole"):match "return (.*)")
    file:close()
    server:wait_started()
    assert_says(server, "whole")
    server:stop()
  end)
end)
