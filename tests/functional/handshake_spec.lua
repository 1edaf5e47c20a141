-- What comes before the first delivery: the validation event, OPTIONS of CloudEvents, what the operator sees of
-- them, and what is done by hand.
local delivery = require "delivery"
local host = require "host"

local post = delivery.post
local assert_stored = delivery.assert_stored
local assert_refused = delivery.assert_refused
local assert_is_up = delivery.assert_is_up
local event_text = delivery.event_text
local kept = delivery.kept

local function validation(server, name, data)
  local text = '[{"id":"v","topic":"/s","subject":"",'
    .. '"eventType":"Microsoft.EventGrid.SubscriptionValidationEvent",'
    .. '"eventTime":"2026-03-01T09:00:00Z","data":%s,"dataVersion":"1"}]'
  local headers = { ["aeg-event-type"] = "SubscriptionValidation", ["aeg-subscription-name"] = name }
  data = data or '{"validationCode":"c-1","validationUrl":"https://127.0.0.1:9/x"}'
  return post(server, text:format(data), headers)
end

local function options(server, headers, query)
  return host.request { method = "OPTIONS", url = server.url .. (query or ""), headers = headers }
end

local function assert_no_consent(answer, status, code)
  assert_refused(answer, status, code)
  assert.is_nil(answer.headers["webhook-allowed-origin"])
  assert.is_nil(answer.headers["webhook-allowed-rate"])
end

local function handshakes(server)
  return server:api("/api/handshakes").json.handshakes
end

local function command(server, ...)
  return host.run({ "handshakes", "-c", server.folder .. "/switchhook.lua", ... }, { folder = server.folder })
end

describe("OPTIONS", function()
  it("is consented to with the origin and the rate that were asked for", function()
    local server = host.serve()
    local headers = { ["WebHook-Request-Origin"] = "EventGrid.azure.net", ["WebHook-Request-Rate"] = "120" }
    local answer = options(server, headers)
    assert.equal(200, answer.status)
    assert.equal("EventGrid.azure.net", answer.headers["webhook-allowed-origin"])
    assert.equal("120", answer.headers["webhook-allowed-rate"])
    assert.equal("POST", answer.headers.allow)
    assert.equal("", answer.body)
    answer = options(server, { ["webhook-request-origin"] = "[::1]:8081" })
    assert.equal("[::1]:8081", answer.headers["webhook-allowed-origin"])
    assert.equal("*", answer.headers["webhook-allowed-rate"])
    assert.same({}, kept(server))
    server:stop()
  end)

  it("is refused without consent when it is no handshake", function()
    local server = host.serve()
    local cases = {
      {},
      { ["WebHook-Request-Origin"] = "" },
      { ["WebHook-Request-Origin"] = "*" },
      { ["WebHook-Request-Origin"] = "a b" },
      { ["WebHook-Request-Origin"] = "a,b" },
      { ["WebHook-Request-Origin"] = ("a"):rep(300) },
      { ["WebHook-Request-Origin"] = "a", ["WebHook-Request-Rate"] = "0" },
      { ["WebHook-Request-Origin"] = "a", ["WebHook-Request-Rate"] = "-1" },
      { ["WebHook-Request-Origin"] = "a", ["WebHook-Request-Rate"] = "many" },
      { ["WebHook-Request-Origin"] = "a", ["WebHook-Request-Rate"] = "99999999999999999999" },
      { Origin = "https://page.example", ["Access-Control-Request-Method"] = "POST" },
    }
    for _, headers in ipairs(cases) do
      local answer = options(server, headers)
      assert_no_consent(answer, 400, "bad_handshake")
      assert.is_nil(answer.headers["access-control-allow-origin"])
    end
    local twice = "OPTIONS /events HTTP/1.1\r\nHost: h\r\nConnection: close\r\nWebHook-Request-Origin: a\r\n"
    local answer = host.raw(server.port, twice .. "WebHook-Request-Origin: b\r\n\r\n")
    assert.is_truthy(answer:find "^HTTP/1.1 400 ")
    assert_no_consent(
      host.request { method = "OPTIONS", url = server.url .. "x", headers = { ["WebHook-Request-Origin"] = "a" } },
      404,
      "not_found"
    )
    assert.same({}, handshakes(server))
    assert_is_up(server)
    server:stop()
  end)

  it("needs the secret when there is one, and no proxy when there is none", function()
    local server = host.serve { config = 'verify = { secret = "x" }' }
    local headers = { ["WebHook-Request-Origin"] = "eventgrid.azure.net" }
    assert_no_consent(options(server, headers), 401, "not_verified")
    assert_no_consent(options(server, headers, "?code=y"), 401, "not_verified")
    assert.equal(200, options(server, headers, "?code=x").status)
    server:stop()
    server = host.serve()
    headers.Via = "1.1 proxy"
    assert_no_consent(options(server, headers), 401, "not_verified")
    assert.same({}, handshakes(server))
    server:stop()
  end)

  it("is refused to origins and subscriptions that are not named", function()
    local config = 'verify = { origins = { "EventGrid.azure.net" }, subscriptions = { "routerevents" } }'
    local server = host.serve { config = config }
    local function ask(origin, name)
      return options(server, { ["WebHook-Request-Origin"] = origin, ["aeg-subscription-name"] = name })
    end
    assert.equal("eventgrid.AZURE.net", ask("eventgrid.AZURE.net").headers["webhook-allowed-origin"])
    assert.equal(200, ask("eventgrid.azure.net", "ROUTEREVENTS").status)
    local near = { "azure.net", "eventgrid.azure.net.evil.example", "xeventgrid.azure.net", "eventgrid" }
    for _, origin in ipairs(near) do
      assert_no_consent(ask(origin), 403, "origin_not_allowed")
    end
    assert_no_consent(ask("eventgrid.azure.net", "stranger"), 403, "subscription_not_allowed")
    server:wait_line "warn .*CloudEvents handshake is refused.* origin=(azure.net)"
    server:stop()
  end)
end)

