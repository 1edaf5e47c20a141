-- Activates every scheduled job whose time has come: for everyone, at once. It acts on the job only, never for a
-- person.
--
-- The Job Router raises this event when the time that a job was scheduled for arrives; the job then waits until
-- somebody lets it into its queue. Here you decide whether, and how urgently.

local priority = 1 -- higher goes first; change it, save, and the next job is queued with it

return function(event)
  router.jobs.activate(event.data.jobId, { priority = priority })
end
