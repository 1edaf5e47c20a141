-- Load, by wrk and tests/bench/load.lua.
--
--     local wrk = require "wrk"
--     wrk.run { url = "http://127.0.0.1:8080/events", connections = 64, batch = 1, seconds = 2,
--               at_load = function() ... end }        -- called once, near the end of the load
--     -> { requests =, seconds =, refused = (answers that were not 2xx), broken = (connections), timeouts =,
--          cpu = (seconds of processor time that wrk itself took), p50 =, p99 = (ms),
--          under_way = (requests, at most, that had no answer when it ended, and may have been taken) }
--
-- wrk counts whole seconds; for parts of one it is stopped by a signal, and run again for longer when nothing was
-- answered by then. That something was refused is an error.
local host = require "host"

local wrk = {}

function wrk.is_installed()
  return host.run_program({ "sh", "-c", "command -v wrk" }).status == 0
end

function wrk.version()
  return "wrk " .. (host.run_program({ "sh", "-c", "wrk --version; true" }).stdout:match "[%d.]+" or "")
end

-- One load; returns what load.lua says of it.
local function run_once(options, seconds)
  local now = host.native.now
  local duration = math.max(1, math.ceil(seconds))
  local process = host.start_program {
    "wrk", "-t1", "-c" .. options.connections, "-d" .. duration .. "s", "--timeout", "10s",
    "-s", host.source .. "/tests/bench/load.lua", options.url, "--", tostring(options.batch),
  }
  local begin, at_load = now(), options.at_load
  local is_cut = seconds < duration
  host.wait_until(function()
    local passed = now() - begin
    if at_load and passed > seconds * 0.75 then
      at_load()
      at_load = nil
    end
    if is_cut and passed > seconds then
      process:signal(host.native.SIGINT)
      is_cut = false
    end
    return not process:is_running()
  end, "wrk", seconds + 60)
  if process.how == "signal" then -- it had not even begun
    return { requests = 0 }
  end
  local found = {}
  for name, value in (process:stdout():match "\nRESULT ([^\n]*)" or ""):gmatch "(%w+)=([%d.]+)" do
    found[name] = tonumber(value)
  end
  if not found.requests or found.refused + found.broken + found.timeouts > 0 then
    error(("the load on %s failed:\n%s%s"):format(options.url, process:stdout(), process:stderr()))
  end
  return found
end

function wrk.run(options)
  local seconds, under_way = options.seconds, 0
  for _ = 1, 5 do
    local found = run_once(options, seconds)
    under_way = under_way + options.connections
    if found.requests > 0 then
      found.under_way = under_way
      return found
    end
    seconds = seconds * 3
  end
  error(("%s answered nothing in %g seconds"):format(options.url, seconds / 3))
end

return wrk
