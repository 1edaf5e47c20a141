-- What a bench found, kept as a file for the report: $SWITCHHOOK_BUILD/bench/NAME.json (of a smoke run
-- bench-smoke/NAME.json, so that its figures never get into the docs).
--
--     local result = require "result"
--     local latency = result.new("latency", {
--       title = "From the POST to the request that leaves",
--       about = "One delivery at a time, the host at rest before each.",  -- a sentence or two below the title
--       columns = { "events/s", "p50 ms", "p99 ms" },
--       bench = "latency",                                   -- that finds it, if not the one of this name
--     })
--     latency:add(1000, 0.81, 3.2)                                   -- a row: numbers as they are, or words
--     latency:bar("Switchhook", 0.81, "1,000 events/s")              -- in the picture; the group may be left out
--     latency.chart.unit, latency.chart.title = "ms", "POST to PATCH, median"
--     latency.chart.scale = "group"                                  -- where groups cannot be compared
--     latency:ratio { what = "p99 at 1,000 events/s, ms", value = 3.2, goal = 5, is_less_better = true }
--     latency.programs[1] = "nginx 1.22.1"                           -- what took part besides Switchhook
--     print(latency:write())                                         -- checks all of it, writes, returns the path
--
-- Rules, held by result.check: every row has as many cells as there are columns; numbers are finite; a ratio whose
-- value could not be measured has none. The file also says when, where and of which commit it is.
local json = require "dkjson"

local source = os.getenv "SWITCHHOOK_SOURCE" or "."
local build = os.getenv "SWITCHHOOK_BUILD" or source .. "/build"

local Result = {}
Result.__index = Result
local result = {}

local function first_line(path, pattern)
  local file = io.open(path, "rb")
  local text = file and file:read "a" or ""
  if file then
    file:close()
  end
  return text:match(pattern or "^[^\n]*") or ""
end

