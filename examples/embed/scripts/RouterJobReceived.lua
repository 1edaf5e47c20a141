return function(event)
  local count = state.increment "jobs"
  log.info(("job %s is number %d"):format(event.data.jobId, count))
end
