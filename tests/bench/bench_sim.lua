-- What the core of the local Job Router costs; cost_sim.c says what the scenes are.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local result = require "result"

local sim = result.new("sim", {
  title = "The local Job Router",
  about = "Jobs that go through their whole life by calls of the REST API, without HTTP; rates of processor time.",
  columns = { "scene", "workers", "jobs", "jobs/s", "calls/s", "events/s" },
})

bench.run(function()
  for _, line in ipairs(bench.lines("cost_sim", bench.is_smoke and 1000 or 100000)) do
    sim:add(table.unpack(line))
  end
  print(sim:write())
end)
