-- What the scripts want to know about workers.
local workers = {}

-- Whether `id` is a bot's. Only for those the shipped scripts accept, complete and close: never for a person.
function workers.is_bot(id)
  return id:sub(1, 4) == "bot-"
end

return workers
