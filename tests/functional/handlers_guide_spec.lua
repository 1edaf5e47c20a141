-- The scripts of docs/handlers.md load, and `check` has nothing to say about them.
local host = require "host"

describe("docs/handlers.md", function()
  it("shows scripts that load, and that do what they say with the type's sample", function()
    local folder = host.folder()
    host.make_folders(folder .. "/scripts/local")
    local secret = 'CRM_TOKEN = { value = "made-up-token", hosts = { "crm.example.com" } }'
    host.write(folder .. "/switchhook.lua", ("secrets = { %s }"):format(secret))
    local raised = host.event("x", { jobId = "j1" }, { eventType = "Switchhook.Local.still_waiting" })
    host.write(folder .. "/event.json", host.json.encode(raised))
    local names = {}
    for text in host.read(host.source .. "/docs/handlers.md"):gmatch "\n```lua\n(.-)\n```" do
      local name = assert(text:match "^%-%- ([%w_/]+%.lua)\n", "a block has no file's name:\n" .. text)
      names[#names + 1] = name
      host.write(folder .. "/scripts/" .. name, text)
    end
    assert.is_true(#names >= 10)
    local checked = host.run({ "check", "scripts" }, { folder = folder })
    assert.equal(("0 errors, 0 warnings in %d files\n"):format(#names), checked.stdout)
    for _, name in ipairs(names) do
      local event = name:match "^local/" and "event.json" -- it has no sample
      local tried = host.run({ "try", "scripts/" .. name, event }, { folder = folder })
      assert.equal(0, tried.status, tried.stdout .. tried.stderr)
    end
  end)
end)
