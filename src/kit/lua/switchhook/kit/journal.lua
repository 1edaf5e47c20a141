-- A run: one event, one handler, and the journal of its steps. The rules are the host's:
-- docs/internals/journal.md.
local core = require "switchhook.kit.core"
local event = require "switchhook.kit.event"

local Run = {}
Run.__index = Run

local US = 1000000
local REST_US = 60 * US -- who sleeps for longer leaves its worker, and is run again to that point

-- An error prints as the host logs it; what a bug in the script has is its message, file and line.
local words = setmetatable({}, { __mode = "k" })
local Error = {
  __tostring = function(self)
    return words[self]
  end,
}

-- An empty text is no value.
local function read(json)
  if json ~= "" then
    return core.decode(json)
  end
end

-- The same for each attempt of a run, another for each run.
local function seed_of(number, handler)
  local seed = 0xcbf29ce484222325
  for _, byte in ipairs { (number .. " " .. handler):byte(1, -1) } do
    seed = (seed ~ byte) * 0x100000001b3
  end
  return seed
end

-- What the spec sees is run.view.
function Run.new(host, number, about, handler)
  return setmetatable({
    host = host,
    number = number,
    event = about,
    handler = handler.path,
    script = handler.script,
    seed = seed_of(about.seq, handler.path),
    attempt = about.attempt - 1,
    journal = {},
    view = {
      handler = handler.path,
      event = about.decoded,
      state = "queued",
      attempts = 0,
      steps = {},
      journal = {},
      log = {},
    },
  }, Run)
end

local function merge(policy, own)
  local merged = {}
  for name, value in pairs(policy) do
    merged[name] = value
  end
  for name, value in pairs(own or {}) do
    merged[name] = value
  end
  return merged
end

function Run:start()
  local host, view = self.host, self.view
  local handler = host.generation.handlers[self.handler]
  self.attempt_us = host.clock_us
  self.started_us = self.started_us or self.attempt_us
  self.due_us, self.has_slept, self.has_rested = nil, nil, self.has_slept
  self.dispatch = host:next_dispatch(self)
  if not handler then
    return self:fail { result = "handler removed", message = "handler removed: the script is no longer there" }
  end
  self.generation = host.generation
  self.script = handler.script
  self.retry = merge(host.options.retry, handler.options.retry)
  self.is_muted = self:has_more()
  view.state, view.result = "running", nil
  view.attempts = self.attempt + 1
  self.generation.worker:run {
    run = self.dispatch,
    handler = self.handler,
    seq = self.event.seq,
    attempt = self.attempt + 1,
    received = self.event.received_us,
    now = self.is_muted and self.started_us or self.attempt_us,
    seed = self.seed,
    event = self.event.raw,
  }
end

-- Off its worker: nothing that it still says counts.
function Run:leave()
  if self.generation then
    self.generation.worker:cancel(self.dispatch)
    self.host.dispatches[self.dispatch] = nil
    self.generation = nil
  end
  for _, step in ipairs(self.journal) do
    step.wait, step.wakes_us = nil, nil
  end
end

function Run:has_more()
  for _, step in ipairs(self.journal) do
    if not step.is_forgotten and step.asked_in ~= self.dispatch then
      return true
    end
  end
  return false
end

local function is_same(step, note)
  return step.branch == note.branch and step.operation == note.operation and step.arguments == note.arguments
end

local function find(self, note)
  for _, step in ipairs(self.journal) do
    if not step.is_forgotten and step.asked_in ~= self.dispatch and is_same(step, note) then
      return step
    end
  end
end

