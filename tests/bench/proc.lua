-- What a program uses, with all processes that it has started, as Linux counts it.
--
--     local proc = require "proc"
--     proc.tree(pid)           -> the pids of it and of all below it
--     proc.cpu_seconds(pid)    -> user and system time of the tree, and of its children that have ended; to 10 ms
--     proc.pss_mib(pid)        -> memory of the tree: private pages, and its share of those that it shares
--     proc.pss_mib_alone(pid)  -> of that process only
--     proc.threads(pid)        -> a list of { name =, us = of processor time, sleeps = how often it waited }; the
--                                 one that a process began with is its "loop"
local lfs = require "lfs"

local proc = {}
local TICKS = 100 -- a second, on every Linux that one meets

local function read(path)
  local file = io.open(path, "rb")
  local text = file and file:read "a"
  if file then
    file:close()
  end
  return text or ""
end

-- The fields of /proc/PID/stat behind the name, which may hold anything; the first is the third of its page.
local function stat_of(pid)
  local fields = {}
  for field in (read(("/proc/%d/stat"):format(pid)):match "^.*%)(.*)$" or ""):gmatch "%S+" do
    fields[#fields + 1] = tonumber(field) or field
  end
  return fields
end

function proc.tree(root)
  local children = {}
  for name in lfs.dir "/proc" do
    local pid = math.tointeger(tonumber(name))
    local parent = pid and stat_of(pid)[2]
    if parent then
      children[parent] = children[parent] or {}
      table.insert(children[parent], pid)
    end
  end
  local pids = { root }
  for i = 1, math.huge do
    if not pids[i] then
      return pids
    end
    table.move(children[pids[i]] or {}, 1, #(children[pids[i]] or {}), #pids + 1, pids)
  end
end

function proc.cpu_seconds(root)
  local ticks = 0
  for _, pid in ipairs(proc.tree(root)) do
    local stat = stat_of(pid)
    for field = 12, 15 do -- utime, stime, cutime, cstime
      ticks = ticks + (stat[field] or 0)
    end
  end
  return ticks / TICKS
end

function proc.pss_mib_alone(pid)
  return (tonumber(read(("/proc/%d/smaps_rollup"):format(pid)):match "\nPss:%s*(%d+)") or 0) / 1024
end

function proc.pss_mib(root)
  local sum = 0
  for _, pid in ipairs(proc.tree(root)) do
    sum = sum + proc.pss_mib_alone(pid)
  end
  return sum
end

function proc.threads(pid)
  local threads = {}
  for id in lfs.dir(("/proc/%d/task"):format(pid)) do
    local folder = ("/proc/%d/task/%s/"):format(pid, id)
    local ns = id:match "^%d+$" and read(folder .. "schedstat"):match "^%d+"
    if ns then
      threads[#threads + 1] = {
        name = tonumber(id) == pid and "loop" or read(folder .. "comm"):match "[^\n]*",
        us = ns / 1e3,
        sleeps = tonumber(read(folder .. "status"):match "\nvoluntary_ctxt_switches:%s*(%d+)"),
      }
    end
  end
  return threads
end

return proc
