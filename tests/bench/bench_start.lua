-- From exec to ready, with an empty store and with one that holds many events; and from the save of a script to
-- the first delivery that the new one handled.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local backlog = require "backlog"
local host = require "host"
local message = require "message"
local result = require "result"
local socket = require "socket"
local now = host.native.now

local STARTS = bench.is_smoke and 2 or 20
local SAVES = bench.is_smoke and 3 or 60
local KEPT = bench.is_smoke and 2000 or 100 * 1000
local NAME = "RouterJobQueued"

local start = result.new("start", {
  title = "Start and reload",
  about = ("Milliseconds. Ready is when the host listens and its scripts are live in two workers; live is when a"
    .. " delivery reaches the new script, counted from the rename of its file. %d starts each, %d saves."):format(
    STARTS,
    SAVES
  ),
  columns = { "what", "p50", "p99", "max" },
})

-- A pipe tells of the line at once, where a file would have to be looked at again and again.
local function start_once(server)
  local arguments = { host.binary, "serve", "-c", server.folder .. "/switchhook.lua" }
  local pipe = assert(io.popen("echo $$; exec '" .. table.concat(arguments, "' '") .. "' 2>/dev/null"))
  local pid = assert(tonumber(pipe:read "l"))
  local begin = now()
  local line
  repeat
    line = pipe:read "l"
  until not line or line:match "^ready"
  local seconds = now() - begin
  host.native.signal(pid, host.native.SIGTERM)
  pipe:close()
  assert(line, "the host did not become ready")
  return seconds
end

local function measure_starts(what, server)
  local times = {}
  for i = 1, STARTS do
    times[i] = start_once(server)
  end
  start:add(what, bench.times(times))
end

local function serve_plainly()
  return host.serve {
    config = "workers = 2\nlimits = { backlog = 100000000 }",
    scripts = { [NAME .. ".lua"] = "return function() end" },
  }
end

local function measure_start()
  local server = serve_plainly()
  server:stop()
  measure_starts("start, an empty store", server)
  server = server:again()
  backlog.deliver(server, backlog.event(NAME), KEPT, function()
    return { ID = ("%016x-%016x"):format(math.random(0), math.random(0)), JOB = ("%016x"):format(math.random(0)) }
  end)
  host.wait_until(function()
    return server:api("/api/status").json.sinceStart.done == KEPT
  end, "the events to be handled", 300)
  server:stop()
  measure_starts(("start, %d kept events"):format(KEPT), server)
end

local function script(number)
  return ("return function(e) router.jobs.activate(e.data.jobId, { priority = %d }) end"):format(number)
end

-- Delivers one event after the other until one meets the script of that number; when that one's call came.
local function find_first(connection, upstream, seen, number)
  while true do
    local request, job = bench.delivery(NAME)
    connection.tcp:send(request)
    bench.wait(function()
      local answer, taken = message.read(connection.bytes, true)
      connection.bytes = answer and connection.bytes:sub(taken + 1) or connection.bytes
      return seen[job]
    end, { connection }, upstream)
    if seen[job].number == number then
      return seen[job].at
    end
  end
end

local function measure_reload()
  local seen = {}
  local upstream = host.upstream(function(request)
    local job = request.target:match "/jobs/([^?]*)"
    seen[job] = { at = now(), number = tonumber(request.body:match '"priority":(%d+)') }
    return 200, {}, "{}"
  end)
  local server = host.serve {
    config = ('workers = 2\nrouter = { connection_string = "endpoint=%s/;accesskey=AAAA" }'):format(upstream.url),
    scripts = { [NAME .. ".lua"] = script(0) },
  }
  local connection = host.connect(server.port)
  local path = server.folder .. "/scripts/" .. NAME .. ".lua"
  local times = {}
  for number = 1, SAVES do
    host.write(path .. ".new", script(number))
    local begin = now()
    assert(os.rename(path .. ".new", path))
    times[number] = find_first(connection, upstream, seen, number) - begin
    socket.select({}, nil, 0.05)
  end
  start:add("save to live", bench.times(times))
  server:stop()
end

bench.run(function()
  measure_start()
  measure_reload()
  for _, row in ipairs(start.rows) do
    start:bar(row[1], row[2])
  end
  start.chart.unit, start.chart.title = "ms", "Start and reload, median"
  print(start:write())
end)
