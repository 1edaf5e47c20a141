-- CloudEvents 1.0 in its three modes, beside Event Grid's schema: what is taken, kept, refused, and what a handler
-- gets of it.
local delivery = require "delivery"
local host = require "host"
local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"

local post = delivery.post
local assert_stored = delivery.assert_stored
local assert_refused = delivery.assert_refused
local assert_is_up = delivery.assert_is_up
local event_text = delivery.event_text
local kept = delivery.kept

local type = "Microsoft.Communication.RouterJobQueued"
local structured = { ["Content-Type"] = "application/cloudevents+json; charset=utf-8" }
local batch = { ["Content-Type"] = "application/cloudevents-batch+json; charset=utf-8" }

local function cloud_text(id, members)
  return ('{"specversion":"1.0","id":"%s","source":"/s","type":"%s"%s}'):format(id, type, members or "")
end

local function binary(headers)
  local all = { ["ce-specversion"] = "1.0", ["ce-id"] = "b", ["ce-source"] = "/s", ["ce-type"] = type }
  for name, value in pairs(headers or {}) do
    all[name] = value or nil
  end
  return all
end

local echo = {
  ["RouterJobQueued.lua"] = [[
    return function(event)
      log.info(("got %s %s %s %s %s %s"):format(event.id, event.name, event.source, event.subject, event.time,
        event.data.jobId))
    end
  ]],
}

