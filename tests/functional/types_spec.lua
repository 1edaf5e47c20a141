-- Every type of event, in both schemas, from `emit` through the host to a handler: each field that the catalogue
-- names arrives as it was sent, under each name that it has.
local host = require "host"
local pipe = assert(io.popen(("'%s' catalog --json"):format(host.binary)))
local catalog = assert(host.json.decode(pipe:read "a", 1, host.json.null))
assert(pipe:close())

local script = [[
  return function(event)
    return {
      id = event.id, type = event.type, name = event.name, source = event.source, subject = event.subject,
      time = event.time, data = event.data,
    }
  end]]

local schemas = { ["Event Grid's schema"] = {}, CloudEvents = { "--cloudevents" } }
local arrived

-- All of them through one host, once.
local function arrivals()
  if arrived then
    return arrived
  end
  local scripts = {}
  for _, type in ipairs(catalog.types) do
    scripts[type.name .. ".lua"] = script
  end
  local server = host.serve { port = host.free_port(), scripts = scripts }
  local found, seq = {}, 0
  for schema, options in pairs(schemas) do
    found[schema] = {}
    for _, type in ipairs(catalog.types) do
      local arguments = { "emit", type.name, "--to", server.url, table.unpack(options) }
      local run = host.run(arguments)
      assert.equal("", run.stderr)
      seq = seq + 1
      local event = server:wait_state(seq, "done")
      found[schema][type.name] = {
        sent = host.json.decode(event.raw, 1, host.json.null),
        got = event.runs[1].returned,
      }
    end
  end
  server:stop()
  arrived = found
  return found
end

-- null members are absent for a script; a null in a list is null.
local function as_seen(value, is_element)
  if value == host.json.null then
    return is_element and value or nil
  end
  if type(value) ~= "table" then
    return value
  end
  local seen = {}
  for key, member in pairs(value) do
    seen[key] = as_seen(member, math.type(key) == "integer")
  end
  return seen
end

describe("the catalogue", function()
  it("has 24 types", function()
    assert.equal(24, #(catalog.types))
  end)
end)

for schema in pairs(schemas) do
  for _, type in ipairs(catalog.types) do
    describe(("%s in %s"):format(type.name, schema), function()
      it("arrives with its envelope", function()
        local event = arrivals()[schema][type.name]
        local sent, got = event.sent, event.got
        assert.equal(sent.id, got.id)
        assert.equal("Microsoft.Communication." .. type.name, got.type)
        assert.equal(type.name, got.name)
        assert.equal(sent.topic or sent.source, got.source)
        assert.equal(sent.subject, got.subject)
        assert.equal(sent.eventTime or sent.time, got.time)
        assert.equal(schema == "CloudEvents" and "1.0" or nil, sent.specversion)
      end)

      for _, field in ipairs(type.fields) do
        it("has " .. field.name, function()
          local event = arrivals()[schema][type.name]
          assert.is_not_nil(event.sent.data[field.name], "the sample lacks it")
          assert.same(as_seen(event.sent.data[field.name]), as_seen(event.got.data[field.name]))
        end)
      end
    end)
  end
end
