-- What the store costs as it fills, and whether what it keeps slows it down; cost_store.c says how.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local result = require "result"

local FILLS = bench.is_smoke and { 500, 1000, 2000 } or { 10 * 1000, 100 * 1000, 1000 * 1000 }
local ROUND = bench.is_smoke and 200 or 10 * 1000
local MOST = FILLS[#FILLS]

local store = result.new("store", {
  title = "The store as it fills",
  about = "Microseconds of the store's processor time for an event of 1.3 KB when so many are kept, random ids, 64"
    .. " senders that wait for their commit; claim is reading what a run needs.",
  columns = { "kept events" },
})
store.chart.unit = "us"
local file = result.new("store_file", {
  title = "A full store",
  about = ("Of a store that keeps %d events."):format(MOST),
  columns = { "what", "seconds" },
  bench = "store",
})

bench.run(function()
  local costs, names = {}, {}
  for _, line in ipairs(bench.lines("cost_store", "-r", ROUND, table.unpack(FILLS))) do
    if line[1] == "file" then
      file:add(line[2], line[3])
    elseif line[1] == "ratio" then
      store:ratio {
        what = ("Acknowledged a second with %d kept events, in parts of an empty store's"):format(MOST),
        value = bench.round(line[2], 2),
        goal = 0.85,
      }
    else
      local fill, what, us = table.unpack(line)
      costs[fill] = costs[fill] or {}
      costs[fill][what] = us
      if fill == FILLS[1] then
        names[#names + 1] = what
      end
      store:bar(("%d kept"):format(fill), us, what)
    end
  end
  table.move(names, 1, #names, 2, store.columns)
  for _, fill in ipairs(FILLS) do
    local row = { fill }
    for _, name in ipairs(names) do
      row[#row + 1] = costs[fill][name]
    end
    store:add(table.unpack(row))
  end
  print(store:write())
  print(file:write())
end)
