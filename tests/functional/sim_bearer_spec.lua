-- Bearer tokens at the local Job Router, and where they come from.
local host = require "host"
local refusals = require "refusals"

local LIST = "/routing/queues"
local FORM = "client_id=me&client_secret=s3cret%26value&grant_type=client_credentials&scope=any"

local function get_with(sim, authorization)
  local url = sim.url .. LIST .. "?api-version=2023-11-01"
  return host.request { url = url, headers = { Authorization = authorization } }
end

local function ask(sim, form, path, method)
  return host.request {
    url = sim.url .. (path or "/contoso/oauth2/v2.0/token"),
    method = method or "POST",
    headers = { ["Content-Type"] = "application/x-www-form-urlencoded" },
    body = form,
  }
end

describe("switchhook sim --bearer", function()
  it("takes the token or a signature, and nothing else", function()
    local sim = host.sim { arguments = { "--bearer", "local-token" } }
    assert.equal(200, get_with(sim, "Bearer local-token").status)
    assert.equal(200, get_with(sim, "bearer local-token").status)
    assert.equal(200, sim.router:request("GET", LIST).status)
    for _, token in ipairs { " local-toke", " local-tokens", " ", "", "  local-token" } do
      local wrong = "Bearer" .. token
      local answer = get_with(sim, wrong)
      assert.equal(401, answer.status, wrong)
      assert.equal("Unauthorized", answer.headers["x-ms-error-code"])
      assert.is_nil(answer.body:find("local-token", 1, true))
    end
    sim:stop()
  end)

  it("is needed for tokens to do", function()
    local sim = host.sim()
    local answer = get_with(sim, "Bearer local-token")
    assert.equal(401, answer.status)
    assert.is_truthy(answer.json.error.message:find("--bearer TOKEN", 1, true))
    assert.equal(401, ask(sim, FORM).status)
    sim:stop()
  end)
end)

describe("the token endpoint", function()
  it("gives the token to any client", function()
    local sim = host.sim { arguments = { "--bearer", "local-token" } }
    local answer = ask(sim, FORM)
    assert.equal(200, answer.status)
    assert.equal("Bearer", answer.json.token_type)
    assert.equal("local-token", answer.json.access_token)
    assert.equal(3599, answer.json.expires_in)
    assert.equal(200, ask(sim, FORM, "/00000000-0000-0000-0000-000000000000/oauth2/v2.0/token").status)
    sim:stop()
  end)

  it("or only to the one that is named", function()
    local sim = host.sim { arguments = { "--bearer", "local-token", "--client", "me:s3cret&value" } }
    assert.equal(200, ask(sim, FORM).status)
    for _, form in ipairs {
      "client_id=me&client_secret=other&grant_type=client_credentials",
      "client_id=me:s3cret%26value&client_secret=&grant_type=client_credentials",
      "client_id=you&client_secret=s3cret%26value&grant_type=client_credentials",
    } do
      local answer = ask(sim, form)
      assert.equal(401, answer.status, form)
      assert.equal("invalid_client", answer.json.error)
    end
    sim:stop()
  end)

  it("refuses what is no such request", function()
    local sim = host.sim { arguments = { "--bearer", "local-token" } }
    for _, case in ipairs {
      { 400, "unsupported_grant_type", "" },
      { 400, "unsupported_grant_type", "grant_type=password&client_id=a&client_secret=b" },
      { 400, "unsupported_grant_type", "grant_type=%zz&client_id=a&client_secret=b" },
      { 400, "unsupported_grant_type", ("grant_type=%s&client_id=a"):format(("x"):rep(100000)) },
      { 401, "invalid_client", "grant_type=client_credentials" },
      { 401, "invalid_client", "grant_type=client_credentials&client_id=a" },
      { 401, "invalid_client", "grant_type=client_credentials&client_id=a&client_secret=%0" },
      { 401, "invalid_client", "&&=&grant_type=client_credentials&client_id=&client_secret=b" },
    } do
      local answer = ask(sim, case[3])
      assert.equal(case[1], answer.status, case[3]:sub(1, 80))
      assert.equal(case[2], answer.json.error)
      assert.is_truthy(answer.json.error_description)
    end
    assert.equal(405, ask(sim, nil, nil, "GET").status)
    local tail = "/oauth2/v2.0/token"
    for _, path in ipairs { tail, "/" .. tail, "/a/b" .. tail, "/a/oauth2/token" } do
      assert.equal(401, ask(sim, FORM, path).status, path) -- a call like any other
    end
    sim:stop()
  end)

  it("is all that the host's Entra configuration needs", function()
    local port = host.free_port()
    local sim = host.sim {
      to = { ("http://127.0.0.1:%d/events"):format(port) },
      arguments = { "--bearer", "local-token", "--client", "me:s3cret&value" },
    }
    local server = host.serve {
      port = port,
      config = ([[router = { endpoint = "%s", entra = { tenant = "contoso", client_id = "me",
        client_secret = "s3cret&value", authority = "%s" } }]]):format(sim.url, sim.url),
      scripts = {
        ["RouterJobQueued.lua"] = "return function(e) router.jobs.cancel(e.data.jobId) end",
        ["RouterJobCancelled.lua"] = "return function() end",
      },
    }
    sim.router:request("PATCH", "/routing/distributionPolicies/p", { offerExpiresAfterSeconds = 60 })
    sim.router:request("PATCH", "/routing/queues/q", { distributionPolicyId = "p" })
    sim.router:request("PATCH", "/routing/jobs/j1", { channelId = "voice", queueId = "q" })
    host.wait_until(function()
      return sim.router:request("GET", "/routing/jobs/j1").json.status == "cancelled"
    end, "the host to cancel the job")
    server:wait_state(3, "done")
    server:stop()
    sim:stop()
  end)
end)

describe("what these options cannot be", function()
  refusals {
    { "--bearer", "", "--bearer: a token has 1 to 4096 characters" },
    { "--bearer", "two words", "--bearer: a token is of visible ASCII characters, without blanks" },
    { "--client", "me", "--client: must be ID:SECRET" },
    { "--client", "me:secret", "--client goes with --bearer TOKEN" },
    { "--client", ":secret", "--client: must be ID:SECRET" },
  }
end)
