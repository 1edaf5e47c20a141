-- Accepts offers, but only those made to workers whose id begins with "bot-". People answer their own offers.
local workers = require "workers"

return function(event)
  local offer = event.data
  if workers.is_bot(offer.workerId) then
    router.offers.accept(offer.workerId, offer.offerId)
  end
end
