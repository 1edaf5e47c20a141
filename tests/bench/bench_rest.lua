-- At rest: what the host and its workers use while nothing comes in. A process that sleeps well wakes for nothing.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local host = require "host"
local socket = require "socket"

local SECONDS = bench.is_smoke and 0.5 or 5

-- Processor time and context switches of all threads of a process.
local function use_of(pid)
  local use = { ms = 0, waits = 0, threads = 0 }
  local threads = host.run_program({ "ls", ("/proc/%d/task"):format(pid) }).stdout
  for thread in threads:gmatch "%d+" do
    local folder = ("/proc/%d/task/%s/"):format(pid, thread)
    use.ms = use.ms + tonumber(host.read(folder .. "schedstat"):match "^%d+") / 1e6
    use.waits = use.waits + tonumber(host.read(folder .. "status"):match "\nvoluntary_ctxt_switches:%s*(%d+)")
    use.threads = use.threads + 1
  end
  return use
end

local function measure()
  local server = host.serve { scripts = { ["RouterJobQueued.lua"] = "return function() end" } }
  server:deliver { host.event("RouterJobQueued", { jobId = "j" }) }
  server:wait_state(1, "done")
  local processes = { { name = "host", pid = server.pid } }
  for i, worker in ipairs(server:api("/api/status").json.workers) do
    processes[#processes + 1] = { name = "worker " .. i, pid = worker.pid }
  end
  -- What the delivery and the questions began ends first: connections are closed, a checkpoint is written.
  socket.select({}, nil, bench.is_smoke and 0.2 or 2)
  for _, process in ipairs(processes) do
    process.before = use_of(process.pid)
  end
  socket.select({}, nil, SECONDS)
  for _, process in ipairs(processes) do
    local before, after = process.before, use_of(process.pid)
    local words = "%-12s %8.3f ms of processor time   %4d wake-ups   in %g s   (%d threads)"
    print(words:format(process.name, after.ms - before.ms, after.waits - before.waits, SECONDS, after.threads))
  end
  server:stop()
end

bench.run(measure)
