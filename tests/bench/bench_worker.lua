-- What a run costs in the worker, without the host and the socket.
local bench = dofile(arg[0]:match "^(.*)/[^/]*$" .. "/bench.lua")
local result = require "result"

local worker = result.new("worker", {
  title = "A run in the worker",
  about = "Processor time for a run, without the host and the socket: an empty handler, one with a required"
    .. " module, one with a call to the Job Router, and one that walks a table of 50 names.",
  columns = { "handler", "us", "KiB in use" },
})

bench.run(function()
  for _, line in ipairs(bench.lines("cost_worker", bench.is_smoke and 1000 or 200000)) do
    worker:add(table.unpack(line))
  end
  print(worker:write())
end)
