-- What the host and its workers hold in memory: at rest, under load, with a long queue, and when it is handled.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local backlog = require "backlog"
local host = require "host"
local proc = require "proc"
local result = require "result"
local socket = require "socket"

local COUNT = bench.is_smoke and 4000 or 1000 * 1000
local RATE, SECONDS = bench.is_smoke and 200 or 1000, bench.is_smoke and 1 or 10
local NAME = "RouterJobQueued"

local memory = result.new("memory", {
  title = "Memory",
  about = ("Proportional set size in MiB, a host and two workers. Under load: the most that was seen at"
    .. " %d events/s with one call each. Queued: %d events of 1.2 KB, random ids, while the host is"
    .. " paused."):format(RATE, COUNT),
  columns = { "when", "host", "workers", "together" },
})
memory.chart.unit = "MiB"

local function take(server)
  local all, of_host = 0, 0
  for _, process in ipairs(bench.processes(server)) do
    local used = proc.pss_mib_alone(process.pid)
    all, of_host = all + used, process.name == "host" and used or of_host
  end
  return { host = of_host, workers = all - of_host, together = all }
end

local function add(when, use)
  memory:add(when, bench.round(use.host, 1), bench.round(use.workers, 1), bench.round(use.together, 1))
  memory:bar(when, bench.round(use.together, 1))
end

local function measure_load()
  local router_port = host.free_port()
  local server = bench.serve_paced(router_port, "workers = 2")
  local rest = take(server)
  local pace = bench.pace(server, router_port, RATE, RATE * SECONDS, 20)
  local most = rest
  while pace:is_running() do
    local use = take(server)
    most = use.together > most.together and use or most
    socket.select(nil, nil, 0.1)
  end
  assert(pace.number == 0, pace:tail())
  add("at rest, after the start", rest)
  add("under load", most)
  server:stop()
  return rest
end

-- Names and jobs are random: numbers in a row flatter whatever is sorted.
local function deliver(server)
  backlog.deliver(server, backlog.event(NAME), COUNT, function()
    return {
      ID = ("%016x-%016x"):format(math.random(0), math.random(0)),
      JOB = ("job-%016x"):format(math.random(0)),
    }
  end)
end

local function measure_queue()
  local server = host.serve {
    config = "workers = 2\nlimits = { backlog = 100000000, drain_seconds = 5 }",
    scripts = { [NAME .. ".lua"] = "return function() end" },
    arguments = { "--paused" },
  }
  local before = take(server)
  deliver(server)
  local queued = take(server)
  add("queued", queued)
  server:kill()
  server = server:again()
  add("queued, after a kill and a start", take(server))
  assert(server:api("/api/resume", { method = "POST" }).status == 200)
  host.wait_until(function()
    return server:api("/api/status").json.sinceStart.done == COUNT
  end, "the queue to be handled", 1200)
  add("when they are handled", take(server))
  server:stop()
  return queued.together - before.together
end

bench.run(function()
  local rest = measure_load()
  local added = measure_queue()
  memory:ratio {
    what = "Memory at rest, host and two workers, MiB",
    value = bench.round(rest.together, 1),
    goal = 25,
    is_less_better = true,
  }
  memory:ratio {
    what = ("What a queue of %d events adds, MiB"):format(COUNT),
    value = bench.round(added, 1),
    goal = 100,
    is_less_better = true,
  }
  print(memory:write())
end)
