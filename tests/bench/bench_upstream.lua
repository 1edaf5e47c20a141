-- One call for each event: how many signed calls to a Job Router that answers after 20 ms are done in a second,
-- beside what one would pick instead. Single deliveries, in turns, a fresh start for each; medians of the turns.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local contenders = require "contenders"
local host = require "host"
local proc = require "proc"
local result = require "result"
local rounds = require "rounds"
local wrk = require "wrk"

local DELAY_MS = 20
local ROUNDS = bench.is_smoke and 1 or 3
local SECONDS = bench.is_smoke and 0.2 or 3
local CASES = bench.is_smoke and { 8 } or { 64, 512 } -- connections

local function start_upstream()
  local upstream = host.start_program { host.build .. "/tests/upstream", tostring(DELAY_MS) }
  upstream.port = math.tointeger(upstream:wait_line "^port (%d+)")
  -- What it has counted so far; with "?reset" it then begins again.
  function upstream.count(_, query)
    return host.request({ url = ("http://127.0.0.1:%d/count%s"):format(upstream.port, query or "") }).json
  end
  return upstream
end

local function print_turn(contender, connections, turn)
  local words = "%-42s %3d connections %9.0f calls/s %8.1f us/call %7.1f MiB   %4d open   load %3.0f %%"
  print(words:format(contender.label, connections, turn.rate, turn.cpu_us, turn.mib or 0, turn.open,
    turn.share * 100))
end

-- From the first call that arrives at the Job Router to the last answer: what Switchhook still has to do when the
-- load ends is part of it.
local function take_turn(contender, connections)
  local upstream = start_upstream()
  local running = contender.start { upstream = upstream.port }
  local load = { url = running.url, batch = 1, connections = connections, seconds = SECONDS }
  local warm = not bench.is_smoke and wrk.run { url = load.url, batch = 1, connections = connections, seconds = 1 }
  local sent, under_way = warm and warm.requests or 0, warm and warm.under_way or 0
  if contender.is_ours then
    rounds.wait_handled(running, sent, under_way)
  end
  upstream:count "?reset"
  local before, turn = proc.cpu_seconds(running.pid), {}
  function load.at_load()
    turn.mib = proc.pss_mib(running.pid)
  end
  local found = wrk.run(load)
  if contender.is_ours then
    rounds.wait_handled(running, sent + found.requests, under_way + found.under_way)
  end
  local count = upstream:count()
  if count.calls < found.requests or count.signed ~= count.calls then
    local words = "%s answered %d deliveries; the Job Router got %d calls, %d of them signed"
    error(words:format(contender.label, found.requests, count.calls, count.signed))
  end
  turn.rate = count.calls / count.seconds
  turn.cpu_us = (proc.cpu_seconds(running.pid) - before) / count.calls * 1e6
  turn.open = count.connections
  turn.share = found.cpu / found.seconds
  running:stop()
  print_turn(contender, connections, turn)
  return turn
end

local function rate_of(turn)
  return turn.rate
end

local function fill_table(found, present, turns)
  for _, contender in ipairs(present) do
    local of, row = turns[contender.name], {}
    row[1], row[2] = contender.label, contender.is_ours and "stored" or "called"
    for i in ipairs(CASES) do
      row[#row + 1] = bench.round(rounds.median(of[i], rate_of))
    end
    for _, name in ipairs { "cpu_us", "mib", "open" } do
      row[#row + 1] = bench.round(rounds.median(of[#CASES], function(turn)
        return turn[name] or 0
      end), 1)
    end
    found:add(table.unpack(row))
  end
end

local function fill_goals(found, turns)
  for _, goal in ipairs { { "nginx", "nginx + Lua with one worker", 0.6, 0.8 }, { "node", "Node.js", 1.6, 2 } } do
    found:ratio {
      what = ("one call for each event, %d connections: of %s"):format(CASES[#CASES], goal[2]),
      value = rounds.compare(turns, #CASES, "switchhook", goal[1], rate_of), goal = goal[3], aim = goal[4],
    }
  end
end

local ABOUT = "Signed calls to the Job Router done in a second, one for each event, by the number of connections "
  .. "that deliver single events; the Job Router answers after 20 ms. Switchhook answers a delivery when it is "
  .. "stored, and journals each call; the others have to wait for the call, since they store nothing. The last "
  .. "columns, for %d connections: processor time for an event, memory under load, connections to the Job Router."

bench.run(function()
  local columns = { "program", "answers when" }
  for i, connections in ipairs(CASES) do
    columns[i + 2] = ("calls/s, %d"):format(connections)
  end
  table.move({ "µs of processor", "MiB under load", "connections out" }, 1, 3, #columns + 1, columns)
  local found = result.new("upstream", {
    title = "One call for each event",
    about = ABOUT:format(CASES[#CASES]),
    columns = columns,
  })
  local present = contenders.present(found.programs, true)
  for _, contender in ipairs(present) do
    contender.label = contender.is_ours and "Switchhook" or contender.label
  end
  local turns = rounds.measure(present, CASES, ROUNDS, take_turn)
  fill_table(found, present, turns)
  fill_goals(found, turns)
  found.chart.unit = ("calls per second, %d connections; more is better"):format(CASES[#CASES])
  for _, contender in ipairs(present) do
    found:bar(contender.label, rounds.median(turns[contender.name][#CASES], rate_of))
  end
  print(found:write())
end)
