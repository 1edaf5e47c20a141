-- Calls back who hung up while waiting: a job of its own, ten minutes later, in the queue "callbacks".
local minutes = 10

return function(event)
  local job = event.data
  if job.dispositionCode ~= "HungUp" then
    return
  end
  -- The new job's id comes from the old one's, so that doing it twice makes one job.
  router.jobs.schedule("callback-" .. job.jobId, {
    scheduleAt = os.time() + minutes * 60,
    channelId = job.channelId,
    queueId = "callbacks",
    labels = job.labels,
  })
  log.info("is called back", { job = job.jobId, minutes = minutes })
end
