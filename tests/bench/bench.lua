-- What the benches in Lua share: their numbers, a host and its load, waiting without a pause, and cleaning up.
--
-- A bench writes what it measured as a result (result.lua). It asserts nothing about speed, only that what it
-- measured really happened. With --smoke it takes some seconds, and only shows that it still works.
local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/?.lua;" .. here .. "/../support/?.lua;" .. package.path

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

-- The median, the 99th percentile and the maximum of some seconds, in milliseconds.
function bench.times(seconds)
  table.sort(seconds)
  local function at(share)
    return bench.round(seconds[math.max(1, math.ceil(share * #seconds))] * 1e3, 2)
  end
  return at(0.5), at(0.99), at(1)
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

-- A host that calls the Job Router at router_port for each event of pace.c.
function bench.serve_paced(router_port, config)
  local router = 'router = { connection_string = "endpoint=http://127.0.0.1:%d/;accesskey=AAAA" }\n'
  return host.serve {
    config = router:format(router_port) .. (config or ""),
    scripts = {
      ["RouterJobWaitingForActivation.lua"] = "return function(e) router.jobs.activate(e.data.jobId) end",
    },
  }
end

-- Starts pace.c: `count` events, `rate` a second; the Job Router answers after delay_ms.
function bench.pace(server, router_port, rate, count, delay_ms)
  local arguments = { host.build .. "/tests/pace" }
  for _, number in ipairs { server.port, router_port, rate, count, delay_ms * 1000 } do
    arguments[#arguments + 1] = ("%d"):format(number)
  end
  return host.start_program(arguments)
end

-- The ids of a server's processes by name: "host" and "worker 1", "worker 2", ...
function bench.processes(server)
  local processes = { { name = "host", pid = server.pid } }
  for i, worker in ipairs(server:api("/api/status").json.workers) do
    processes[#processes + 1] = { name = "worker " .. i, pid = worker.pid }
  end
  return processes
end

-- Runs a program of the build that prints lines with tabs between the cells (cost_NAME), and returns them, the
-- numbers as such.
function bench.lines(program, ...)
  local arguments = { host.build .. "/tests/" .. program }
  for i, argument in ipairs { ... } do
    arguments[i + 1] = ("%s"):format(argument)
  end
  local ended = host.run_program(arguments, { deadline = 3600 })
  assert(ended.status == 0, ended.stderr)
  local lines = {}
  for line in ended.stdout:gmatch "[^\n]+" do
    local cells = {}
    for cell in line:gmatch "[^\t]+" do
      cells[#cells + 1] = tonumber(cell) or cell
    end
    lines[#lines + 1] = cells
  end
  return lines
end

-- Rounds to `digits` after the point, for tables.
function bench.round(value, digits)
  return tonumber(("%%.%df"):format(digits or 0):format(value))
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
