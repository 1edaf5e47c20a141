-- Puts a job that its classification policy could not place into the fallback queue. Off until lib/settings.lua
-- has a fallback_queue: then, too, the log says which jobs are stuck.
local conflicts = require "conflicts"
local settings = require "settings"

local function first_reason(errors)
  return errors and errors[1] and errors[1].message or "no reason is given"
end

return function(event)
  local failed = event.data
  local reason = first_reason(failed.errors)
  local fields = { job = failed.jobId, policy = failed.classificationPolicyId, reason = reason }
  if not settings.fallback_queue then
    log.warn("a job was not classified and stays where it is: settings.lua has no fallback_queue", fields)
    return
  end
  local job = router.jobs.get(failed.jobId)
  if job.status ~= "classificationFailed" then
    log.info("not classified at first, and by now " .. job.status, fields)
    return
  elseif job.queueId == settings.fallback_queue and not job.classificationPolicyId then
    fail "the job came to the fallback queue before, and was not classified again"
  end
  -- Without its policy: with it, the job would be classified again, and fail again.
  local change = { queueId = settings.fallback_queue, classificationPolicyId = json.null }
  if conflicts.tolerate(router.jobs.update, job.id, change) then
    log.warn("not classified: it goes to " .. settings.fallback_queue, fields)
  end
end