local function add(self, note)
  local step = {
    number = #self.journal + 1,
    branch = note.branch,
    operation = note.operation,
    arguments = note.arguments,
    raw = core.elements(note.arguments),
    status = 0,
    etag = "",
    asked_us = self.host.clock_us,
  }
  for _, other in ipairs(self.journal) do
    step.is_repeated = step.is_repeated or (other.is_forgotten and is_same(other, note))
  end
  step.view = { step.operation }
  for _, json in ipairs(step.raw) do
    step.view[#step.view + 1] = core.decode(json)
  end
  return step
end

-- Only what was answered is a step: an answer that the spec gets wrong leaves none behind.
local function record(self, step)
  self.journal[step.number] = step
  self.view.steps[step.number] = step.view
  local entry = {
    operation = step.operation,
    arguments = table.move(step.view, 2, #step.view, 1, {}),
    status = step.status ~= 0 and step.status or nil,
    repeated = step.is_repeated or nil,
    at = step.asked_us / US,
  }
  entry[step.is_error and "error" or "answer"] = read(step.answer)
  self.view.journal[step.number] = entry
  step.entry = entry
end

-- Over the answer's time; when the journal is used up, a later attempt sees its own time.
local function send(self, step)
  local now = step.answered_us
  if not self:has_more() then
    now = math.max(now, self.attempt_us)
    self.is_muted = self.is_muted and not self.has_rested -- what follows a long sleep was never said
  end
  local wait = step.wait
  step.wait, step.wakes_us = nil, nil
  self.generation.worker:answer(self.dispatch, {
    wait = wait,
    outcome = step.is_error and "error" or "value",
    status = step.status,
    repeated = step.is_repeated,
    now = now,
    etag = step.etag,
    value = step.answer,
  })
end

local function settle(self, step, note)
  step.asked_in = self.dispatch
  step.wait = note.wait
  if step.operation == "sleep" and not step.is_error and step.answered_us > self.host.clock_us then
    step.wakes_us = step.answered_us
  else
    send(self, step)
  end
end

-- step(name, f) is journaled when f has returned, under the name alone.
local function add_kept(self, note)
  local parts = core.elements(note.arguments)
  local step = add(self, { branch = note.branch, operation = "step", arguments = ("[%s]"):format(parts[1]) })
  step.answer = parts[2]
  step.answered_us = self.host.clock_us
  return step
end

function Run:want(note)
  local step = find(self, note)
  if step then
    return settle(self, step, note)
  end
  self.is_muted = false
  if note.operation == "step" then
    return self.generation.worker:answer(self.dispatch, {
      wait = note.wait,
      outcome = "not yet",
      now = self.host.clock_us,
    })
  end
  if #self.journal >= self.host.options.limits.run_steps then
    return self:fail { result = "steps", message = "it took more steps than limits.run_steps allows" }
  end
  if note.operation == "step.keep" then
    step = add_kept(self, note)
  else
    step = add(self, note)
    self.host.answers:take(self, step)
  end
  record(self, step)
  settle(self, step, note)
end

-- What the journal answers again is not logged again.
function Run:log(note)
  if not self.is_muted then
    local log = self.view.log
    log[#log + 1] = {
      level = note.kind,
      message = note.message,
      fields = read(note.fields),
    }
  end
end

function Run:done(note)
  local view = self.view
  self:leave()
  self.attempt = self.attempt + 1
  self.is_over = true
  view.state, view.result, view.error, view.reason = "done", note.kind, nil, nil
  view.value = read(note.value)
end

-- An error, or what an http request was answered with a status that speaks of one.
local function is_failure(step)
  return step.is_error or step.status >= 400 and step.operation:find "^http%." ~= nil
end

-- The error that the script raised, or let through: the latest of that operation and status in this attempt.
local function find_raised(self, members)
  for i = #self.journal, 1, -1 do
    local step = self.journal[i]
    if
      is_failure(step)
      and not step.is_forgotten
      and step.asked_in == self.dispatch
      and step.operation == members.operation
      and step.status == (members.status or 0)
    then
      return step
    end
  end
end

function Run:failed(note)
  local verdict = { result = note.kind, message = note.message, traceback = note.traceback }
  if note.kind == "answer" then
    local members = core.decode(note.error)
    verdict.members = members
    verdict.raised = find_raised(self, members)
    verdict.is_retryable = members.retryable == true and not members.park
    verdict.result = members.park and "fail" or "answer"
  end
  self:fail(verdict)
end

-- By a step of its branch. The body's steps come before the branches that it starts, and after.
local function is_followed(self, step)
  for i = step.number + 1, #self.journal do
    local other = self.journal[i]
    local is_later = other.branch == step.branch or other.branch == 0 or step.branch == 0
    if is_later and other.asked_in == self.dispatch then
      return true
    end
  end
  return false
end

-- The errors after which no other step was taken, and the one that was raised: they are asked for again.
local function forget(self, raised)
  for _, step in ipairs(self.journal) do
    local is_asked = not step.is_forgotten and step.asked_in == self.dispatch
    if is_asked and is_failure(step) and (step == raised or not is_followed(self, step)) then
      step.is_forgotten = true
      step.entry.forgotten = true
    end
  end
end

-- As the host waits, without its jitter.
local function delay_us(self, verdict)
  local retry = self.retry
  local seconds = math.min(retry.first_seconds * retry.factor ^ (self.attempt - 1), retry.max_seconds)
  local asked = verdict.raised and verdict.raised.retry_after or 0
  return math.floor(math.max(seconds, asked) * US)
end

local function park_reason(self, verdict, due_us)
  local deadline_us = event.deadline(self.event)
  if not verdict.is_retryable then
    return ""
  elseif self.attempt >= self.retry.attempts then
    return "all attempts used up: "
  elseif deadline_us and due_us > deadline_us then
    return "past the event's deadline: "
  end
end

function Run:fail(verdict)
  local view = self.view
  forget(self, verdict.raised)
  self:leave()
  self.attempt = self.attempt + 1
  self.retry = self.retry or self.host.options.retry
  local due_us = self.host.clock_us + delay_us(self, verdict)
  local prefix = park_reason(self, verdict, due_us)
  view.result = verdict.result
  view.error = setmetatable(verdict.members or { message = verdict.message }, Error)
  words[view.error] = verdict.message
  view.error.traceback = verdict.traceback ~= "" and verdict.traceback or nil
  view.reason = (prefix or "") .. verdict.message
  if prefix then
    view.state, self.is_over = "parked", true
  else
    view.state, self.due_us = "waiting", due_us
  end
end

-- When nothing more comes of it now. A long sleep, and nothing else: it leaves its worker.
function Run:look()
  local first_us
  for _, step in ipairs(self.journal) do
    if step.wakes_us and (not first_us or step.wakes_us < first_us) then
      first_us = step.wakes_us
    end
  end
  if not first_us or self.is_over then
    return
  end
  self.view.state, self.view.result = "waiting", "sleep"
  if first_us - self.host.clock_us > REST_US then
    self:leave()
    self.due_us, self.has_slept = first_us, true
  end
end

-- The next moment at which something happens to it, or nil.
function Run:next_us()
  local first_us = self.due_us
  for _, step in ipairs(self.journal) do
    if step.wakes_us and (not first_us or step.wakes_us < first_us) then
      first_us = step.wakes_us
    end
  end
  return first_us
end

function Run:wake()
  local now = self.host.clock_us
  if self.due_us and self.due_us <= now then
    return self:start()
  end
  for _, step in ipairs(self.journal) do
    if step.wakes_us and step.wakes_us <= now then
      self.view.state, self.view.result = "running", nil
      send(self, step)
    end
  end
end

-- Whether later events of its lane go on without it.
function Run:lets_pass()
  return self.is_over or (self.due_us ~= nil and not self.has_slept and not self.retry.hold)
end

-- With the scripts of now, attempts counted anew.
function Run:revive()
  self.attempt, self.is_over = 0, false
  self.view.state, self.view.error, self.view.reason = "queued", nil, nil
end

return Run
