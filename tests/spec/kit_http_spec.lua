-- The kit and http: what a script sends, with secrets by name, and what a spec answers.
local folder = require "kit_folder"

-- At this spec's line, and with these words.
local function assert_says(words, raised)
  assert.is_truthy(raised:find("kit_http_spec.lua:%d+: "), raised)
  assert.is_truthy(raised:find(words, 1, true), raised)
end

describe("http", function()
  local LINES = [[
    local answer = http.post("https://crm.example.com/x", {
      headers = { Authorization = "Bearer " .. secret "TOKEN" },
      json = { id = event.data.jobId },
    })
    return { answer.status, answer.headers["content-type"] or "none", answer.body, (pcall(answer.json)) }
  ]]
  local options = { secrets = { "TOKEN" } }

  it("needs an answer, and shows what was sent, secrets by name", function()
    local host = folder.handler(LINES, options)
    local words = 'say host:answer("http.post", ...) before'
    assert_says(words, folder.raised(function()
      host:deliver("RouterJobQueued", { jobId = "j1" })
    end))
    host:answer("http.post", nil)
    local run = host:deliver("RouterJobQueued", { jobId = "j1" })
    assert.same({ 200, "none", "", false }, run.value)
    assert.same({
      {
        "http.post",
        "https://crm.example.com/x",
        { headers = { Authorization = { "Bearer ", { secret = "TOKEN" } } }, json = { id = "j1" } },
      },
    }, run.steps)
  end)

  it("answers what a server would", function()
    local host = folder.handler(LINES, options)
    local function value(...)
      host:answer("http.post", ...)
      return host:deliver("RouterJobQueued", { jobId = "j1" }).value
    end
    assert.same({ 201, "application/json", '{"a":[1]}', true }, value { status = 201, json = { a = { 1 } } })
    assert.same({ 500, "text/plain", "no", false }, value {
      status = 500,
      headers = { ["Content-Type"] = "text/plain" },
      body = "no",
    })
    assert.same({ 200, "none", "text", false }, value "text")
    assert.same({ 200, "none", "CALLED", false }, value(function(url, given)
      assert.equal("https://crm.example.com/x", url)
      assert.equal("j1", given.json.id)
      return "CALLED"
    end))
    host:fail("http.post", { times = 1 })
    local run = host:deliver("RouterJobQueued", { jobId = "j1" })
    assert.same({ "waiting", "TransportFailed" }, { run.state, run.error.code })
  end)

  it("says what is wrong with an answer", function()
    local host = folder.handler(LINES, options)
    local function answer(value)
      return folder.raised(function()
        host:answer("http.post", value)
        host:deliver "RouterJobQueued"
      end)
    end
    assert_says("no 'jsn' (did you mean 'json'?)", answer { jsn = 1 })
    assert_says("must be a body, or a table of status", answer(7))
    assert_says("there is no operation 'http.pots' (did you mean 'http.post'?)", folder.raised(function()
      host:answer("http.pots", 1)
    end))
  end)

  it("knows only the secrets that there are", function()
    local run = folder.deliver("return secret 'TOKE'", nil, options)
    assert.matches("TOKEN", run.error.message)
  end)
end)
