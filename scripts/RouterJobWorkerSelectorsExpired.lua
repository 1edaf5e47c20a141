-- Sends a note to the incident webhook when a job waited so long that what it asks of a worker expired: often
-- nobody with that skill is there. Off until lib/settings.lua has an incident_url. The job itself is left
-- alone.
local incidents = require "incidents"

local function keys_of(selectors)
  local keys = {}
  for _, selector in ipairs(selectors or {}) do
    keys[#keys + 1] = selector.key
  end
  return keys
end

return function(event)
  if not incidents.is_on() then
    return
  end
  local job = event.data
  incidents.send({
    text = ("The job %s waits in %s, and nobody came who meets what it asks for."):format(job.jobId, job.queueId),
    jobId = job.jobId,
    queueId = job.queueId,
    requested = json.array(keys_of(job.expiredRequestedWorkerSelectors)),
    attached = json.array(keys_of(job.expiredAttachedWorkerSelectors)),
    time = event.time,
  }, 1, event.id)
end
