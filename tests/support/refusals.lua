-- What the local Job Router's options cannot be: for specs of `switchhook sim`.
--
--     refusals { { "--speed", "0", "must be a number" }, ... }     -- option, value, words of the error
--
-- makes a test of each: exit status 2, the words on stderr, and nothing on stdout.
local busted = require "busted"
local host = require "host"

return function(cases)
  for _, case in ipairs(cases) do
    busted.it(("%s %s"):format(case[1], case[2]), function()
      local run = host.run { "sim", case[1], case[2] }
      assert(run.status == 2, ("exit status %d\n%s"):format(run.status, run.stderr))
      assert(run.stderr:find(case[3], 1, true), ("%q is not in:\n%s"):format(case[3], run.stderr))
      assert(run.stdout == "", run.stdout)
    end)
  end
end
