-- Events for a spec: the type's sample envelope around the data that the spec gives.
local core = require "switchhook.kit.core"
local tell = require "switchhook.kit.tell"

local event = {}

local PREFIX = "Microsoft.Communication."
local LOCAL = "Switchhook.Local."
local FIELDS = { id = true, time = true, subject = true, source = true, attempt = true, schema = true }
local SCHEMAS = { eventgrid = true, cloudevents = true }

local function check_fields(fields)
  for name in pairs(fields) do
    if not FIELDS[name] then
      tell.fail("host:deliver: there is no field '%s'%s", tostring(name), tell.nearest(name, tell.keys(FIELDS)))
    end
  end
  for _, name in ipairs { "id", "time", "subject", "source" } do
    if fields[name] ~= nil and type(fields[name]) ~= "string" then
      tell.fail("host:deliver: '%s' must be a string, got %s", name, tell.kind(fields[name]))
    end
  end
  if fields.attempt ~= nil and (math.type(fields.attempt) ~= "integer" or fields.attempt < 1) then
    tell.fail "host:deliver: 'attempt' must be a whole number from 1"
  end
  if fields.schema ~= nil and not SCHEMAS[fields.schema] then
    tell.fail("host:deliver: 'schema' is \"eventgrid\" or \"cloudevents\", not %s", tostring(fields.schema))
  end
end

-- The short name, and whether the catalogue has it. What has a dot and is not the Job Router's is somebody else's.
local function find_type(name)
  if type(name) ~= "string" then
    tell.fail("host:deliver takes the event's type, got %s", tell.kind(name))
  end
  local short = name
  if name:sub(1, #PREFIX) == PREFIX then
    short = name:sub(#PREFIX + 1)
  elseif name:find(".", 1, true) then
    return name, false
  end
  if not core.types[short] then
    tell.fail("there is no event type '%s'%s", name, tell.nearest(short, tell.keys(core.types)))
  end
  return short, true
end

local function encode_data(data, is_known)
  if type(data) == "string" then
    local is_json, value = pcall(core.decode, data)
    if not is_json or type(value) ~= "table" then
      tell.fail "host:deliver: data given as a text must be a JSON object"
    end
    return data
  elseif data ~= nil and (type(data) ~= "table" or core.is_array(data)) then
    tell.fail("host:deliver: data must be a table of names and values, got %s", tell.kind(data))
  elseif data == nil then
    return not is_known and "{}" or nil
  end
  local is_json, text = pcall(core.encode, data, "data")
  if not is_json then
    tell.fail("host:deliver: %s", text)
  end
  return text
end

-- An envelope for a type that the catalogue does not have.
local function wrap(type_name, id, time, data, subject)
  local members = '"id":%s,"topic":"switchhook","subject":%s,"eventType":%s,"eventTime":%s,"data":%s'
  return ('{' .. members .. ',"dataVersion":"1.0"}'):format(
    core.encode(id),
    core.encode(subject or ""),
    core.encode(type_name),
    core.encode(time),
    data
  )
end

-- The envelope's own members again, with what the spec wants otherwise.
local function replace(raw, fields)
  local is_cloud = fields.schema == "cloudevents"
  local members = core.members(raw)
  for _, member in ipairs(members) do
    if member.name == "subject" and fields.subject then
      member.value = core.encode(fields.subject)
    elseif member.name == (is_cloud and "source" or "topic") and fields.source then
      member.value = core.encode(fields.source)
    end
  end
  local parts = {}
  for i, member in ipairs(members) do
    parts[i] = core.encode(member.name) .. ":" .. member.value
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Of an event's data, as it lies in the host's lanes.
local function find_lane(short, decoded)
  local data = type(decoded.data) == "table" and decoded.data or {}
  local about = core.types[short]
  local job = type(data.jobId) == "string" and data.jobId ~= "" and data.jobId
  local worker = type(data.workerId) == "string" and data.workerId ~= "" and data.workerId
  if job and not (about and about.lane == "worker") then
    return "job " .. job
  elseif worker then
    return "worker " .. worker
  elseif job then
    return "job " .. job
  end
  return ("%s %s"):format(decoded.topic or decoded.source or "", decoded.subject or "")
end

local function read(raw, short, lane)
  local decoded = core.decode(raw)
  return {
    raw = raw,
    name = short,
    type = decoded.eventType or decoded.type,
    subject = decoded.subject or "",
    lane = lane or find_lane(short, decoded),
    decoded = decoded,
  }
end

-- make(type, data, fields, number, now_us) -> { raw =, name =, type =, subject =, lane =, decoded = }
function event.make(name, data, fields, number, now_us)
  fields = fields or {}
  if type(fields) ~= "table" then
    tell.fail("host:deliver takes a table of fields behind the data, got %s", tell.kind(fields))
  end
  check_fields(fields)
  local short, is_known = find_type(name)
  local id = fields.id or ("event-%d"):format(number)
  local time = fields.time or core.format_time(now_us)
  local text = encode_data(data, is_known)
  local raw
  if is_known then
    raw = replace(core.sample(short, id, time, text, fields.schema == "cloudevents"), fields)
  else
    raw = replace(wrap(short, id, time, text), fields)
  end
  return read(raw, short)
end

-- What after(seconds, name, data) raises, as the host writes it.
function event.make_local(name, data, id, subject, due_us, lane)
  local full = LOCAL .. name
  return read(wrap(full, id, core.format_time(due_us), data or "null", subject), full, lane)
end

-- When handling it becomes pointless, in microseconds; nil: never.
function event.deadline(about)
  local data = type(about.decoded.data) == "table" and about.decoded.data or {}
  local text = data.expiresOn or data.expiryTimeUtc
  return type(text) == "string" and core.parse_time(text) or nil
end

return event
