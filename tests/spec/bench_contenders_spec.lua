-- tests/bench/contenders: the programs of ours answer whatever number of requests comes at once.
local host = require "host"
local socket = require "socket"

local REQUEST = "POST /events?code=word HTTP/1.1\r\nHost: bench\r\nContent-Length: 2\r\n\r\n[]"
-- What libmicrohttpd asks its epoll for at a time.
local AT_ONCE = 128

local function connect_all(port)
  local connections = {}
  for i = 1, AT_ONCE do
    connections[i] = assert(socket.connect("127.0.0.1", port))
    connections[i]:settimeout(20)
  end
  return connections
end

local function take_answer(connection)
  assert.equal("HTTP/1.1 200 OK", (assert(connection:receive "*l")))
  repeat
    local line = assert(connection:receive "*l")
  until line == ""
end

-- All requests are there before the program looks.
local function ask_at_once(process, connections)
  process:signal(host.native.SIGSTOP)
  for _, connection in ipairs(connections) do
    assert(connection:send(REQUEST))
  end
  process:signal(host.native.SIGCONT)
  for _, connection in ipairs(connections) do
    take_answer(connection)
  end
end

local function start(name, ...)
  local port = host.free_port()
  local process = host.start_program { host.build .. "/tests/contender_" .. name, tostring(port), ... }
  host.wait_until(function()
    local connection = socket.connect("127.0.0.1", port)
    return connection and connection:close()
  end, name .. " to listen")
  return process, port
end

describe("a contender answers as many requests at once as its library takes at a time:", function()
  it("the ceiling", function()
    local process, port = start "ceiling"
    local connections = connect_all(port)
    ask_at_once(process, connections)
    ask_at_once(process, connections)
  end)

  it("the log", function()
    local process, port = start("log", host.folder() .. "/log", "word")
    local connections = connect_all(port)
    ask_at_once(process, connections)
    ask_at_once(process, connections)
  end)
end)
