-- JSON into Lua tables: the strict reader beside cJSON's tree and a walk over it.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local result = require "result"

local json = result.new("json", {
  title = "JSON into Lua tables",
  about = "Switchhook's strict reader, straight into tables, beside cJSON's tree and a walk over it; medians.",
  columns = { "body", "bytes", "Switchhook us", "MB/s", "cJSON us", "times faster" },
})
json.chart.unit = "MB/s; more is better"

bench.run(function()
  for _, line in ipairs(bench.lines("cost_json", bench.is_smoke and 3 or 0)) do
    local name, bytes, ours, theirs = table.unpack(line)
    json:add(name, bytes, ours, bench.round(bytes / ours), theirs, bench.round(theirs / ours, 2))
    json:bar("Switchhook, strict", bench.round(bytes / ours), name)
    json:bar("cJSON and a walk", bench.round(bytes / theirs), name)
  end
  print(json:write())
end)
