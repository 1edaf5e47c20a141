-- An exception rule fired for a job. At first this only says so; README.md goes on from here.
return function(event)
  log.warn("an exception rule fired", { job = event.data.jobId, rule = event.data.ruleKey })
end
