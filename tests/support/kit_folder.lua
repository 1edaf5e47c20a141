-- For specs of the kit: scripts in a folder of their own, loaded by the kit of the build.
--
--     local folder = require "kit_folder"
--     local host = folder.load { ["RouterJobQueued.lua"] = "return function(event) ... end" }
--     local run = folder.deliver("state.get 'x'", data)    -- a handler of these lines for RouterJobQueued
local host = require "host"
package.path = host.build .. "/lua/?.lua;" .. package.path
package.cpath = host.build .. "/lua/?.so;" .. package.cpath
local kit = require "switchhook.kit"

local folder = { kit = kit }

function folder.write(path, scripts)
  for name, text in pairs(scripts) do
    host.make_folders((path .. "/" .. name):match "^(.*)/")
    host.write(path .. "/" .. name, text)
  end
end

-- Returns the kit's host, and the folder's path.
function folder.load(scripts, options)
  local path = host.folder()
  folder.write(path, scripts)
  return kit.load(path, options), path
end

-- The host of one handler, for RouterJobQueued, whose lines are these.
function folder.handler(lines, options)
  return folder.load({ ["RouterJobQueued.lua"] = ("return function(event)\n%s\nend\n"):format(lines) }, options)
end

function folder.deliver(lines, data, options)
  return folder.handler(lines, options):deliver("RouterJobQueued", data)
end

-- What `call` raises, as a text; an error when it does not.
function folder.raised(call, ...)
  local is_well, words = pcall(call, ...)
  assert(not is_well, "nothing was raised")
  return tostring(words)
end

return folder
