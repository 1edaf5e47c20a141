-- The host of a spec: the clock, the lanes, the timers, and the scripts that are live.
local Answers = require "switchhook.kit.answers"
local Generation = require "switchhook.kit.generation"
local Run = require "switchhook.kit.journal"
local Values = require "switchhook.kit.values"
local core = require "switchhook.kit.core"
local event = require "switchhook.kit.event"
local tell = require "switchhook.kit.tell"

local Host = {}
Host.__index = Host

local US = 1000000

local function read_time(call, time)
  local us
  if type(time) == "string" then
    us = core.parse_time(time)
  elseif type(time) == "number" then
    us = math.floor(time * US)
  end
  if not us then
    tell.fail("%s: a time is a number of seconds since 1970, or a text such as 2026-03-02T09:00:00Z", call)
  end
  return us
end

local function load(folder, options)
  local is_read, generation, refusal = pcall(Generation.new, folder, options)
  if not is_read then
    tell.fail("%s", generation)
  elseif not generation then
    tell.fail("%s", refusal)
  end
  return generation
end

function Host.new(folder, options)
  local host = setmetatable({
    folder = folder,
    options = options,
    clock_us = read_time("kit.load", options.time),
    generation = load(folder, options),
    generations = setmetatable({}, { __mode = "k" }),
    runs = {}, -- what specs see of all runs, in order
    all = {},
    lanes = {},
    timers = {},
    dispatches = {},
    event_count = 0,
    dispatch_count = 0,
  }, Host)
  host.generations[host.generation] = true
  host.values = Values.new(host)
  host.state = host.values:view()
  host.answers = Answers.new(host, options.operations)
  return host
end

function Host:next_dispatch(run)
  self.dispatch_count = self.dispatch_count + 1
  self.dispatches[self.dispatch_count] = run
  return self.dispatch_count
end

local function check_colon(self, call)
  if getmetatable(self) ~= Host then
    tell.fail("%s is called with a colon: %s(...)", (call:gsub(":", ".")), call)
  end
end

local function check_outside(self, call)
  check_colon(self, call)
  if self.is_busy then
    tell.fail("%s cannot be called while a run asks for an answer", call)
  end
end

-- A loop would never come back here: the worker counts instructions and ends it.
local function check_overruns(generation, run, note)
  if generation.worker:overruns() > generation.overruns then
    generation.overruns = generation.worker:overruns()
    local words = note.what == "failed" and note.message or run.handler .. ": the script goes on and on"
    tell.fail("%s (the host would end its worker; here limits.instructions says when)", words)
  end
end

local function take_notes(self, generation)
  local notes = generation.worker:take()
  if not notes then
    tell.fail "the scripts say more than the kit can keep: do they log without end?"
  end
  for _, note in ipairs(notes) do
    local run = self.dispatches[note.run]
    if run then
      if note.what ~= "log" then
        check_overruns(generation, run, note)
      end
      run[note.what](run, note)
    end
  end
  return #notes > 0
end

local function drain(self)
  local goes_on
  repeat
    goes_on = false
    for generation in pairs(self.generations) do
      goes_on = take_notes(self, generation) or goes_on
    end
    if not goes_on then
      for _, run in ipairs(self.all) do
        run:look()
      end
      goes_on = self:release()
    end
  until not goes_on
end

-- Until all that can go on waits or is over. What the spec's own functions raise goes to the spec; the runs that
-- were on their way are dropped then.
local function pump(self)
  self.is_busy = true
  local is_well, problem = xpcall(drain, function(raised)
    return raised
  end, self)
  self.is_busy = false
  if not is_well then
    for _, run in pairs(self.dispatches) do
      run:leave()
      run.is_over = true
      run.view.state = "dropped"
    end
    self.dispatches = {}
    error(problem, 0)
  end
end

-- Lanes move on: true when another event was begun.
function Host:release()
  local has_begun = false
  for key, lane in pairs(self.lanes) do
    local work = lane[1]
    local is_open = false
    for _, run in ipairs(work.runs) do
      is_open = is_open or not work.is_begun or not run:lets_pass()
    end
    if not work.is_begun then
      work.is_begun = true
      has_begun = true
      for _, run in ipairs(work.runs) do
        run:start()
      end
    elseif not is_open then
      table.remove(lane, 1)
      has_begun = true
      if #lane == 0 then
        self.lanes[key] = nil
      end
    end
  end
  return has_begun
