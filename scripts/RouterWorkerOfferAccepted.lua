-- Completes a job as soon as it was accepted, but only for bots (lib/settings.lua says who is one): a bot's
-- work is done when it has the job. People complete their own jobs.
local conflicts = require "conflicts"
local workers = require "workers"

return function(event)
  local accepted = event.data
  if not workers.is_bot(accepted.workerId, accepted.workerLabels) then
    return
  end
  if not conflicts.tolerate(router.jobs.complete, accepted.jobId, accepted.assignmentId) then
    log.info("the bot has the job no more", { job = accepted.jobId, worker = accepted.workerId })
  end
end
