-- Hosts and workers that are killed again and again under load: nothing that was answered 200 is lost, and nothing
-- that was journaled is done again. Prints what it counted.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local is_long = os.getenv "SWITCHHOOK_SOAK" == "long"
local KILLS = tonumber(os.getenv "SWITCHHOOK_KILLS") or (is_long and 500 or 10)
local JOBS = 23
local POINTS = {
  "store.appended",
  "store.before-commit",
  "store.unsynced",
  "store.after-commit",
  "host.admit",
  "host.sent",
  "host.answered",
  "host.journaled",
  "host.done",
}

local scripts = {
  ["RouterJobQueued.lua"] = [[
    return function(event)
      local id = event.data.jobId
      router.jobs.get(id)
      local _, about = router.jobs.activate(id, { priority = 5 })
      state.increment("events")
      local mine = step("mine", function() return uuid() end)
      sleep(0.05)
      after(0.05, "Later", { seq = event.seq, mine = mine })
      router.jobs.complete(id, about.repeated and "again" or "once")
    end
  ]],
  ["local/Later.lua"] = [[
    return function(event)
      state.increment("later/" .. event.data.seq)
      router.jobs.get("later-" .. event.data.seq)
    end
  ]],
}

-- What is known of a soak while it goes on.
local function new_soak(seed)
  return {
    seed = seed,
    router = ledger.open(),
    sent = {}, -- every event, in the order of its making
    acknowledged = {}, -- by id
    pending = {}, -- events that got no answer: they are sent again, as Event Grid would
    duplicates = 0,
    kills = {},
  }
end

local function failed(soak, words, ...)
  error((words):format(...) .. "; seed " .. soak.seed, 2)
end

-- A run takes one step after the other: once a later one is asked for, the earlier ones are journaled. In a lane
-- one event comes after the other.
local function watch_order(soak)
  local highest, current = {}, {}
  soak.router.answer = function(request)
    local seq, number = request.headers["x-ms-client-request-id"]:match "^(%d+)%-(%d+)$"
    seq, number = tonumber(seq), tonumber(number)
    if number < (highest[seq] or 0) then
      soak.violation = ("step %d of event %d was asked for after step %d"):format(number, seq, highest[seq])
    end
    highest[seq] = number
    local job = request.path:match "/jobs/(job%-%d+)"
    if job then
      if seq < (current[job] or 0) then
        soak.violation = ("event %d of %s was handled after event %d"):format(seq, job, current[job])
      end
      current[job] = seq
    end
  end
end

