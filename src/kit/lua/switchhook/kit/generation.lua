-- One reading of the scripts folder: a worker, and the handlers in it.
local core = require "switchhook.kit.core"

local Generation = {}
Generation.__index = Generation

local LOCAL = "Switchhook.Local."

-- What the path says: RouterJobQueued.lua, RouterJobQueued/escalate.lua, local/remind.lua.
local function type_of(path)
  local in_local = path:match "^local/(.+)%.lua$"
  return in_local and LOCAL .. in_local or path:match "^([^/]+)/" or path:match "^(.+)%.lua$"
end

-- What the folder holds, with the texts of the spec's own in place of its files or beside them.
local function read(folder, texts)
  local files = {}
  for _, file in ipairs(core.read(folder)) do
    if texts[file.path] == nil then
      files[#files + 1] = file
    end
  end
  for path, text in pairs(texts) do
    files[#files + 1] = { path = path, text = text }
  end
  table.sort(files, function(a, b)
    return a.path < b.path
  end)
  return files
end

-- Raises what the host would say of scripts that do not load.
function Generation.new(folder, options)
  local files = read(folder, options.files)
  local limits = options.limits
  local worker = core.worker {
    timezone = options.timezone == "UTC" and "" or options.timezone,
    run_memory = limits.run_memory_mib << 20,
    all_memory = limits.worker_memory_mib << 20,
    answer = limits.answer_mib << 20,
    instructions = limits.instructions,
    operations = options.operations,
    secrets = options.secrets,
  }
  worker:load(files)
  local generation = setmetatable({ folder = folder, worker = worker, handlers = {}, overruns = 0 }, Generation)
  local library, texts = {}, {}
  for _, file in ipairs(files) do
    texts[file.path] = file.text
    if file.path:match "^lib/" then
      library[#library + 1] = file.path .. "\0" .. file.text
    end
  end
  for _, note in ipairs(worker:take() or {}) do
    if note.what == "refused" then
      return nil, note.message
    end
    local handler = { path = note.path, type = type_of(note.path), options = core.decode(note.options) }
    handler.script = texts[note.path] .. "\0" .. table.concat(library, "\0")
    generation.handlers[#generation.handlers + 1] = handler
    generation.handlers[note.path] = handler
  end
  table.sort(generation.handlers, function(a, b)
    return a.path < b.path
  end)
  return generation
end

-- In order of path. default.lua stands in for a type that has no file.
function Generation:find(event)
  local found = {}
  for _, handler in ipairs(self.handlers) do
    if handler.type == event.name or handler.type == event.type then
      found[#found + 1] = handler
    end
  end
  if #found == 0 then
    found[1] = self.handlers["default.lua"]
  end
  return found
end

-- For messages: where a handler of the event was looked for.
function Generation:places(event)
  local name = event.name:match("^Switchhook%.Local%.(.+)$")
  local places = name and { ("local/%s.lua"):format(name) } or { event.name .. ".lua", event.name .. "/*.lua" }
  for i, place in ipairs(places) do
    places[i] = self.folder .. "/" .. place
  end
  places[#places + 1] = self.folder .. "/default.lua"
  return table.concat(places, ", ")
end

return Generation
