-- The picture of the results: an SVG of horizontal bars, one panel for each chart, written as text. It is read on
-- white and on black: it has no background, and takes its colours from what the reader prefers.
--
--     local chart = require "chart"
--     local svg = chart.draw { { title = "Deliveries", unit = "per second", bars = {
--       { label = "Switchhook", value = 24000, group = "64 connections" }, ... } } }
--
-- Bars of one group stand together below its name, groups in the order in which they first come. Every panel has a
-- scale of its own, from 0, and with `scale = "group"` every group has. What is named Switchhook... stands out;
-- where nothing is, all is Switchhook's.
local chart = {}

local WIDTH = 860
local LABELS = 300 -- to the right end of the labels
local FIGURES = 90 -- room behind the longest bar for its figure
local BAR, STEP = 14, 20
local LETTERS = 46 -- of a label: what fits

local STYLE = [[
  <style>
    text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; fill: #24292f; }
    .title { font-size: 15px; font-weight: 600; }
    .unit, .group { fill: #57606a; }
    .group { font-weight: 600; }
    .other { fill: #8c959f; }
    .ours { fill: #1f6feb; }
    .axis { stroke: #8c959f; stroke-width: 1; }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3; }
      .unit, .group { fill: #9198a1; }
      .other { fill: #6e7681; }
      .ours { fill: #4493f8; }
    }
  </style>
]]

local function escape(text)
  local names = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;" }
  return (text:gsub("%c", " "):gsub('[&<>"]', names))
end

-- At most so many letters; what is cut ends in an ellipsis.
local function shorten(text, letters)
  local count = utf8.len(text)
  if not count then
    text = text:gsub("[\128-\255]", "?")
    count = #text
  end
  return count <= letters and text or text:sub(1, utf8.offset(text, letters) - 1) .. "…"
end

-- A number with as many digits as it deserves: 44,200 · 12.3 · 4.56 · 0.60 · 0.0123.
function chart.number(value)
  local size = math.abs(value)
  if size >= 100 or value == math.floor(value) then
    local digits = ("%.0f"):format(value)
    local sign, whole = digits:match "^(-?)(%d+)$"
    whole = whole:reverse():gsub("(%d%d%d)", "%1,"):reverse():gsub("^,", "")
    return sign .. whole
  end
  return (size >= 10 and "%.1f" or size >= 0.1 and "%.2f" or "%.3g"):format(value)
end

-- The bars group by group, what part of the scale each is, and whether one of them is named as ours.
local function arrange(panel)
  local groups, of, longest, has_ours = {}, {}, {}, false
  for _, bar in ipairs(panel.bars) do
    local name = bar.group or ""
    if not of[name] then
      of[name] = {}
      groups[#groups + 1] = of[name]
    end
    table.insert(of[name], bar)
    local scale = panel.scale == "group" and name or 1
    longest[scale] = math.max(longest[scale] or 0, bar.value)
    has_ours = has_ours or bar.label:find "^Switchhook" ~= nil
  end
  local arranged = {}
  for _, group in ipairs(groups) do
    table.move(group, 1, #group, #arranged + 1, arranged)
  end
  local function share_of(bar)
    local most = longest[panel.scale == "group" and (bar.group or "") or 1]
    return most > 0 and bar.value / most or 0
  end
  return arranged, share_of, has_ours
end

local function draw_panel(parts, panel, top)
  local function put(format, ...)
    parts[#parts + 1] = "  " .. format:format(...)
  end
  local bars, share_of, has_ours = arrange(panel)
  local y = top + 16
  put('<text class="title" x="0" y="%d">%s</text>', y, escape(shorten(panel.title, 100)))
  put('<text class="unit" x="0" y="%d">%s</text>', y + 18, escape(shorten(panel.unit, 120)))
  y = y + 32
  local group
  local first = y
  for _, bar in ipairs(bars) do
    if bar.group ~= group then
      group = bar.group
      y = group and y + 8 or y
      if group then
        put('<text class="group" x="0" y="%d">%s</text>', y + 11, escape(shorten(group, LETTERS)))
        y = y + STEP
      end
    end
    local length = share_of(bar) * (WIDTH - LABELS - FIGURES)
    local kind = (bar.label:find "^Switchhook" or not has_ours) and "ours" or "other"
    local label = escape(shorten(bar.label, LETTERS))
    put('<text x="%d" y="%d" text-anchor="end">%s</text>', LABELS - 8, y + 11, label)
    put('<rect class="%s" x="%d" y="%d" width="%.1f" height="%d" rx="2"/>', kind, LABELS, y, length, BAR)
    put('<text x="%.1f" y="%d">%s</text>', LABELS + length + 6, y + 11, chart.number(bar.value))
    y = y + STEP
  end
  put('<line class="axis" x1="%d" y1="%d" x2="%d" y2="%d"/>', LABELS, first, LABELS, y - STEP + BAR)
  return y + 16
end

function chart.draw(panels)
  local parts, height = {}, 4
  for _, panel in ipairs(panels) do
    height = draw_panel(parts, panel, height)
  end
  local head = '<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img">\n'
  return head:format(WIDTH, height, WIDTH, height) .. STYLE .. table.concat(parts, "\n") .. "\n</svg>\n"
end

return chart
