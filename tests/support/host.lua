-- For functional tests: starts the real programs, talks to them, and leaves nothing behind.
--
--     local host = require "host"
--
--     describe("activation", function()
--       it("activates a job that waits for it", function()
--         local port = host.free_port()
--         local sim = host.sim { to = { ("http://127.0.0.1:%d/events"):format(port) } }
--         local server = host.serve {
--           port = port,
--           config = ('router = { connection_string = "%s" }'):format(sim.connection_string),
--           scripts = { ["RouterJobWaitingForActivation.lua"] = [[
--             return function(event) router.jobs.activate(event.data.jobId) end
--           ]] },
--         }
--         local answer = server:deliver { host.event("RouterJobWaitingForActivation", { jobId = "j1" }) }
--         assert.equal(200, answer.status)
--         server:wait_state(1, "done")
--         server:stop()                                    -- SIGTERM; an error unless it ends with status 0
--       end)
--     end)
--
-- Start things in `it` or `before_each`, never in `setup`: after each test, however it went, all processes are
-- killed and all folders removed; of a test that failed the logs are shown first. Tests never sleep: they wait
-- for a line (process:wait_line), a state (server:wait_state) or anything else (host.wait_until(function, what
-- [, seconds])).
--
-- host.serve{ port =, config = "Lua text", scripts = { [name] = text }, folder = (of an earlier one, to start it
--   again), environment = { NAME = value }, arguments = { "--paused" }, is_started = false (do not wait for
--   that), binary = (of another build) }
--   -> server: port, url (of deliveries), admin_url, folder, pid; deliver(events [, options]), api(path [,
--      options]), wait_state(seq, state), wait_run(seq, state), write(name, text), write_port() (for commands),
--      again() (anew in its folder), wait_started(); and all of a process
-- host.sim{ to = { URL, ... }, arguments = {} }
--   -> sim: url, connection_string, router (tests/support/job_router.lua); and all of a process
-- host.start(arguments [, options]) -> process, of any command of the binary; options are folder and environment
--   process: pid, stdout(), stderr(), wait_line(pattern [, mark]), mark(), signal(number), stop(), kill(),
--   wait_exit(), is_running()
-- host.run(arguments [, options]) -> { status =, stdout =, stderr = } of a command that ends by itself
-- host.start_program, host.run_program: the same for any other program
-- host.folder() -> a new folder; host.make_folders(path); host.read(path); host.write(path, text) (in place);
--   host.replace(path, text) (by rename)
-- host.event(name [, data [, fields]]) -> a well-formed event of the Event Grid schema
-- host.upstream(function(request) [, port]) -> a server of the test's own (tests/support/upstream.lua)
-- host.free_port(), host.request, host.raw, host.connect (tests/support/client.lua), host.json, host.native
local source = os.getenv "SWITCHHOOK_SOURCE" or "."
local build = os.getenv "SWITCHHOOK_BUILD" or source .. "/build"
package.path = source .. "/tests/support/?.lua;" .. package.path
package.cpath = build .. "/tests/?.so;" .. package.cpath

local busted = require "busted"
local client = require "client"
local dkjson = require "dkjson"
local job_router = require "job_router"
local native = require "native"
local poll = require "poll"
local socket = require "socket"
local upstream = require "upstream"

local host = {
  source = source,
  build = build,
  binary = build .. "/switchhook",
  json = dkjson,
  native = native,
  request = client.request,
  raw = client.raw,
  connect = client.connect,
  wait_until = poll.wait_until,
}

-- What the test has started, for the end of it.
local processes, folders, upstreams = {}, {}, {}

local Process = {}
Process.__index = Process
local Server = setmetatable({}, { __index = Process })
Server.__index = Server

function host.folder()
  local folder = native.make_folder()
  folders[#folders + 1] = folder
  return folder
end

-- Runs a small program of the system to its end.
local function finish(arguments)
  local pid = native.spawn(arguments, {})
  poll.wait_until(function()
    return native.wait(pid)
  end, arguments[1])
end

function host.make_folders(path)
  finish { "mkdir", "-p", "--", path }
end

function host.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read "a"
  file:close()
  return text
end

function host.write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text))
  assert(file:close())
end

function host.replace(path, text)
  host.write(path .. ".new", text)
  assert(os.rename(path .. ".new", path))
end

-- A port that was free a moment ago, for when a port has to be known before its program runs: below those that the
-- system gives to whoever asks for any.
function host.free_port()
  for _ = 1, 1000 do
    local port = math.random(15000, 32000)
    local listener = socket.bind("127.0.0.1", port)
    if listener then
      listener:close()
      return port
    end
  end
  error "there is no free port"
end

