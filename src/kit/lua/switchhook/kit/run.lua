-- run.lua LUA MODULE SPECS [ARGUMENT...]: busted on the specs below SPECS, with the kit from LUA and MODULE.
-- Started by `switchhook test`.
local lua, module, specs = arg[1], arg[2], arg[3]
package.path = ("%s/?.lua;%s"):format(lua, package.path)
package.cpath = ("%s/?.so;%s"):format(module, package.cpath)

local function leave(...)
  io.stderr:write("switchhook: ", string.format(...), "\n")
  os.exit(1)
end

local has_busted, runner = pcall(require, "busted.runner")
if not has_busted then
  leave "busted is missing, or does not run under Lua 5.4: install the package lua-busted"
end
local is_there, problem = pcall(require, "switchhook.kit")
if not is_there then
  leave("the kit does not load: %s", problem)
end

-- As busted looks: not in what begins with a dot.
local function has_specs(folder)
  local lfs = require "lfs"
  for name in lfs.dir(folder) do
    local path = folder .. "/" .. name
    local kind = name:sub(1, 1) ~= "." and lfs.attributes(path, "mode")
    if kind == "directory" and has_specs(path) or (kind == "file" and name:match "_spec%.lua$") then
      return true
    end
  end
  return false
end
if not has_specs(specs) then
  leave("there is no spec (*_spec.lua) below %s", specs)
end

local arguments = { [0] = "switchhook test", "--ignore-lua", "--pattern=_spec%.lua$" }
table.move(arg, 4, #arg, #arguments + 1, arguments)
arguments[#arguments + 1] = specs
arg = arguments -- luacheck: globals arg
runner { standalone = false }
