-- http.*: what a script says goes out, and what comes back is its answer; the journal holds it.
local host = require "host"

local QUICK = "retry = { first_seconds = 0.05, factor = 1.2, attempts = 4 }\n"

local function allow(...)
  local list = {}
  for i, upstream in ipairs { ... } do
    list[i] = ('"127.0.0.1:%d"'):format(upstream.port)
  end
  return ("http = { allow = { %s } }\n"):format(table.concat(list, ", "))
end

local function deliver(server, job, more)
  local data = { jobId = job }
  for name, value in pairs(more or {}) do
    data[name] = value
  end
  assert.equal(200, server:deliver({ host.event("RouterJobQueued", data) }).status)
end

-- Runs the handler's body once, with `url` set; returns the run when it is in the state.
local function run(upstream, body, state, config)
  local server = host.serve {
    config = (config or allow(upstream)) .. QUICK,
    scripts = {
      ["RouterJobQueued.lua"] = ('local url = "%s"\nreturn function(event) %s end'):format(upstream.url, body),
    },
  }
  deliver(server, "j1")
  return server:wait_run(1, state or "done"), server
end

local function returned(one)
  return type(one.returned) == "string" and host.json.decode(one.returned) or one.returned
end

describe("http", function()
  it("sends what the script says", function()
    local upstream = host.upstream()
    local _, server = run(
      upstream,
      [[
        http.get(url .. "/a?b=c%20d")
        http.post(url .. "/b", {
          json = { list = json.array {}, n = 1, text = "ü" }, headers = { ["X-One"] = 1 },
        })
        http.put(url .. "/c", {
          body = "plain", headers = { ["Content-Type"] = "text/plain", Accept = "text/html" },
        })
        http.patch(url .. "/d", { body = "\xff\0\1" })
        http.delete(url .. "/e")
        http.head(url .. "/f")
        http.request { method = "report", url = url .. "/g", json = json.null, timeout = 5 }
        http.post(url .. "/h")
      ]]
    )
    local seen = {}
    for i, request in ipairs(upstream.requests) do
      seen[i] = request.method .. " " .. request.target .. " " .. request.body
    end
    assert.same({
      "GET /a?b=c%20d ",
      'POST /b {"list":[],"n":1,"text":"ü"}',
      "PUT /c plain",
      "PATCH /d \xff\0\1",
      "DELETE /e ",
      "HEAD /f ",
      "REPORT /g null",
      "POST /h ",
    }, seen)
    assert.equal("application/json", upstream.requests[2].headers["content-type"])
    assert.equal("1", upstream.requests[2].headers["x-one"])
    assert.equal("text/plain", upstream.requests[3].headers["content-type"])
    assert.equal("text/html", upstream.requests[3].headers["accept"])
    assert.is_nil(upstream.requests[4].headers["content-type"])
    assert.is_nil(upstream.requests[1].headers["x-ms-client-request-id"])
    server:stop()
  end)

  it("gives status, headers, body and json()", function()
    local upstream = host.upstream(function(request)
      if request.target == "/bytes" then
        return 200, {}, "\xff\0\xc3\x28"
      end
      return 201, { ["X-Thing"] = "a", ETag = '"7"' }, '{"a":[1,2.5,null],"big":9007199254740993}'
    end)
    local one, server = run(
      upstream,
      [[
        local answer, about = http.get(url .. "/json")
        local value = answer.json()
        local bytes = http.get(url .. "/bytes").body
        return { status = answer.status, thing = answer.headers["x-thing"], body = answer.body, big = value.big,
          null = value.a[3] == json.null, about = { about.status, about.etag, about.repeated },
          bytes = { bytes:byte(1, -1) } }
      ]]
    )
    assert.same({
      status = 201,
      thing = "a",
      body = '{"a":[1,2.5,null],"big":9007199254740993}',
      big = 9007199254740993,
      null = true,
      about = { 201, '"7"', false },
      bytes = { 0xff, 0, 0xc3, 0x28 },
    }, returned(one))
    assert.equal("/wDDKA==", one.steps[2].answer.body_base64)
    server:stop()
  end)

  it("takes any status as an answer, and follows no redirect", function()
    local upstream = host.upstream(function(request)
      local status = tonumber(request.target:match "%d+")
      return status, status < 400 and { Location = "http://127.0.0.1:1/else" } or {}, "no"
    end)
    local one, server = run(
      upstream,
      [[
        local seen = {}
        for _, status in ipairs { 301, 307, 400, 401, 404, 409, 429, 500, 503 } do
          seen[#seen + 1] = http.get(url .. "/" .. status).status
        end
        return seen
      ]]
    )
    assert.same({ 301, 307, 400, 401, 404, 409, 429, 500, 503 }, returned(one))
    assert.equal(9, #upstream.requests)
    server:stop()
  end)

  it("raises when there is no answer", function()
    local upstream = host.upstream(function()
      return nil
    end)
    local one, server = run(
      upstream,
      [[
        local seen = {}
        for i, more in ipairs { { url .. "/hangs-up" }, { "http://127.0.0.1:1/" } } do
          local ok, why = pcall(http.get, more[1])
          seen[i] = { ok, why.operation, why.status, why.code, why.retryable, why.repeated }
        end
        return seen
      ]],
      "done",
      ('http = { allow = { "127.0.0.1:%d", "127.0.0.1:1" } }\n'):format(upstream.port)
    )
    local wanted = { false, "http.get", 0, "TransportFailed", true, false }
    assert.same({ wanted, wanted }, returned(one))
    server:stop()
  end)

  it("gives up after the time that was said", function()
    local upstream = host.upstream(function()
      return false
    end)
    local one, server = run(
      upstream,
      [[
        local ok, why = pcall(http.get, url, { timeout = 0.2 })
        return { ok, why.code, why.retryable }
      ]]
    )
    assert.same({ false, "Timeout", true }, returned(one))
    server:stop()
  end)

  it("reaches private addresses only when they are allowed", function()
    local upstream, other = host.upstream(), host.upstream()
    local one, server = run(
      upstream,
      ([[
        local port = %d
        http.get(url)
        local seen = {}
        for i, target in ipairs {
          "127.0.0.1:%d", "127.1:" .. port, "localhost:" .. port, "[::ffff:127.0.0.1]:" .. port,
          "2130706433:" .. port, "169.254.169.254", "[::1]:" .. port, "user@127.0.0.1:" .. port,
        } do
          local ok, why = pcall(http.get, "http://" .. target .. "/")
          seen[i] = ok or { why.code, why.retryable }
        end
        return seen
      ]]):format(upstream.port, other.port)
    )
    local refused = { "BadRequest", false }
    -- By another spelling it is the same address.
    assert.same({ refused, true, true, true, true, refused, refused, refused }, returned(one))
    assert.equal(0, #other.requests)
    server:stop()
    one, server = run(upstream, "http.get(url)", "parked", "")
    assert.matches("http.get: BadRequest: the host's address is loopback, .*http.allow", one.reason)
    server:stop()
  end)

  it("says what is wrong with its arguments", function()
    local upstream = host.upstream()
    local one, server = run(
      upstream,
      [[
        local wrong = {
          { http.get }, { http.get, 5 }, { http.get, "ftp://x/" }, { http.get, "http://a b/" },
          { http.get, "http:///x" },
          { http.get, url .. "/\r\nX: y" }, { http.get, url .. "/\0" }, { http.get, url .. "/ü" },
          { http.get, url, {}, 3 }, { http.get, url, 5 }, { http.get, url, { heders = {} } },
          { http.get, url, { headers = { ["a b"] = "c" } } },
          { http.get, url, { headers = { ["A\r\nB"] = "c" } } },
          { http.get, url, { headers = { A = "b\r\nC: d" } } },
          { http.get, url, { headers = { A = "b\0" } } },
          { http.get, url, { headers = { A = {} } } }, { http.get, url, { headers = { "A: b" } } },
          { http.get, url, { headers = { A = "1", a = "2" } } },
          { http.get, url, { headers = { Host = "evil" } } },
          { http.get, url, { headers = { ["transfer-encoding"] = "chunked" } } },
          { http.post, url, { body = {} } }, { http.post, url, { body = "x", json = {} } },
          { http.post, url, { json = { f = print } } }, { http.head, url, { body = "x" } },
          { http.get, url, { timeout = 0 } }, { http.get, url, { timeout = "1" } }, { http.request, {} },
          { http.request, { url = url } }, { http.request, { url = url, method = "GET /x HTTP/1.1\r\n" } },
          { http.request, { url = url, method = "CONNECT" } }, { http.request, url },
        }
        local seen = {}
        for i, call in ipairs(wrong) do
          local ok, why = pcall(table.unpack(call))
          seen[i] = tostring(ok and "sent" or why)
        end
        return seen
      ]]
    )
    local words = {
      "'url' to http.get", "'url' to http.get", "'url'.*must begin with https://", "'url'.*percent%-encode",
      "'url'.*must begin with", "'url'.*percent%-encode", "'url'.*percent%-encode", "'url'.*percent%-encode",
      "got 3 arguments", "'options' to http.get", "did you mean 'headers'", "header's name", "header's name",
      "value of A holds a line end", "value of A holds a line end", "value of A must be a string, got table",
      "keys must be names of headers", "stands in it twice", "Host is set by the host",
      "transfer%-encoding is set by the host", "'body' to http.post", "`body` or `json`, not both",
      "json.f: a function", "HEAD request has no body", "'timeout'", "'timeout'", "'method'", "'method'",
      "'method'.*a word such as GET", "'method'.*a word such as GET", "'options' to http.request",
    }
    local seen = returned(one)
    assert.equal(#words, #seen)
    for i, word in ipairs(words) do
      assert.matches(word, seen[i])
    end
    assert.equal(0, #upstream.requests)
    server:stop()
  end)

  it("asks again when its json() could not be read because the upstream is ill", function()
    local tries = 0
    local upstream = host.upstream(function()
      tries = tries + 1
      if tries < 3 then
        return 503, {}, "<html>"
      end
      return 200, {}, '{"ok":true}'
    end)
    local one, server = run(upstream, "return http.get(url).json().ok")
    assert.is_true(returned(one))
    assert.equal(3, #upstream.requests)
    assert.equal(3, one.attempt)
    server:stop()
    upstream = host.upstream(function()
      return 200, {}, "<html>"
    end)
    one, server = run(upstream, "return http.get(url).json()", "parked")
    assert.matches("http.get: 200 NoJson: the answer's body is no JSON: .* at byte 0", one.reason)
    server:stop()
  end)

  it("asks again after a failure was mended elsewhere, and not for what was answered well", function()
    local is_mended = false
    local upstream = host.upstream(function(request)
      if request.target == "/good" or is_mended then
        return 200, {}, "{}"
      end
      return 404, {}, ""
    end)
    local one, server = run(
      upstream,
      [[
        http.get(url .. "/good")
        local answer = http.get(url .. "/bad")
        if answer.status ~= 200 then fail("the CRM says " .. answer.status) end
      ]],
      "parked"
    )
    assert.matches("the CRM says 404", one.reason)
    is_mended = true
    assert.equal(200, server:api("/api/events/1/replay", { method = "POST" }).status)
    server:wait_run(1, "done")
    assert.same({ "/good", "/bad", "/bad" }, {
      upstream.requests[1].target,
      upstream.requests[2].target,
      upstream.requests[3].target,
    })
    server:stop()
  end)

  it("refuses an answer over limits.answer_mib", function()
    local upstream = host.upstream(function()
      return 200, {}, ("x"):rep(1024 * 1024 + 1)
    end)
    local one, server = run(
      upstream,
      [[local ok, why = pcall(http.get, url) return { ok, why.code, why.retryable }]],
      "done",
      allow(upstream) .. "limits = { answer_mib = 1 }\n"
    )
    assert.same({ false, "AnswerTooLarge", false }, returned(one))
    server:stop()
  end)

  for _, point in ipairs { "host.sent", "host.answered" } do
    it("says `repeated` when the host was killed at " .. point, function()
      local upstream = host.upstream()
      local server = host.serve {
        config = allow(upstream) .. QUICK,
        environment = { SWITCHHOOK_FAULT = point .. ":1:kill" },
        scripts = {
          ["RouterJobQueued.lua"] = ([[return function()
            local _, first = http.post("%s/x")
            local _, second = http.post("%s/y")
            return { first.repeated, second.repeated }
          end]]):format(upstream.url, upstream.url),
        },
      }
      pcall(deliver, server, "j1") -- its answer may come, or not any more
      server:wait_exit()
      server = server:again { environment = {} }
      assert.same({ true, false }, returned(server:wait_run(1, "done")))
      server:stop()
    end)
  end
end)

describe("an upstream that does not answer", function()
  local SCRIPT = [[return function(event)
    local answer = http.post(event.data.name .. "/" .. event.data.jobId)
    if answer.status >= 500 then answer.json() end
  end]]

  it("holds the runs that need it, and no others", function()
    local is_down = true
    local ill = host.upstream(function()
      return is_down and 503 or 200, {}, ""
    end)
    local well = host.upstream()
    local server =
      host.serve { config = allow(ill, well) .. QUICK, scripts = { ["RouterJobQueued.lua"] = SCRIPT } }
    for i = 1, 20 do
      deliver(server, "j" .. i, { name = ill.url })
    end
    server:wait_line("the upstream fails: runs that need it wait.*" .. ill.port)
    assert.same({ ill.url }, server:api("/api/status").json.openUpstreams)
    assert.is_false(server:api("/api/status").json.breakerOpen)
    deliver(server, "j21", { name = well.url })
    server:wait_state(21, "done")
    is_down = false
    for seq = 1, 20 do
      server:wait_state(seq, "done")
    end
    host.wait_until(function()
      return #server:api("/api/status").json.openUpstreams == 0
    end, "the breaker to close")
    server:stop()
  end)
end)

describe("descriptors", function()
  it("are as many as the system lets the host have", function()
    local limited = host.folder() .. "/limited"
    host.write(limited, ('#!/bin/sh\nulimit -Sn 300 && ulimit -Hn 600 && exec "%s" "$@"\n'):format(host.binary))
    assert.equal(0, host.run_program({ "chmod", "700", limited }).status)
    local server = host.serve { binary = limited, scripts = {} }
    local soft, hard = host.read("/proc/" .. server.pid .. "/limits"):match "Max open files%s+(%d+)%s+(%d+)"
    assert.equal("600", soft)
    assert.equal("600", hard)
    server:stop()
  end)
end)
