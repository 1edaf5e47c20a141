-- A wall clock that is set while runs wait: it neither ends a wait nor makes it longer.
local host = require "host"
local ledger = require "ledger"
local native = host.native

local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

describe("a wall clock that is set", function()
  for _, way in ipairs { { "back", -7200 }, { "forward", 7200 } } do
    it(way[1] .. " leaves retries when they are", function()
      if sanitizer then
        return pending "a sanitizer wants to be loaded first"
      end
      local router = ledger.open()
      local times = {}
      router.answer = function()
        times[#times + 1] = native.now()
        return #times == 1 and 503 or nil
      end
      local folder = host.folder()
      host.write(folder .. "/shift", "0")
      local server = host.serve {
        config = router.config .. "retry = { first_seconds = 4, factor = 1 }",
        scripts = { ["RouterJobQueued.lua"] = [[return function(event) router.jobs.get(event.data.jobId) end]] },
        environment = {
          LD_PRELOAD = host.build .. "/tests/clock_shift.so",
          SWITCHHOOK_CLOCK = folder .. "/shift",
        },
      }
      assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j1" }) }).status)
      server:wait_state(1, "waiting")
      host.replace(folder .. "/shift", tostring(way[2]))
      server:wait_state(1, "done", 20)
      assert.is_true(times[2] - times[1] >= 2.9, times[2] - times[1]) -- less a quarter at most
      server:stop()
    end)
  end
end)

describe("a run that slept for long", function()
  it("logs what follows its sleep, and nothing twice", function()
    if sanitizer then
      return pending "a sanitizer wants to be loaded first"
    end
    local server = host.serve {
      scripts = { ["RouterJobQueued.lua"] = [[return function(event)
        log.info "before"
        sleep(90)
        log.info "behind"
      end]] },
    }
    assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j1" }) }).status)
    server:wait_state(1, "waiting")
    server:stop()
    local shift = host.folder() .. "/shift"
    host.write(shift, "100")
    server = server:again {
      environment = { LD_PRELOAD = host.build .. "/tests/clock_shift.so", SWITCHHOOK_CLOCK = shift },
    }
    server:wait_state(1, "done")
    server:wait_line "(message=behind)"
    assert.is_nil(server:stderr():find("message=before", 1, true), server:stderr())
    server:stop()
  end)
end)
