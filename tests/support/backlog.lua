-- Many events, delivered in batches.
--
--     local text = host.json.encode(host.event("RouterJobQueued", { jobId = "JOB" }, { id = "ID" }))
--     backlog.deliver(server, text, 1000 * 1000, function(i) return { ID = "e" .. i, JOB = "j" .. i % 10 } end)
--
-- Words of capitals in the text are replaced by the values for the i-th event, where it has one of that name.
local host = require "host"

local backlog = {}
local BATCH, DEADLINE = 4000, 120

-- Each delivery must be answered 200.
function backlog.deliver(server, text, count, values_of)
  for first = 1, count, BATCH do
    local batch = {}
    for i = first, math.min(first + BATCH - 1, count) do
      batch[#batch + 1] = text:gsub("%f[%w](%u+)%f[%W]", values_of(i))
    end
    local answer = server:deliver("[" .. table.concat(batch, ",") .. "]", { deadline = DEADLINE })
    assert(answer.status == 200, answer.body)
  end
end

-- The JSON of an event of about 1.3 KB, with ID and JOB to be replaced.
function backlog.event(name)
  local data = {
    jobId = "JOB",
    channelReference = "call-20931",
    channelId = "voice",
    queueId = "support",
    priority = 5,
    labels = { Locale = "en-us", Segment = "gold", Level = 4, Score = 0.875, Product = "harbour-9" },
    tags = { campaign = "spring", source = "web", note = ("the caller asks about an order; "):rep(12) },
  }
  return host.json.encode(host.event(name, data, { id = "ID" }))
end

return backlog
