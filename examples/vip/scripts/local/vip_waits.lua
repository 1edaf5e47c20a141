-- A VIP called a while ago (RouterJobReceived.lua). Who still waits is for the supervisors.
return function(event)
  local job = router.jobs.get(event.data.job)
  if job.status == "queued" then
    router.jobs.update(job.id, { queueId = "supervisors" })
    log.warn("a VIP waits: to the supervisors", { job = job.id, name = event.data.name })
  end
end
