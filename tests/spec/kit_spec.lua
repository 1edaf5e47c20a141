-- The kit: loading, delivering, steps, answers and failures, and what it says to whoever gets something wrong.
-- Time is in kit_time_spec.lua; that it does as the host does in tests/functional/kit_same_spec.lua.
local folder = require "kit_folder"
local kit = folder.kit

-- At this spec's line, and with these words.
local function assert_says(words, raised)
  assert.is_truthy(raised:find("kit_spec.lua:%d+: "), raised)
  assert.is_truthy(raised:find(words, 1, true), raised)
end

describe("a host's methods", function()
  it("say so when they are called with a dot", function()
    local host = folder.load { ["RouterJobQueued.lua"] = "return function() end" }
    for _, name in ipairs { "advance", "answer", "deliver", "fail", "now", "reload", "set_time" } do
      local words = ("host.%s is called with a colon: host:%s(...)"):format(name, name)
      for _, first in ipairs { "router.jobs.get", {}, 1 } do
        assert_says(words, folder.raised(function()
          host[name](first, {})
        end))
      end
    end
  end)
end)

describe("kit.load", function()
  it("loads handlers, modules and folders, and no spec", function()
    local host = folder.load {
      ["RouterJobQueued.lua"] = "local m = require 'names' return function() return m.name end",
      ["RouterJobCancelled/b.lua"] = "return function() return 'b' end",
      ["RouterJobCancelled/a.lua"] = "return function() return 'a' end",
      ["RouterJobCancelled.lua"] = "return function() return 'top' end",
      ["lib/names.lua"] = "return { name = 'mine' }",
      ["RouterJobQueued_spec.lua"] = "error 'loaded'",
    }
    assert.equal("mine", host:deliver("RouterJobQueued").value)
    local run = host:deliver "RouterJobCancelled"
    assert.equal("RouterJobCancelled.lua", run.handler)
    assert.equal("top", run.value)
    assert.same({ "a", "b" }, { run.others[1].value, run.others[2].value })
    assert.equal(4, #host.runs)
  end)

  it("raises what the host would say of scripts that do not load", function()
    local raised = folder.raised(folder.load, { ["RouterJobQueued.lua"] = "return function(\n\nend" })
    assert.is_truthy(raised:find("RouterJobQueued.lua:3: ", 1, true), raised)
    raised = folder.raised(folder.load, { ["RouterJobQueued.lua"] = "router.jobs.get 'j1'" })
    local words = "RouterJobQueued.lua:1: router.jobs.get cannot be called at a script's top level"
    assert.is_truthy(raised:find(words, 1, true), raised)
    assert_says("/nonesuch", folder.raised(function()
      kit.load "/nonesuch"
    end))
  end)

  it("takes texts in place of files, and beside them", function()
    local host = folder.load({
      ["RouterJobQueued.lua"] = "local m = require 'names' return function() return m.name end",
      ["lib/names.lua"] = "return { name = 'as it is' }",
    }, {
      files = {
        ["lib/names.lua"] = "return { name = 'as the spec has it' }",
        ["RouterJobClosed.lua"] = "return function() return 'beside' end",
      },
    })
    assert.equal("as the spec has it", host:deliver("RouterJobQueued").value)
    assert.equal("beside", host:deliver("RouterJobClosed").value)
    local mistakes = { { "return 1" }, { ["lib/names"] = "" }, { ["a_spec.lua"] = "" }, { ["a.lua"] = 1 } }
    for _, files in ipairs(mistakes) do
      local raised = folder.raised(folder.load, {}, { files = files })
      assert.is_truthy(raised:find("'files' has the texts of scripts by path", 1, true), raised)
    end
  end)

  it("knows its options", function()
    local function load(options)
      return folder.raised(function()
        kit.load("scripts", options)
      end)
    end
    assert_says("no option 'timezon' (did you mean 'timezone'?)", load { timezon = "UTC" })
    assert_says("no option 'retry.atempts' (did you mean 'attempts'?)", load { retry = { atempts = 1 } })
    assert_says("'retry.attempts' must be a number, got a string", load { retry = { attempts = "3" } })
    assert_says("takes a table of options", load "scripts")
    assert_says("takes the scripts folder", folder.raised(function()
      kit.load()
    end))
  end)
end)

describe("host:deliver", function()
  it("gives the handler the data as it is, in the type's envelope", function()
    local host = folder.handler "return event"
    local event = host:deliver("RouterJobQueued", { jobId = "j1", labels = { Segment = "Gold" } }).value
    assert.same({ jobId = "j1", labels = { Segment = "Gold" } }, event.data)
    assert.equal("Microsoft.Communication.RouterJobQueued", event.type)
    assert.equal("RouterJobQueued", event.name)
    assert.is_truthy(event.subject:find "^job/j1/")
    assert.equal(1, event.attempt)
    assert.equal(1, event.seq)
    assert.equal(host:now(), event.received)
  end)

  it("gives the type's sample without data, for every type", function()
    local host = folder.load { ["default.lua"] = "return function(event) return event.data end" }
    local core = require "switchhook.kit.core"
    local count = 0
    for name in pairs(core.types) do
      local run = host:deliver(name)
      assert.equal("done", run.state, name)
      assert.is_truthy(next(run.value), name)
      count = count + 1
    end
    assert.is_true(count >= 24)
  end)

  it("takes full names, other fields, the other schema, JSON as it is", function()
    local host = folder.handler "return event"
    local event = host:deliver("Microsoft.Communication.RouterJobQueued", '{"jobId":"j\\u0031","n":1.5}', {
      id = "e1",
      time = "2026-01-02T03:04:05Z",
      subject = "mine",
      source = "here",
      attempt = 3,
      schema = "cloudevents",
    }).value
    assert.same({ jobId = "j1", n = 1.5 }, event.data)
    assert.same({ "e1", "2026-01-02T03:04:05Z", "mine", "here", 3 },
      { event.id, event.time, event.subject, event.source, event.attempt })
  end)

  it("takes types of others, and nulls in lists", function()
    local host = folder.load { ["default.lua"] = "return function(event) return event.data end" }
    assert.same({ 1, kit.null }, host:deliver("Contoso.Thing", { list = { 1, kit.null } }).value.list)
    assert.same({}, host:deliver("Contoso.Thing").value)
  end)

  it("says what is wrong with its arguments", function()
    local host = folder.handler "return event"
    local function deliver(...)
      local arguments = table.pack(...)
      return folder.raised(function()
        host:deliver(table.unpack(arguments, 1, arguments.n))
      end)
    end
    local words = "there is no event type 'RouterJobQued' (did you mean 'RouterJobQueued'?)"
    assert_says(words, deliver "RouterJobQued")
    assert_says("takes the event's type, got nothing", deliver(nil))
    assert_says("no handler for RouterJobClosed: looked for " .. host.folder .. "/RouterJobClosed.lua", deliver
      "RouterJobClosed")
    assert_says("data must be a table of names and values", deliver("RouterJobQueued", 7))
    assert_says("data must be a table of names and values", deliver("RouterJobQueued", { 1, 2 }))
    assert_says("must be a JSON object", deliver("RouterJobQueued", "{"))
    assert_says("data.f: a function cannot be written as JSON", deliver("RouterJobQueued", { f = print }))
    assert_says("no field 'sbject' (did you mean 'subject'?)", deliver("RouterJobQueued", {}, { sbject = "x" }))
    assert_says("'attempt' must be a whole number", deliver("RouterJobQueued", {}, { attempt = 0 }))
  end)
end)

describe("run", function()
  it("has the steps in order, with their arguments", function()
    local run = folder.deliver([[
      router.jobs.activate(event.data.jobId, { priority = 100 })
      state.set("seen", { 1, 2 })
      all { function() router.jobs.get "a" end, function() router.jobs.get "b" end }
      state.compare_and_set("seen", nil, 1)
      step("once", function() router.queues.get "q" return 7 end)
    ]], { jobId = "j1" })
    assert.same({
      { "router.jobs.activate", "j1", { priority = 100 } },
      { "state.set", "seen", { 1, 2 } },
      { "router.jobs.get", "a" },
      { "router.jobs.get", "b" },
      { "state.compare_and_set", "seen", kit.null, 1 },
      { "router.queues.get", "q" },
      { "step", "once" },
    }, run.steps)
    assert.equal("support", run.journal[6].answer.id)
    assert.equal(200, run.journal[1].status)
  end)

  it("has what was logged and returned", function()
    local run = folder.deliver [[
      log.warn("careful", { n = 1 })
      print("a", 2)
      return { 1, 2 }
    ]]
    assert.same(
      { { level = "warn", message = "careful", fields = { n = 1 } }, { level = "info", message = "a\t2" } },
      run.log
    )
    assert.same({ 1, 2 }, run.value)
    assert.same({ "done", "done", 1 }, { run.state, run.result, run.attempts })
    assert.is_nil(run.error)
  end)

  it("has the error of a bug, with file and line", function()
    local run = folder.deliver "local x = nil\nreturn x.y"
    assert.same({ "parked", "error" }, { run.state, run.result })
    assert.matches("^RouterJobQueued%.lua:3: ", run.error.message)
    assert.matches("^RouterJobQueued%.lua:3: ", tostring(run.error))
    assert.matches("RouterJobQueued%.lua:3", run.error.traceback)
  end)

  it("has the error of misuse, which names the argument", function()
    local run = folder.deliver "router.jobs.activate(event.data.jobid)"
    assert.matches("bad argument 'jobId' to router.jobs.activate", run.error.message)
    run = folder.deliver "router.jobs.activate('j1', { priorty = 1 })"
    assert.matches("did you mean 'priority'", run.error.message)
  end)

  it("has what fail() said", function()
    local run = folder.deliver "fail 'not for us'"
    assert.same({ "parked", "fail", "not for us" }, { run.state, run.result, run.error.message })
  end)

  it("does not see what another run left", function()
    local host = folder.handler "left = (left or 0) + 1 return left"
    host:deliver "RouterJobQueued"
    assert.equal(1, host:deliver("RouterJobQueued").value)
  end)

  it("draws the same chance each time, and another in another run", function()
    local function draw()
      local host = folder.handler "return uuid()"
      return { host:deliver("RouterJobQueued").value, host:deliver("RouterJobQueued").value }
    end
    local first = draw()
    assert.same(first, draw())
    assert.are_not.equal(first[1], first[2])
  end)
end)

describe("host:answer", function()
  it("gives values, functions and what is about them; the later one counts", function()
    local host = folder.handler [[
      local job, about = router.jobs.get(event.data.jobId)
      return { id = job and job.id, about = about }
    ]]
    local function value()
      return host:deliver("RouterJobQueued", { jobId = "j1" }).value
    end
    assert.equal("job-4711", value().id)
    host:answer("router.jobs.get", { id = "mine", etag = '"7"' })
    assert.same({ id = "mine", about = { status = 200, etag = '"7"', repeated = false } }, value())
    host:answer("router.jobs.get", function(id)
      return { id = id .. "!" }, { status = 203, etag = "x", repeated = true }
    end)
    assert.same({ id = "j1!", about = { status = 203, etag = "x", repeated = true } }, value())
    host:answer("router.jobs.get", nil, { status = 204 })
    assert.same({ about = { status = 204, repeated = false } }, value())
  end)

  it("gives a list as a page", function()
    local host = folder.handler [[
      local ids = {}
      for job in router.jobs.list() do ids[#ids + 1] = job.id end
      return ids
    ]]
    assert.equal(1, #host:deliver("RouterJobQueued").value)
    host:answer("router.jobs.list", { { id = "a" }, { id = "b" } })
    assert.same({ "a", "b" }, host:deliver("RouterJobQueued").value)
    host:answer("router.jobs.list", {})
    assert.same({}, host:deliver("RouterJobQueued").value)
  end)

  it("lets a function raise, and a spec assert in it", function()
    local host = folder.handler "router.jobs.get 'j1'"
    host:answer("router.jobs.get", function(id)
      assert.equal("other", id)
    end)
    local is_well, raised = pcall(host.deliver, host, "RouterJobQueued")
    assert.is_false(is_well)
    assert.is_truthy(tostring(raised):find "other")
    assert.equal("dropped", host.runs[1].state)
    host:answer("router.jobs.get", nil)
    assert.equal("done", host:deliver("RouterJobQueued").state)
  end)

  it("says what is wrong with it", function()
    local host = folder.handler "router.jobs.get 'j1'"
    local function answer(...)
      local arguments = table.pack(...)
      return folder.raised(function()
        host:answer(table.unpack(arguments, 1, arguments.n))
        host:deliver "RouterJobQueued"
      end)
    end
    local words = "there is no operation 'router.job.get' (did you mean 'router.jobs.get'?)"
    assert_says(words, answer "router.job.get")
    assert_says("the kit does state.get itself", answer("state.get", 1))
    assert_says("takes an operation's name", answer(nil))
    assert_says("answer.f: a function cannot be written as JSON", answer("router.jobs.get", { f = print }))
    assert_says("no 'stats' (did you mean 'status'?)", answer("router.jobs.get", {}, { stats = 1 }))
    assert_says("give nothing behind it", answer("router.jobs.get", print, {}))
    assert_says("cannot be called while a run asks", answer("router.jobs.get", function()
      host:deliver "RouterJobQueued"
    end))
  end)
end)

describe("host:fail", function()
  it("raises the host's error in the script", function()
    local host = folder.handler [[
      local ok, raised = pcall(router.jobs.get, "j1")
      return { tostring(raised), raised.status, raised.code, raised.retryable, raised.operation, raised.message }
    ]]
    local function value(failure)
      host:fail("router.jobs.get", failure)
      return host:deliver("RouterJobQueued").value
    end
    assert.same(
      { "router.jobs.get: 409 Busy: not now", 409, "Busy", false, "router.jobs.get", "not now" },
      value { status = 409, code = "Busy", message = "not now" }
    )
    assert.same({ 404, "NotFound", false }, { table.unpack(value { status = 404 }, 2, 4) })
    assert.is_true(value({ status = 503 })[4])
    assert.is_false(value({ status = 503, retryable = false })[4])
    assert.same({ 0, "TransportFailed", true }, { table.unpack(value {}, 2, 4) })
  end)

  it("fails so many times, and is replaced by an answer", function()
    local host = folder.handler "return (pcall(router.jobs.get, 'j1'))"
    local function tries(count)
      local all = {}
      for i = 1, count do
        all[i] = host:deliver("RouterJobQueued").value
      end
      return all
    end
    host:fail("router.jobs.get", { status = 500, times = 2 })
    assert.same({ false, false, true, true }, tries(4))
    host:fail("router.jobs.get", { status = 500 })
    assert.same({ false, false }, tries(2))
    host:answer("router.jobs.get", {})
    assert.same({ true }, tries(1))
  end)

  it("says what is wrong with it", function()
    local host = folder.handler "return 1"
    local function fail(failure)
      return folder.raised(function()
        host:fail("router.jobs.get", failure)
      end)
    end
    assert_says("takes a table such as", fail "no")
    assert_says("'status' is that of an error", fail { status = 200 })
    assert_says("'status' is that of an error", fail { status = 4.5 })
    assert_says("'times' is a whole number", fail { status = 500, times = 0 })
    assert_says("no 'cod' (did you mean 'code'?)", fail { cod = "X" })
  end)
end)

describe("host.state", function()
  it("is what scripts keep, to read and to write", function()
    local host = folder.handler [[
      state.increment("count", event.data.by)
      state.set("last", { id = event.id })
      return { state.get "given", state.delete "gone", (state.compare_and_set("count", 41, 1)) }
    ]]
    host.state.count = 40
    host.state.given = { deep = { 1, 2 } }
    host.state.gone = true
    local run = host:deliver("RouterJobQueued", { by = 1 }, { id = "e1" })
    assert.same({ { deep = { 1, 2 } }, true, true }, run.value)
    assert.same({ 1, { id = "e1" } }, { host.state.count, host.state.last })
    assert.is_nil(host.state.gone)
    local keys = {}
    for key in pairs(host.state) do
      keys[#keys + 1] = key
    end
    table.sort(keys)
    assert.same({ "count", "given", "last" }, keys)
    host.state.count = nil
    assert.is_nil(host.state.count)
  end)

  it("refuses what the store refuses", function()
    local host = folder.handler "return { pcall(state.increment, 'x', event.data.by) }"
    host.state.x = "text"
    assert.equal("NotANumber", host:deliver("RouterJobQueued", { by = 1 }).value[2].code)
    host.state.x = math.maxinteger
    assert.equal("NumberTooLarge", host:deliver("RouterJobQueued", { by = 1 }).value[2].code)
    assert.equal(math.maxinteger, host.state.x)
  end)
end)

describe("a script that is hostile", function()
  local limits = { limits = { instructions = 200000 } }

  it("ends when it loops, with the line, and leaves the host sound", function()
    local host = folder.handler("if event.data.jobId == 'j1' then\nwhile true do end\nend", limits)
    local raised = folder.raised(function()
      host:deliver("RouterJobQueued", { jobId = "j1" })
    end)
    assert_says("RouterJobQueued.lua:3: the script goes on and on", raised)
    assert.equal("done", host:deliver("RouterJobQueued", { jobId = "j2" }).state)
  end)

  it("ends when it catches what ends it", function()
    for _, lines in ipairs {
      "while true do pcall(function() while true do end end) end",
      "pcall(function() while true do end end)",
      "while true do pcall(error) end",
      "local function f() return f() end f()",
      "all { function() while true do end end, function() while true do end end }",
    } do
      local raised = folder.raised(folder.deliver, lines, nil, limits)
      assert.is_truthy(raised:find("goes on and on", 1, true), raised)
    end
  end)

  it("ends when it loops while it is loaded", function()
    local raised = folder.raised(folder.load, { ["RouterJobQueued.lua"] = "while true do end" }, limits)
    assert.is_truthy(raised:find("RouterJobQueued.lua:1: the script goes on and on", 1, true), raised)
  end)

  it("ends when it logs without end, and leaves the host sound", function()
    local lines = "for i = 1, event.data.count do log.info(('x'):rep(4000)) end"
    local host = folder.handler(lines)
    assert_says("more than the kit can keep", folder.raised(function()
      host:deliver("RouterJobQueued", { count = 20000 })
    end))
    assert.equal(100, #host:deliver("RouterJobQueued", { count = 100 }).log)
  end)

  it("gets a new allowance after each step", function()
    local run = folder.deliver([[
      for i = 1, 20 do
        for _ = 1, 40000 do end
        state.increment "n"
      end
    ]], nil, limits)
    assert.equal("done", run.state)
    assert.equal(20, #run.steps)
  end)

  it("gets no more memory than the host gives it", function()
    local run = folder.deliver("local t = {} while true do t[#t + 1] = ('x'):rep(100000) .. #t end", nil, {
      limits = { run_memory_mib = 8 },
    })
    assert.same({ "parked", "memory" }, { run.state, run.result })
    assert.matches("limits.run_memory_mib", run.error.message)
  end)

  it("takes no more steps than the host allows", function()
    local run = folder.deliver("while true do state.get 'x' end", nil, { limits = { run_steps = 50 } })
    assert.same({ "parked", "steps", 50 }, { run.state, run.result, #run.steps })
  end)

  it("reaches nothing of the spec's own Lua", function()
    local run = folder.deliver [[
      return { type(io), type(debug), type(os["execute"]), type(load), type(package), type(describe), type(arg) }
    ]]
    for _, kind in ipairs(run.value) do
      assert.is_truthy(kind == "nil" or kind == "function", kind)
    end
    assert.same({ "nil", "nil", "nil" }, { run.value[1], run.value[2], run.value[3] })
    assert.is_nil(getmetatable("").__metatable)
  end)
end)

describe("an operation of others", function()
  it("needs an answer, and says so", function()
    local host = folder.handler("return crm.lookup { id = 'c1' }", { operations = { "crm.lookup" } })
    assert_says('asks for crm.lookup({"id":"c1"}), and nothing answers it: say host:answer("crm.lookup", ...)',
      folder.raised(function()
        host:deliver "RouterJobQueued"
      end))
    host:answer("crm.lookup", function(query)
      return { name = "customer " .. query.id }
    end)
    local run = host:deliver "RouterJobQueued"
    assert.equal("customer c1", run.value.name)
    assert.same({ { "crm.lookup", { id = "c1" } } }, run.steps)
  end)
end)
