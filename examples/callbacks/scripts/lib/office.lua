-- Whether the office is open, and when it opens. Moments are seconds since 1970; days and hours are those of
-- the configured time zone, and right on the days on which the clocks change, too.
local hours = require "hours"

local office = {}

-- The moments at which the office opens and closes on the day that is `days` after that of `at`; nil: it stays
-- closed.
local function day(at, days)
  local date = os.date("*t", at)
  local function moment(hour)
    return os.time { year = date.year, month = date.month, day = date.day + days, hour = hour }
  end
  local noon = moment(12)
  local open = hours[os.date("%A", noon)]
  if open and not hours.days_off[os.date("%Y-%m-%d", noon)] then
    return moment(open[1]), moment(open[2])
  end
end

function office.is_open(at)
  local opens, closes = day(at, 0)
  return opens ~= nil and at >= opens and at < closes
end

-- The next moment after `at` at which it opens; nil when it does not within two weeks.
function office.opens(at)
  for days = 0, 14 do
    local opens = day(at, days)
    if opens and opens > at then
      return opens
    end
  end
end

return office
