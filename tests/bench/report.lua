-- report.lua [RESULTS [DOCS]]: puts what the benches found into docs/performance.md and docs/performance.svg, and
-- prints it. RESULTS is the folder with the files of tests/bench/result.lua.
--
-- The page says where each result goes, and keeps all that stands between:
--
--     <!-- bench: latency -->
--     (the table, made anew)
--     <!-- end -->
--
-- Besides the names of results there are the blocks `machine` and `goals`. They and the picture are made of all
-- results of the page, so they stay as they are while one of those is missing; so does that one's own block.
-- Nothing at all is written when a result cannot be read or has no place. Ends with 1 then, otherwise with 0.
local here = arg[0]:match "^(.*)/[^/]*$" or "."
package.path = here .. "/?.lua;" .. package.path

local chart = require "chart"
local result = require "result"

local source = os.getenv "SWITCHHOOK_SOURCE" or here .. "/../.."
local build = os.getenv "SWITCHHOOK_BUILD" or source .. "/build"
local results_folder = arg[1] or build .. "/bench"
local docs_folder = arg[2] or source .. "/docs"

local function stop(format, ...)
  io.stderr:write("report: ", format:format(...), "\n")
  os.exit(1)
end

local function read(path)
  local file, words = io.open(path, "rb")
  if not file then
    stop("%s", words)
  end
  local text = file:read "a"
  file:close()
  return text
end

-- Whole or not at all, and only where it changes something.
local function write(path, text)
  local file = io.open(path, "rb")
  if file then
    local before = file:read "a"
    file:close()
    if before == text then
      return
    end
  end
  local new = assert(io.open(path .. ".new", "wb"))
  assert(new:write(text))
  assert(new:close())
  assert(os.rename(path .. ".new", path))
end

