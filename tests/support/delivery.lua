-- What specs of deliveries share: sending bytes as they are, and looking at what became of them.
local assert = require "luassert"
local host = require "host"

local delivery = {}

function delivery.post(server, body, headers, query)
  return host.request { method = "POST", url = server.url .. (query or ""), headers = headers, body = body }
end

function delivery.assert_stored(answer, stored, duplicates, quarantined)
  assert.equal(200, answer.status, answer.body)
  assert.same({ stored = stored, duplicates = duplicates or 0, quarantined = quarantined or 0 }, answer.json)
end

function delivery.assert_refused(answer, status, code)
  assert.equal(status, answer.status, answer.body)
  assert.equal(code, answer.json.error.code)
  assert.is_true(#answer.json.error.message > 0)
end

function delivery.event_text(id, data)
  return ('{"id":"%s","eventType":"Microsoft.Communication.RouterJobQueued","data":%s}'):format(id, data or "{}")
end

-- The events that the host keeps, oldest first.
function delivery.kept(server)
  local events = server:api("/api/events").json.events
  table.sort(events, function(one, other)
    return one.seq < other.seq
  end)
  return events
end

function delivery.assert_is_up(server)
  delivery.assert_stored(delivery.post(server, "[" .. delivery.event_text "still up" .. "]"), 1)
  assert.equal(200, server:api("/readyz").status)
  assert.is_true(server:is_running())
end

return delivery
