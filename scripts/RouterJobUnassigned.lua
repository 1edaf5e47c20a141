-- Cancels a job that workers gave back too often. Off until lib/settings.lua says how often is too often.
local conflicts = require "conflicts"
local settings = require "settings"

local ninety_days = 90 * 24 * 3600 -- as long as the service keeps a job

return function(event)
  local most = settings.cancel_after_unassignments
  if not most then
    return
  end
  local id = event.data.jobId
  local key = "unassigned " .. id
  local count = (state.get(key) or 0) + 1
  state.set(key, count, { ttl = ninety_days })
  if count < most then
    log.info("given back by a worker", { job = id, worker = event.data.workerId, count = count })
    return
  end
  local why = { dispositionCode = "UnassignedTooOften", note = ("Given back %d times."):format(count) }
  if conflicts.tolerate(router.jobs.cancel, id, why) then
    log.warn("cancelled: given back too often", { job = id, count = count })
  else
    log.info("not cancelled: a worker has it again, or it is over", { job = id, count = count })
  end
end
