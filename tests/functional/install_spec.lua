-- What `cmake --install` leaves behind: a program that runs from there.
local host = require "host"

local function install()
  local prefix = host.folder()
  local result = host.run_program { "cmake", "--install", host.build, "--prefix", prefix }
  assert.equal(0, result.status, result.stderr)
  return prefix
end

describe("an installed switchhook", function()
  it("finds its worker, and runs the scripts that were installed with it", function()
    local prefix = install()
    local server = host.serve {
      binary = prefix .. "/bin/switchhook",
      config = ('scripts = "%s/share/switchhook/scripts"'):format(prefix),
    }
    local offer = host.event("RouterWorkerOfferIssued", { jobId = "j1", workerId = "anna", offerId = "o1" })
    assert.equal(200, server:deliver({ offer }).status)
    local event = server:wait_state(1, "done")
    assert.equal("RouterWorkerOfferIssued.lua", event.runs[1].handler)
    server:stop()
  end)

  it("says where it looked when the worker is missing", function()
    local prefix = install()
    assert(os.remove(prefix .. "/libexec/switchhook/switchhook-worker"))
    local server = host.serve { binary = prefix .. "/bin/switchhook", is_started = false }
    local how, status = server:wait_exit()
    assert.same({ "exit", 1 }, { how, status })
    assert.is_truthy(server:stderr():find(prefix .. "/bin", 1, true), server:stderr())
    assert.is_truthy(server:stderr():find("libexec/switchhook: install both programs", 1, true))
  end)
end)
