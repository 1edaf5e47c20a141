-- Closes a completed job, but only for workers whose id begins with "bot-": a bot needs no time to wrap up. People
-- close their own jobs.
local workers = require "workers"

return function(event)
  local completed = event.data
  if workers.is_bot(completed.workerId) then
    router.jobs.close(completed.jobId, completed.assignmentId, { dispositionCode = "Done" })
  end
end
