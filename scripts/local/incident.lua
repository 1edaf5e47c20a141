-- A note that the incident webhook did not take: once more (lib/incidents.lua).
local incidents = require "incidents"

return function(event)
  if incidents.is_on() then
    incidents.send(event.data.note, event.data.attempt, event.data.key)
  end
end
