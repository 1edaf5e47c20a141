-- A server of the test's own, in its own process: for what a script calls, or for where events are delivered to.
-- It gets its turn whenever the test waits for something.
--
--     local server = upstream.new(function(request) return 503, { ["Retry-After"] = "1" }, "" end)
--     ... server.url ... server.requests[1].body ...
--
-- The function gets { method =, target =, headers =, body = } and returns status, headers and body; false: no
-- answer yet (asked again each turn); nil: the connection is closed without one.
local message = require "message"
local poll = require "poll"
local socket = require "socket"

local upstream = {}
local Server = {}
Server.__index = Server

-- On a port that is free now, or on `wanted`.
function upstream.new(answer, wanted)
  local listener = assert(socket.bind("127.0.0.1", wanted or 0))
  listener:settimeout(0)
  local _, port = listener:getsockname()
  local server = setmetatable({
    listener = listener,
    answer = answer or function()
      return 200, {}, ""
    end,
    connections = {},
    requests = {},
    port = tonumber(port),
    url = "http://127.0.0.1:" .. port,
  }, Server)
  server.turn = function()
    server:take_turn()
  end
  poll.serve(server.turn)
  return server
end

function Server:close()
  poll.forget(self.turn)
  self.listener:close()
  for connection in pairs(self.connections) do
    connection.tcp:close()
  end
  self.connections = {}
end

-- Waits until `count` requests have come.
function Server:wait_requests(count, deadline)
  poll.wait_until(function()
    return #self.requests >= count
  end, ("request %d at the test's server"):format(count), deadline)
  return self.requests
end

function Server:take_turn()
  local tcp = self.listener:accept()
  while tcp do
    tcp:settimeout(0)
    self.connections[{ tcp = tcp, bytes = "" }] = true
    tcp = self.listener:accept()
  end
  local ended = {}
  for connection in pairs(self.connections) do
    if not self:serve(connection) then
      ended[#ended + 1] = connection
    end
  end
  for _, connection in ipairs(ended) do
    connection.tcp:close()
    self.connections[connection] = nil
  end
end

-- Whether the connection stays open.
function Server:serve(connection)
  local all, why, partial = connection.tcp:receive(65536)
  connection.bytes = connection.bytes .. (all or partial or "")
  if not connection.request then
    local request, taken = message.read(connection.bytes, false, false)
    if not request then
      return why ~= "closed"
    end
    connection.bytes = connection.bytes:sub(taken + 1)
    request.method, request.target = request.first:match("^(%S+) (%S+)")
    connection.request = request
    self.requests[#self.requests + 1] = request
  end
  local status, headers, body = self.answer(connection.request)
  if status == false then
    return why ~= "closed"
  elseif status == nil then
    return false
  end
  connection.request = nil
  connection.tcp:settimeout(poll.deadline)
  local first = ("HTTP/1.1 %d Answer"):format(status)
  local is_sent = connection.tcp:send(message.write(first, headers or {}, body or ""))
  connection.tcp:settimeout(0)
  return is_sent ~= nil
end

return upstream
