-- Activates every scheduled job whose time has come: for everyone, at once. It acts on the job only, never for
-- a person.
--
-- The Job Router raises this event when the time that a job was scheduled for arrives; the job then waits until
-- somebody lets it into its queue. The priorities stand in lib/settings.lua: change one, save, and the next job
-- has it.
local settings = require "settings"

return function(event)
  local job = event.data
  local value = job.labels and job.labels[settings.priority_label]
  router.jobs.activate(job.jobId, { priority = settings.priorities[value] })
end
