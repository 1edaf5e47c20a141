-- Who may deliver, and when: secrets, proxies, the handshake, and a host that has enough to do.
local delivery = require "delivery"
local host = require "host"

local post = delivery.post
local assert_stored = delivery.assert_stored
local assert_refused = delivery.assert_refused
local assert_is_up = delivery.assert_is_up
local event_text = delivery.event_text
local kept = delivery.kept

local secret = "s3cret/with+signs="
local secret_in_query = "?code=s3cret%2Fwith%2Bsigns%3D"

local function validation(server, name, query)
  local body = host.read(host.source .. "/tests/fixtures/SubscriptionValidation.json")
  local headers = { ["aeg-event-type"] = "SubscriptionValidation", ["aeg-subscription-name"] = name }
  return post(server, body, headers, query)
end

describe("who may deliver", function()
  local body = "[" .. event_text "e" .. "]"

  it("shows the secret in the query or in the header", function()
    local server = host.serve { config = ('verify = { secret = "%s" }'):format(secret) }
    assert_refused(post(server, body), 401, "not_verified")
    assert_refused(post(server, body, nil, "?code="), 401, "not_verified")
    assert_refused(post(server, body, nil, "?code=wrong"), 401, "not_verified")
    assert_refused(post(server, body, nil, secret_in_query .. "x"), 401, "not_verified")
    assert_refused(post(server, body, nil, "?Code=s3cret%2Fwith%2Bsigns%3D"), 401, "not_verified")
    assert_refused(post(server, body, { ["X-Switchhook-Secret"] = "wrong" }), 401, "not_verified")
    assert_refused(post(server, body, { Authorization = secret }), 401, "not_verified")
    assert.same({}, kept(server))
    assert_stored(post(server, body, nil, secret_in_query), 1)
    assert_stored(post(server, body, { ["X-SWITCHHOOK-Secret"] = secret }), 0, 1)
    assert_stored(post(server, body, { Via = "1.1 proxy" }, secret_in_query), 0, 1)
    assert.is_nil((server:stdout() .. server:stderr()):find(secret, 1, true))
    server:stop()
  end)

  it("may show either of two secrets, in a header of another name", function()
    local config = 'verify = { secret = { "new", env.optional "OLD_SECRET" }, header = "x-key" }'
    local server = host.serve { config = config, environment = { OLD_SECRET = "old" } }
    assert_stored(post(server, body, nil, "?code=old"), 1)
    assert_stored(post(server, body, nil, "?code=new"), 0, 1)
    assert_stored(post(server, body, { ["X-Key"] = "old" }), 0, 1)
    assert_refused(post(server, body, { ["x-switchhook-secret"] = "new" }), 401, "not_verified")
    server:stop()
    -- The old one is taken away: only the new one is left.
    server = server:again { environment = { OLD_SECRET = "" } }
    assert_refused(post(server, body, nil, "?code=old"), 401, "not_verified")
    assert_stored(post(server, body, nil, "?code=new"), 0, 1)
    server:stop()
  end)

  it("has a proxy or a web page in between only with a secret", function()
    local server = host.serve()
    for _, header in ipairs { "Forwarded", "X-Forwarded-For", "via", "Sec-Fetch-Site" } do
      assert_refused(post(server, body, { [header] = "a" }), 401, "not_verified")
    end
    assert_stored(post(server, body), 1)
    server:stop()
  end)

  it("comes from this machine unless there is a secret", function()
    local server = host.serve { config = 'listen = "0.0.0.0:0"', is_started = false }
    assert.same({ "exit", 1 }, { server:wait_exit() })
    assert.is_truthy(server:stderr():find("verify.secret", 1, true))
    assert.is_truthy(server:stderr():find("switchhook.lua:3:", 1, true))
    server = host.serve { config = 'listen = "0.0.0.0:0" verify = { secret = "x" }' }
    assert_stored(post({ url = ("http://127.0.0.1:%d/events"):format(server.port) }, body, nil, "?code=x"), 1)
    server:stop()
  end)
end)

