-- What the scripts want to know about workers.
local settings = require "settings"

local workers = {}

local function begins_as_a_bot(id)
  local prefix = settings.bot_prefix or ""
  return prefix ~= "" and id:sub(1, #prefix) == prefix -- an empty prefix is nobody's: not everybody's
end

-- Whether the worker is a bot: only for those the shipped scripts accept, complete and close, never for a
-- person. `labels` are the worker's, where the event has them; else the Job Router is asked, if the settings
-- name a label.
function workers.is_bot(id, labels)
  if begins_as_a_bot(id) then
    return true
  elseif not settings.bot_label then
    return false
  end
  labels = labels or router.workers.get(id).labels or {}
  return labels[settings.bot_label] == true
end

return workers
