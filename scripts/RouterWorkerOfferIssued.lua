-- Accepts offers, but only those made to bots (lib/settings.lua says who is one). People answer their own
-- offers.
local conflicts = require "conflicts"
local workers = require "workers"

return function(event)
  local offer = event.data
  if not workers.is_bot(offer.workerId, offer.workerLabels) then
    return
  end
  if not conflicts.tolerate(router.offers.accept, offer.workerId, offer.offerId) then
    log.info("the offer was over before it was accepted", { job = offer.jobId, worker = offer.workerId })
  end
end
