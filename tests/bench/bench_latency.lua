-- How long an event takes, from the moment at which it should be posted (by a schedule that waits for nobody) to
-- its 200, to the arrival of the call that its handler makes, and to the answer of that; and what each thread uses
-- for an event. The schedule and the Job Router are one program beside it: pace.c.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local host = require "host"
local proc = require "proc"
local result = require "result"

local SECONDS = bench.is_smoke and 1 or 10
local RATES = bench.is_smoke and { 400 } or { 100, 1000, 4000 }
local NAMED_RATE = bench.is_smoke and 400 or 1000 -- of the goals, and of the processor's time
local DELAYS_MS = bench.is_smoke and { 20 } or { 0, 20 }
local WAYS = {
  { key = "acknowledged", name = "to its 200" },
  { key = "left", name = "to its call leaving" },
  { key = "answered", name = "to the call's answer" },
}

local latency = result.new("latency", {
  title = "From the POST to the call that leaves",
  about = ("Single events of 1.3 KB over 64 connections for %d s, each with one call to the Job Router. The times"
    .. " count from the moment at which an event was due, in milliseconds."):format(SECONDS),
  columns = { "events/s", "upstream", "from POST", "p50", "p99", "p99.9", "max" },
})
latency.chart.unit = "ms"
local processor = result.new("processor", {
  title = "Processor time for an event",
  about = ("An event with one call to the Job Router, at %d events/s: microseconds of processor time for each"
    .. " event, and how often the thread went to sleep for it."):format(NAMED_RATE),
  columns = { "upstream", "thread", "us", "sleeps" },
  bench = "latency",
})
processor.chart.unit = "us"

local function upstream_name(delay_ms)
  return delay_ms == 0 and "at once" or delay_ms .. " ms"
end

local function pace(server, router_port, rate, seconds, delay_ms)
  local program = bench.pace(server, router_port, rate, rate * seconds, delay_ms)
  program:wait_exit(120)
  assert(program.number == 0, program:tail())
  return host.json.decode(program:stdout())
end

-- Use by the names of threads; those of a name count together.
local function use_of(server)
  local use = {}
  for _, process in ipairs(bench.processes(server)) do
    local is_host = process.name == "host"
    for _, thread in ipairs(proc.threads(process.pid)) do
      local name = is_host and "host: " .. thread.name or "workers"
      use[name] = use[name] or { us = 0, sleeps = 0 }
      use[name].us = use[name].us + thread.us
      use[name].sleeps = use[name].sleeps + thread.sleeps
    end
  end
  return use
end

local function add_processor(delay_ms, before, after, events)
  local upstream = upstream_name(delay_ms)
  local names, us, sleeps = {}, 0, 0
  for name, use in pairs(after) do
    local was = before[name] or { us = 0, sleeps = 0 }
    use.us, use.sleeps = (use.us - was.us) / events, (use.sleeps - was.sleeps) / events
    us, sleeps = us + use.us, sleeps + use.sleeps
    if use.us >= 0.05 then
      names[#names + 1] = name
    end
  end
  table.sort(names, function(a, b)
    return after[a].us > after[b].us
  end)
  for _, name in ipairs(names) do
    processor:add(upstream, name, bench.round(after[name].us, 1), bench.round(after[name].sleeps, 2))
  end
  processor:add(upstream, "together", bench.round(us, 1), bench.round(sleeps, 2))
  processor:bar("upstream answers " .. (delay_ms == 0 and "at once" or "after " .. upstream), bench.round(us, 1))
end

local function add_ratios(times)
  for i, goal in ipairs { 1, 5 } do
    latency:ratio {
      what = ("POST to its call leaving at %d events/s, %s, ms"):format(NAMED_RATE, i == 1 and "p50" or "p99"),
      value = bench.round(times.left[i] / 1e3, 3),
      goal = goal,
      is_less_better = true,
    }
  end
end

-- A host of its own for each, so that none tidies up after another.
local function measure(rate, delay_ms)
  local router_port = host.free_port()
  local server = bench.serve_paced(router_port)
  pace(server, router_port, rate, 1, delay_ms)
  local before = use_of(server)
  local times = pace(server, router_port, rate, SECONDS, delay_ms)
  local after = use_of(server)
  for _, way in ipairs(WAYS) do
    local row = {}
    for i, us in ipairs(times[way.key]) do
      row[i] = bench.round(us / 1e3, 2)
    end
    latency:add(rate, upstream_name(delay_ms), way.name, table.unpack(row))
  end
  if rate == NAMED_RATE then
    add_processor(delay_ms, before, after, rate * SECONDS)
  end
  if rate == NAMED_RATE and delay_ms == 0 then
    add_ratios(times)
  end
  if delay_ms == 0 then
    local group = ("%d events/s, POST to its call leaving"):format(rate)
    latency:bar("p50", bench.round(times.left[1] / 1e3, 2), group)
    latency:bar("p99", bench.round(times.left[2] / 1e3, 2), group)
  end
  host.wait_until(function()
    return server:api("/api/status").json.sinceStart.done == rate * (SECONDS + 1)
  end, "every event to be done", 60)
  server:stop()
end

bench.run(function()
  for _, delay_ms in ipairs(DELAYS_MS) do
    for _, rate in ipairs(RATES) do
      measure(rate, delay_ms)
    end
  end
  print(latency:write())
  print(processor:write())
end)
