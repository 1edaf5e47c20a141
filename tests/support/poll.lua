-- Waiting, for all of the tests' tools: the only place where a test lets time pass. While it waits, what was
-- registered with `poll.serve` (the servers of tests/support/upstream.lua) gets its turn.
local native = require "native"
local socket = require "socket"

local poll = { deadline = 30 }
local PAUSE = 0.005
local turns = {}

-- Calls `is_done` until it returns something true, which is returned; after `deadline` seconds (30) an error
-- says `what` was waited for. A string from `more`, if given, is added to the error.
function poll.wait_until(is_done, what, deadline, more)
  local limit = deadline or poll.deadline
  local ends = native.now() + limit
  while true do
    for turn in pairs(turns) do
      turn()
    end
    local result = is_done()
    if result then
      return result
    end
    if native.now() > ends then
      error(("waited %g s for %s%s"):format(limit, what, more and "\n" .. more() or ""), 2)
    end
    socket.select(nil, nil, PAUSE)
  end
end

-- `turn` is called again and again while something waits, until poll.forget(turn).
function poll.serve(turn)
  turns[turn] = true
end

function poll.forget(turn)
  turns[turn] = nil
end

return poll
