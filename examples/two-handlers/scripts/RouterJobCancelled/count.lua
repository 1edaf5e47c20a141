-- Counts why jobs are cancelled.
return function(event)
  local why = event.data.dispositionCode
  local count = state.increment("cancelled " .. why)
  log.info("cancelled", { job = event.data.jobId, why = why, count = count })
end
