-- check: what would be refused, and what is likely a mistake, by file and line.
local host = require "host"
local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

-- A folder of scripts, by name; the folder is the current one's `scripts`.
local function folder_of(scripts)
  local folder = host.folder()
  host.make_folders(folder .. "/scripts")
  for name, text in pairs(scripts) do
    host.make_folders((folder .. "/scripts/" .. name):match "^(.*)/")
    host.write(folder .. "/scripts/" .. name, text)
  end
  return folder
end

local function check(scripts, ...)
  return host.run({ "check", ... }, { folder = folder_of(scripts) })
end

-- Its lines but the last, which is the count.
local function finds(scripts, status, lines, count)
  local found = check(scripts)
  assert.equal("", found.stderr)
  assert.equal(table.concat(lines, "\n") .. (#lines > 0 and "\n" or "") .. count .. "\n", found.stdout)
  assert.equal(status, found.status)
end

local FINE = "return function(event) log.info(event.data.jobId) end"

describe("check", function()
  it("finds nothing in scripts that are fine", function()
    finds({
      ["RouterJobQueued.lua"] = FINE,
      ["RouterJobQueued/second.lua"] = FINE,
      ["Microsoft.Communication.RouterJobClosed.lua"] = FINE,
      ["Contoso.Orders.Created.lua"] = "return function(event) log.info(event.data.anything) end",
      ["default.lua"] = "return function(event) log.info(event.data.anything) end",
      ["local/remind.lua"] = "return function(event) log.info(event.data.anything) end",
      ["RouterJobClosed.lua"] = "local m = require 'deep.module'\nreturn function(e) m.f(e.data.jobId) end",
      ["lib/deep/module.lua"] = "return { f = function(id) return id end }",
      ["RouterJobQueued_spec.lua"] = "this is never loaded",
      ["RouterJobQueued.lua~"] = "this neither",
      [".hidden.lua"] = "and this",
      ["RouterJobQueued.json"] = "{}",
    }, 0, {}, "0 errors, 0 warnings in 8 files")
  end)

  it("finds nothing in the scripts and the examples that ship", function()
    local function assert_fine(folder, ...)
      local found = host.run({ "check", ... }, { folder = folder })
      assert.equal("", found.stderr)
      assert.is_truthy(found.stdout:match "^0 errors, 0 warnings in %d+ files?\n$", found.stdout)
      assert.equal(0, found.status)
    end
    assert_fine(host.folder(), host.source .. "/scripts")
    local listed = host.run_program { "find", host.source .. "/examples", "-type", "d", "-name", "scripts" }
    for example in listed.stdout:gmatch "([^\n]+)/scripts\n" do
      local folder = host.folder()
      assert.equal(0, host.run_program({ "cp", "-r", example .. "/.", folder }).status)
      local makes_helper = host.run_program { "sh", "-c", [[
        cd "$1" && ! grep -q crm.so switchhook.lua 2>/dev/null || cc -shared -fPIC -I "$2/include" -o crm.so crm.c
      ]], "sh", folder, host.source }
      assert.equal("", makes_helper.stderr)
      assert_fine(folder, folder .. "/scripts")
    end
  end)

  it("reports every error, by file and line", function()
    local scripts = { ["lib/broken.lua"] = "return {\n  x =\n}\n" }
    scripts["RouterJobClosed.lua"] = "local b = require 'broken'\nreturn function() end"
    scripts["RouterJobQueued.lua"] = "\nreturn function(event)\n  log.info('x'\nend"
    scripts["RouterJobDeleted.lua"] = "-- it returns nothing\n"
    scripts["RouterJobUnassigned.lua"] = "error 'not today'"
    scripts["RouterJobReceived.lua"] = "return { handel = print, handle = print }"
    local lines = {
      "scripts/RouterJobDeleted.lua:1: error: the script returns nothing",
      "scripts/RouterJobQueued.lua:4: error: ')' expected",
      "scripts/RouterJobReceived.lua:1: error: the returned table has no key 'handel'",
      "scripts/RouterJobUnassigned.lua:1: error: not today",
      "scripts/lib/broken.lua:3: error: unexpected symbol near '}'",
    }
    local found = check(scripts)
    local at = 0
    for line in found.stdout:gmatch "[^\n]+" do
      at = at + 1
      assert.equal(1, line:find(lines[at] or "5 errors, 0 warnings in 6 files", 1, true), found.stdout)
    end
    assert.equal(6, at)
    assert.equal(1, found.status)
  end)

  it("reports more errors than a worker's answer has room for", function()
    local scripts = {}
    for i = 1, 60 do
      scripts[("RouterJobQueued/number_%03d.lua"):format(i)] = ("error %q"):format(("x"):rep(30))
    end
    local found = check(scripts)
    assert.equal(1, found.status)
    assert.equal(60, select(2, found.stdout:gsub(":1: error: ", "")))
    assert.is_truthy(found.stdout:find("60 errors, 0 warnings in 60 files\n", 1, true))
  end)

  it("does not suffer scripts that never end, or take all memory", function()
    local folder = folder_of {
      ["RouterJobQueued.lua"] = "local x\nwhile true do x = 1 end",
      ["RouterJobClosed.lua"] = "local s = ('a'):rep(40)\ns:find(('a?'):rep(40) .. s)\nreturn function() end",
      ["RouterJobDeleted.lua"] = "require 'endless'\nreturn function() end",
      ["RouterJobReceived.lua"] = "local t = {}\nfor i = 1, 1e9 do t[i] = {} end",
      ["RouterJobCancelled.lua"] = "error 'found all the same'",
      ["lib/endless.lua"] = "\nrepeat until false",
      ["../switchhook.lua"] = "limits = { slice_ms = 300, run_memory_mib = 16 }",
    }
    local found = host.run({ "check" }, { folder = folder })
    local function has(words)
      assert.is_truthy(found.stdout:find(words, 1, true), words .. " is not in:\n" .. found.stdout)
    end
    has "scripts/RouterJobClosed.lua: error: killed after 300 ms"
    if sanitizer ~= "thread" then -- that one delivers no signal to a loop, which therefore cannot say where it is
      has "scripts/RouterJobQueued.lua:2: error: killed after 300 ms"
      has "scripts/lib/endless.lua:2: error: killed after 300 ms"
    end
    has "scripts/RouterJobReceived.lua:2: error: not enough memory: a run may use 16 MiB"
    has "scripts/RouterJobCancelled.lua:1: error: found all the same"
    has "5 errors, "
    assert.equal(1, found.status)
  end)

  it("warns of files that no event runs, and of those that are never loaded", function()
    finds({
      ["RouterJobWaitingForActivaton.lua"] = FINE,
      ["RouterJobCancled/refund.lua"] = FINE,
      ["Microsoft.Communication.RouterJobQueud.lua"] = FINE,
      ["Defalt.lua"] = FINE,
      ["Lcal/x.lua"] = FINE,
      ["Something.lua"] = FINE,
      ["local/deep/x.lua"] = FINE,
      ["lib/used.lua"] = "return {}",
      ["lib/unused.lua"] = "return {}",
      ["default.lua"] = "require 'used'\nreturn function() pcall(function() require 'usd' end) end",
      ["RouterJobQueued.Lua"] = "",
      ["RouterJobClosed.lua.txt"] = "",
      ["RouterJobClosed.txt"] = "",
    }, 0, {
      "scripts/Defalt.lua: warning: no event has the name Defalt; did you mean default?",
      "scripts/Lcal/x.lua: warning: no event has the name Lcal; did you mean local?",
      "scripts/Microsoft.Communication.RouterJobQueud.lua: warning: no event has the name "
        .. "Microsoft.Communication.RouterJobQueud; did you mean Microsoft.Communication.RouterJobQueued?",
      "scripts/RouterJobCancled/refund.lua: warning: no event has the name RouterJobCancled; did you mean "
        .. "RouterJobCancelled?",
      "scripts/RouterJobClosed.lua.txt: warning: it is never loaded: the name of a script ends in .lua",
      "scripts/RouterJobClosed.txt: warning: it is never loaded: the name of a script ends in .lua",
      "scripts/RouterJobQueued.Lua: warning: it is never loaded: the name of a script ends in .lua",
      "scripts/RouterJobWaitingForActivaton.lua: warning: no event has the name RouterJobWaitingForActivaton; did "
        .. "you mean RouterJobWaitingForActivation?",
      "scripts/Something.lua: warning: no event of the Job Router has the name Something (a script for another "
        .. "source's event is named after its full type)",
      "scripts/default.lua:2: warning: require 'usd': there is no such module in lib; did you mean 'used'?",
      "scripts/lib/unused.lua: warning: no script requires this module",
      "scripts/local/deep/x.lua: warning: no event runs it: what after() raises is handled by the files of local/ "
        .. "itself",
    }, "0 errors, 12 warnings in 10 files")
  end)

  it("warns of fields that the event does not have, and of names that no script has", function()
    finds({
      ["RouterJobQueued/a.lua"] = "return function(event)\n  log.info(event.data.queuId)\nend",
      ["RouterJobClassified.lua"] = "return {\n  handle = function(event)\n"
        .. "    local data = event.data\n    rooter.jobs.get(data.queueInfo.id)\n  end,\n}",
      ["local/remind.lua"] = "return function(event) router.jobs.activte(event.data.jobId, event.atempt) end",
    }, 0, {
      "scripts/RouterJobClassified.lua:4: warning: event.data.queueInfo: only events of the 2021 set have it; "
        .. "queueDetails is always there",
      "scripts/RouterJobClassified.lua:4: warning: rooter: there is no global of this name; did you mean router?",
      "scripts/RouterJobQueued/a.lua:2: warning: event.data.queuId: RouterJobQueued has no such field; did you "
        .. "mean queueId?",
      "scripts/local/remind.lua:1: warning: event.atempt: an event has no such member; did you mean "
        .. "event.attempt?",
      "scripts/local/remind.lua:1: warning: router.jobs.activte: there is nothing of this name in router.jobs; "
        .. "did you mean activate?",
    }, "0 errors, 5 warnings in 3 files")
  end)

  it("warns of what after() raises and nothing handles", function()
    local scripts = {
      ["RouterJobQueued.lua"] = "return function()\n  after(60, 'remnd')\n  after(60, 'remind')\n"
        .. "  pcall(after, 60, 'x')\n  after(60, 'zebra', { 1 })\nend",
      ["local/remind.lua"] = FINE,
    }
    finds(scripts, 0, {
      "scripts/RouterJobQueued.lua:2: warning: after: nothing handles 'remnd': there is no local/remnd.lua; did "
        .. "you mean 'remind'?",
      "scripts/RouterJobQueued.lua:5: warning: after: nothing handles 'zebra': there is no local/zebra.lua",
    }, "0 errors, 2 warnings in 2 files")
    scripts["default.lua"] = FINE
    finds(scripts, 0, {}, "0 errors, 0 warnings in 3 files")
  end)

  it("warns of a filter that no event ever passes, and says why", function()
    local filter = "-- filter\nreturn {\n  filter = { advancedFilters = { "
      .. "{ operatorType = 'NumberGreaterThan', key = 'data.priority', value = 5 } } },\n"
      .. "  handle = function() end,\n}"
    local found = check { ["RouterJobCancelled.lua"] = filter, ["RouterJobQueued.lua"] = filter }
    assert.equal(0, found.status)
    local line = found.stdout:match "^(.-)\n0 errors, 1 warning in 2 files\n$"
    assert.is_truthy(line, found.stdout)
    local begin = "scripts/RouterJobCancelled.lua:3: warning: no event ever passes its filter: "
    assert.equal(begin, line:sub(1, #begin))
    assert.is_truthy(line:find("priority", 1, true))
  end)

  it("knows the operations of C helpers", function()
    local folder = folder_of {
      ["RouterJobQueued.lua"] = "return function(e) test.echo { id = e.data.jobId } test.toch {} end",
      ["../switchhook.lua"] = ("plugins = { %q }"):format(host.build .. "/tests/plugin_good.so"),
    }
    local found = host.run({ "check" }, { folder = folder })
    assert.equal("scripts/RouterJobQueued.lua:1: warning: test.toch: there is nothing of this name in test; "
      .. "did you mean touch?\n0 errors, 1 warning in 1 file\n", found.stdout)
  end)

  it("knows the members that an event has when it runs", function()
    local server = host.serve {
      scripts = {
        ["default.lua"] = "return function(event) local names = {} for name in pairs(event) do "
          .. "names[#names + 1] = name end log.info(table.concat(names, ',')) end",
      },
    }
    server:deliver { host.event("RouterJobQueued", { jobId = "j1" }) }
    server:wait_state(1, "done")
    local reads = {}
    for name in server:stderr():match("message=([%w,\"]+)"):gmatch "%w+" do
      reads[#reads + 1] = ("log.info(event.%s)"):format(name)
    end
    assert.is_true(#reads >= 9)
    local script = ("return function(event) %s end"):format(table.concat(reads, " "))
    finds({ ["RouterJobQueued.lua"] = script }, 0, {}, "0 errors, 0 warnings in 1 file")
  end)

  it("refuses a connection string that the host would refuse", function()
    local folder = folder_of { ["RouterJobQueued.lua"] = FINE }
    local function with(text)
      host.write(folder .. "/switchhook.lua", ("router = { connection_string = %q }"):format(text))
      return host.run({ "check" }, { folder = folder })
    end
    for text, words in pairs {
      nonsense = "a part has no '='",
      ["endpoint=http://example.com;accesskey=aGVsbG8="] = "loopback",
    } do
      local found = with(text)
      assert.equal(1, found.status)
      assert.equal("", found.stdout)
      local place = "switchhook: switchhook.lua: router.connection_string: "
      assert.equal(place, found.stderr:sub(1, #place))
      assert.is_truthy(found.stderr:find(words, 1, true), found.stderr)
    end
    assert.equal(0, with("endpoint=http://127.0.0.1:8081/;accesskey=aGVsbG8=").status)
  end)

  it("takes any bytes", function()
    local found = check {
      ["RouterJobQueued.lua"] = ("\0\1\2\xff"):rep(1000),
      ["RouterJobClosed.lua"] = ("("):rep(1024 * 1024),
      ["RouterJobDeleted.lua"] = "\27Lua" .. ("\0"):rep(100),
      ["RouterJobReceived.lua"] = "return " .. ("{"):rep(100000),
      ["RouterJobCancelled.lua"] = "return function(e) return e.data['\27[31m\xff'] end",
      ["\27[31mred.lua"] = FINE,
    }
    assert.equal(1, found.status)
    assert.equal("", found.stderr)
    assert.is_nil(found.stdout:find "[\0-\9\11-\31\127-\255]")
    assert.is_truthy(found.stdout:find("4 errors, 2 warnings in 6 files", 1, true), found.stdout)
  end)

  it("answers in JSON, and reads the folder that it is given", function()
    local folder = folder_of { ["RouterJobQueued.lua"] = "return function(e) return e.data.queuId end" }
    host.make_folders(folder .. "/other")
    host.write(folder .. "/other/RouterJobClosed.lua", "return")
    local found = host.run({ "check", "--json" }, { folder = folder })
    assert.equal(0, found.status)
    assert.same({
      errors = 0,
      warnings = 1,
      files = 1,
      findings = {
        {
          file = "scripts/RouterJobQueued.lua",
          line = 1,
          severity = "warning",
          message = "event.data.queuId: RouterJobQueued has no such field; did you mean queueId?",
        },
      },
    }, (host.json.decode(found.stdout)))
    found = host.run({ "check", "--json", "other/" }, { folder = folder })
    assert.equal(1, found.status)
    local answer = host.json.decode(found.stdout)
    assert.equal(1, answer.errors)
    assert.equal("other/RouterJobClosed.lua", answer.findings[1].file)
    host.write(folder .. "/conf.lua", "scripts = 'other'")
    assert.equal(1, host.run({ "check", "-c", "conf.lua" }, { folder = folder }).status)
  end)

  it("says what it cannot read", function()
    local folder = host.folder()
    local found = host.run({ "check" }, { folder = folder })
    assert.equal(1, found.status)
    assert.equal("", found.stdout)
    assert.is_truthy(found.stderr:find("cannot open the scripts folder", 1, true))
    assert.equal(2, host.run({ "check", "a", "b" }, { folder = folder }).status)
    found = host.run({ "check", "--json", "nowhere" }, { folder = folder })
    assert.same({ 1, "" }, { found.status, found.stderr })
    local answer = host.json.decode(found.stdout)
    assert.same({ 1, 0, "nowhere" }, { answer.errors, answer.files, answer.findings[1].file })
    host.write(folder .. "/switchhook.lua", "lisen = 1")
    answer = host.json.decode(host.run({ "check", "--json" }, { folder = folder }).stdout)
    assert.equal("switchhook.lua", answer.findings[1].file)
    assert.is_truthy(answer.findings[1].message:find("did you mean listen?", 1, true))
  end)

  it("needs no secrets", function()
    local folder = folder_of { ["RouterJobQueued.lua"] = "local token = secret 'CRM'\n" .. FINE }
    host.write(folder .. "/switchhook.lua", 'secrets = { CRM = { value = env "NOT_SET_HERE", hosts = { "a" } } }')
    local found = host.run({ "check" }, { folder = folder })
    assert.equal("0 errors, 0 warnings in 1 file\n", found.stdout)
    assert.equal(0, found.status)
    assert.is_truthy(found.stderr:find("NOT_SET_HERE is not set", 1, true), found.stderr)
  end)
end)
