-- Notes to the incident webhook of settings.lua.
local settings = require "settings"

local incidents = {}

-- Seconds until the note is sent again, when the webhook does not take it: then it is parked, and can be
-- replayed.
local delays = { 10, 60, 600, 3600 }

local function is_worth_another_try(answer)
  return answer.status == 0 or answer.status == 408 or answer.status == 429 or answer.status >= 500
end

-- Whether there is a webhook to send notes to.
function incidents.is_on()
  return settings.incident_url ~= nil
end

-- Sends the note, a table. What fails is tried again by local/incident.lua, so that no event of the job waits
-- for it. The webhook may know by the key, the same each time, that it has the note already: an answer can be
-- lost.
function incidents.send(note, attempt, key)
  local headers = { ["Idempotency-Key"] = key }
  if settings.incident_secret then
    headers.Authorization = "Bearer " .. secret(settings.incident_secret)
  end
  local is_sent, answer = pcall(http.post, settings.incident_url, { json = note, headers = headers })
  if not is_sent and not answer.status then
    error(answer, 0) -- a mistake in the settings, such as a secret of another name
  elseif is_sent and answer.status < 300 then
    return
  end
  local words = ("the incident webhook did not take the note: %s"):format(answer.code or answer.status)
  if not is_worth_another_try(answer) or not delays[attempt] then
    fail(words)
  end
  log.warn(words .. "; it is sent again", { seconds = delays[attempt] })
  after(delays[attempt], "incident", { note = note, attempt = attempt + 1, key = key })
end

return incidents