describe("the list of handshakes", function()
  it("shows who asked, when, and what they were told", function()
    local server = host.serve { config = 'verify = { subscriptions = { "ours" } }' }
    assert.equal(200, validation(server, "ours").status)
    assert_refused(validation(server, "stranger"), 403, "subscription_not_allowed")
    assert_refused(validation(server, "stranger"), 403, "subscription_not_allowed")
    assert_refused(validation(server, "other", '{"validationCode":"c"}'), 403, "subscription_not_allowed")
    assert.equal(200, options(server, { ["WebHook-Request-Origin"] = "eventgrid.azure.net" }).status)
    local list = handshakes(server)
    assert.equal(4, #list)
    local first = { list[1].state, list[1].schema, list[1].origin }
    assert.same({ "allowed", "CloudEventSchemaV1_0", "eventgrid.azure.net" }, first)
    assert.same({ "refused", "other" }, { list[2].state, list[2].subscription })
    assert.same({ "waiting", "stranger", 2 }, { list[3].state, list[3].subscription, list[3].count })
    assert.equal("https://127.0.0.1:9/x", list[3].url)
    assert.is_truthy(list[3].reason:find("verify.subscriptions", 1, true))
    assert.same({ "allowed", "EventGridSchema", "ours" }, { list[4].state, list[4].schema, list[4].subscription })
    assert.is_truthy(list[4].at:find "^%d%d%d%d%-%d%d%-%d%dT")

    server:write_port()
    local answer = command(server)
    assert.equal(0, answer.status)
    assert.is_truthy(answer.stdout:find "waiting, EventGridSchema, 2 times\n  subscription  stranger\n")
    assert.is_truthy(answer.stdout:find("https://127.0.0.1:9/x", 1, true))
    assert.is_truthy(answer.stdout:find("handshakes confirm", 1, true))
    assert.same(list, host.json.decode(command(server, "--json").stdout).handshakes)
    server:stop()
  end)

  it("keeps sixteen, and shows control characters instead of sending them", function()
    local server = host.serve { config = 'verify = { subscriptions = { "ours" } }' }
    for i = 1, 20 do
      validation(server, "s" .. i, '{"validationCode":"c","validationUrl":"https://u\\u001b[31m"}')
    end
    validation(server, "long", ('{"validationUrl":"https://%s"}'):format(("x"):rep(5000)))
    local list = handshakes(server)
    assert.equal(16, #list)
    assert.same({ "long", "refused" }, { list[1].subscription, list[1].state })
    assert.same({ "s20", "s6" }, { list[2].subscription, list[16].subscription })
    server:write_port()
    local answer = command(server)
    assert.is_nil(answer.stdout:find("\27", 1, true))
    assert.is_truthy(answer.stdout:find("\\x1b[31m", 1, true))
    server:stop()
  end)

  it("says so when there are none", function()
    local server = host.serve()
    server:write_port()
    assert.same({ 0, "" }, { command(server).status, command(server).stdout })
    assert.equal(2, command(server, "confirm").status)
    assert.equal(2, command(server, "confirm", "a", "b").status)
    assert.equal(2, command(server, "deny").status)
    server:stop()
  end)
end)

describe("consent by hand", function()
  it("opens only what is https and public", function()
    local asked = 0
    local upstream = host.upstream(function()
      asked = asked + 1
      return 200, {}, "{}"
    end)
    local server = host.serve { config = 'verify = { subscriptions = { "ours" } }' }
    local urls = {
      plain = { upstream.url .. "/x", "is not https" },
      here = { upstream.url:gsub("^http:", "https:") .. "/x", "loopback" },
      named = { upstream.url:gsub("^http://[^:]+", "https://localhost") .. "/x", "loopback" },
      inside = { "https://10.1.2.3/x", "private" },
      broken = { "https://a b/", "URL" },
      file = { "file:///etc/passwd", "is not https" },
    }
    for name, case in pairs(urls) do
      local data = ('{"validationCode":"c","validationUrl":"%s"}'):format(case[1])
      assert_refused(validation(server, name, data), 403, "subscription_not_allowed")
    end
    validation(server, "urlless", '{"validationCode":"c"}')
    server:write_port()
    for name, case in pairs(urls) do
      local answer = command(server, "confirm", name:upper())
      assert.equal(1, answer.status, name)
      assert.is_truthy(answer.stderr:find(case[2], 1, true), name .. ": " .. answer.stderr)
    end
    local answer = command(server, "confirm", "urlless")
    assert.is_truthy(answer.stderr:find("without a URL", 1, true))
    answer = command(server, "confirm", "nobody")
    assert.same({ 1, true }, { answer.status, answer.stderr:find("none of the last handshakes", 1, true) ~= nil })
    assert.equal(0, asked)
    server:stop()
  end)
end)

describe("a subscription that is deleted", function()
  it("is noted, and its event is kept like any other", function()
    local server = host.serve()
    local id = "/subscriptions/s/eventSubscriptions/routerevents"
    local text = '{"id":"d%s","eventType":"%s","data":{"eventSubscriptionId":"%s"}}'
    local deleted = "Microsoft.EventGrid.SubscriptionDeletedEvent"
    assert_stored(post(server, ("[%s]"):format(text:format(1, deleted, id))), 1)
    server:wait_line "warn .*subscription was deleted.* resource=(/subscriptions/s/eventSubscriptions)"
    local headers = { ["aeg-event-type"] = "SubscriptionDeletion", ["aeg-subscription-name"] = "ROUTEREVENTS" }
    assert_stored(post(server, ("[%s]"):format(text:format(2, "other", id)), headers), 1)
    assert_stored(post(server, ("[%s,%s]"):format(event_text "e", text:format(3, deleted, id))), 2)
    local list = handshakes(server)
    assert.equal(2, #list)
    assert.same({ "deleted", id, 2 }, { list[1].state, list[1].subscription, list[1].count })
    assert.same({ "deleted", "ROUTEREVENTS" }, { list[2].state, list[2].subscription })
    assert.equal(4, #kept(server))
    server:wait_state(1, "unhandled")
    server:stop()
  end)
end)