describe("the handshake", function()
  local code = "9E3B7D52-06C1-4F8A-B2D4-71A5C0E86F39"

  it("gives the code back to whoever is verified, and keeps nothing", function()
    local server = host.serve { config = ('verify = { secret = "%s" }'):format(secret) }
    assert_refused(validation(server, "any"), 401, "not_verified")
    local answer = validation(server, "any", secret_in_query)
    assert.equal(200, answer.status)
    assert.same({ validationResponse = code }, answer.json)
    assert.is_truthy(answer.headers["content-type"]:find("application/json", 1, true))
    assert.same({}, kept(server))
    server:stop()
  end)

  it("is refused to subscriptions that are not named", function()
    local server = host.serve { config = 'verify = { subscriptions = { "RouterEvents", "other" } }' }
    assert.same({ validationResponse = code }, validation(server, "ROUTERevents").json)
    assert.same({ validationResponse = code }, validation(server, "other").json)
    for _, name in ipairs { "stranger", "router", "" } do
      assert_refused(validation(server, name), 403, "subscription_not_allowed")
    end
    assert_refused(validation(server, nil), 403, "subscription_not_allowed")
    server:wait_line "warn .*not allowed to shake hands.* subscription=(stranger)"
    assert_is_up(server)
    server:stop()
  end)

  it("is not made from an event within a batch", function()
    local server = host.serve()
    local fixture = host.read(host.source .. "/tests/fixtures/SubscriptionValidation.json")
    local element = fixture:match "^%s*%[%s*(.-)%s*%]%s*$"
    assert_stored(post(server, ("[%s,%s]"):format(event_text "before", element)), 2)
    assert_stored(post(server, ("[%s,%s]"):format(element, event_text "after")), 1, 1)
    assert.equal(element, server:wait_state(2, "unhandled").raw)
    server:stop()
  end)

  it("needs a code", function()
    local server = host.serve()
    local text = '[{"id":"v","eventType":"Microsoft.EventGrid.SubscriptionValidationEvent","data":%s}]'
    for _, data in ipairs { "{}", '{"validationCode":7}', '{"validationCode":""}', "null" } do
      assert_refused(post(server, text:format(data)), 400, "no_validation_code")
    end
    local answer = post(server, text:format '{"validationCode":"\\"},\\u0001\\\\"}')
    assert.same({ validationResponse = '"},\1\\' }, answer.json)
    server:stop()
  end)

  it("of CloudEvents is not consented to without the secret", function()
    local server = host.serve { config = 'verify = { secret = "x" }' }
    local headers = { ["WebHook-Request-Origin"] = "eventgrid.azure.net", ["WebHook-Request-Rate"] = "120" }
    local answer = host.request { method = "OPTIONS", url = server.url, headers = headers }
    assert.is_true(answer.status >= 400)
    assert.is_nil(answer.headers["webhook-allowed-origin"])
    server:stop()
  end)
end)

describe("past limits.backlog", function()
  it("deliveries get 503 and come in again when there is room", function()
    local is_answering = false
    local upstream = host.upstream(function()
      return is_answering and 200, {}, "{}"
    end)
    local config = 'limits = { backlog = 3 } router = { connection_string = "endpoint=%s/;accesskey=AAAA" }'
    local server = host.serve {
      config = config:format(upstream.url),
      scripts = { ["RouterJobQueued.lua"] = "return function(event) router.jobs.get(event.data.jobId) end" },
    }
    local accepted, refusal = 0, nil
    host.wait_until(function()
      local answer = post(server, ("[%s]"):format(event_text("b" .. accepted, '{"jobId":"j"}')))
      refusal = answer.status ~= 200 and answer
      accepted = accepted + (refusal and 0 or 1)
      return refusal
    end, "a delivery to be refused")
    assert_refused(refusal, 503, "not_accepting")
    assert.is_true(tonumber(refusal.headers["retry-after"]) > 0)
    assert.is_true(accepted >= 4) -- one runs, three wait
    assert.equal(accepted, #kept(server))
    is_answering = true
    for seq = 1, accepted do
      server:wait_state(seq, "done")
    end
    assert_stored(post(server, ("[%s]"):format(event_text("b" .. accepted, '{"jobId":"j"}'))), 1)
    server:wait_state(accepted + 1, "done")
    server:stop()
  end)
end)

describe("a connection string", function()
  it("may name http for this machine only", function()
    local config = 'router = { connection_string = "endpoint=http://contoso.example/;accesskey=AAAA" }'
    local server = host.serve { config = config, is_started = false }
    assert.same({ "exit", 1 }, { server:wait_exit() })
    assert.is_truthy(server:stderr():find("loopback", 1, true))
    assert.is_nil(server:stderr():find("AAAA", 1, true))
  end)
end)