function host.upstream(answer, port)
  local server = upstream.new(answer, port)
  upstreams[#upstreams + 1] = server
  return server
end

local event_count = 0
function host.event(name, data, fields)
  event_count = event_count + 1
  local event = {
    id = ("00000000-0000-4000-8000-%012x"):format(event_count),
    eventType = "Microsoft.Communication." .. name,
    topic = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Communication/communicationServices/contoso",
    subject = data and data.jobId and "job/" .. data.jobId or "test",
    eventTime = "2026-03-01T09:30:00.0000000Z",
    dataVersion = "1.0",
    metadataVersion = "1",
    data = data or setmetatable({}, { __jsontype = "object" }),
  }
  for field, value in pairs(fields or {}) do
    event[field] = value
  end
  return event
end

-- Any program, in a folder of its own unless the options name one.
function host.start_program(arguments, options)
  options = options or {}
  local folder = options.folder or host.folder()
  local number = #processes + 1
  local process = setmetatable({ folder = folder, name = table.concat(arguments, " ") }, Process)
  process.out = ("%s/stdout.%d"):format(folder, number)
  process.err = ("%s/stderr.%d"):format(folder, number)
  for _, path in ipairs { process.out, process.err } do
    host.write(path, "")
  end
  process.pid = native.spawn(arguments, {
    stdout = process.out,
    stderr = process.err,
    folder = folder,
    env = options.environment,
  })
  processes[number] = process
  return process
end

-- options.through: a program and its arguments that becomes ours in the end, such as { "unshare", "-m" }.
function host.start(arguments, options)
  local through = options and options.through or {}
  local all = table.move(through, 1, #through, 1, {})
  all[#all + 1] = options and options.binary or host.binary
  return host.start_program(table.move(arguments, 1, #arguments, #all + 1, all), options)
end

function host.run_program(arguments, options)
  local process = host.start_program(arguments, options)
  local how, number = process:wait_exit(options and options.deadline)
  assert(how == "exit", ("%s was ended by signal %d"):format(process.name, number))
  return { status = number, stdout = process:stdout(), stderr = process:stderr() }
end

function host.run(arguments, options)
  return host.run_program({ host.binary, table.unpack(arguments) }, options)
end

function host.sim(options)
  options = options or {}
  local arguments = { "sim", "--listen", "127.0.0.1:0" }
  for _, url in ipairs(options.to or {}) do
    table.move({ "--to", url }, 1, 2, #arguments + 1, arguments)
  end
  table.move(options.arguments or {}, 1, #(options.arguments or {}), #arguments + 1, arguments)
  local sim = host.start(arguments, options)
  sim.url = sim:wait_line "^local Job Router on (http://%S+)"
  sim.connection_string = sim:wait_line "^connection string: (%S+)"
  sim.router = job_router.open(sim.connection_string)
  return sim
end

function host.serve(options)
  options = options or {}
  local folder = options.folder or host.folder()
  host.make_folders(folder .. "/scripts")
  if options.config or not options.folder then
    host.write(
      folder .. "/switchhook.lua",
      ('listen = "127.0.0.1:%d"\nadmin = "127.0.0.1:0"\n%s\n'):format(options.port or 0, options.config or "")
    )
  end
  for name, text in pairs(options.scripts or {}) do
    host.make_folders((folder .. "/scripts/" .. name):match "^(.*)/")
    host.write(folder .. "/scripts/" .. name, text)
  end
  local arguments = { "serve", "-c", folder .. "/switchhook.lua", table.unpack(options.arguments or {}) }
  local server = host.start(arguments, {
    folder = folder,
    environment = options.environment,
    through = options.through,
    binary = options.binary,
  })
  setmetatable(server, Server)
  server.options = options
  if options.is_started ~= false then
    server:wait_started()
  end
  return server
end

-- Reads the addresses, and waits until a generation is live.
function Server:wait_started()
  self.url = self:wait_line "^listening on (http://%S+)"
  self.port = tonumber(self.url:match ":(%d+)")
  self.admin_url = self:wait_line "^admin on (http://%S+)"
  self:wait_line "^ready"
end

-- Starts it anew, with what its folder holds now, after it has ended.
function Server:again(options)
  local all = {}
  for _, given in ipairs { self.options, options or {} } do
    for name, value in pairs(given) do
      all[name] = value
    end
  end
  all.folder, all.config, all.scripts = self.folder, nil, nil
  return host.serve(all)
end

function Server:write(name, text)
  host.replace(self.folder .. "/scripts/" .. name, text)
end

-- Delivers a list of events (or bytes as they are) as Event Grid would, and returns the answer; options: secret
-- (for the query), headers, deadline.
function Server:deliver(events, options)
  options = options or {}
  local headers = { ["Content-Type"] = "application/json; charset=utf-8", ["aeg-event-type"] = "Notification" }
  for name, value in pairs(options.headers or {}) do
    headers[name] = value
  end
  local query = options.secret and "?code=" .. options.secret or ""
  return client.request {
    method = "POST",
    url = self.url .. query,
    headers = headers,
    body = type(events) == "string" and events or dkjson.encode(events),
    deadline = options.deadline,
  }
end

-- GET of a path of the admin address, or what the options say (method, json). Returns the answer.
function Server:api(path, options)
  local all = { url = self.admin_url .. path }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  if all.method and all.method ~= "GET" then
    all.headers = all.headers or { ["X-Switchhook"] = "1" }
    all.body = all.body or (not all.json and "" or nil)
  end
  return client.request(all)
end

-- Waits until the event is in the state, and returns it as /api/events/SEQ shows it.
function Server:wait_state(seq, state, deadline)
  local last
  return poll.wait_until(function()
    last = self:api("/api/events/" .. seq)
    return last.json and last.json.state == state and last.json
  end, ("event %s to be %s"):format(seq, state), deadline, function()
    return last and last.body or ""
  end)
end

-- Waits for an event that has one run, and returns that.
function Server:wait_run(seq, state)
  local runs = self:wait_state(seq, state).runs
  if #runs ~= 1 then
    error(("event %s has %d runs, not one"):format(seq, #runs), 2)
  end
  return runs[1]
end

-- The commands look for the host where its configuration says: writes there which port it got.
function Server:write_port()
  local file = self.folder .. "/switchhook.lua"
  local text = host.read(file):gsub('admin = "127.0.0.1:%d+"', 'admin = "' .. self.admin_url:sub(8) .. '"')
  host.write(file, text)
end

function Process:stdout()
  return host.read(self.out)
end

function Process:stderr()
  return host.read(self.err)
end

function Process:is_running()
  if not self.how then
    self.how, self.number = native.wait(self.pid)
  end
  return self.how == nil
end

-- Where its output stands now, so that wait_line can look only at what follows.
function Process:mark()
  return { #self:stdout(), #self:stderr() }
end

-- Waits until a whole line of stdout or stderr (after the mark) matches the pattern, and returns the captures.
function Process:wait_line(pattern, mark, deadline)
  local found = poll.wait_until(function()
    local has_ended = not self:is_running()
    for i, text in ipairs { self:stdout(), self:stderr() } do
      for line in text:sub((mark and mark[i] or 0) + 1):gmatch "(.-)\n" do
        local captures = { line:match(pattern) }
        if captures[1] then
          return captures
        end
      end
    end
    return has_ended and { has_ended = true }
  end, ("a line like %s from %s"):format(pattern, self.name), deadline, function()
    return self:tail()
  end)
  if found.has_ended then
    local words = "%s ended (%s %d) without a line like %s\n%s"
    error(words:format(self.name, self.how, self.number, pattern, self:tail()), 2)
  end
  return table.unpack(found)
end

function Process:signal(number)
  return native.signal(self.pid, number)
end

-- Returns "exit" and the status, or "signal" and its number.
function Process:wait_exit(deadline)
  poll.wait_until(function()
    return not self:is_running()
  end, self.name .. " to end", deadline, function()
    return self:tail()
  end)
  return self.how, self.number
end

-- Asks it to stop, and holds it to ending with status 0: sanitizers report what they found by another one.
function Process:stop(deadline)
  if self:is_running() then
    self:signal(native.SIGTERM)
  end
  local how, number = self:wait_exit(deadline)
  if how ~= "exit" or number ~= 0 then
    error(("%s did not stop as it should: %s %d\n%s"):format(self.name, how, number, self:tail()), 2)
  end
end

function Process:kill()
  if self:is_running() then
    self:signal(native.SIGKILL)
  end
  return self:wait_exit()
end

-- The end of what it wrote, for messages.
function Process:tail()
  local parts = {}
  for _, path in ipairs { self.out, self.err } do
    local text = host.read(path)
    if text ~= "" then
      parts[#parts + 1] = ("--- %s: %s\n%s"):format(self.name, path:match "[^/.]+%.%d+$", text:sub(-4000))
    end
  end
  return table.concat(parts, "\n")
end

-- Benches call it themselves; for specs it is called after each test.
function host.clean_up(was_good)
  for _, process in ipairs(processes) do
    if not was_good then
      io.stderr:write(process:tail(), "\n")
    end
    process:kill()
  end
  for _, server in ipairs(upstreams) do
    server:close()
  end
  for _, folder in ipairs(folders) do
    finish { "rm", "-rf", "--", folder }
  end
  processes, upstreams, folders = {}, {}, {}
end
if busted.subscribe then
  busted.subscribe({ "test", "end" }, function(_, _, status)
    host.clean_up(status == "success" or status == "pending")
  end)
end

return host
