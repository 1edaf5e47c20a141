-- Completes a job as soon as it was accepted, but only for workers whose id begins with "bot-": a bot's work is
-- done when it has the job. People complete their own jobs.
local workers = require "workers"

return function(event)
  local accepted = event.data
  if workers.is_bot(accepted.workerId) then
    router.jobs.complete(accepted.jobId, accepted.assignmentId)
  end
end
