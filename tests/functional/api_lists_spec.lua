-- Lists, page by page, from a script to the wire and back.
local dkjson = require "dkjson"
local host = require "host"
local ledger = require "ledger"

local CONFIG = "retry = { attempts = 1 }\n"
local SCRIPT = [[return function(event)
  local ids = {}
  for job in router.jobs.list { queueId = "a b", status = "queued", maxpagesize = 2 } do
    ids[#ids + 1] = job.id
    if job.id == event.data.stopAt then break end
  end
  log.info("listed", { ids = ids })
  state.set("ids", ids)
end]]

-- Pages of two jobs, and how the links to the next ones look.
local function pages(router, link)
  router.answer = function(request)
    local number = tonumber(request.target:match "page=(%d)") or 1
    local following = number < 3 and link(number + 1) or dkjson.null
    local value = { { id = "j" .. number .. "a" }, { id = "j" .. number .. "b" } }
    return 200, { ["Content-Type"] = "application/json" }, dkjson.encode { value = value, nextLink = following }
  end
end

local function targets(router)
  local all = {}
  for i, request in ipairs(router.server.requests) do
    all[i] = request.target
  end
  return all
end

local function deliver(server, data)
  assert.equal(200, server:deliver({ host.event("RouterJobQueued", data) }).status)
end

local function serve(router)
  return host.serve { config = router.config .. CONFIG, scripts = { ["RouterJobQueued.lua"] = SCRIPT } }
end

local function answer_of(run, operation)
  for _, step in ipairs(run.steps) do
    if step.operation == operation then
      return step
    end
  end
end

local FIRST = "/routing/jobs?api-version=2023-11-01&maxpagesize=2&status=queued&queueId=a%20b"
local function next_target(number)
  return "/routing/jobs?api-version=2023-11-01&maxpagesize=2&page=" .. number
end

describe("a list", function()
  it("follows its pages' links, each page a step", function()
    local router = ledger.open()
    pages(router, function(number)
      return router.server.url .. next_target(number)
    end)
    local server = serve(router)
    deliver(server, { jobId = "j1" })
    local run = server:wait_run(1, "done")
    assert.same({ FIRST, next_target(2), next_target(3) }, targets(router))
    assert.equal(4, #run.steps)
    local options = { maxpagesize = 2, queueId = "a b", status = "queued" }
    assert.same({ options }, run.steps[1].arguments)
    assert.same({ options, { nextLink = router.server.url .. next_target(2) } }, run.steps[2].arguments)
    assert.same({ "ids", { "j1a", "j1b", "j2a", "j2b", "j3a", "j3b" } }, run.steps[4].arguments)
    for _, request in ipairs(router.server.requests) do
      assert.equal("GET", request.method)
      assert.equal("", request.body)
      assert.is_nil(request.headers["content-type"])
    end
    server:stop()
  end)

  it("asks for no page that nobody needs", function()
    local router = ledger.open()
    pages(router, next_target)
    local server = serve(router)
    deliver(server, { jobId = "j1", stopAt = "j2a" })
    server:wait_run(1, "done")
    assert.same({ FIRST, next_target(2) }, targets(router))
    server:stop()
  end)

  it("goes on after a crash with the pages that are journaled", function()
    local router = ledger.open()
    pages(router, next_target)
    router.is_held = function(request)
      return request.target:find("page=3", 1, true) and not router.is_open
    end
    local server = serve(router)
    deliver(server, { jobId = "j1" })
    router:wait_asked("GET /routing/jobs", 3)
    server:kill()
    router.is_open = true
    server = server:again()
    local run = server:wait_run(1, "done")
    assert.same({ FIRST, next_target(2), next_target(3), next_target(3) }, targets(router))
    assert.equal(6, #answer_of(run, "state.set").arguments[2])
    server:stop()
  end)

  local foreign = {
    { "https://evil.example/routing/jobs?page=2", "not to the Job Router", "ForeignNextLink" },
    { "//evil.example/routing/jobs?page=2", "not to the Job Router", "ForeignNextLink" },
    { "/routing/queues?page=2", "leads to another path", "BadArguments" },
    { "/routing/jobs/j1:cancel?page=2", "leads to another path", "BadArguments" },
    { "/routing/jobs?page=2&api-version=2021-01-01", "another api-version", "BadArguments" },
  }
  it("follows no link that leads elsewhere", function()
    local router = ledger.open()
    local number = 0
    pages(router, function()
      return foreign[number][1]
    end)
    local server = serve(router)
    for i, case in ipairs(foreign) do
      number = i
      deliver(server, { jobId = "j" .. i })
      local run = server:wait_run(i, "parked")
      assert.is_truthy(run.reason:find("router.jobs.list: " .. case[3], 1, true), run.reason)
      assert.is_truthy(run.reason:find(case[2], 1, true), run.reason)
      assert.equal(i, #router.server.requests)
    end
    server:stop()
  end)

  it("runs against the local Job Router", function()
    local sim = host.sim()
    local config = ('router = { connection_string = "%s" }\n'):format(sim.connection_string)
    local server = host.serve {
      config = config,
      scripts = {
        ["RouterJobQueued.lua"] = [[return function()
          local mode = { kind = "longestIdle" }
          router.distribution_policies.create("d", { mode = mode, offerExpiresAfterSeconds = 30 })
          for i = 1, 3 do router.queues.create("q" .. i, { distributionPolicyId = "d" }) end
          local ids = {}
          for queue in router.queues.list { maxpagesize = 1 } do ids[#ids + 1] = queue.id end
          for policy in router.distribution_policies.list() do ids[#ids + 1] = policy.id end
          for job in router.jobs.list { queueId = "q1" } do ids[#ids + 1] = job.id end
          for worker in router.workers.list { state = "active" } do ids[#ids + 1] = worker.id end
          state.set("ids", ids)
        end]],
      },
    }
    deliver(server, { jobId = "j1" })
    local run = server:wait_run(1, "done")
    assert.same({ "ids", { "q1", "q2", "q3", "d" } }, answer_of(run, "state.set").arguments)
    server:stop()
    sim:stop()
  end)
end)
