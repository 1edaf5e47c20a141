-- The tests' own signed client, held against examples that were computed with another program.
local host = require "host"
local job_router = require "job_router"

local KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
local DATE = "Tue, 06 Feb 2024 10:00:00 GMT"
local QUERY = "?api-version=2023-11-01"

local PATTERN = "^HMAC%-SHA256 SignedHeaders=x%-ms%-date;host;x%-ms%-content%-sha256&Signature=(.*)$"

local function signature(endpoint, method, target, body)
  local router = job_router.open(("endpoint=%s;accesskey=%s"):format(endpoint, KEY))
  local headers = router:sign(method, target, body, DATE)
  assert.equal(DATE, headers["x-ms-date"])
  return headers.Authorization:match(PATTERN), headers
end

describe("the signed client", function()
  it("signs a body", function()
    local body = '{"matchingMode":{"kind":"queueAndMatch"},"priority":100}'
    local contoso = "https://contoso.communication.azure.com/"
    local signed, headers = signature(contoso, "PATCH", "/routing/jobs/job-1" .. QUERY, body)
    assert.equal("iCgRRTvrk56EpLiwgZ0oDikde3NDMTI1jkpX/0AUOz8=", signed)
    assert.equal("ZrYS0hp9o4z5erxzqKNLHtpNlWavyztpnTB6/ul30Xg=", headers["x-ms-content-sha256"])
    assert.equal("contoso.communication.azure.com", headers.Host)
  end)

  it("signs the empty body, and a colon as it is", function()
    local target = "/routing/workers/w1/offers/o1:accept" .. QUERY
    local signed, headers = signature("https://contoso.communication.azure.com", "POST", target)
    assert.equal("iPDowTrc3YWbAX1T5/bkFVQHfDt+F/ls8SuR7UGaZDU=", signed)
    assert.equal("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", headers["x-ms-content-sha256"])
  end)

  it("signs a host with a port and a longer query", function()
    local target = "/routing/jobs" .. QUERY .. "&maxpagesize=2&status=active"
    local signed = signature("http://127.0.0.1:8443", "GET", target)
    assert.equal("goB7EPTi9IrznItdWt0cTnJbLGf8Dk9h2Qw9RP5bH6M=", signed)
  end)

  it("sends what it signed", function()
    local server = host.upstream(function(request)
      return 200, { ["Content-Type"] = "application/json" }, host.json.encode { host = request.headers.host }
    end)
    local router = job_router.open(("endpoint=%s/;accesskey=%s"):format(server.url, KEY))
    local answer = router:request("PATCH", "/routing/queues/q1", { name = "first" })
    assert.equal(200, answer.status)
    assert.equal("127.0.0.1:" .. server.port, answer.json.host)
    local request = server.requests[1]
    assert.equal("/routing/queues/q1" .. QUERY, request.target)
    assert.equal("application/merge-patch+json", request.headers["content-type"])
    assert.equal('{"name":"first"}', request.body)
    local expected = router:sign("PATCH", request.target, request.body, request.headers["x-ms-date"])
    assert.equal(expected.Authorization, request.headers.authorization)
  end)
end)