-- The type of the file system that holds the folder: of all mounts, the longest that it lies below.
local function filesystem_of(folder)
  local best, kind = "", "unknown"
  for line in first_line("/proc/mounts", "^.*$"):gmatch "[^\n]+" do
    local place, name = line:match "^%S+ (%S+) (%S+)"
    local is_above = place and (place == "/" or (folder .. "/"):sub(1, #place + 1) == place .. "/")
    if is_above and #place >= #best then
      best, kind = place, name
    end
  end
  return kind
end

local function output_of(command)
  local pipe = io.popen(command .. " 2>/dev/null")
  local line = pipe and pipe:read "l" or ""
  if pipe then
    pipe:close()
  end
  return line or ""
end

-- What a reader has to know of the machine. The stores are below $TMPDIR or /tmp.
function result.machine()
  local temporary = os.getenv "TMPDIR"
  local kilobytes = tonumber(first_line("/proc/meminfo", "MemTotal:%s*(%d+)")) or 0
  return {
    cpu = first_line("/proc/cpuinfo", "model name%s*:%s*([^\n]+)"),
    cores = tonumber(output_of "nproc") or 0,
    memory_gib = math.floor(kilobytes / 1048576 + 0.5),
    system = first_line("/etc/os-release", 'PRETTY_NAME="([^"\n]+)'),
    kernel = first_line "/proc/sys/kernel/osrelease",
    filesystem = filesystem_of(temporary and temporary ~= "" and temporary or "/tmp"),
  }
end

function result.new(name, options)
  assert(name:match "^[%w_]+$", "the name of a result is a word")
  local is_smoke = options.is_smoke
  if is_smoke == nil then
    is_smoke = arg ~= nil and arg[1] == "--smoke"
  end
  local new = {
    name = name,
    folder = build .. (is_smoke and "/bench-smoke" or "/bench"),
    title = options.title,
    about = options.about,
    columns = options.columns,
    bench = options.bench,
    programs = {},
    rows = {},
    chart = { unit = "", bars = {} },
    ratios = {},
  }
  return setmetatable(new, Result)
end

function Result:add(...)
  self.rows[#self.rows + 1] = table.pack(...)
  self.rows[#self.rows].n = nil
end

function Result:bar(label, value, group)
  table.insert(self.chart.bars, { label = label, value = value, group = group })
end

-- { what =, value = (nil: not measured), goal =, aim = (or nil), is_less_better = }
function Result:ratio(ratio)
  table.insert(self.ratios, ratio)
end

-- The file is there whole or not at all.
function Result:write()
  local all = {
    title = self.title,
    about = self.about,
    columns = self.columns,
    bench = self.bench,
    rows = self.rows,
    chart = #self.chart.bars > 0 and self.chart or nil,
    ratios = #self.ratios > 0 and self.ratios or nil,
    programs = #self.programs > 0 and self.programs or nil,
    machine = result.machine(),
    date = os.date "!%Y-%m-%d",
    commit = output_of(("git -C '%s' rev-parse --short HEAD"):format(source:gsub("'", "'\\''"))),
  }
  local wrong = result.check(all)
  if wrong then
    error(("the result %s: %s"):format(self.name, wrong), 2)
  end
  os.execute(("mkdir -p '%s'"):format(self.folder:gsub("'", "'\\''")))
  local path = self.folder .. "/" .. self.name .. ".json"
  local order = { "title", "about", "bench", "date", "commit", "machine", "programs", "columns", "rows" }
  local file = assert(io.open(path .. ".new", "wb"))
  assert(file:write(json.encode(all, { indent = true, keyorder = order }), "\n"))
  assert(file:close())
  assert(os.rename(path .. ".new", path))
  return path
end

-- The result in the file; or nil, and what is wrong with it.
function result.read(path)
  local file, words = io.open(path, "rb")
  if not file then
    return nil, words
  end
  local text = file:read "a" or ""
  file:close()
  local found, _, refusal = json.decode(text, 1, nil)
  if refusal or type(found) ~= "table" then
    return nil, ("%s: not JSON: %s"):format(path, refusal or "not an object")
  end
  local wrong = result.check(found)
  if wrong then
    return nil, ("%s: %s"):format(path, wrong)
  end
  return found
end

local function is_number(value)
  return type(value) == "number" and value == value and math.abs(value) < math.huge
end

local function is_text(value)
  return type(value) == "string" and value ~= ""
end

-- Calls check for each item; returns the first complaint.
local function check_list(list, what, check)
  if type(list) ~= "table" or (next(list) ~= nil and #list == 0) then
    return what .. " is no list"
  end
  for i, item in ipairs(list) do
    local wrong = check(item)
    if wrong then
      return ("%s %d: %s"):format(what, i, wrong)
    end
  end
end

local function check_text(item)
  return not is_text(item) and "not a text" or nil
end

local function check_rows(rows, columns)
  return check_list(rows, "row", function(row)
    if type(row) ~= "table" or #row ~= columns then
      return ("needs %d cells"):format(columns)
    end
    for i, cell in ipairs(row) do
      if type(cell) ~= "string" and not is_number(cell) then
        return ("cell %d is neither a text nor a finite number"):format(i)
      end
    end
  end)
end

local function check_chart(chart)
  if type(chart) ~= "table" or not is_text(chart.unit) then
    return "the chart needs a unit"
  end
  return check_list(chart.bars, "bar", function(bar)
    if type(bar) ~= "table" or not is_text(bar.label) or not is_number(bar.value) or bar.value < 0 then
      return "needs a label and a number that is not negative"
    end
    return bar.group ~= nil and not is_text(bar.group) and "its group is no text" or nil
  end)
end

local function check_ratio(ratio)
  if type(ratio) ~= "table" or not is_text(ratio.what) or not is_number(ratio.goal) then
    return "needs a text and a goal"
  end
  for _, name in ipairs { "value", "aim" } do
    if ratio[name] ~= nil and not is_number(ratio[name]) then
      return name .. " is no finite number"
    end
  end
end

-- What is wrong with a result, or nil.
function result.check(found)
  if not is_text(found.title) or not is_text(found.about) then
    return "needs a title and a text about it"
  end
  if type(found.columns) ~= "table" or #found.columns == 0 then
    return "needs columns"
  end
  if found.bench ~= nil and not is_text(found.bench) then
    return "its bench is no text"
  end
  return check_list(found.columns, "column", check_text)
    or check_rows(found.rows, #found.columns)
    or (found.chart ~= nil and check_chart(found.chart) or nil)
    or (found.ratios ~= nil and check_list(found.ratios, "ratio", check_ratio) or nil)
    or (found.programs ~= nil and check_list(found.programs, "program", check_text) or nil)
    or (found.machine ~= nil and type(found.machine) ~= "table" and "the machine is no object" or nil)
end

return result
