-- Escalates a queued job when an exception rule fires, such as one for a long wait. Off until lib/settings.lua
-- has an escalation for that rule. A job that somebody has by now is left alone.
local conflicts = require "conflicts"
local settings = require "settings"

return function(event)
  local triggered = event.data
  local rule = triggered.ruleKey
  local fields = { job = triggered.jobId, rule = rule }
  local escalation = settings.escalations[rule] or settings.escalations[triggered.exceptionRuleId]
  if not escalation then
    log.info("an exception rule fired; settings.lua has no escalation for it", fields)
    return
  end
  local job = router.jobs.get(triggered.jobId)
  if job.status ~= "queued" then
    log.info("not escalated: the job is " .. job.status, fields)
    return
  end
  local now = job.priority or 1
  local priority = math.max(now, escalation.priority or now) -- an escalation never lowers it
  local change = { priority = priority, queueId = escalation.queueId }
  if conflicts.tolerate(router.jobs.update, job.id, change) then
    log.warn("escalated", { job = job.id, rule = rule, priority = priority, queue = escalation.queueId })
  else
    log.info("not escalated: somebody has the job by now", fields)
  end
end
