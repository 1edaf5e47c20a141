-- At rest: what the host and its workers use while nothing comes in. A process that sleeps well wakes for nothing.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local host = require "host"
local proc = require "proc"
local result = require "result"
local socket = require "socket"

local SECONDS = bench.is_smoke and 0.5 or 5

local rest = result.new("rest", {
  title = "At rest",
  about = ("What the processes used in %g s without an event, the first one handled two seconds before."):format(
    SECONDS
  ),
  columns = { "process", "threads", "processor ms", "wake-ups" },
})

local function use_of(pid)
  local use = { us = 0, sleeps = 0, threads = 0 }
  for _, thread in ipairs(proc.threads(pid)) do
    use.us, use.sleeps, use.threads = use.us + thread.us, use.sleeps + thread.sleeps, use.threads + 1
  end
  return use
end

bench.run(function()
  local server = host.serve { scripts = { ["RouterJobQueued.lua"] = "return function() end" } }
  server:deliver { host.event("RouterJobQueued", { jobId = "j" }) }
  server:wait_state(1, "done")
  local processes = bench.processes(server)
  -- What the delivery and the questions began ends first: connections are closed, a checkpoint is written.
  socket.select({}, nil, bench.is_smoke and 0.2 or 2)
  for _, process in ipairs(processes) do
    process.before = use_of(process.pid)
  end
  socket.select({}, nil, SECONDS)
  for _, process in ipairs(processes) do
    local before, after = process.before, use_of(process.pid)
    local ms = bench.round((after.us - before.us) / 1e3, 3)
    rest:add(process.name, after.threads, ms, after.sleeps - before.sleeps)
  end
  print(rest:write())
  server:stop()
end)