-- The names of the files in the folder that may be results, sorted.
local function list_results()
  local names = {}
  local pipe = assert(io.popen(("ls -- '%s' 2>/dev/null"):format(results_folder:gsub("'", "'\\''"))))
  for line in pipe:lines() do
    names[#names + 1] = line:match "^([%w_]+)%.json$"
  end
  pipe:close()
  return names
end

local function escape(text)
  local names = { ["<"] = "&lt;", [">"] = "&gt;", ["|"] = "\\|" }
  return (text:gsub("%s+", " "):gsub("[<>|]", names))
end

-- How the numbers of a column are written: all with as many digits behind the point, unless they differ too much.
local function format_of(rows, column)
  local largest, has_parts = 0, false
  for _, row in ipairs(rows) do
    if type(row[column]) == "number" then
      largest = math.max(largest, math.abs(row[column]))
      has_parts = has_parts or row[column] ~= math.floor(row[column])
    end
  end
  if not has_parts or largest >= 1000 then
    return chart.number
  end
  local digits = largest >= 100 and "%.1f" or "%.2f"
  return function(value)
    return digits:format(value)
  end
end

-- A table of Markdown whose columns stand below each other; columns of numbers are flush right.
local function table_of(columns, rows)
  local widths, is_number, lines, formats = {}, {}, {}, {}
  local cells = { {} }
  for i, name in ipairs(columns) do
    cells[1][i], is_number[i], formats[i] = escape(name), #rows > 0, format_of(rows, i)
  end
  for r, row in ipairs(rows) do
    cells[r + 1] = {}
    for i = 1, #columns do
      cells[r + 1][i] = type(row[i]) == "number" and formats[i](row[i]) or escape(row[i])
      is_number[i] = is_number[i] and cells[r + 1][i]:match "^[%d.,-]*$" ~= nil
    end
  end
  for _, row in ipairs(cells) do
    for i, cell in ipairs(row) do
      widths[i] = math.max(widths[i] or 3, utf8.len(cell) or #cell)
    end
  end
  for r, row in ipairs(cells) do
    local line = {}
    for i, cell in ipairs(row) do
      local fill = (" "):rep(widths[i] - (utf8.len(cell) or #cell))
      line[i] = is_number[i] and fill .. cell or cell .. fill
    end
    lines[#lines + 1] = "| " .. table.concat(line, " | ") .. " |"
    if r == 1 then
      local rule = {}
      for i = 1, #columns do
        rule[i] = ("-"):rep(widths[i] + 1) .. (is_number[i] and ":" or "-")
      end
      lines[#lines + 1] = "|" .. table.concat(rule, "|") .. "|"
    end
  end
  return table.concat(lines, "\n")
end

-- The words of a goal: "at least 0.55, aim 0.7".
local function goal_of(ratio)
  local words = (ratio.is_less_better and "at most " or "at least ") .. chart.number(ratio.goal)
  return ratio.aim and words .. ", aim " .. chart.number(ratio.aim) or words
end

local function verdict_of(ratio)
  local function meets(limit)
    if ratio.is_less_better then
      return ratio.value <= limit
    end
    return ratio.value >= limit
  end
  if not ratio.value then
    return "not measured"
  end
  if ratio.aim and meets(ratio.aim) then
    return "aim reached"
  end
  return meets(ratio.goal) and "reached" or "**missed**"
end

local function goals_of(ratios)
  local rows = {}
  for i, ratio in ipairs(ratios) do
    rows[i] = { ratio.what, ratio.value and chart.number(ratio.value) or "-", goal_of(ratio), verdict_of(ratio) }
  end
  return table_of({ "what", "measured", "goal", "" }, rows)
end

local function block_of(name, found)
  local when = { "`./tests/run bench " .. escape(found.bench or name) .. "`" }
  when[#when + 1] = found.date and escape(found.date)
  when[#when + 1] = found.commit and found.commit ~= "" and "commit " .. escape(found.commit)
  when[#when + 1] = found.programs and escape(table.concat(found.programs, ", "))
  local rows = table_of(found.columns, found.rows)
  return ("%s\n\n%s\n\n%s."):format(escape(found.about), rows, table.concat(when, "; "))
end

local function machine_of(found)
  local machine = found.machine or {}
  local words = "%s, %s cores, %s GiB; %s, Linux %s; stores on %s"
  local parts = {}
  for i, key in ipairs { "cpu", "cores", "memory_gib", "system", "kernel", "filesystem" } do
    local value = machine[key]
    parts[i] = value and value ~= "" and escape(tostring(value)) or "unknown"
  end
  return words:format(table.unpack(parts))
end

-- Each machine once, with the results that are not of the first.
local function machines_of(names, results)
  local lines, of = {}, {}
  for _, name in ipairs(names) do
    local words = machine_of(results[name])
    if not of[words] then
      of[words] = { words = words }
      lines[#lines + 1] = of[words]
    end
    table.insert(of[words], "`" .. name .. "`")
  end
  for i, line in ipairs(lines) do
    lines[i] = "- " .. line.words .. (#lines > 1 and " (" .. table.concat(line, ", ") .. ")" or "")
  end
  return table.concat(lines, "\n")
end

-- The names of the blocks in the page, in its order.
local function places_in(page)
  local places, at = {}, 1
  while true do
    local first, last, name = page:find("<!%-%- bench: ([%w_]+) %-%->", at)
    if not first then
      return places
    end
    local stop_at = page:find("<!-- end -->", last, true)
    local next_at = page:find("<!-- bench: ", last, true)
    if not stop_at or (next_at and next_at < stop_at) then
      stop("performance.md: the block %s has no <!-- end -->", name)
    end
    if places[name] then
      stop("performance.md has two blocks %s", name)
    end
    places[name] = true
    places[#places + 1] = name
    at = stop_at
  end
end

local function fill(page, blocks)
  local function replace(head, name, inside, tail)
    return blocks[name] and head .. "\n" .. blocks[name] .. "\n" .. tail or head .. inside .. tail
  end
  return (page:gsub("(<!%-%- bench: ([%w_]+) %-%->)(.-)(<!%-%- end %-%->)", replace))
end

-- Fills in what takes all results: the machine, the goals. Returns the panels of the picture.
local function summarise(blocks, names, results)
  local ratios, panels = {}, {}
  for _, name in ipairs(names) do
    local found = results[name]
    table.move(found.ratios or {}, 1, #(found.ratios or {}), #ratios + 1, ratios)
    if found.chart then
      found.chart.title = found.chart.title or found.title
      panels[#panels + 1] = found.chart
    end
  end
  blocks.machine = machines_of(names, results)
  blocks.goals = #ratios > 0 and goals_of(ratios) or "No goals were measured."
  return panels
end

local function main()
  local page = read(docs_folder .. "/performance.md")
  local places = places_in(page)
  local results, names, missing, blocks = {}, {}, {}, {}
  for _, name in ipairs(list_results()) do
    local found, wrong = result.read(results_folder .. "/" .. name .. ".json")
    if not found then
      stop("%s", wrong)
    elseif not places[name] then
      stop("performance.md has no place for %s: it needs <!-- bench: %s --> and <!-- end -->", name, name)
    end
    results[name] = found
    blocks[name] = block_of(name, found)
  end
  for _, name in ipairs(places) do
    if results[name] then
      names[#names + 1] = name
      print(("## %s\n\n%s\n"):format(results[name].title, blocks[name]))
      if results[name].ratios then
        print(goals_of(results[name].ratios) .. "\n")
      end
    elseif name ~= "machine" and name ~= "goals" then
      missing[#missing + 1] = name
    end
  end
  if #names == 0 then
    stop("no results in %s: ./tests/run bench makes them", results_folder)
  end
  if #missing == 0 then
    write(docs_folder .. "/performance.svg", chart.draw(summarise(blocks, names, results)))
  else
    print(("Not measured yet: %s. So the machine, the goals and the picture stay as they are."):format(
      table.concat(missing, ", ")
    ))
  end
  write(docs_folder .. "/performance.md", fill(page, blocks))
end

main()
