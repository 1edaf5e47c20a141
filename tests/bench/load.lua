-- What wrk sends (wrk -s load.lua URL -- BATCH): deliveries of BATCH events RouterJobWaitingForActivation, about
-- 1.3 KB each, every event with an id and a job of its own: 128 random bits. It shares the processors with what is
-- measured, so it does little: the request is made once, and only the ids in it are written anew.
local ffi = require "ffi"
local bit = require "bit"
ffi.cdef [[
  struct load_usage { long user_s, user_us, system_s, system_us, others[14]; };
  int getrusage(int who, struct load_usage *usage);
]]

local EVENT = [[{"id":"@event@",]]
  .. [["topic":"/subscriptions/7c1bf8d5-55cd-4a0c-9c1b-5a5a1f6f8a11/resourceGroups/contact-centre]]
  .. [[/providers/Microsoft.Communication/communicationServices/acs-contact-centre",]]
  .. [["subject":"job/@job@/channel/voice/dispatch","data":{"jobId":"@job@","channelReference":"call-22a1c0e7",]]
  .. [["channelId":"voice","jobStatus":"WaitingForActivation","queueId":"support-premium",]]
  .. [["classificationPolicyId":"premium-classification","priority":7,]]
  .. [["labels":{"language":"de","segment":"premium","region":"EMEA","product":"router-9000","attempts":2,]]
  .. [["authenticated":true,"basket":1249.5},"tags":{"origin":"ivr","campaign":"autumn",]]
  .. [["customer":"c-4711-9938-0021","locale":"de-DE","note":"asks about an order"},]]
  .. [["requestedWorkerSelectors":[{"key":"skill-billing","labelOperator":"greaterThanEqual","value":5,]]
  .. [["ttlSeconds":900,"state":"active"},{"key":"language","labelOperator":"equal","value":"de",]]
  .. [["ttlSeconds":0,"state":"active"}],"attachedWorkerSelectors":[{"key":"region",]]
  .. [["labelOperator":"equal","value":"EMEA","state":"active"}],]]
  .. [["scheduledOn":"2026-03-01T09:05:00.0000000+00:00","unavailableForMatching":false},]]
  .. [["eventType":"Microsoft.Communication.RouterJobWaitingForActivation","dataVersion":"1.0",]]
  .. [["metadataVersion":"1","eventTime":"2026-03-01T09:05:00.1234567Z"}]]
local PLACE = "00000000-0000-0000-0000-000000000000"

local batch = 1
local buffer, size
local places = {} -- where ids stand: event, job, job, event, ...
local quads = ffi.new "uint32_t[65536]" -- a number's four hexadecimal digits, as they lie in memory

-- Marsaglia's xorshift with 128 bits of state: 32 random bits.
local a, b, c, d
local function random()
  local t = bit.bxor(a, bit.lshift(a, 11))
  a, b, c = b, c, d
  d = bit.bxor(d, bit.rshift(d, 19), t, bit.rshift(t, 8))
  return d
end

local function seed()
  local file = assert(io.open("/dev/urandom", "rb"))
  local words = ffi.new "int32_t[4]"
  ffi.copy(words, file:read(16), 16)
  file:close()
  a, b, c, d = words[0], words[1], words[2], bit.bor(words[3], 1)
end

-- Four digits, at the place and at a second one.
local function write_quad(place, other, value)
  ffi.cast("uint32_t *", buffer + place)[0] = quads[value]
  ffi.cast("uint32_t *", buffer + other)[0] = quads[value]
end

-- A new id, at the place and at a second one. (A function made in here would keep LuaJIT from compiling it.)
local function write_id(place, other)
  local first, second, third, fourth = random(), random(), random(), random()
  write_quad(place, other, bit.band(first, 0xffff))
  write_quad(place + 4, other + 4, bit.rshift(first, 16))
  write_quad(place + 9, other + 9, bit.band(second, 0xffff))
  write_quad(place + 14, other + 14, bit.rshift(second, 16))
  write_quad(place + 19, other + 19, bit.band(third, 0xffff))
  write_quad(place + 24, other + 24, bit.rshift(third, 16))
  write_quad(place + 28, other + 28, bit.band(fourth, 0xffff))
  write_quad(place + 32, other + 32, bit.rshift(fourth, 16))
end

function init(arguments)
  batch = tonumber(arguments[1]) or 1
  seed()
  for value = 0, 65535 do
    ffi.copy(quads + value, ("%04x"):format(value), 4)
  end
  local event = EVENT:gsub("@%l+@", PLACE)
  local body = "[" .. event .. ("," .. event):rep(batch - 1) .. "]"
  local text = wrk.format("POST", wrk.path, {
    ["Content-Type"] = "application/json; charset=utf-8",
    ["aeg-event-type"] = "Notification",
    ["aeg-subscription-name"] = "ROUTEREVENTS",
    ["aeg-delivery-count"] = "0",
    ["aeg-data-version"] = "1.0",
    ["aeg-metadata-version"] = "1",
  }, body)
  local at = 1
  for _ = 1, batch * 3 do
    local found, last = text:find(PLACE, at, true)
    places[#places + 1], at = found - 1, last + 1
  end
  size = #text
  buffer = ffi.new("char[?]", size)
  ffi.copy(buffer, text, size)
end

function request()
  for i = 1, batch * 3, 3 do
    write_id(places[i], places[i])
    write_id(places[i + 1], places[i + 2])
  end
  return ffi.string(buffer, size)
end

-- One line for tests/bench/wrk.lua.
function done(summary, latency)
  local usage = ffi.new "struct load_usage"
  ffi.C.getrusage(0, usage)
  local seconds = tonumber(usage.user_s + usage.system_s) + tonumber(usage.user_us + usage.system_us) / 1e6
  local errors = summary.errors
  local words = "RESULT requests=%d seconds=%.6f refused=%d broken=%d timeouts=%d cpu=%.6f p50=%.3f p99=%.3f\n"
  io.write(words:format(summary.requests, summary.duration / 1e6, errors.status,
    errors.connect + errors.read + errors.write, errors.timeout, seconds,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