describe("CloudEvents", function()
  it("come one by one, in a batch, or beside events of the other schema, under any of the types", function()
    local server = host.serve()
    local types = { structured, batch, { ["Content-Type"] = "application/json" }, {} }
    for i, headers in ipairs(types) do
      assert_stored(post(server, cloud_text("one" .. i), headers), 1)
      local body = ("[%s, %s,7]"):format(cloud_text("two" .. i), event_text("grid" .. i))
      -- The 7 is the same each time.
      assert_stored(post(server, body, headers), 2, i == 1 and 0 or 1, i == 1 and 1 or 0)
    end
    server:stop()
  end)

  it("reach the handler with the same members in every form", function()
    local server = host.serve { scripts = echo }
    local rest = ',"subject":"job/j","time":"2026-03-01T09:30:00Z","data":{"jobId":"j"}'
    assert_stored(post(server, cloud_text("s", rest), structured), 1)
    assert_stored(post(server, "[" .. cloud_text("a", rest .. ',"topic":"x","eventType":"x"') .. "]", batch), 1)
    local headers = binary { ["ce-subject"] = "job%2Fj", ["ce-time"] = "2026-03-01T09:30:00Z" }
    assert_stored(post(server, '{"jobId":"j"}', headers), 1)
    local grid = '{"id":"g","topic":"/s","subject":"job/j","eventTime":"2026-03-01T09:30:00Z","eventType":"%s",'
      .. '"type":"x","source":"x","time":"x","data":{"jobId":"j"}}'
    assert_stored(post(server, grid:format(type)), 1)
    for seq, id in ipairs { "s", "a", "b", "g" } do
      local event = server:wait_state(seq, "done")
      local members = { event.id, event.type, event.source, event.subject, event.jobId }
      assert.same({ id, type, "/s", "job/j", "j" }, members)
      local words = ("got %s RouterJobQueued /s job/j 2026-03-01T09:30:00Z j"):format(id)
      assert.is_truthy(server:stderr():find(words, 1, true), id)
    end
    server:stop()
  end)

  it("are known again by source, type and id", function()
    local server = host.serve()
    assert_stored(post(server, cloud_text "e", structured), 1)
    assert_stored(post(server, "[ " .. cloud_text "e" .. " ]", batch), 0, 1)
    -- What binary mode says is the same event, token for token.
    assert_stored(post(server, "", binary { ["ce-id"] = "e" }), 0, 1)
    assert_stored(post(server, "1", binary { ["ce-id"] = "e" }), 1)
    assert.equal(2, #kept(server))
    server:stop()
  end)

  it("that are none are quarantined in a batch, and a 400 alone", function()
    local server = host.serve()
    local bad = {
      { '{"specversion":"1.0","source":"/s","type":"t"}', "id is missing, empty or no string" },
      { '{"specversion":"1.0","id":"1","type":"t"}', "source is missing, empty or no string" },
      { '{"specversion":"1.0","id":"1","source":"/s","eventType":"t"}', "type is missing, empty or no string" },
      { '{"specversion":"2.0","id":"1","source":"/s","type":"t"}', 'specversion is not "1.0"' },
      { '{"specversion":1.0,"id":"1","source":"/s","type":"t"}', 'specversion is not "1.0"' },
      { '{"specversion":null,"id":"1","eventType":"t"}', 'specversion is not "1.0"' },
      { '{"specversion":"1.0","id":"1","source":"/s","type":"Switchhook.Local.night"}', "raised by scripts" },
    }
    local elements = { cloud_text "good" }
    for i, case in ipairs(bad) do
      elements[i + 1] = case[1]
    end
    assert_stored(post(server, "[" .. table.concat(elements, " , ") .. "]", batch), 1, 0, #bad)
    for i, case in ipairs(bad) do
      local event = server:api("/api/events/" .. i + 1).json
      assert.equal("quarantined", event.state)
      assert.equal(case[1], event.raw)
      assert.is_truthy(event.reason:find(case[2], 1, true), event.reason)
      if i < #bad then
        local answer = post(server, case[1], structured)
        assert_refused(answer, 400, "unreadable_body")
        assert.is_truthy(answer.json.error.message:find(case[2], 1, true))
      end
    end
    server:stop()
  end)

  it("of unknown types are kept, for default.lua or for nobody", function()
    local server = host.serve()
    local ring = '{"specversion":"1.0","id":"1","source":"urn:x","type":"com.example.ring"}'
    assert_stored(post(server, ring, structured), 1)
    assert_stored(post(server, '{"id":"2","topic":"/t","eventType":"Contoso.Items.Sold"}'), 1)
    server:wait_state(1, "unhandled")
    server:wait_state(2, "unhandled")
    server:stop()
    local script = "return function(event) log.info('got ' .. event.name) end"
    server = host.serve { scripts = { ["default.lua"] = script } }
    assert_stored(post(server, ring, structured), 1)
    assert_stored(post(server, '{"id":"2","topic":"/t","eventType":"Contoso.Items.Sold"}'), 1)
    server:wait_state(1, "done")
    server:wait_state(2, "done")
    assert.is_truthy(server:stderr():find("got com.example.ring", 1, true))
    assert.is_truthy(server:stderr():find("got Contoso.Items.Sold", 1, true))
    server:stop()
  end)

  it("keep data_base64 as it came, and have no data then", function()
    local script = [[
      return function(event)
        local count = 0
        for _ in pairs(event.data) do
          count = count + 1
        end
        log.info("members: " .. count)
      end
    ]]
    local server = host.serve { scripts = { ["RouterJobQueued.lua"] = script } }
    local text = cloud_text("e", ',"datacontenttype":"image/png","data_base64":"iVBORw0KGgo="')
    assert_stored(post(server, text, structured), 1)
    assert.equal(text, server:wait_state(1, "done").raw)
    assert.is_truthy(server:stderr():find("members: 0", 1, true))
    server:stop()
  end)

  it("come up to 5,000 at once", function()
    local server = host.serve()
    local elements = {}
    for i = 1, 5000 do
      local data = ('{"jobId":"j%d","pad":"%s"}'):format(i, ("x"):rep(650))
      elements[i] = i % 2 == 0 and cloud_text("e" .. i, ',"data":' .. data) or event_text("e" .. i, data)
    end
    local body = "[" .. table.concat(elements, ",") .. "]"
    assert.is_true(#body > 3.5 * 1024 * 1024 and #body < 4 * 1024 * 1024)
    assert_stored(post(server, body, batch), 5000)
    assert_stored(post(server, body, batch), 0, 5000)
    server:stop()
  end)
end)

describe("binary mode", function()
  it("keeps the body's bytes verbatim, with the attributes around them", function()
    local server = host.serve()
    local body = ' {"jobId" : "j", "n":1.0E+2, "t":"\\u0041"} '
    local headers = binary {
      ["Content-Type"] = "application/vnd.contoso+json;v=1",
      ["ce-id"] = '"a\\"b"',
      ["ce-zeta"] = "Euro%20%E2%82%AC",
      ["ce-Alpha"] = "1",
    }
    assert_stored(post(server, body, headers), 1)
    local event = server:wait_state(1, "unhandled")
    local expected = '{"specversion":"1.0","id":"a\\"b","source":"/s","type":"%s","alpha":"1","zeta":"Euro €",'
      .. '"datacontenttype":"application/vnd.contoso+json;v=1","data":%s}'
    assert.equal(expected:format(type, body), event.raw)
    assert.same({ 'a"b', "j" }, { event.id, event.jobId })
    server:stop()
  end)

  it("is refused with clear words", function()
    local server = host.serve()
    local cases = {
      { { ["ce-id"] = false }, "ce-id is missing" },
      { { ["ce-source"] = "" }, "ce-source is empty" },
      { { ["ce-specversion"] = "0.3" }, "ce-specversion is not 1.0" },
      { { ["ce-x"] = "%zz" }, "ce-x is no text" },
      { { ["ce-x"] = "%FF" }, "ce-x is no UTF-8" },
      { { ["ce-x"] = "%0d%0aSet-Cookie:1" }, "control characters" },
      { { ["ce-data"] = "1" }, "names no attribute" },
      { { ["ce-a_b"] = "1" }, "names no attribute" },
    }
    for _, case in ipairs(cases) do
      local answer = post(server, "{}", binary(case[1]))
      assert_refused(answer, 400, "bad_attribute")
      assert.is_truthy(answer.json.error.message:find(case[2], 1, true), answer.json.error.message)
    end
    local twice = "POST /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nce-specversion: 1.0\r\nce-id: 1\r\n"
      .. "CE-ID: 2\r\nce-source: /s\r\nce-type: t\r\nContent-Length: 2\r\n\r\n{}"
    local answer = host.raw(server.port, twice)
    assert.is_truthy(answer:find "^HTTP/1.1 400 ")
    assert.is_truthy(answer:find("is there twice", 1, true))
    for _, name in ipairs { "text/plain", "application/cloudevents+avro", "application/octet-stream", "json" } do
      assert_refused(post(server, "{}", binary { ["Content-Type"] = name }), 415, "unsupported_type")
    end
    for _, body in ipairs { "hello", '1,"id":"other"', "{}}", "\xef\xbb\xbf{}", '"\xff"' } do
      assert_refused(post(server, body, binary()), 400, "unreadable_body")
    end
    assert.same({}, kept(server))
    assert_is_up(server)
    server:stop()
  end)
end)

describe("a body of four MiB", function()
  -- Memory at its highest, in MiB.
  local function peak(pid)
    return tonumber(host.read(("/proc/%d/status"):format(pid)):match "VmHWM:%s+(%d+) kB") / 1024
  end

  it("costs bounded memory and time, whatever it is made of", function()
    local server = host.serve()
    local size = 4 * 1024 * 1024
    local function fill(first, piece, last)
      return first .. piece:rep((size - #first - #last) // #piece) .. last
    end
    local bodies = {
      fill("", "[", ""),
      fill("", '{"a":', ""),
      fill("[", "[],", "[]]"),
      fill("[", "1,", "1]"),
      fill('[{"id":"1","eventType":"t","data":[', "0,", "0]}]"),
      fill('{"specversion":"1.0",', '"id":"\\n",', '"id":"1"}'),
      fill('{"specversion":"1.0","id":"', "a", '"'),
      fill('[{"id":"1","eventType":"t","data":', "9", "}]"),
      fill("", " ", ""),
    }
    for i, body in ipairs(bodies) do
      local answer = post(server, body, i % 2 == 0 and structured or nil)
      assert.equal(400, answer.status, body:sub(1, 40) .. answer.body)
    end
    assert_refused(post(server, (" "):rep(size + 1)), 413, "body_too_large")
    assert_refused(post(server, fill("", "[", ""), binary()), 400, "unreadable_body")
    assert.same({}, kept(server))
    assert.is_truthy(sanitizer or peak(server.pid) < 256, "the host took " .. peak(server.pid) .. " MiB")
    assert_is_up(server)
    server:stop()
  end)
end)
