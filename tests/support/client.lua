-- An HTTP client that hides nothing: bytes out, bytes in, and `request` for the ordinary case. It never blocks,
-- so that a server of the same test (tests/support/upstream.lua) can answer meanwhile.
local dkjson = require "dkjson"
local message = require "message"
local poll = require "poll"
local socket = require "socket"

local client = {}
local Connection = {}
Connection.__index = Connection

-- A connection to a port of this machine: `bytes` is what has come and was not yet read, `is_closed` whether the
-- other side is done.
function client.connect(port)
  local tcp = assert(socket.connect("127.0.0.1", tonumber(port)))
  tcp:settimeout(0)
  tcp:setoption("tcp-nodelay", true)
  return setmetatable({ tcp = tcp, bytes = "", is_closed = false }, Connection)
end

-- Sends all of it, unless the other side closes first (it may answer before it has read everything).
function Connection:send(bytes, deadline)
  local sent = 0
  poll.wait_until(function()
    local last, why, partial = self.tcp:send(bytes, sent + 1)
    sent = last or partial or sent
    self:pull()
    return sent >= #bytes or (why and why ~= "timeout")
  end, "a request to be sent", deadline)
end

-- Takes what has arrived. Reading goes on until there is no more for now.
function Connection:pull()
  repeat
    local all, why, partial = self.tcp:receive(65536)
    self.bytes = self.bytes .. (all or partial or "")
    self.is_closed = self.is_closed or (why ~= nil and why ~= "timeout")
  until not all
end

-- The next answer on this connection: { status =, headers =, body =, json = } (json where the body is some);
-- nil when the connection was closed without one.
function Connection:answer(deadline)
  return poll.wait_until(function()
    self:pull()
    local answer, taken = message.read(self.bytes, true, self.is_closed)
    if answer then
      self.bytes = self.bytes:sub(taken + 1)
      answer.status = tonumber(answer.first:match("^HTTP/1%.%d (%d+)"))
      answer.json = dkjson.decode(answer.body)
      return { answer }
    end
    return self.is_closed and {}
  end, "an HTTP answer", deadline)[1]
end

-- Everything that comes until the other side closes.
function Connection:rest(deadline)
  poll.wait_until(function()
    self:pull()
    return self.is_closed
  end, "the connection to be closed", deadline)
  return self.bytes
end

-- Waits until what has come matches the pattern, and returns its captures.
function Connection:expect(pattern, deadline)
  return table.unpack(poll.wait_until(function()
    self:pull()
    local found = { self.bytes:match(pattern) }
    return found[1] and found
  end, "bytes like " .. pattern, deadline))
end

function Connection:close()
  self.tcp:close()
end

-- request{ url =, method = "GET", headers = {}, body = bytes or json = value, deadline = seconds } -> answer, as
-- above; an error when there was none.
function client.request(options)
  local authority, target = options.url:match("^http://([^/]+)(.*)$")
  local port = authority and authority:match(":(%d+)$")
  assert(port, "a URL with a port, not " .. tostring(options.url))
  local headers = { Host = authority, Connection = "close" }
  local body = options.body
  if options.json ~= nil then
    body = dkjson.encode(options.json)
    headers["Content-Type"] = "application/json"
  end
  for name, value in pairs(options.headers or {}) do
    headers[name] = value
  end
  local connection = client.connect(port)
  local first = ("%s %s HTTP/1.1"):format(options.method or "GET", target == "" and "/" or target)
  connection:send(message.write(first, headers, body), options.deadline)
  local answer = connection:answer(options.deadline)
  connection:close()
  return assert(answer, "the connection was closed without an answer")
end

-- Sends bytes as they are, and returns everything that comes until the other side closes.
function client.raw(port, bytes, deadline)
  local connection = client.connect(port)
  connection:send(bytes, deadline)
  local answer = connection:rest(deadline)
  connection:close()
  return answer
end

return client
