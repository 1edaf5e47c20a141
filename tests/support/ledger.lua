-- A Job Router of the test's own that writes down what it is asked.
--
--     local router = ledger.open([port])        -- says yes to everything
--     local server = host.serve { config = router.config, ... }
--     router.count["7-1"]                       -- how often step 1 of event 7 was asked for, by its request id
--     router:asked "PATCH /routing/jobs/j1"     -- how often, by what was asked
--     router.answer = function(request) return 503, {}, "" end   -- nothing: yes; false: closed without an answer
--     router.is_held = function(request) return true end         -- these get no answer yet
local dkjson = require "dkjson"
local host = require "host"

local ledger = {}
local Ledger = {}
Ledger.__index = Ledger

local function path_of(request)
  return request.method .. " " .. request.target:match "^[^?]*"
end

function ledger.open(port)
  local self = setmetatable({ count = {}, bodies = {}, paths = {} }, Ledger)
  self.server = host.upstream(function(request)
    return self:take(request)
  end, port)
  -- A request that is held must not time out, however slow the machine.
  local config = 'router = { connection_string = "endpoint=%s;accesskey=c2VjcmV0" }\n'
    .. "http = { timeout_seconds = 300 }\n"
  self.config = config:format(self.server.url)
  return self
end

-- Called again and again for a request that is held: it is written down once.
function Ledger:take(request)
  if not request.is_counted then
    request.is_counted = true
    request.path = path_of(request)
    local id = request.headers["x-ms-client-request-id"]
    local words = request.path .. " " .. request.body
    assert(not self.bodies[id] or self.bodies[id] == words, "one request id for two requests: " .. tostring(id))
    self.bodies[id] = words
    self.count[id] = (self.count[id] or 0) + 1
    self.paths[#self.paths + 1] = request.path
  end
  if self.is_held and self.is_held(request) then
    return false
  end
  if self.answer then
    local status, headers, body = self.answer(request)
    if status == false then
      return nil
    elseif status ~= nil then
      return status, headers, body
    end
  end
  return 200, { ETag = '"1"', ["Content-Type"] = "application/json" }, dkjson.encode { id = "any" }
end

function Ledger:asked(path)
  local count = 0
  for _, other in ipairs(self.paths) do
    count = count + (other == path and 1 or 0)
  end
  return count
end

-- Waits until it was asked for the path `count` times (once).
function Ledger:wait_asked(path, count)
  host.wait_until(function()
    return self:asked(path) >= (count or 1)
  end, path .. " to be asked for", nil, function()
    return table.concat(self.paths, "\n")
  end)
end

return ledger
