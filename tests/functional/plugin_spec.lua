-- C helpers: their operations are steps like any other, and what is wrong with one is said at start.
local host = require "host"
local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

local function plugin(name)
  return ("%s/tests/plugin_%s.so"):format(host.build, name)
end

local function named(...)
  local quoted = {}
  for i, name in ipairs { ... } do
    quoted[i] = ("%q"):format(plugin(name))
  end
  return "plugins = { " .. table.concat(quoted, ", ") .. " }\n"
end

local function serve(script, options)
  options = options or {}
  return host.serve {
    config = named "good" .. (options.config or ""),
    scripts = { ["RouterJobQueued.lua"] = script },
    environment = options.environment,
  }
end

local function deliver(server, data)
  assert.equal(200, server:deliver({ host.event("RouterJobQueued", data) }).status)
end

local function lines_of(path)
  local lines = {}
  for line in io.lines(path) do
    lines[#lines + 1] = line
  end
  return lines
end

local function exists(path)
  local file = io.open(path, "rb")
  return file and file:close()
end

local function wait_for(path)
  host.wait_until(function()
    return exists(path)
  end, path)
end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in:\n%s"):format(part, text))
end

describe("an operation of a plugin", function()
  it("takes a table and answers it, with the table about the step", function()
    local server = serve [[
      return function(event)
        local same, about = test.echo { text = "ü\n", list = { 1, 2.5 }, none = json.null, deep = { {} } }
        return { same = same, list = test.echo { 1, 2 }, empty = test.echo(), about = about,
          nothing = test.nothing() == nil, nested = test.echo(test.echo { a = 1 }) }
      end]]
    deliver(server, { jobId = "j1" })
    local run = server:wait_run(1, "done")
    local returned = type(run.returned) == "string" and host.json.decode(run.returned) or run.returned
    assert.same({ text = "ü\n", list = { 1, 2.5 }, deep = { {} } }, returned.same)
    assert.same({ 1, 2 }, returned.list)
    assert.same({}, returned.empty)
    assert.same({ a = 1 }, returned.nested)
    assert.is_true(returned.nothing)
    assert.same({ repeated = false }, returned.about)
    assert.equal("test.echo", run.steps[1].operation)
    has(server:api("/metrics").body, 'switchhook_steps_total{operation="test.echo",status="ok"}')
    server:stop()
  end)

  it("says what is wrong with its argument, and parks", function()
    for script, words in pairs {
      ["test.echo(1)"] = "bad argument 'argument' to test.echo: expected a table, such as { name = value }, or "
        .. "nothing, got number",
      ["test.echo({}, {})"] = "test.echo takes one table, such as { name = value }, got 2 arguments",
      ["test.echo { f = print }"] = "a function cannot be written as JSON",
    } do
      local server = serve("return function() " .. script .. " end")
      deliver(server, { jobId = "j1" })
      has(server:wait_run(1, "parked").reason, words)
      server:stop()
    end
  end)

  it("raises what the plugin says, and is tried again only when that says so", function()
    local server = serve(
      [[
        return function(event)
          test.fail { code = "NotThere", message = "no such phone", retryable = event.data.retryable }
        end]],
      { config = "retry = { attempts = 2, first_seconds = 0.01 }" }
    )
    deliver(server, { jobId = "j1", retryable = "false" })
    deliver(server, { jobId = "j2", retryable = "true" })
    local once, twice = server:wait_run(1, "parked"), server:wait_run(2, "parked")
    has(once.reason, "no such phone")
    assert.equal(1, #once.steps)
    assert.equal(2, #twice.steps)
    has(twice.reason, "all attempts used up: ")
    assert.is_true(twice.steps[2].repeated)
    server:stop()
  end)

  it("can be caught", function()
    local server = serve [[
      return function()
        local _, problem = pcall(test.fail, { code = "NotThere", message = "no such phone", retryable = "true" })
        local _, bad = pcall(test.bad)
        return { problem = { operation = problem.operation, code = problem.code, message = problem.message,
          retryable = problem.retryable }, bad = bad.message }
      end]]
    deliver(server, { jobId = "j1" })
    local run = server:wait_run(1, "done")
    local returned = type(run.returned) == "string" and host.json.decode(run.returned) or run.returned
    assert.same(
      { operation = "test.fail", code = "NotThere", message = "no such phone", retryable = true },
      returned.problem
    )
    has(returned.bad, "the answer of test.bad (" .. plugin "good" .. ") is no JSON: ")
    server:stop()
  end)

  it("is not asked for again when its answer was journaled", function()
    local server = serve [[
      return function(event)
        local first = test.touch { file = event.data.folder .. "/touched" }
        test.wait { file = event.data.folder .. "/go" }
        return first
      end]]
    deliver(server, { jobId = "j1", folder = server.folder })
    wait_for(server.folder .. "/go.begun")
    server:kill()
    server = server:again()
    host.wait_until(function()
      return #lines_of(server.folder .. "/go.begun") == 2
    end, "the second step to be asked for again")
    host.write(server.folder .. "/go", "")
    local run = server:wait_run(1, "done")
    assert.same({ '{"step": "1-1", "repeated": false}' }, lines_of(server.folder .. "/touched"))
    assert.same({ "first", "again" }, lines_of(server.folder .. "/go.begun"))
    assert.is_true(run.steps[2].repeated)
    server:stop()
  end)

  it("does not hold up the loop, and takes no longer than its run has time", function()
    local server = serve(
      [[
        return { timeout = 1, handle = function(event)
          if event.data.waits then
            test.wait { file = event.data.folder .. "/go" }
          end
          return "through"
        end }]],
      { config = "retry = { attempts = 20, first_seconds = 0.05 }" }
    )
    deliver(server, { jobId = "j1", waits = true, folder = server.folder })
    wait_for(server.folder .. "/go.begun")
    deliver(server, { jobId = "j2" })
    server:wait_run(2, "done")
    host.wait_until(function()
      return #lines_of(server.folder .. "/go.begun") >= 2
    end, "the run to be tried again")
    host.write(server.folder .. "/go", "")
    local run = server:wait_run(1, "done")
    assert.equal("again", lines_of(server.folder .. "/go.begun")[2])
    has(host.json.encode(run.steps[1]), "did not answer within the time of its run")
    assert.is_true(run.steps[1].forgotten)
    assert.is_true(run.steps[#run.steps].repeated)
    assert.equal(run.attempt, #run.steps) -- each asked anew, at once
    server:stop()
  end)

  it("that never comes back does not keep the host from stopping", function()
    local server = serve(
      [[ return function(event) test.wait { file = event.data.folder .. "/go" } end ]],
      { config = "limits = { drain_seconds = 0 }" }
    )
    deliver(server, { jobId = "j1", folder = server.folder })
    wait_for(server.folder .. "/go.begun")
    server:stop()
    has(server:stderr(), "a C helper has not come back")
  end)

  it("is told when the host has stopped", function()
    local folder = host.folder()
    local server = serve("return function() end", { environment = { TEST_PLUGIN_LEFT = folder .. "/left" } })
    assert.is_nil(exists(folder .. "/left"))
    server:stop()
    assert.same({ "left" }, lines_of(folder .. "/left"))
  end)
end)

describe("a plugin that cannot be used", function()
  local function refused(...)
    local server = host.serve { config = named(...), is_started = false }
    assert.same({ "exit", 1 }, { server:wait_exit() })
    assert.equal("", server:stdout())
    return server:stderr()
  end

  it("keeps the host from starting, with the file and the mistake", function()
    has(refused "not_there", "switchhook: plugin " .. plugin "not_there" .. ": it cannot be loaded: ")
    has(refused "no_entry", "plugin " .. plugin "no_entry" .. ": it exports no switchhook_plugin")
    has(refused "version", "built with version 99 of switchhook.h, and this host takes version 1")
    has(refused "reserved", "it registers router.jobs, but scripts have something else under 'router'")
    has(refused "refuses", "plugin " .. plugin "refuses" .. ": it says: the CRM is not there")
    has(
      refused("good", "clash"),
      ("plugin %s: it registers test.echo, which %s has registered already"):format(plugin "clash", plugin "good")
    )
  end)
end)

describe("what knows plugins besides the host", function()
  it("is try, which calls them only live", function()
    local folder = host.folder()
    host.write(folder .. "/switchhook.lua", named "good")
    host.make_folders(folder .. "/scripts")
    host.write(
      folder .. "/scripts/RouterJobQueued.lua",
      ([[ return function() return test.touch { file = %q } end ]]):format(folder .. "/touched")
    )
    local arguments = { "try", "scripts/RouterJobQueued.lua" }
    local result = host.run(arguments, { folder = folder })
    assert.equal(0, result.status, result.stderr)
    has(result.stdout, "test.touch")
    assert.is_nil(exists(folder .. "/touched"))
    arguments[3] = "--live"
    result = host.run(arguments, { folder = folder })
    assert.equal(0, result.status, result.stderr)
    assert.equal(1, #lines_of(folder .. "/touched"))
  end)

  it("is the kit", function()
    if sanitizer then
      return pending "the distribution's Lua has no sanitizer in it"
    end
    local folder = host.folder()
    host.write(folder .. "/switchhook.lua", named "good")
    host.make_folders(folder .. "/scripts")
    host.write(folder .. "/scripts/RouterJobQueued.lua", [[ return function() return test.echo { a = 1 } end ]])
    host.write(
      folder .. "/scripts/queued_spec.lua",
      [[
        local kit = require "switchhook.kit"
        it("asks", function()
          local here = kit.load "scripts"
          here:answer("test.echo", function(argument) return { given = argument } end)
          local run = here:deliver("RouterJobQueued", {})
          assert.same({ { "test.echo", { a = 1 } } }, run.steps)
        end)
      ]]
    )
    local result = host.run({ "test" }, { folder = folder })
    assert.equal(0, result.status, result.stdout .. result.stderr)
  end)
end)
