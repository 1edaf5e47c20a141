-- What a step is answered: by the spec's answer or failure, by the operation's sample, or by the kit itself for
-- what the host does without the world (state, time, step).
local core = require "switchhook.kit.core"
local event = require "switchhook.kit.event"
local tell = require "switchhook.kit.tell"

local Answers = {}
Answers.__index = Answers

local US = 1000000
local SECONDS_MAX = 366 * 24 * 3600

-- Done by the kit: a spec looks at host.state and moves the clock instead.
local OWN = {
  ["state.get"] = "host.state",
  ["state.set"] = "host.state",
  ["state.delete"] = "host.state",
  ["state.increment"] = "host.state",
  ["state.compare_and_set"] = "host.state",
  sleep = "host:advance",
  after = "host:advance",
  cancel = "host:advance",
  step = "the steps inside of its function",
}
local HTTP = { "request", "get", "post", "put", "patch", "delete", "head" }
local HTTP_ANSWER = { status = true, headers = true, body = true, json = true }
local ABOUT = { status = true, etag = true, repeated = true }
local FAILURE = { status = true, code = true, message = true, retryable = true, retry_after = true, times = true }

function Answers.new(host, operations)
  local known = {}
  for name in pairs(core.operations) do
    known[name] = true
  end
  for _, name in ipairs(HTTP) do
    known["http." .. name] = true
  end
  for _, name in ipairs(operations) do
    known[name] = true
  end
  return setmetatable({ host = host, known = known, rules = {} }, Answers)
end

local function check_operation(self, call, operation)
  if type(operation) ~= "string" then
    tell.fail("%s takes an operation's name such as \"router.jobs.get\", got %s", call, tell.kind(operation))
  elseif OWN[operation] then
    tell.fail("%s: the kit does %s itself, as the host would; use %s", call, operation, OWN[operation])
  elseif not self.known[operation] then
    tell.fail("%s: there is no operation '%s'%s", call, operation, tell.nearest(operation, tell.keys(self.known)))
  end
end

local function check_names(call, given, names)
  for name in pairs(given) do
    if not names[name] then
      tell.fail("%s: there is no '%s'%s", call, tostring(name), tell.nearest(name, tell.keys(names)))
    end
  end
end

-- A later answer or failure replaces an earlier one.
function Answers:answer(operation, answer, about)
  check_operation(self, "host:answer", operation)
  if type(answer) == "function" and about ~= nil then
    tell.fail "host:answer: a function returns the value and what is about it; give nothing behind it"
  end
  self.rules[operation] = { answer = answer, about = about }
end

-- With `times` the one before it comes back afterwards.
function Answers:fail(operation, failure)
  check_operation(self, "host:fail", operation)
  if type(failure) ~= "table" then
    tell.fail("host:fail takes a table such as { status = 503 }, got %s", tell.kind(failure))
  end
  check_names("host:fail", failure, FAILURE)
  local status = failure.status or 0
  if math.type(status) ~= "integer" or status < 0 or status > 599 or (status >= 200 and status < 300) then
    tell.fail "host:fail: 'status' is that of an error, from 300 to 599; without one there is no answer at all"
  end
  if failure.times ~= nil and (math.type(failure.times) ~= "integer" or failure.times < 1) then
    tell.fail "host:fail: 'times' is a whole number from 1"
  end
  local before = failure.times and self.rules[operation] or nil
  self.rules[operation] = { failure = failure, left = failure.times, before = before }
end

-- The step's answer, as the host would write the Job Router's error.
local function write_failure(step, failure)
  local status = failure.status or 0
  local members = core.decode(core.failure(step.operation, status, failure.code, failure.message))
  members.code = failure.code or members.code
  if failure.retryable ~= nil then
    members.retryable = failure.retryable
  end
  step.is_error = true
  step.status = status
  step.answer = core.encode(members)
  step.retry_after = failure.retry_after
end

-- As the host gives what came over http: { status, headers, body }. A spec may give a body alone, or json.
local function shape_http(step, value)
  local call = "the answer to " .. step.operation
  if type(value) == "string" then
    value = { body = value }
  elseif value ~= nil and type(value) ~= "table" then
    tell.fail("%s must be a body, or a table of status, headers and body or json, got %s", call, tell.kind(value))
  end
  value = value or {}
  check_names(call, value, HTTP_ANSWER)
  local headers = {}
  for name, text in pairs(value.headers or {}) do
    headers[tostring(name):lower()] = text
  end
  local body = value.body or ""
  if value.json ~= nil then
    body = core.encode(value.json, "json")
    headers["content-type"] = headers["content-type"] or "application/json"
  end
  return { status = value.status or 200, headers = headers, body = body }
