-- What the benches in Lua share: their numbers, waiting without a pause, and cleaning up.
--
-- A bench prints one line for each thing that it measured, and asserts nothing. With --smoke it takes a second or
-- two, and only shows that it still works.
local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/../support/?.lua;" .. package.path

local host = require "host"
local message = require "message"
local socket = require "socket"

local bench = { is_smoke = arg[1] == "--smoke" }

-- Runs it, cleans up after it, and shows what went wrong.
function bench.run(measure)
  local ok, words = xpcall(measure, debug.traceback)
  host.clean_up(ok)
  if not ok then
    io.stderr:write(words, "\n")
    os.exit(1)
  end
end

-- Prints the median, the 99th percentile and the maximum of some seconds, in milliseconds.
function bench.print_times(name, seconds)
  table.sort(seconds)
  local function at(share)
    return seconds[math.max(1, math.ceil(share * #seconds))] * 1e3
  end
  local words = "%-42s p50 %8.2f ms   p99 %8.2f ms   max %8.2f ms   (%d times)"
  print(words:format(name, at(0.5), at(0.99), at(1), #seconds))
end

-- Waits until is_done returns something true, and returns it; wakes for bytes and not for a time. `connections`
-- are of tests/support/client.lua, `upstream` is of tests/support/upstream.lua or nil.
function bench.wait(is_done, connections, upstream)
  local deadline = host.native.now() + 30
  while true do
    local result = is_done()
    if result then
      return result
    end
    assert(host.native.now() < deadline, "waited 30 s for the program")
    local sockets = upstream and { upstream.listener } or {}
    for connection in pairs(upstream and upstream.connections or {}) do
      sockets[#sockets + 1] = connection.tcp
    end
    for _, connection in ipairs(connections) do
      sockets[#sockets + 1] = connection.tcp
    end
    socket.select(sockets, nil, 1)
    if upstream then
      upstream:take_turn()
    end
    for _, connection in ipairs(connections) do
      connection:pull()
    end
  end
end

local template = host.json.encode {
  host.event("@type@", { jobId = "@job@", channelId = "voice", queueId = "support" }, { id = "@job@" }),
}
local event_count = 0
-- A whole request that delivers one event of the type, for a job of its own; and that job's id.
function bench.delivery(name)
  event_count = event_count + 1
  local job = "job-" .. event_count
  local body = template:gsub("@(%l+)@", { type = name, job = job })
  local headers = { Host = "bench", ["Content-Type"] = "application/json; charset=utf-8" }
  return message.write("POST /events HTTP/1.1", headers, body), job
end

return bench
