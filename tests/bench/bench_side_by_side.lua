-- Side by side: how many deliveries Switchhook acknowledges in a second, and what one would pick instead. The same
-- load for each, in turns, a fresh start for each turn; the figures are medians of the turns.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local contenders = require "contenders"
local host = require "host"
local proc = require "proc"
local result = require "result"
local rounds = require "rounds"
local wrk = require "wrk"

local ROUNDS = bench.is_smoke and 1 or 3
local SECONDS = bench.is_smoke and 0.2 or 2
local CASES = {
  { batch = 1, connections = 64 },
  { batch = 1, connections = 512 },
  { batch = 10, connections = 64 },
  { batch = 100, connections = 64 },
  { batch = 100, connections = 512 },
}
if bench.is_smoke then
  CASES = { { batch = 10, connections = 8 } }
end

local function print_turn(contender, case, turn)
  local words = "%-42s %3d x %-3d %9.0f events/s %8.1f us/event %7.1f MiB   load %3.0f %%   handled %9.0f/s"
  print(words:format(contender.label, case.batch, case.connections, turn.rate, turn.cpu_us, turn.mib or 0,
    turn.share * 100, turn.handled or turn.rate))
end

-- One turn of a contender: a warm-up, then the load.
local function take_turn(contender, case)
  local running = contender.start {}
  local load = { url = running.url, batch = case.batch, connections = case.connections, seconds = SECONDS }
  local warm = not bench.is_smoke and wrk.run { url = load.url, batch = load.batch, connections = 64, seconds = 1 }
  local sent, under_way = warm and warm.requests or 0, warm and warm.under_way or 0
  if contender.is_ours then
    rounds.wait_handled(running, sent * case.batch, under_way * case.batch)
  end
  local before, turn = proc.cpu_seconds(running.pid), {}
  function load.at_load()
    turn.mib = proc.pss_mib(running.pid)
  end
  local found = wrk.run(load)
  local events = found.requests * case.batch
  if contender.is_ours then
    local ended = host.native.now()
    rounds.wait_handled(running, sent * case.batch + events, (under_way + found.under_way) * case.batch)
    turn.handled = events / (found.seconds + host.native.now() - ended)
  end
  turn.rate = events / found.seconds
  turn.cpu_us = (proc.cpu_seconds(running.pid) - before) / events * 1e6
  turn.share = found.cpu / found.seconds
  running:stop()
  print_turn(contender, case, turn)
  return turn
end

local function name_of(case)
  return ("%d x %d"):format(case.batch, case.connections)
end

local function rate_of(turn)
  return turn.rate
end

-- The columns behind the rates: what of a turn, and of which case (smoke runs have only the first).
local EXTRAS = {
  { "µs", "cpu_us", 1 },
  { "µs", "cpu_us", 4 },
  { "MiB", "mib", 2 },
}

local function fill_table(found, present, turns)
  for _, contender in ipairs(present) do
    local of, row, share = turns[contender.name], { contender.label, contender.stored }, 0
    for i in ipairs(CASES) do
      row[#row + 1] = bench.round(rounds.median(of[i], rate_of))
      for _, turn in ipairs(of[i]) do
        share = math.max(share, turn.share)
      end
    end
    row[#row + 1] = contender.is_ours and bench.round(rounds.median(of[1], function(turn)
      return turn.handled
    end)) or "-"
    for _, extra in ipairs(EXTRAS) do
      row[#row + 1] = bench.round(rounds.median(of[math.min(extra[3], #CASES)], function(turn)
        return turn[extra[2]] or 0
      end), 1)
    end
    row[#row + 1] = bench.round(share * 100)
    found:add(table.unpack(row))
  end
end

-- The goals are about the way to the disk. Beside them the same with a script that runs for each event meanwhile.
local function fill_goals(found, turns)
  local ours = { { "switchhook_bare", "" }, { "switchhook", ", a script runs for each" } }
  local singles = {
    { "log", "the bare log", 0.75, 0.9 },
    { "nginx", "nginx + Lua with one worker", 0.55, 0.7 },
    { "node", "Node.js", 1.2, 1.5 },
  }
  for i, case in ipairs(CASES) do
    local goals = case.batch == 1 and singles or case.batch == 100 and { singles[3] } or {}
    local what = case.batch == 1 and "single deliveries" or ("batches of %d"):format(case.batch)
    for _, our in ipairs(ours) do
      for _, goal in ipairs(goals) do
        found:ratio {
          what = ("%s acknowledged, %d connections%s: of %s"):format(what, case.connections, our[2], goal[2]),
          value = rounds.compare(turns, i, our[1], goal[1], rate_of), goal = goal[3], aim = goal[4],
        }
      end
    end
  end
end

local function fill_chart(found, present, turns)
  found.chart.unit = "events per second, each group by its own scale; more is better"
  found.chart.scale = "group"
  for i, case in ipairs(CASES) do
    local what = case.batch == 1 and "single deliveries" or ("batches of %d"):format(case.batch)
    for _, contender in ipairs(case.connections == 64 and present or {}) do
      if contender.name ~= "ceiling" then -- it is so far off that nothing beside it could be told apart
        local value = rounds.median(turns[contender.name][i], rate_of)
        found:bar(contender.label, value, ("%s, %d connections"):format(what, case.connections))
      end
    end
  end
end

local function columns()
  local names = { "program", "a 200 means stored" }
  for _, case in ipairs(CASES) do
    names[#names + 1] = name_of(case)
  end
  names[#names + 1] = "handled, " .. name_of(CASES[1])
  for _, extra in ipairs(EXTRAS) do
    names[#names + 1] = extra[1] .. ", " .. name_of(CASES[math.min(extra[3], #CASES)])
  end
  names[#names + 1] = "load's own %"
  return names
end

local ABOUT = "Events acknowledged in a second, by the size of the deliveries and the number of connections (10 x "
  .. "64: deliveries of 10 events, on 64 connections); how many Switchhook also handled in a second; microseconds "
  .. "of processor time for an event, with all of a program's processes; their memory under load. The last column "
  .. "is the most that the load itself took of a processor: at 95 and more it may be what limits."

bench.run(function()
  local title = "Deliveries acknowledged, side by side"
  local found = result.new("side_by_side", { title = title, about = ABOUT, columns = columns() })
  local present = contenders.present(found.programs)
  local turns = rounds.measure(present, CASES, ROUNDS, take_turn)
  fill_table(found, present, turns)
  fill_goals(found, turns)
  fill_chart(found, present, turns)
  print(found:write())
end)
