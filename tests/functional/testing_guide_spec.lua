-- docs/testing.md: its example is run as it stands there.
local host = require "host"

local function read_blocks()
  local page = host.read(host.source .. "/docs/testing.md")
  local blocks = {}
  for block in page:gmatch "\n```lua\n(.-)\n```" do
    blocks[#blocks + 1] = block
  end
  return blocks, page
end

describe("docs/testing.md", function()
  it("has an example that passes", function()
    local folder = host.folder()
    local count = 0
    for _, block in ipairs(read_blocks()) do
      local path = block:match "^%-%- (scripts/%S+%.lua)\n"
      if path then
        host.make_folders((folder .. "/" .. path):match "^(.*)/")
        host.write(folder .. "/" .. path, block .. "\n")
        count = count + select(2, block:gsub("\n  it%(", ""))
      end
    end
    assert.is_true(count >= 3)
    local result = host.run({ "test" }, { folder = folder })
    assert.equal(0, result.status, result.stdout .. result.stderr)
    local words = ("%d successes / 0 failures / 0 errors"):format(count)
    assert.is_truthy(result.stdout:find(words, 1, true), result.stdout)
    assert.equal(0, host.run({ "check" }, { folder = folder }).status)
  end)

  it("shows Lua that is Lua", function()
    for _, block in ipairs(read_blocks()) do
      assert(load(block))
    end
  end)
end)
