-- What the two programs are made of.
local host = require "host"

describe("switchhook-worker", function()
  -- A hole in Lua's interpreter must not sit beside a network client or a database.
  it("links Lua, the C library and nothing else", function()
    local result = host.run_program { "readelf", "-d", host.build .. "/switchhook-worker" }
    assert.equal(0, result.status, result.stderr)
    local strangers, has_lua = {}, false
    for library in result.stdout:gmatch "%(NEEDED%)[^%[]*%[([^%]]+)%]" do
      has_lua = has_lua or library:match "^liblua5%.4" ~= nil
      local is_expected = library:match "^liblua5%.4" or library:match "^lib[cm]%.so" or library:match "^ld%-linux"
      local is_sanitizer = library:match "^lib[%a]+san%.so" or library:match "^libgcc_s%."
      if not is_expected and not is_sanitizer then
        strangers[#strangers + 1] = library
      end
    end
    assert.same({}, strangers)
    assert.is_true(has_lua)
  end)
end)
