-- Words for whoever writes the spec.
local core = require "switchhook.kit.core"

local tell = {}

local FOLDER = debug.getinfo(1, "S").source:match "^(.*/)" or "@"
local FRONT = FOLDER:sub(1, -2) .. ".lua"

local function is_ours(source)
  return source:sub(1, #FOLDER) == FOLDER or source == FRONT
end

-- Raises at the spec's line: that of the innermost function that is not the kit's.
function tell.fail(format, ...)
  local level = 2
  local info = debug.getinfo(level, "S")
  while info and (info.what == "C" or is_ours(info.source)) do
    level = level + 1
    info = debug.getinfo(level, "S")
  end
  error(format:format(...), level)
end

function tell.keys(table)
  local keys = {}
  for key in pairs(table) do
    keys[#keys + 1] = key
  end
  keys[#keys + 1] = nil
  return keys
end

-- " (did you mean 'x'?)", or nothing.
function tell.nearest(name, names)
  table.sort(names)
  local nearest = type(name) == "string" and core.nearest(name, names)
  return nearest and (" (did you mean '%s'?)"):format(nearest) or ""
end

function tell.kind(value)
  return value == nil and "nothing" or ("a " .. type(value))
end

-- Steps as the spec's author reads them: router.jobs.activate("j1", {"priority":100}).
function tell.step(step)
  local parts = {}
  for i = 2, #step do
    parts[#parts + 1] = core.encode(step[i])
  end
  return ("%s(%s)"):format(step[1], table.concat(parts, ", "))
end

return tell
