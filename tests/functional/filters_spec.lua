-- A handler's filter, through the real host: what it refuses is done, "filtered", and its script is not run.
local host = require "host"
local ledger = require "ledger"

local GOLD = [[
log.info("the chunk runs", { seq = "x" })
return {
  filter = { advancedFilters = { { operatorType = "StringIn", key = "data.queueId", values = { "gold" } } } },
  handle = function(event)
    router.jobs.get(event.data.jobId)
    return "handled"
  end,
}]]

local function deliver(server, name, data)
  assert.equal(200, server:deliver({ host.event(name, data) }).status)
end

local function run_of(server, seq, state)
  local event = server:wait_state(seq, state)
  assert.equal(1, #event.runs)
  return event.runs[1]
end

describe("a handler's filter", function()
  it("lets through what it matches, and nothing else runs for the rest", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config,
      arguments = { "--trace" },
      scripts = {
        ["RouterJobQueued.lua"] = GOLD,
        ["default.lua"] = "return function() router.jobs.get 'default' end",
      },
    }
    local mark = server:mark()
    deliver(server, "RouterJobQueued", { jobId = "j1", queueId = "silver" })
    local refused = run_of(server, 1, "done")
    assert.equal("filtered", refused.result)
    assert.equal(0, #refused.steps)
    server:wait_line("j1 +RouterJobQueued%.lua +filtered", mark)
    assert.is_nil(server:stderr():find("the chunk runs", 1, true))
    deliver(server, "RouterJobQueued", { jobId = "j2", queueId = "GOLD" })
    assert.equal("done", run_of(server, 2, "done").result)
    server:wait_line("the chunk runs", mark)
    assert.equal(1, router:asked "GET /routing/jobs/j2")
    assert.equal(0, router:asked "GET /routing/jobs/default")
    local metrics = server:api("/metrics").body
    local counted = 'switchhook_runs_total{handler="RouterJobQueued.lua",result="%s"} 1\n'
    assert.is_truthy(metrics:find(counted:format "filtered", 1, true))
    assert.is_truthy(metrics:find(counted:format "done", 1, true))
    server:write_port()
    local shown = host.run({ "events", "show", "1" }, { folder = server.folder })
    assert.is_truthy(shown.stdout:find("RouterJobQueued%.lua[^\n]*filtered"), shown.stdout .. shown.stderr)
    server:stop()
  end)

  it("is each handler's own", function()
    local server = host.serve {
      scripts = {
        ["RouterJobQueued/all.lua"] = "return function() return 'all' end",
        ["RouterJobQueued/none.lua"] = [[return { filter = { subjectBeginsWith = "worker/", advancedFilters = {} },
          handle = function() return 'none' end }]],
      },
    }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    local results = {}
    for _, run in ipairs(server:wait_state(1, "done").runs) do
      results[run.handler] = run.result
    end
    assert.same({ ["RouterJobQueued/all.lua"] = "done", ["RouterJobQueued/none.lua"] = "filtered" }, results)
    server:stop()
  end)

  it("is refused as it loads when it is none, and the scripts before stay", function()
    local server = host.serve { scripts = { ["RouterJobQueued.lua"] = GOLD } }
    local mark = server:mark()
    server:write("RouterJobQueued.lua", (GOLD:gsub("StringIn", "StringsIn")))
    server:wait_line("do not load", mark)
    local error = server:api("/api/status").json.reload.error
    assert.equal(
      "RouterJobQueued.lua:8: filter.advancedFilters[1].operatorType: there is no operator 'StringsIn' "
        .. "(did you mean 'StringIn'?)",
      error
    )
    deliver(server, "RouterJobQueued", { jobId = "j1", queueId = "silver" })
    assert.equal("filtered", run_of(server, 1, "done").result)
    server:stop()
  end)

  it("is asked of local events, too", function()
    local server = host.serve {
      scripts = {
        ["RouterJobQueued.lua"] = [[return function()
          after(0, "remind", { level = 1 })
          after(0, "remind", { level = 2 })
        end]],
        ["local/remind.lua"] = [[return {
          filter = { includedEventTypes = { "Switchhook.Local.remind" }, advancedFilters = {
            { operatorType = "NumberGreaterThan", key = "data.level", value = 1 } } },
          handle = function() end,
        }]],
      },
    }
    deliver(server, "RouterJobQueued", { jobId = "j1" })
    local results = {}
    for seq = 2, 3 do
      local event = server:wait_state(seq, "done")
      results[host.json.decode(event.raw).data.level] = event.runs[1].result
    end
    assert.same({ "filtered", "done" }, results)
    server:stop()
  end)

  it("is asked anew by each attempt and by a replay, with the scripts of then", function()
    local router = ledger.open()
    local server = host.serve {
      config = router.config,
      scripts = { ["RouterJobQueued.lua"] = GOLD:gsub('return "handled"', 'local x = event.data.no.x') },
    }
    deliver(server, "RouterJobQueued", { jobId = "j1", queueId = "gold" })
    assert.equal("error", run_of(server, 1, "parked").result)
    server:write("RouterJobQueued.lua", (GOLD:gsub('"gold"', '"silver"')))
    -- Its script was changed, so the parked run is tried once more.
    assert.equal("filtered", run_of(server, 1, "done").result)
    local mark = server:mark()
    server:write("RouterJobQueued.lua", GOLD)
    server:wait_line("scripts are live", mark)
    server:write_port()
    local replayed = host.run({ "replay", "1", "--from-start" }, { folder = server.folder })
    assert.equal(0, replayed.status, replayed.stderr)
    host.wait_until(function()
      local run = server:api("/api/events/1").json.runs[1]
      return run.result == "done" and run.state == "done"
    end, "the replay's end")
    assert.equal(2, router:asked "GET /routing/jobs/j1")
    server:stop()
  end)
end)
