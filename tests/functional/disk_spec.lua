-- A disk that is full or fails: nothing is answered 200 that is not stored, and a full one is waited for.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local scripts = {
  ["RouterJobQueued.lua"] = [[return function(event) router.jobs.activate(event.data.jobId) end]],
}

-- A file system of its own that nobody else sees, and that goes with the host.
local SMALL = [[mount -t tmpfs -o size=16m none "$0" && exec "$@"]]

local function serve_on_small_disk(router, options)
  local folder = host.folder()
  host.make_folders(folder .. "/scripts")
  host.make_folders(folder .. "/disk")
  host.write(folder .. "/scripts/RouterJobQueued.lua", scripts["RouterJobQueued.lua"])
  local pid = native.spawn({ "unshare", "-rm", "true" }, {})
  local how, number
  host.wait_until(function()
    how, number = native.wait(pid)
    return how
  end, "unshare")
  if how ~= "exit" or number ~= 0 then
    return nil
  end
  return host.serve {
    folder = folder,
    arguments = options,
    through = { "unshare", "-rm", "sh", "-c", SMALL, folder .. "/disk" },
    config = router.config .. 'store = "sqlite:disk/switchhook.db"\nretry = { first_seconds = 0.05 }',
  }
end

local function path_of(server)
  return ("/proc/%d/root%s/disk/fill"):format(server.pid, server.folder)
end

local function fill(server)
  local file = assert(io.open(path_of(server), "wb"))
  file:setvbuf "no"
  for _, size in ipairs { 65536, 4096 } do
    while file:write(("x"):rep(size)) do
    end
  end
  file:close()
end

local function deliver(server, job)
  return server:deliver { host.event("RouterJobQueued", { jobId = job, fill = ("x"):rep(20000) }) }
end

describe("a full disk", function()
  it("is answered with 503, and all goes on by itself when there is space", function()
    local router = ledger.open()
    local server = serve_on_small_disk(router)
    if not server then
      return pending "no file system of its own can be mounted here"
    end
    assert.equal(200, deliver(server, "first").status)
    server:wait_state(1, "done")
    fill(server)
    local stored, refused, count = { "first" }, 0, 0
    host.wait_until(function()
      count = count + 1
      local answer = deliver(server, "j" .. count)
      if answer.status == 200 then
        stored[#stored + 1] = "j" .. count
      else
        assert.equal(503, answer.status)
        assert.is_truthy(answer.headers["retry-after"])
        refused = refused + 1
      end
      return refused == 20
    end, "a full disk")
    assert.equal(200, server:api("/healthz").status)
    os.remove(path_of(server))
    host.wait_until(function()
      count = count + 1
      local is_stored = deliver(server, "j" .. count).status == 200
      stored[#stored + 1] = is_stored and "j" .. count or nil
      return is_stored
    end, "space to be used again")
    for seq, job in ipairs(stored) do
      assert.equal(job, server:wait_state(seq, "done").raw:match '"jobId":"(%w+)"')
      assert.equal(1, router:asked("PATCH /routing/jobs/" .. job))
    end
    assert.equal(#stored, #router.paths)
    assert.equal(404, server:api("/api/events/" .. #stored + 1).status)
    server:stop()
  end)

  it("begins no events while nothing can be saved", function()
    local COUNT = 4000
    local router = ledger.open()
    local server = serve_on_small_disk(router, { "--paused" })
    if not server then
      return pending "no file system of its own can be mounted here"
    end
    server:write("RouterJobClosed.lua", "return function() end")
    server:wait_line "handlers=2"
    for _ = 1, COUNT / 100 do
      local batch = {}
      for i = 1, 100 do
        batch[i] = host.event "RouterJobClosed"
        batch[i].subject = batch[i].id
      end
      assert.equal(200, server:deliver(batch).status)
    end
    fill(server)
    host.wait_until(function()
      return deliver(server, "more").status == 503
    end, "a full disk")
    assert.equal(200, server:api("/api/resume", { method = "POST" }).status)
    local function counts()
      return server:api("/api/status").json.events
    end
    -- What was begun before the first change failed is there, and no more is.
    local running, same = 0, 0
    host.wait_until(function()
      local now = counts().running
      same = now == running and now > 0 and same + 1 or 0
      running = now
      return same == 50
    end, "a standstill")
    assert.is_true(counts().queued >= COUNT / 2, server:api("/api/status").body)
    os.remove(path_of(server))
    host.wait_until(function()
      return server:api("/api/status").json.sinceStart.done >= COUNT
    end, "all to be done")
    server:stop()
  end)

  it("holds runs back that could not be journaled", function()
    local router = ledger.open()
    local server = serve_on_small_disk(router)
    if not server then
      return pending "no file system of its own can be mounted here"
    end
    local is_held = true
    router.is_held = function()
      return is_held
    end
    for i = 1, 3 do
      assert.equal(200, deliver(server, "j" .. i).status)
    end
    host.wait_until(function()
      return #router.paths == 3
    end, "three calls under way")
    fill(server)
    host.wait_until(function()
      return deliver(server, "more").status == 503
    end, "a full disk")
    is_held = false
    -- Answered, but not journaled: to the script it has not happened yet.
    host.wait_until(function()
      return server:api("/api/status").json.sinceStart.steps >= 3
    end, "the answers")
    assert.equal(0, #server:api("/api/events/1").json.runs)
    os.remove(path_of(server))
    for seq = 1, 3 do
      server:wait_state(seq, "done")
      assert.equal(1, router:asked("PATCH /routing/jobs/j" .. seq))
    end
    server:stop()
  end)
end)

describe("a sync that fails", function()
  it("ends the host with a reason, and was never answered with 200", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config,
      scripts = scripts,
      environment = { SWITCHHOOK_FAULT = "store.sync:20:fail" },
    }
    local stored, count = {}, 0
    host.wait_until(function()
      count = count + 1
      local is_heard, answer = pcall(deliver, server, "j" .. count)
      if is_heard and answer.status == 200 then
        stored[#stored + 1] = "j" .. count
      elseif is_heard then
        assert.equal(503, answer.status)
      end
      return not server:is_running()
    end, "the host to end")
    assert.same({ "exit", 1 }, { server:wait_exit() })
    assert.is_truthy(server:stderr():find("the sync failed", 1, true))
    server = server:again { environment = {} }
    for seq, job in ipairs(stored) do
      assert.equal(job, server:wait_state(seq, "done").raw:match '"jobId":"(%w+)"')
    end
    server:stop()
  end)
end)
