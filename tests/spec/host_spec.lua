-- The helper of the functional tests: what it promises about processes, folders and waiting.
local host = require "host"
local native = host.native
local message = require "message"

local function exists(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

describe("the helper of the functional tests", function()
  local left = {}

  it("finds lines in both outputs, and only those after a mark", function()
    local script = 'echo one; echo "two 2" >&2; read -r line < go; echo "$line"'
    local folder = host.folder()
    os.remove(folder .. "/go")
    assert(host.run_program({ "mkfifo", folder .. "/go" }).status == 0)
    local process = host.start_program({ "sh", "-c", script }, { folder = folder })
    assert.equal("one", process:wait_line "^one$")
    assert.equal("2", process:wait_line "^two (%d)$")
    local mark = process:mark()
    host.write(folder .. "/go", "one 1\n")
    assert.equal("1", process:wait_line("^one ?(.*)$", mark))
    process:stop()
  end)

  it("says at once that a process ended without the line", function()
    local process = host.start_program { "sh", "-c", "echo because >&2; exit 3" }
    local ok, words = pcall(process.wait_line, process, "^ready")
    assert.is_false(ok)
    assert.is_truthy(words:find("exit 3", 1, true) and words:find("because", 1, true))
    assert.has_error(function()
      process:stop()
    end)
  end)

  it("tells signals from statuses", function()
    local process = host.start_program { "sleep", "1000" }
    assert.is_true(process:is_running())
    assert.same({ "signal", native.SIGKILL }, { process:kill() })
    assert.equal(5, host.run_program({ "sh", "-c", "exit 5" }).status)
    assert.equal(127, host.run_program({ "/nowhere/at-all" }).status)
  end)

  it("gives the environment that was asked for", function()
    local environment = { SWITCHHOOK_SPEC = "a b", HOME = false }
    local program = { "sh", "-c", 'echo "$SWITCHHOOK_SPEC/$HOME/$(pwd)"' }
    local folder = host.folder()
    local result = host.run_program(program, { environment = environment, folder = folder })
    assert.equal("a b//" .. folder .. "\n", result.stdout)
  end)

  it("waits no longer than it was told", function()
    local before = native.now()
    local ok, words = pcall(host.wait_until, function() end, "nothing", 0.05)
    assert.is_false(ok)
    assert.is_truthy(words:find("waited 0.05 s for nothing", 1, true))
    assert.is_true(native.now() - before < 10)
  end)

  it("leaves something behind", function()
    left.folder = host.folder()
    left.process = host.start_program { "sleep", "1000" }
  end)

  it("finds that gone in the next test", function()
    assert.is_falsy(exists(left.folder))
    assert.equal("signal", left.process.how)
  end)

  it("answers from the test itself", function()
    local server = host.upstream(function(request)
      if request.target == "/gone" then
        return nil
      end
      return 503, { ["Retry-After"] = "1" }, request.body
    end)
    local answer = host.request { url = server.url .. "/x?y=1", method = "POST", json = { a = 1 } }
    assert.same({ 503, "1", 1 }, { answer.status, answer.headers["retry-after"], answer.json.a })
    assert.equal("/x?y=1", server:wait_requests(1)[1].target)
    assert.has_error(function()
      host.request { url = server.url .. "/gone" }
    end)
  end)

  it("reads messages in pieces", function()
    local whole = "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nA: 1\r\nTransfer-Encoding: chunked\r\n\r\n"
      .. "3\r\nabc\r\n2;x\r\nde\r\n0\r\n\r\n"
    for length = 1, #whole - 1 do
      assert.is_nil((message.read(whole:sub(1, length), true, false)))
    end
    local answer, taken = message.read(whole .. "HTTP", true, false)
    assert.same({ "abcde", "1", #whole }, { answer.body, answer.headers.a, taken })
    answer, taken = message.read("HTTP/1.1 204 No\r\n\r\nmore", true, false)
    assert.same({ "", 19 }, { answer.body, taken })
    assert.is_nil((message.read("HTTP/1.1 200 OK\r\n\r\nmore", true, false)))
    assert.equal("more", message.read("HTTP/1.1 200 OK\r\n\r\nmore", true, true).body)
  end)
end)