end

local function append(self, lane, runs)
  self.lanes[lane] = self.lanes[lane] or {}
  table.insert(self.lanes[lane], { runs = runs })
end

local function begin(self, about)
  local handlers = self.generation:find(about)
  if #handlers == 0 then
    tell.fail("there is no handler for %s: looked for %s", about.name, self.generation:places(about))
  end
  local runs, views = {}, {}
  for i, handler in ipairs(handlers) do
    local run = Run.new(self, #self.all + 1, about, handler)
    runs[i], views[i] = run, run.view
    self.all[#self.all + 1] = run
    self.runs[#self.runs + 1] = run.view
  end
  views[1].others = table.move(views, 2, #views, 1, {})
  append(self, about.lane, runs)
  return views[1]
end

local function number_event(self, about, attempt)
  about.seq = self.event_count
  about.received_us = self.clock_us
  about.attempt = attempt or 1
  return about
end

-- deliver(type [, data [, fields]]) -> run. Data as given, or the type's sample; fields: id, time, subject,
-- source, attempt, schema ("eventgrid" or "cloudevents"). With several handlers: the first one's run, the
-- others in run.others.
function Host:deliver(name, data, fields)
  check_outside(self, "host:deliver")
  self.event_count = self.event_count + 1
  local about = event.make(name, data, fields, self.event_count, self.clock_us)
  local view = begin(self, number_event(self, about, fields and fields.attempt))
  pump(self)
  return view
end

-- answer(operation, value [, about]) or answer(operation, function(...) return value [, about] end), called with
-- the step's arguments; about: status, etag, repeated.
function Host:answer(operation, answer, about)
  check_colon(self, "host:answer")
  self.answers:answer(operation, answer, about)
end

-- fail(operation, { status =, code =, message =, retryable =, retry_after =, times = })
function Host:fail(operation, failure)
  check_colon(self, "host:fail")
  self.answers:fail(operation, failure)
end

function Host:add_timer(id, due_us, about)
  self.timers[#self.timers + 1] = { id = id, due_us = due_us, event = about }
end

function Host:drop_timer(id)
  for i, timer in ipairs(self.timers) do
    if timer.id == id then
      table.remove(self.timers, i)
      return true
    end
  end
  return false
end

-- The first thing that happens until then: a run or a timer, and when.
local function find_next(self, until_us)
  local first, first_us
  local function offer(candidate, due_us)
    if due_us and due_us <= until_us and (not first_us or due_us < first_us) then
      first, first_us = candidate, due_us
    end
  end
  for _, run in ipairs(self.all) do
    offer(run, run:next_us())
  end
  for _, timer in ipairs(self.timers) do
    offer(timer, timer.due_us)
  end
  return first, first_us
end

local function fire(self, timer)
  self:drop_timer(timer.id)
  self.event_count = self.event_count + 1
  begin(self, number_event(self, timer.event))
end

-- The clock moves by hand: on its way sleeps end, timers fire, and what failed is tried again, each at its moment.
function Host:advance(seconds)
  check_outside(self, "host:advance")
  if type(seconds) ~= "number" or not (seconds >= 0 and seconds < 1e10) then
    tell.fail "host:advance takes seconds, 0 or more"
  end
  local target_us = self.clock_us + math.floor(seconds * US)
  while true do
    local first, first_us = find_next(self, target_us)
    if not first then
      break
    end
    self.clock_us = math.max(self.clock_us, first_us)
    if first.next_us then
      first:wake()
    else
      fire(self, first)
    end
    pump(self)
  end
  self.clock_us = target_us
end

-- Seconds since 1970.
function Host:now()
  check_colon(self, "host:now")
  return self.clock_us / US
end

-- Another time, with nothing happening on the way.
function Host:set_time(time)
  check_outside(self, "host:set_time")
  self.clock_us = read_time("host:set_time", time)
end

-- Reads the folder again. Scripts that do not load raise, and the old ones stay; what a mended script had failed
-- is tried again.
function Host:reload()
  check_outside(self, "host:reload")
  self.generation = load(self.folder, self.options)
  self.generations[self.generation] = true
  for _, run in ipairs(self.all) do
    local handler = self.generation.handlers[run.handler]
    if run.view.state == "parked" and run.view.result == "error" and handler and handler.script ~= run.script then
      run:revive()
      append(self, run.event.lane, { run })
    end
  end
  pump(self)
end

return Host
