-- Save to live: from the moment a script has its new name to the first delivery that the new script handled.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local host = require "host"
local message = require "message"
local socket = require "socket"
local now = host.native.now

local SAVES = bench.is_smoke and 3 or 60

local function script(number)
  return ("return function(e) router.jobs.activate(e.data.jobId, { priority = %d }) end"):format(number)
end

local function measure()
  local seen = {}
  local upstream = host.upstream(function(request)
    local job = request.target:match "/jobs/([^?]*)"
    seen[job] = { at = now(), number = tonumber(request.body:match '"priority":(%d+)') }
    return 200, {}, "{}"
  end)
  local server = host.serve {
    config = ('router = { connection_string = "endpoint=%s/;accesskey=AAAA" }'):format(upstream.url),
    scripts = { ["RouterJobQueued.lua"] = script(0) },
  }
  local connection = host.connect(server.port)
  local path = server.folder .. "/scripts/RouterJobQueued.lua"
  local times = {}
  for number = 1, SAVES do
    host.write(path .. ".new", script(number))
    local begin = now()
    assert(os.rename(path .. ".new", path))
    repeat
      local request, job = bench.delivery "RouterJobQueued"
      connection.tcp:send(request)
      bench.wait(function()
        local answer, taken = message.read(connection.bytes, true)
        connection.bytes = answer and connection.bytes:sub(taken + 1) or connection.bytes
        return seen[job]
      end, { connection }, upstream)
      times[number] = seen[job].at - begin
    until seen[job].number == number
    socket.select({}, nil, 0.05)
  end
  bench.print_times("rename to the first run of the new script", times)
  server:stop()
end

bench.run(measure)
