-- Deliveries from outside: every status, what is kept of them, and that nothing that comes in takes the host
-- down.
local delivery = require "delivery"
local host = require "host"

local post = delivery.post
local assert_stored = delivery.assert_stored
local assert_refused = delivery.assert_refused
local assert_is_up = delivery.assert_is_up
local event_text = delivery.event_text
local kept = delivery.kept

describe("the answer to a body that cannot be read", function()
  it("is 400 with the place, and nothing is kept", function()
    local server = host.serve()
    local bodies = {
      ["no body"] = "",
      ["white space"] = " \r\n",
      ["no JSON"] = "hello",
      ["half of it"] = '[{"id":"1","eventType":',
      ["more than it"] = "[] []",
      ["a number"] = "17",
      ["null"] = "null",
      ["an object that is no event"] = '{"hello":"there"}',
      ["an event without an id"] = '{"eventType":"x"}',
      ["bad UTF-8"] = "[" .. event_text("a\xff") .. "]",
      ["half a surrogate pair"] = "[" .. event_text("a\\ud800") .. "]",
      ["a number beyond a double"] = "[" .. event_text("a", '{"n":1e999}') .. "]",
      ["a control character"] = '[{"id":"a\nb","eventType":"x"}]',
    }
    for name, body in pairs(bodies) do
      local answer = post(server, body)
      assert.equal(400, answer.status, name)
      assert.equal("unreadable_body", answer.json.error.code, name)
      assert.equal("number", type(answer.json.error.offset), name)
      assert.is_true(answer.json.error.offset <= #body, name)
    end
    local answer = host.raw(server.port, "POST /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")
    assert.is_truthy(answer:find "^HTTP/1.1 400 ")
    assert.same({}, kept(server))
    assert_is_up(server)
    server:stop()
  end)

  it("says where the first bad byte is", function()
    local server = host.serve()
    assert.equal(5, post(server, "[17, x]").json.error.offset)
    server:stop()
  end)

  it("is not given to one of 128 levels", function()
    local server = host.serve()
    -- The array, the element and its data's 126.
    local levels = ("["):rep(126) .. ("]"):rep(126)
    assert_stored(post(server, "[" .. event_text("deep", levels) .. "]"), 1)
    assert_refused(post(server, "[" .. event_text("deeper", "[" .. levels .. "]") .. "]"), 400, "unreadable_body")
    server:stop()
  end)
end)

describe("a delivery that is cut off", function()
  it("is not kept, and the host goes on", function()
    local server = host.serve()
    local body = "[" .. event_text "cut" .. "]"
    local head = "POST /events HTTP/1.1\r\nHost: h\r\n"
    local beginnings = {
      "",
      "PO",
      head,
      head .. ("Content-Length: %d\r\n\r\n"):format(#body) .. body:sub(1, -2),
      head .. "Transfer-Encoding: chunked\r\n\r\n" .. ("%x\r\n%s\r\n"):format(#body, body),
      head .. "Transfer-Encoding: chunked\r\n\r\n5\r\n[{\"",
    }
    for _, bytes in ipairs(beginnings) do
      for _ = 1, 5 do
        local connection = host.connect(server.port)
        connection:send(bytes)
        connection:close()
      end
    end
    assert_is_up(server)
    assert.equal(1, #kept(server))
    server:stop()
  end)

  it("is kept when only the wait for the answer was", function()
    local server = host.serve()
    local body = "[" .. event_text "gone" .. "]"
    local connection = host.connect(server.port)
    connection:send(("POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
    connection:close()
    host.wait_until(function()
      return #kept(server) == 1
    end, "the event to be kept")
    assert_stored(post(server, body), 0, 1)
    server:stop()
  end)
end)

describe("what comes to another place, in another form", function()
  it("is refused, each with its own status", function()
    local server = host.serve()
    local body = "[" .. event_text "e" .. "]"
    local paths = { "/", "/event", "/events/", "/events/1", "/EVENTS", "/readyz", "/api/status", "/%65vents" }
    for _, path in ipairs(paths) do
      local url = server.url:gsub("/events$", "") .. path
      assert_refused(host.request { method = "POST", url = url, body = body }, 404, "not_found")
    end
    for _, method in ipairs { "GET", "PUT", "DELETE", "PATCH", "BREW" } do
      local answer = host.request { method = method, url = server.url, body = body }
      assert_refused(answer, 405, "method_not_allowed")
      assert.is_truthy(answer.headers.allow:find("POST", 1, true))
    end
    for _, type in ipairs { "text/plain", "application/xml", "multipart/form-data", "application/jsonx" } do
      assert_refused(post(server, body, { ["Content-Type"] = type }), 415, "unsupported_type")
    end
    for _, coding in ipairs { "gzip", "identity", "deflate, gzip" } do
      assert_refused(post(server, body, { ["Content-Encoding"] = coding }), 415, "unsupported_encoding")
    end
    local wide = { ["X-Wide"] = ("x"):rep(60 * 1024) }
    assert_refused(post(server, body, wide), 431, "headers_too_large")
    assert.same({}, kept(server))
    assert_is_up(server)
    server:stop()
  end)

  it("is taken without a type, and with parameters to it", function()
    local server = host.serve()
    assert_stored(post(server, "[" .. event_text "1" .. "]"), 1)
    assert_stored(post(server, "[" .. event_text "2" .. "]", { ["content-type"] = "Application/JSON" }), 1)
    local type = "application/json ; charset=utf-8"
    assert_stored(post(server, "[" .. event_text "3" .. "]", { ["Content-Type"] = type }, "?api-version=x"), 1)
    server:stop()
  end)

  it("is refused when two could read it differently", function()
    local server = host.serve()
    local heads = {
      "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n[]",
      "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
      "POST /events HTTP/1.1\r\nContent-Length: 2\r\n\r\n[]",
      "POST /events HTTP/1.1\r\nHost: h\r\nHost: g\r\nContent-Length: 2\r\n\r\n[]",
      "POST /events HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999999\r\n\r\n[]",
      "POST /events HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]\r\n",
    }
    for _, bytes in ipairs(heads) do
      local answer = host.raw(server.port, bytes .. "GET /events HTTP/1.1\r\nHost: h\r\n\r\n")
      assert.is_truthy(answer:find "^HTTP/1.[01] 4%d%d " or answer:find "^HTTP/1.[01] 501 ", bytes)
      assert.is_nil(answer:find(" 405 ", 1, true), bytes)
    end
    -- Nobody answers these with more than the end of the connection or a 4xx.
    for _, bytes in ipairs { "GET\r\n\r\n", "\22\3\1\0\165\1\0\0\161\r\n\r\n", "POST\t/events\r\n\r\n" } do
      local answer = host.raw(server.port, bytes)
      assert.is_true(answer == "" or answer:find "^HTTP/1.[01] [45]%d%d " ~= nil, answer)
    end
    assert_is_up(server)
    server:stop()
  end)
end)

describe("a body over limits.body_mib", function()
  it("is a 413: before it is read where its length is known, else at its end", function()
    local server = host.serve { config = "limits = { body_mib = 1 }" }
    local connection = host.connect(server.port)
    local head = "POST /events HTTP/1.1\r\nHost: h\r\n"
    connection:send(head .. "Content-Length: 1048577\r\n\r\n[")
    assert_refused(connection:answer(), 413, "body_too_large")
    connection:close()

    connection = host.connect(server.port)
    connection:send(head .. "Transfer-Encoding: chunked\r\n\r\n")
    local chunk = ("10000\r\n%s\r\n"):format((" "):rep(0x10000))
    for _ = 1, 17 do
      connection:send(chunk)
    end
    connection:send "0\r\n\r\n"
    assert_refused(connection:answer(), 413, "body_too_large")
    connection:close()

    local text = event_text "whole"
    local body = "[" .. text .. (" "):rep(1024 * 1024 - #text - 2) .. "]"
    assert_stored(post(server, body), 1)
    assert_refused(post(server, body .. " "), 413, "body_too_large")
    server:stop()
  end)
end)

describe("a batch", function()
  it("keeps the good elements, and the bad ones with their bytes and the reason", function()
    local server = host.serve()
    local bad = {
      { "17", "the element is no object" },
      { ' "te\\u0078t" ', "the element is no object" },
      { "[1, 2]", "the element is no object" },
      { "null", "the element is no object" },
      { '{"eventType":"x"}', "id is missing, empty or no string" },
      { '{ "id" : "" , "eventType":"x" }', "id is missing, empty or no string" },
      { '{"id":7,"eventType":"x"}', "id is missing, empty or no string" },
      { '{"id":"7"}', "eventType is missing, empty or no string" },
      { '{"id":"7","eventType":""}', "eventType is missing, empty or no string" },
      { '{"id":"7","eventType":null}', "eventType is missing, empty or no string" },
      { '{"id":"7","eventType":"Switchhook.Local.NIGHT"}', "raised by scripts" },
    }
    local elements = {}
    for i, case in ipairs(bad) do
      elements[#elements + 1] = event_text("good" .. i)
      elements[#elements + 1] = case[1]
    end
    assert_stored(post(server, "[" .. table.concat(elements, " ,\n") .. "]"), #bad, 0, #bad)
    for i, case in ipairs(bad) do
      local good = server:api("/api/events/" .. 2 * i - 1).json
      local quarantined = server:api("/api/events/" .. 2 * i).json
      assert.equal("good" .. i, good.id)
      assert.not_equal("quarantined", good.state)
      assert.equal("quarantined", quarantined.state)
      assert.equal(case[1]:match "^%s*(.-)%s*$", quarantined.raw)
      assert.is_truthy(quarantined.reason:find(case[2], 1, true), quarantined.reason)
      assert.same({}, quarantined.runs)
    end
    assert.equal(#bad, #server:api("/api/events?state=quarantined").json.events)
    server:stop()
  end)

  it("may be empty", function()
    local server = host.serve()
    assert_stored(post(server, "[]"), 0)
    server:stop()
  end)

  it("may be one event without the array", function()
    local server = host.serve()
    assert_stored(post(server, event_text "alone"), 1)
    assert.equal("alone", server:wait_state(1, "unhandled").id)
    server:stop()
  end)
end)

describe("what came", function()
  it("comes back byte by byte", function()
    local server = host.serve()
    local texts = {
      '{ "id" : "a\\u0062\\/c" ,\t"eventType":"X","data":{"n":1.0E+2,"big":1234567890123456789012,"z":-0} }',
      '{"id":"\\u0000\\ud83d\\ude00","eventType":"ü\u{1F600}\u{2028}","data":["\\\\","\\"",null,true]}',
      '{"eventType":"X",\r\n "id":"<script>alert(1)</script>", "data":"' .. ("\u{7f}"):rep(3) .. '"}',
    }
    assert_stored(post(server, " [" .. table.concat(texts, " ,\r\n\t") .. "]\n"), #texts)
    for i, text in ipairs(texts) do
      assert.equal(text, server:api("/api/events/" .. i).json.raw)
    end
    server:stop()
    server = server:again()
    for i, text in ipairs(texts) do
      assert.equal(text, server:api("/api/events/" .. i).json.raw)
    end
    server:stop()
  end)

  it("is a float for scripts where it does not fit an integer", function()
    local server = host.serve {
      scripts = {
        ["RouterJobQueued.lua"] = [[
          return function(event)
            for i, value in ipairs(event.data.numbers) do
              log.info(("%d %s %.17g"):format(i, math.type(value), value))
            end
          end
        ]],
      },
    }
    local numbers = '{"numbers":[9223372036854775807,9223372036854775808,-9223372036854775808,1.0,1e2]}'
    assert_stored(post(server, "[" .. event_text("n", numbers) .. "]"), 1)
    server:wait_state(1, "done")
    local said = {}
    for words in server:stderr():gmatch 'message="%d (%l+ [^"]+)"' do
      said[#said + 1] = words
    end
    local least = "integer -9.2233720368547758e+18"
    assert.same(
      { "integer 9.2233720368547758e+18", "float 9.2233720368547758e+18", least, "float 1", "float 100" },
      said
    )
    server:stop()
  end)
end)

describe("an event that comes again", function()
  it("is counted and not run", function()
    local server = host.serve { scripts = { ["RouterJobQueued.lua"] = "return function() log.info 'ran' end" } }
    local text = event_text("again", '{"jobId":"j","n":1.50}')
    assert_stored(post(server, ("[%s,%s]"):format(text, text)), 1, 1)
    assert_stored(post(server, ("[%s]"):format(text)), 0, 1)
    assert_stored(post(server, ("[ %s ]"):format(text:gsub("[,:]", "%0 \n"))), 0, 1)
    server:wait_state(1, "done")
    server:stop()
    server = server:again()
    assert_stored(post(server, ("[%s]"):format(text)), 0, 1)
    assert_stored(post(server, ("[%s]"):format(event_text "other")), 1)
    server:wait_state(2, "done")
    assert.equal(2, #kept(server))
    local _, runs = (host.read(server.folder .. "/stderr.1") .. server:stderr()):gsub("message=ran", "")
    assert.equal(2, runs)
    server:stop()
  end)

  it("is another one when its content is", function()
    local server = host.serve()
    assert_stored(post(server, ("[%s]"):format(event_text("same", '{"jobId":"j1"}'))), 1)
    assert_stored(post(server, ("[%s]"):format(event_text("same", '{"jobId":"j2"}'))), 1)
    server:wait_line "warn .*differ from them: both are kept.* id=(same)"
    local events = kept(server)
    assert.same({ "j1", "j2" }, { events[1].jobId, events[2].jobId })
    server:stop()
  end)
end)

describe("all of it at once", function()
  it("leaves the host up", function()
    local server = host.serve()
    local head = "POST /events HTTP/1.1\r\nHost: h\r\n"
    local connections = {}
    -- Those that never finish stay open while others deliver.
    for i = 1, 40 do
      connections[i] = host.connect(server.port)
      connections[i]:send(i % 2 == 0 and head or head .. "Content-Length: 100\r\n\r\n[")
    end
    for i = 1, 20 do
      assert_stored(post(server, ("[%s]"):format(event_text("busy" .. i))), 1)
      assert.equal(400, post(server, "[").status)
      assert.equal(404, post({ url = server.url .. "x" }, "[]").status)
    end
    for _, connection in ipairs(connections) do
      connection:close()
    end
    for seq = 1, 20 do
      server:wait_state(seq, "unhandled")
    end
    assert_is_up(server)
    server:stop()
  end)
end)
