-- A callback's time has come. In office hours it goes into its queue; else it is put off until the office
-- opens.
local office = require "office"

local patience = 30 * 60 -- seconds in the queue, until it goes first

return function(event)
  local job = event.data.jobId
  local now = os.time()
  if office.is_open(now) then
    router.jobs.activate(job)
    after(patience, "still_waiting", { job = job })
    log.info("callback: into the queue", { job = job })
    return
  end
  local opens = office.opens(now) or fail "the office does not open within two weeks: see lib/hours.lua"
  router.jobs.schedule(job, { scheduleAt = opens })
  log.info("callback: put off until the office opens", { job = job, at = time.format(opens) })
end
