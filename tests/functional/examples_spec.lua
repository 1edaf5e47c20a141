-- The examples of scripts, as their READMEs have it: the commands as they are written, against the real host and
-- the local Job Router, in a copy of the folder. Only the ports are the test's own.
local host = require "host"

local long = { "^switchhook sim %-%-to http://127%.0%.0%.1:8080/events$", "^switchhook serve$", "^python3 " }

local Project = {}
Project.__index = Project

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

-- The commands of its README: those that go on are started by the test itself, the others one block after another.
local function read_commands(project)
  local count = 0
  for block in host.read(project.folder .. "/README.md"):gmatch "```sh\n(.-)\n```" do
    local is_long = false
    for _, pattern in ipairs(long) do
      is_long = is_long or block:find(pattern) ~= nil
    end
    if is_long then
      count = count + 1
    elseif block:find "^%. " then
      project.opening = block
    else
      project.blocks[#project.blocks + 1] = block
    end
  end
  assert.is_true(count >= 2 and project.opening ~= nil)
end

-- replace: patterns and what stands there in the copy, by file.
local function open(name, replace)
  local top = host.folder()
  local result = host.run_program { "cp", "-r", host.source .. "/examples/.", top }
  assert.equal(0, result.status, result.stderr)
  local project = setmetatable({ folder = top .. "/" .. name, blocks = {}, next = 1 }, Project)
  for path, change in pairs(replace or {}) do
    local text, count = host.read(project.folder .. "/" .. path):gsub(change[1], change[2])
    assert.is_true(count > 0, path)
    host.write(project.folder .. "/" .. path, text)
  end
  read_commands(project)
  return project
end

function Project:start()
  local port = host.free_port()
  self.sim = host.sim { to = { ("http://127.0.0.1:%d/events"):format(port) }, arguments = { "--trace" } }
  self.server = host.serve {
    port = port,
    folder = self.folder,
    config = host.read(self.folder .. "/switchhook.lua"),
    environment = { ACS_CONNECTION_STRING = self.sim.connection_string },
    arguments = { "--trace" },
  }
  self.server:write_port()
  self.sim:wait_line "takes events (now)"
  -- The README says where `switchhook sim` listens when nobody says otherwise, and with which key.
  local count
  self.opening, count = self.opening:gsub('"endpoint=http://127%.0%.0%.1:8081/;([^"]*)"', function(key)
    has(self.sim.connection_string, key)
    return "'" .. self.sim.connection_string .. "'"
  end)
  assert.equal(1, count)
end

-- The next block of the README; returns what it wrote.
function Project:run()
  local block = assert(self.blocks[self.next], "the README has no further commands")
  self.next = self.next + 1
  local script = (self.server and self.opening .. "\n" or "") .. block
  local result = host.run_program({ "bash", "-e", "-c", script }, {
    folder = self.folder,
    environment = {
      PATH = host.build .. ":" .. os.getenv "PATH",
      ACS_CONNECTION_STRING = self.sim and self.sim.connection_string,
    },
  })
  assert.equal(0, result.status, block .. "\n" .. result.stdout .. result.stderr)
  return result.stdout
end

function Project:job(id)
  local answer = self.sim.router:request("GET", "/routing/jobs/" .. id)
  return answer.status == 200 and host.json.decode(answer.body) or {}
end

function Project:wait_job(id, member, value)
  host.wait_until(function()
    return self:job(id)[member] == value
  end, ("%s of %s to be %s"):format(member, id, value), nil, function()
    return host.json.encode(self:job(id))
  end)
end

function Project:finish()
  assert.equal(#self.blocks + 1, self.next) -- the whole README
  self.server:stop()
  self.sim:stop()
end

describe("every example of scripts", function()
  for _, name in ipairs { "callbacks", "vip", "exceptions", "two-handlers", "plugin", "embed" } do
    it(("%s: has nothing that check finds"):format(name), function()
      local folder = ("%s/examples/%s"):format(host.source, name)
      local empty = host.folder() .. "/switchhook.lua"
      host.write(empty, "")
      local result = host.run { "check", "-c", empty, folder .. "/scripts" }
      assert.equal(0, result.status, result.stdout .. result.stderr)
      if name ~= "plugin" then -- whose crm.so is not built here
        assert.matches("^0 errors, 0 warnings in %d", result.stdout)
      end
      has(host.read(host.source .. "/examples/README.md"), ("[%s](%s)"):format(name, name))
    end)
  end
end)

describe("the example callbacks", function()
  -- Whatever the time is when the tests run.
  local always = "%1 = { 0, 24 },\n"
  local never = "-- %1\n"

  local function start(hours)
    local project = open("callbacks", {
      ["scripts/lib/hours.lua"] = { "(%a+day) = {[^\n]*\n", hours },
      ["scripts/RouterJobWaitingForActivation.lua"] = { "30 %* 60", "0.01" },
    })
    local path = project.folder .. "/scripts/lib/hours.lua"
    host.write(path, (host.read(path):gsub("days_off = {.-}", "days_off = {}")))
    return project
  end

  it("has specs that pass, as shipped", function()
    has(open("callbacks"):run(), "5 successes / 0 failures / 0 errors")
  end)

  it("puts a callback into its queue in office hours, and first when nobody takes it", function()
    local project = start(always)
    project.next = 2
    project:start()
    project:run()
    project.server:wait_line "(callback: into the queue)"
    project:wait_job("j1", "priority", 100)
    assert.equal("queued", project:job("j1").status)
    has(project:run(), "done")
    project:finish()
  end)

  it("puts it off until the office opens, at other times", function()
    local project = start(never)
    -- Open on the day after tomorrow only, as the host's own calendar in Berlin has it.
    local day = os.date("!%A", os.time() + 2 * 24 * 3600)
    local path = project.folder .. "/scripts/lib/hours.lua"
    host.write(path, (host.read(path):gsub("return {", "return { " .. day .. " = { 9, 10 },", 1)))
    project.next = 2
    project:start()
    project:run()
    project.server:wait_line "(callback: put off until the office opens)"
    project:wait_job("j1", "status", "scheduled")
    assert.matches("T0[78]:00:00", project:job("j1").scheduledAt)
    project:run()
    project:finish()
  end)
end)

describe("the example vip", function()
  it("asks the CRM who calls, lets a VIP go first, and tells the supervisors in the end", function()
    local crm = host.upstream(function(request)
      local path = host.source .. "/examples/vip/crm" .. request.target
      return 200, { ["Content-Type"] = "application/json" }, host.read(path)
    end)
    local project = open("vip", {
      ["switchhook.lua"] = { "127%.0%.0%.1:9000", crm.url:sub(8) },
      ["scripts/lib/crm.lua"] = { "http://127%.0%.0%.1:9000", crm.url },
      ["scripts/RouterJobReceived.lua"] = { "patience = 60", "patience = 0.01" },
    })
    -- Its specs are about the addresses and the minute as shipped.
    local tested = host.run({ "test", host.source .. "/examples/vip" }, {})
    assert.equal(0, tested.status, tested.stdout)
    project.next = 2
    project:start()
    project:run()
    project.server:wait_line "(a VIP calls)"
    project:wait_job("anna", "queueId", "supervisors")
    assert.equal(100, project:job("anna").priority)
    crm:wait_requests(2)
    for _, request in ipairs(crm.requests) do
      assert.equal("Bearer a-token-for-trying", request.headers.authorization)
    end
    project.server:wait_line "bernd +RouterJobReceived.lua +(done)"
    assert.equal(1, project:job("bernd").priority)
    local shown = project:run()
    has(shown, "http.get")
    has(shown, "Anna Schmidt")
    assert.is_nil(shown:find("a-token-for-trying", 1, true))
    project:finish()
  end)
end)

describe("the example exceptions", function()
  it("goes from a first idea over a mistake to what goes through when it is mended", function()
    local project = open "exceptions"
    local tested = host.run({ "test", project.folder }, {})
    assert.equal(0, tested.status, tested.stdout)
    project:start()
    project:run()
    project.server:wait_line "(an exception rule fired)"
    assert.equal("support", project:job("j1").queueId)
    local mark = project.server:mark()
    project:run()
    project.server:wait_line("(scripts are live)", mark)
    project:run()
    project.server:wait_line "(run: parked)"
    has(project:run(), "RouterJobExceptionTriggered.lua:4: attempt to perform arithmetic on a nil value")
    project:run()
    project:wait_job("j2", "queueId", "supervisors")
    has(project:run(), '"priority":15')
    local got = select(2, project.server:stdout():gsub("router%.jobs%.get %-> 200", ""))
    assert.equal(1, got)
    local checked = project:run()
    has(checked, "0 errors, 0 warnings in 1 file")
    has(checked, "1 success / 0 failures")
    project:finish()
  end)
end)

describe("the example two-handlers", function()
  it("counts whatever becomes of the callback, and calls back when the queue is there", function()
    local project = open "two-handlers"
    has(project:run(), "4 successes / 0 failures")
    project:start()
    project:run()
    project.server:wait_line "RouterJobCancelled/(count)%.lua +done"
    project.server:wait_line "(run: parked)"
    has(project:run(), 'there is no queue "callbacks"')
    assert.is_nil(project:job("callback-j1").id)
    project:run()
    project:wait_job("callback-j1", "status", "scheduled")
    assert.equal("+49 30 1234", project:job("callback-j1").labels.Phone)
    project.server:wait_line "RouterJobCancelled/call_back%.lua +(done)"
    local counted = select(2, project.server:stdout():gsub("state%.increment", ""))
    assert.equal(1, counted)
    project:finish()
  end)
end)
