-- A target for events: shakes hands in both schemas, and keeps what it gets.
--
--     local hook = webhook.new(host, function(delivery) return 200 end)   -- the answer; 200 without a function
--     host.sim { to = { hook.url } }
--     hook:wait_events(3)          -- until so many came, counting repeats
--     hook.events[1].data.jobId; hook.deliveries[1].headers["aeg-delivery-count"], .events; hook.handshakes
--
-- The function gets { headers =, method =, events = (a list, also of a single CloudEvent), body = } and the number
-- of the delivery, and returns a status, or what upstream's functions return. hook.is_holding: handshakes get no
-- answer that is right.
local webhook = {}
local Hook = {}
Hook.__index = Hook

local function answer_handshake(hook, request, body)
  hook.handshakes[#hook.handshakes + 1] = request
  if hook.is_holding then
    return 500, {}, ""
  elseif request.method == "OPTIONS" then
    return 200, { ["WebHook-Allowed-Origin"] = request.headers["webhook-request-origin"], Allow = "POST" }, ""
  end
  return 200, {}, ('{"validationResponse":"%s"}'):format(body[1].data.validationCode)
end

function webhook.new(host, answer)
  local hook = setmetatable({ host = host, events = {}, deliveries = {}, handshakes = {} }, Hook)
  hook.server = host.upstream(function(request)
    local body = request.body ~= "" and assert(host.json.decode(request.body)) or nil
    if request.method == "OPTIONS" or request.headers["aeg-event-type"] == "SubscriptionValidation" then
      return answer_handshake(hook, request, body)
    end
    if not request.is_taken then
      request.is_taken = true
      request.events = body[1] and body or { body }
      hook.deliveries[#hook.deliveries + 1] = request
      table.move(request.events, 1, #request.events, #hook.events + 1, hook.events)
      request.number = #hook.deliveries
    end
    if answer then
      return answer(request, request.number)
    end
    return 200, {}, ""
  end)
  hook.url = hook.server.url .. "/events?code=secret"
  return hook
end

function Hook:wait_events(count)
  self.host.wait_until(function()
    return #self.events >= count
  end, count .. " events at the webhook")
  return self.events
end

-- How often each event came, by the end of its type and the job or worker that it is about.
function Hook:counts()
  local counts = {}
  for _, event in ipairs(self.events) do
    local type = (event.eventType or event.type):match "[^.]+$"
    local about = event.data.jobId or event.data.workerId
    local name = type .. " " .. about
    counts[name] = (counts[name] or 0) + 1
  end
  return counts
end

return webhook
