-- A VIP who calls goes first, and to the supervisors when nobody has time.
local crm = require "crm"

local patience = 60 -- seconds in the queue, until a supervisor has to take it

return {
  filter = {
    advancedFilters = {
      { operatorType = "StringIn", key = "data.channelId", values = { "voice" } },
      { operatorType = "IsNotNull", key = "data.labels.Phone" },
    },
  },
  -- While the CRM is down, what else happens to the job does not wait for it.
  retry = { attempts = 5, hold = false },
  handle = function(event)
    local job = event.data
    local customer = crm.find(tostring(job.labels.Phone))
    if not customer or customer.tier ~= "vip" then
      return
    end
    router.jobs.update(job.jobId, { priority = 100 })
    log.info("a VIP calls", { job = job.jobId, name = customer.name })
    after(patience, "vip_waits", { job = job.jobId, name = customer.name })
  end,
}
