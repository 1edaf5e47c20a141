-- How contenders are measured beside each other: in turns, so that what disturbs the machine disturbs all.
--
--     local rounds = require "rounds"
--     local turns = rounds.measure(present, cases, 3, function(contender, case) ... return turn end)
--       -> turns[name][i]: what the calls for the contender of that name and the i-th case returned, one a round
--     rounds.median(turns.nginx[1], function(turn) return turn.rate end)
--     rounds.compare(turns, 1, "switchhook", "nginx", function(turn) return turn.rate end)
--       -> how many times nginx's rate Switchhook's was
local host = require "host"

local rounds = {}

-- What a turn has started is gone before the next one.
function rounds.measure(present, cases, count, take_turn)
  local turns = {}
  for _, contender in ipairs(present) do
    turns[contender.name] = {}
    for i in ipairs(cases) do
      turns[contender.name][i] = {}
    end
  end
  for _ = 1, count do
    for i, case in ipairs(cases) do
      for _, contender in ipairs(present) do
        table.insert(turns[contender.name][i], take_turn(contender, case))
        host.clean_up(true)
      end
    end
  end
  return turns
end

-- The median of what `value_of` makes of each turn and its number.
function rounds.median(turns, value_of)
  local values = {}
  for i, turn in ipairs(turns) do
    values[i] = value_of(turn, i)
  end
  table.sort(values)
  local middle = #values // 2
  return #values % 2 == 1 and values[middle + 1] or (values[middle] + values[middle + 1]) / 2
end

-- How many times the other's value ours was in the same round: the median of the rounds. Nil without the other.
function rounds.compare(turns, case, ours, other, value_of)
  if not turns[other] then
    return nil
  end
  return rounds.median(turns[ours][case], function(turn, i)
    return value_of(turn) / value_of(turns[other][case][i])
  end)
end

-- Waits until nothing is left to do, and holds Switchhook to having handled all that it acknowledged: `least`
-- events. Those that were under way when the load ended may be there as well.
function rounds.wait_handled(server, least, under_way)
  local handled
  host.wait_until(function()
    local status = server:api("/api/status").json
    handled = status.sinceStart.done + status.sinceStart.unhandled
    return handled >= least and status.events.queued + status.events.running + status.events.waiting == 0
  end, ("%d acknowledged events to be handled"):format(least), 120, function()
    return ("%d are"):format(handled)
  end)
  if handled > least + under_way then
    error(("%d events were handled, and no more than %d were sent"):format(handled, least + under_way))
  end
end

return rounds