end

-- `about` with the status of an error, or a code, makes it one.
local function write_value(self, step, value, about)
  about = about or {}
  local call = "the answer to " .. step.operation
  if type(about) ~= "table" then
    tell.fail("%s: behind the value stands a table such as { status = 201 }", call)
  end
  if about.code or (about.status or 0) >= 300 then
    check_names(call, about, FAILURE)
    return write_failure(step, about)
  end
  check_names(call, about, ABOUT)
  local operation = core.operations[step.operation]
  if operation and operation.is_list and type(value) == "table" and value.value == nil then
    value = { value = core.array(table.move(value, 1, #value, 1, {})) }
  elseif step.operation:match "^http%." then
    value = shape_http(step, value)
    about = { status = value.status, repeated = about.repeated }
  end
  local is_json, json = true, ""
  if value ~= nil then
    is_json, json = pcall(core.encode, value, "answer")
  end
  if not is_json then
    tell.fail("the answer to %s: %s", step.operation, json)
  elseif #json > self.host.options.limits.answer_mib << 20 then
    tell.fail("the answer to %s has %d bytes, over limits.answer_mib", step.operation, #json)
  end
  step.answer = json
  step.status = about.status or (operation and 200 or 0)
  step.etag = about.etag or (type(value) == "table" and type(value.etag) == "string" and value.etag) or ""
  step.is_repeated = step.is_repeated or about.repeated or false
end

local function ask_spec(self, step, rule)
  if rule.failure then
    rule.left = rule.left and rule.left - 1
    if rule.left == 0 then
      self.rules[step.operation] = rule.before
    end
    write_failure(step, rule.failure)
  elseif type(rule.answer) == "function" then
    local arguments = table.move(step.view, 2, #step.view, 1, {})
    write_value(self, step, rule.answer(table.unpack(arguments, 1, #step.view - 1)))
  else
    write_value(self, step, rule.answer, rule.about)
  end
end

local function refuse(step, code, message)
  step.is_error = true
  step.status = 0
  step.answer = core.encode {
    code = code,
    message = message,
    operation = step.operation,
    retryable = false,
    status = 0,
  }
end

local function seconds_of(json)
  local seconds = core.decode(json)
  return type(seconds) == "number" and seconds >= 0 and seconds <= SECONDS_MAX and seconds or nil
end

-- The end of a sleep is known when it begins.
local function take_sleep(self, _, step)
  local seconds = seconds_of(step.raw[1])
  if not seconds then
    return refuse(step, "BadArguments", "sleep takes seconds, from 0 to a year")
  end
  step.answer = ""
  step.answered_us = self.host.clock_us + math.floor(seconds * US)
end

local function take_after(self, run, step)
  local seconds = seconds_of(step.raw[1])
  if not seconds then
    return refuse(step, "BadArguments", "after takes seconds, from 0 to a year, a name and data")
  end
  local id = tostring(run.number * 65536 + step.number)
  local due_us = self.host.clock_us + math.floor(seconds * US)
  local about = run.event
  local raised = event.make_local(core.decode(step.raw[2]), step.raw[3], id, about.subject, due_us, about.lane)
  self.host:add_timer(id, due_us, raised)
  step.answer = core.encode(id)
end

local function take_cancel(self, _, step)
  step.answer = tostring(self.host:drop_timer(core.decode(step.raw[1])))
end

local function take_value(self, _, step)
  local answer, refusal = self.host.values:take(step.operation, step.raw)
  if refusal then
    refuse(step, refusal.code, refusal.message)
  else
    step.answer = answer
  end
end

local DONE_HERE = { sleep = take_sleep, after = take_after, cancel = take_cancel }

-- Fills in the step's answer.
function Answers:take(run, step)
  step.answered_us = self.host.clock_us
  local sample = core.operations[step.operation]
  local rule = self.rules[step.operation]
  if DONE_HERE[step.operation] then
    DONE_HERE[step.operation](self, run, step)
  elseif OWN[step.operation] then
    take_value(self, run, step)
  elseif rule then
    ask_spec(self, step, rule)
  elseif sample then
    write_value(self, step, sample.sample ~= "" and core.decode(sample.sample) or nil)
  else
    tell.fail("%s asks for %s, and nothing answers it: say host:answer(%q, ...) before", run.handler,
      tell.step(step.view), step.operation)
  end
end

return Answers
