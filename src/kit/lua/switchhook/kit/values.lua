-- host.state: what state.* keeps, as the store does it; JSON by key, and a spec's view of it.
local core = require "switchhook.kit.core"
local tell = require "switchhook.kit.tell"

local Values = {}
Values.__index = Values

function Values.new(host)
  return setmetatable({ host = host, kept = {} }, Values)
end

-- The JSON that is kept under the key, and until when; what is over is not there.
function Values:find(key)
  local kept = self.kept[key]
  if kept and kept.expires_us and kept.expires_us <= self.host.clock_us then
    self.kept[key] = nil
    return nil
  end
  return kept and kept.json, kept and kept.expires_us
end

function Values:put(key, json, expires_us)
  self.kept[key] = json and { json = json, expires_us = expires_us } or nil
end

local function refuse(code, message)
  return nil, { code = code, message = message }
end

local function number(json)
  return json and json:match "^[-%d]" and core.decode(json) or nil
end

local function is_same(a, b)
  local x, y = number(a), number(b)
  return a == b or (x ~= nil and x == y)
end

-- With an integer that overflows refused, as the store does.
local function add(a, b)
  local sum = a + b
  if math.type(sum) == "integer" and ((b >= 0) ~= (sum >= a)) then
    return nil
  end
  return sum == sum and math.abs(sum) ~= math.huge and sum or nil
end

local function increment(self, key, by)
  local json, expires_us = self:find(key)
  local before = number(json or "0")
  local added = number(by or "1")
  if not before or not added then
    local what = before and "the increment is" or "what is kept under this key is"
    return refuse("NotANumber", what .. " no number")
  end
  local sum = add(before, added)
  if sum == nil then
    return refuse("NumberTooLarge", "the sum is more than a number can hold")
  end
  self:put(key, core.encode(sum), expires_us)
  return core.encode(sum)
end

-- `arguments`: each as JSON, as the step has them. Returns the answer's JSON, or nil and the error.
function Values:take(operation, arguments)
  local key = core.decode(arguments[1])
  local function expires(options)
    local ttl = options and core.decode(options).ttl
    return ttl and self.host.clock_us + math.tointeger(math.floor(ttl * 1e6)) or nil
  end
  local function given(i)
    return arguments[i] ~= "null" and arguments[i] or nil
  end
  if operation == "state.get" then
    return self:find(key) or ""
  elseif operation == "state.set" then
    self:put(key, given(2), expires(arguments[3]))
    return ""
  elseif operation == "state.delete" then
    local was_there = self:find(key) ~= nil
    self:put(key, nil)
    return tostring(was_there)
  elseif operation == "state.increment" then
    return increment(self, key, given(2))
  end
  local kept, expected = self:find(key), given(2)
  local is_expected = kept == nil and expected == nil or (kept and expected and is_same(kept, expected)) or false
  if is_expected then
    self:put(key, given(3), expires(arguments[4]))
  end
  return tostring(is_expected)
end

-- The spec's: host.state.counter, host.state["job j1"] = { tries = 2 }, pairs(host.state). What is read is a copy.
function Values:view()
  local values = self
  return setmetatable({}, {
    __index = function(_, key)
      local json = values:find(key)
      return json and core.decode(json)
    end,
    __newindex = function(_, key, value)
      if type(key) ~= "string" or key == "" then
        tell.fail "host.state: a key is a string"
      end
      local is_json, json = pcall(core.encode, value, "value")
      if value ~= nil and not is_json then
        tell.fail("host.state: %s", json)
      end
      values:put(key, value ~= nil and json or nil)
    end,
    __pairs = function()
      local all = {}
      for key in pairs(values.kept) do
        local json = values:find(key)
        all[key] = json and core.decode(json)
      end
      return next, all, nil
    end,
  })
end

return Values
