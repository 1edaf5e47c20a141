-- Closes a completed job, but only for bots (lib/settings.lua says who is one): a bot needs no time to wrap up.
-- People close their own jobs.
local conflicts = require "conflicts"
local workers = require "workers"

return function(event)
  local completed = event.data
  if not workers.is_bot(completed.workerId) then
    return
  end
  local how = { dispositionCode = "Done" }
  if not conflicts.tolerate(router.jobs.close, completed.jobId, completed.assignmentId, how) then
    log.info("the job was closed already", { job = completed.jobId, worker = completed.workerId })
  end
end
