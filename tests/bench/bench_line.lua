-- The line: how many deliveries are acknowledged in a second.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local host = require "host"
local message = require "message"
local socket = require "socket"
local now = host.native.now

local SENDERS = 64
local SECONDS = bench.is_smoke and 0.3 or 5

-- Each sender posts its next event as soon as the one before is acknowledged.
local function measure_rate(what, scripts)
  local server = host.serve { scripts = scripts, config = "limits = { backlog = 100000000 }" }
  local connections, by_socket, sockets = {}, {}, {}
  for i = 1, SENDERS do
    local connection = host.connect(server.port)
    connections[i], sockets[i], by_socket[connection.tcp] = connection, connection.tcp, connection
  end
  local count = 0
  local begin = now()
  local ends = begin + SECONDS
  for _, connection in ipairs(connections) do
    connection.tcp:send((bench.delivery "RouterJobQueued"))
  end
  local left = SENDERS
  while left > 0 do
    for _, tcp in ipairs((socket.select(sockets, nil, 30))) do
      local connection = by_socket[tcp]
      connection:pull()
      local answer, taken = message.read(connection.bytes, true)
      if answer then
        assert(answer.first:find(" 200 ", 1, true), answer.first)
        connection.bytes = connection.bytes:sub(taken + 1)
        count = count + 1
        if now() < ends then
          tcp:send((bench.delivery "RouterJobQueued"))
        else
          left = left - 1
        end
      end
    end
  end
  local acknowledged = now()
  host.wait_until(function()
    local events = server:api("/api/status").json
    return events.sinceStart.done + events.sinceStart.unhandled >= count
  end, "the backlog to be handled", 120)
  local words = "%-42s %8.0f acknowledged/s   %8.0f handled/s   (%d connections, %d events)"
  print(words:format(what, count / (acknowledged - begin), count / (now() - begin), SENDERS, count))
  server:stop()
end

bench.run(function()
  measure_rate("events without a script", {})
  measure_rate("events with a script that calls nothing", { ["RouterJobQueued.lua"] = "return function() end" })
end)