local function make_batch(soak)
  local batch = {}
  for i = 1, math.random(4) do
    local again = #soak.sent > 0 and math.random() < 0.1
    if again then
      batch[i] = soak.sent[math.random(#soak.sent)]
    elseif #soak.pending > 0 then
      batch[i] = table.remove(soak.pending)
    else
      batch[i] = host.event("RouterJobQueued", { jobId = "job-" .. math.random(JOBS) })
      soak.sent[#soak.sent + 1] = batch[i]
    end
  end
  return batch
end

-- Returns whether it was answered.
local function deliver(soak)
  local batch = make_batch(soak)
  local is_heard, answer = pcall(soak.server.deliver, soak.server, batch)
  if is_heard and answer.status == 200 then
    for _, event in ipairs(batch) do
      soak.acknowledged[event.id] = true
    end
    soak.duplicates = soak.duplicates + answer.json.duplicates
    return true
  end
  for _, event in ipairs(batch) do
    if not soak.acknowledged[event.id] then
      soak.pending[#soak.pending + 1] = event
    end
  end
  return false
end

local function load_for(soak, seconds)
  local ends = native.now() + seconds
  while native.now() < ends and soak.server:is_running() do
    deliver(soak)
  end
end

local function kill_workers(server, most)
  local is_heard, answer = pcall(server.api, server, "/api/status")
  local count = 0
  for _, worker in ipairs(is_heard and answer.json and answer.json.workers or {}) do
    if worker.pid > 0 and count < most then
      pcall(native.signal, worker.pid, native.SIGKILL)
      count = count + 1
    end
  end
end

local kinds = {
  host = function(soak)
    load_for(soak, math.random() * 0.3)
    soak.server:kill()
  end,
  worker = function(soak)
    load_for(soak, math.random() * 0.2)
    kill_workers(soak.server, 1)
  end,
  both = function(soak)
    load_for(soak, math.random() * 0.2)
    kill_workers(soak.server, 2)
    soak.server:kill()
  end,
  -- The point was chosen at the start of the host; an attempt that is not reached ends like one of the first kind.
  point = function(soak)
    load_for(soak, 5)
    soak.server:kill()
  end,
}

local function serve_again(soak, point)
  local environment = { SWITCHHOOK_FAULT = point and point .. ":" .. math.random(60) .. ":kill" or false }
  local is_up, answer
  repeat -- what is left over from before may lead to the point at once
    soak.server = soak.server:again { environment = environment, is_started = false }
    is_up, answer = pcall(soak.server.wait_started, soak.server)
    if not is_up and soak.server:is_running() then
      failed(soak, "%s", answer)
    end
    if not is_up then
      assert(soak.server.how == "signal", answer)
      soak.early = (soak.early or 0) + 1
      environment = { SWITCHHOOK_FAULT = false }
    end
  until is_up
end

local function wait_idle(soak)
  host.wait_until(function()
    local status = soak.server:api("/api/status").json
    local counts = status.events
    return counts.queued + counts.running + counts.waiting == 0
  end, "all events to be handled", 120, function()
    return soak.server:api("/api/status").body
  end)
end

local function read_events(soak, kind)
  local found, count, before = {}, 0, ""
  repeat
    local page = soak.server:api("/api/events?limit=1000&type=" .. kind .. before).json
    for _, event in ipairs(page.events) do
      if found[event.id] then
        failed(soak, "event %s is there twice", event.id)
      end
      found[event.id] = event
      count = count + 1
    end
    before = "&before=" .. tostring(page.next)
  until type(page.next) ~= "number"
  return found, count
end

-- What the timeline says against what the Job Router saw.
local function check_event(soak, seq, steps, counters)
  local event = soak.server:api("/api/events/" .. seq).json
  if event.state ~= "done" or #event.runs ~= 1 or #event.runs[1].steps ~= steps then
    failed(soak, "event %d is not as it should be: %s", seq, host.json.encode(event))
  end
  local asked = 0
  for number, step in ipairs(event.runs[1].steps) do
    local count = soak.router.count[seq .. "-" .. number]
    if step.operation:find "^router" then
      if not (count == 1 or (count and count > 1 and step.repeated)) then
        failed(soak, "step %d of event %d was asked for %s times", number, seq, tostring(count))
      end
      asked = asked + count - 1
    elseif step.operation == "state.increment" then
      local key = step.arguments[1]
      counters[key] = counters[key] or {}
      if counters[key][step.answer] then
        failed(soak, "%s was counted to %s twice", key, step.answer)
      end
      counters[key][step.answer] = true
    end
  end
  return asked
end

describe("kills", function()
  it("lose nothing and repeat nothing that was journaled", function()
    local soak = new_soak(tonumber(os.getenv "SWITCHHOOK_SEED") or os.time())
    math.randomseed(soak.seed)
    watch_order(soak)
    local started = native.now()
    local config = soak.router.config .. "workers = 2\nretry = { first_seconds = 0.05 }\n"
    soak.server = host.serve { config = config, scripts = scripts }
    local chances = { "host", "host", "worker", "both", "point", "point" }
    local kind = "host"
    for _ = 1, KILLS do
      kinds[kind](soak)
      soak.kills[kind] = (soak.kills[kind] or 0) + 1
      kind = chances[math.random(#chances)]
      if kind == "point" or not soak.server:is_running() then
        soak.server:kill()
        serve_again(soak, kind == "point" and POINTS[math.random(#POINTS)])
      end
      if soak.violation then
        failed(soak, "%s", soak.violation)
      end
    end
    soak.server:kill()
    serve_again(soak)
    while #soak.pending > 0 do
      deliver(soak)
    end
    wait_idle(soak)
    host.wait_until(function()
      local _, count = read_events(soak, "Switchhook.Local.Later")
      return count == #soak.sent
    end, "all events that were to be raised later")
    wait_idle(soak)
    local took = native.now() - started

    local found, count = read_events(soak, "RouterJobQueued")
    assert.equal(#soak.sent, count)
    local counters, repeats = {}, 0
    for _, event in ipairs(soak.sent) do
      if not found[event.id] then
        failed(soak, "%s is lost", event.id)
      end
      repeats = repeats + check_event(soak, found[event.id].seq, 7, counters)
    end
    for _, event in pairs((read_events(soak, "Switchhook.Local.Later"))) do
      repeats = repeats + check_event(soak, event.seq, 2, counters)
    end
    -- Every number from 1 to the end was given once, and each event raised its own, once.
    assert.equal(#soak.sent, #counters.events)
    for _, event in pairs(found) do
      assert.same({ true }, counters["later/" .. event.seq])
    end
    if soak.violation then
      failed(soak, "%s", soak.violation)
    end
    soak.server:stop()
    print(
      ("\nkills %d (host %d, worker %d, both %d, point %d) in %.0f s; "
        .. "events %d, duplicates %d, repeats %d of %d requests; seed %d"):format(
        KILLS,
        soak.kills.host or 0,
        soak.kills.worker or 0,
        soak.kills.both or 0,
        soak.kills.point or 0,
        took,
        #soak.sent,
        soak.duplicates,
        repeats,
        #soak.router.paths,
        soak.seed
      )
    )
  end)
end)
