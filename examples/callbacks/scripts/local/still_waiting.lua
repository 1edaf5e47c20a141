-- Some time after a callback went into its queue (RouterJobWaitingForActivation.lua): who still waits goes
-- first.
return function(event)
  local job = router.jobs.get(event.data.job)
  if job.status == "queued" then
    router.jobs.update(job.id, { priority = 100 })
    log.warn("callback: nobody took it yet, it goes first now", { job = job.id })
  end
end
