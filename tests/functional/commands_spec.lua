-- What every command has in common: exit statuses, where words go, --help and --json.
local host = require "host"

local function run(server, ...)
  return host.run({ ... }, { folder = server.folder })
end

local function serve(scripts)
  local server = host.serve { scripts = scripts }
  server:write_port()
  return server
end

local function has(text, words)
  assert.is_truthy(text:find(words, 1, true), ("%q is not in:\n%s"):format(words, text))
end

local COMMANDS = {
  "backup", "catalog", "check", "events", "pause", "replay", "resume", "serve", "sim", "status", "store",
}

describe("every command", function()
  it("says what it takes", function()
    for _, command in ipairs(COMMANDS) do
      local found = host.run { command, "--help" }
      assert.equal(0, found.status)
      assert.equal("", found.stderr)
      has(found.stdout, "usage: switchhook " .. command)
      assert.equal(command ~= "serve" and command ~= "sim", found.stdout:find("--json", 1, true) ~= nil, command)
    end
  end)

  it("names the word that it was called with wrongly, and ends with 2", function()
    local folder = host.folder()
    local function refuses(words, ...)
      local found = host.run({ ... }, { folder = folder })
      assert.equal(2, found.status, table.concat({ ... }, " ") .. found.stderr)
      assert.equal("", found.stdout)
      has(found.stderr, ("switchhook %s: %s"):format(..., words))
      has(found.stderr, "--help")
    end
    for _, command in ipairs(COMMANDS) do
      refuses("--nonsense is no option\n", command, "--nonsense")
      refuses("-x is no option\n", command, "-x")
      if command ~= "sim" and command ~= "catalog" then
        refuses("-c needs a value\n", command, "-c")
      end
    end
    refuses("--jsn is no option; did you mean --json?\n", "status", "--jsn")
    refuses("--sttae=x is no option; did you mean --state?\n", "events", "--sttae=x")
    refuses("--pritn is no option; did you mean --print?\n", "emit", "--pritn")
    refuses("--latncy is no option; did you mean --latency?\n", "sim", "--latncy")
    refuses("--json takes no value\n", "status", "--json=1")
    refuses("--state needs a value\n", "events", "--state")
    refuses("--state nonsense: must be one of queued, running, ", "events", "--state", "nonsense")
    for _, wrong in ipairs { "0", "1001", "x", "-1", "" } do
      refuses("--limit " .. wrong .. ": ", "events", "--limit", wrong)
    end
    refuses("--before x: ", "events", "--before", "x")
    refuses("--to needs a value\n", "sim", "--to")
    refuses("it takes no extra\n", "status", "extra")
  end)

  it("ends with 1 when it fails, and says why", function()
    local folder = host.folder()
    for _, command in ipairs { "events", "status", "serve", "pause" } do
      local found = host.run({ command, "-c", folder .. "/none.lua" }, { folder = folder })
      assert.equal(1, found.status)
      assert.equal("", found.stdout)
      has(found.stderr, folder .. "/none.lua: No such file")
    end
    local found = host.run {}
    assert.same({ 2, "" }, { found.status, found.stdout })
    has(found.stderr, "usage: switchhook COMMAND")
    -- What was printed did not get out.
    local full = host.run_program { "sh", "-c", host.binary .. " --help > /dev/full" }
    assert.equal(1, full.status)
    has(full.stderr, "No space left")
    local closed = host.run_program { "sh", "-c", host.binary .. " --help | true" }
    assert.equal("", closed.stderr)
  end)

  it("answers in JSON when it is asked to", function()
    local server = serve { ["RouterJobQueued.lua"] = "return function() fail 'never' end" }
    for i = 1, 3 do
      assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j" .. i }) }).status)
      server:wait_state(i, "parked")
    end
    local function says(expected, ...)
      local found = run(server, ...)
      assert.equal(0, found.status, found.stderr)
      assert.equal("", found.stderr)
      assert.same(expected, host.json.decode(found.stdout))
    end
    local file = server.folder .. "/copy.db"
    says({ file = file }, "backup", "--json", file)
    says({ sound = true }, "store", "check", "--json")
    says({ paused = true }, "pause", "--json")
    says({ paused = true, handler = "RouterJobQueued" }, "pause", "RouterJobQueued", "--json")
    says({ paused = false }, "resume", "--json")
    says({ seq = 2, runs = 1 }, "replay", "2", "--json")
    server:wait_state(2, "parked")
    local all = run(server, "replay", "--parked", "--json")
    assert.equal('{"seq":1,"runs":1}\n{"seq":2,"runs":1}\n{"seq":3,"runs":1}\n', all.stdout)
    assert.is_true(host.json.decode(run(server, "status", "--json").stdout).ready)
    assert.equal(3, host.json.decode(run(server, "events", "show", "3", "--json").stdout).seq)
    local near = run(server, "events", "--type", "RouterJobQueud", "--json")
    assert.equal(0, near.status)
    assert.equal("switchhook events: no event of the Job Router has the name RouterJobQueud; did you mean "
      .. "RouterJobQueued?\n", near.stderr)
    assert.same({}, host.json.decode(near.stdout).events)
    for _, name in ipairs { "RouterJobQueued", "Microsoft.Communication.RouterJobQueued", "Contoso.Created" } do
      assert.is_nil(run(server, "events", "--type", name).stderr:find("did you mean", 1, true))
    end
    server:stop()
  end)

  it("shows an event whose answers are more than an answer holds", function()
    local body = ("x"):rep(4000000)
    local upstream = host.upstream(function()
      return 200, {}, body
    end)
    local server = host.serve {
      config = ('http = { allow = { "127.0.0.1:%d" } }\n'):format(upstream.port),
      scripts = {
        ["RouterJobQueued.lua"] = ([[return function()
          for i = 1, 9 do http.get("http://127.0.0.1:%d/" .. i) end
          state.set("short", 1)
        end]]):format(upstream.port),
      },
    }
    server:write_port()
    assert.equal(200, server:deliver({ host.event "RouterJobQueued" }).status)
    host.wait_until(function()
      return run(server, "events", "--state", "done", "--json").stdout:find '"seq":1,'
    end, "the end of the run")
    local found = run(server, "events", "show", "1") -- 32 MiB take long to be read in Lua
    assert.equal(0, found.status, found.stderr)
    assert.is_nil(found.stdout:find "step 8: [^\n]*left out")
    assert.is_truthy(found.stdout:find "step 9: [^\n]*%(%d+ bytes are left out%)")
    assert.is_truthy(found.stdout:find 'step 10: state.set [^\n]*"short"')
    server:stop()
  end)

  it("turns the pages of events", function()
    local server = serve { ["RouterJobQueued.lua"] = "return function() end" }
    for i = 1, 3 do
      assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j" .. i }) }).status)
      server:wait_state(i, "done")
    end
    local found = run(server, "events", "--limit", "2")
    assert.equal(0, found.status)
    assert.equal("there may be older ones: --before 2\n", found.stderr)
    found = run(server, "events", "--limit", "2", "--before", "2")
    assert.equal("", found.stderr)
    assert.is_truthy(found.stdout:find "\n1 [^\n]*\n$")
    assert.is_nil(found.stdout:find "\n2 ")
    local page = host.json.decode(run(server, "events", "--before", "3", "--limit", "1", "--json").stdout)
    assert.equal(2, page.events[1].seq)
    assert.equal(2, page.next)
    server:stop()
  end)
end)
