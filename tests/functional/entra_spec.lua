-- Bearer tokens for the Job Router: asked for once, kept, renewed, and asked for anew when one is refused.
local host = require "host"

local QUICK = "retry = { first_seconds = 0.05, factor = 1.2, attempts = 6 }\n"
local SCRIPT = "return function(event) router.jobs.get(event.data.jobId) end"
local SECRET = "s3cret&value"

-- The authority and the Job Router in one.
local function open_azure()
  local azure = { given = 0, lifetime = 3600, asked = {}, bearers = {} }
  azure.server = host.upstream(function(request)
    if request.target == "/contoso/oauth2/v2.0/token" then
      if azure.is_held then
        return false
      end
      azure.asked[#azure.asked + 1] = request.body
      if azure.is_ill then
        return 401, {}, '{"error":"invalid_client","error_description":"AADSTS7000215: no such secret"}'
      end
      azure.given = azure.given + 1
      azure.token = "token-" .. azure.given
      return 200, {}, ('{"access_token":"%s","expires_in":%d}'):format(azure.token, azure.lifetime)
    end
    azure.bearers[#azure.bearers + 1] = request.headers.authorization
    if request.headers.authorization ~= "Bearer " .. (azure.token or "") then
      return 401, {}, ""
    end
    return 200, {}, "{}"
  end)
  azure.config = ([[
    router = { endpoint = "%s", entra = { tenant = "contoso", client_id = "me", client_secret = "%s",
      authority = "%s" } }
  ]]):format(azure.server.url, SECRET, azure.server.url) .. QUICK
  return azure
end

local function serve(config)
  return host.serve { config = config, scripts = { ["RouterJobQueued.lua"] = SCRIPT } }
end

local function deliver(server, job)
  assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = job }) }).status)
end

local function assert_silent(server, ...)
  for _, word in ipairs { ... } do
    for _, name in ipairs { "switchhook.db", "switchhook.db-wal" } do
      assert.is_nil(host.read(server.folder .. "/" .. name):find(word, 1, true), name)
    end
    assert.is_nil(server:stderr():find(word, 1, true))
    assert.is_nil(server:api("/api/events/1").body:find(word, 1, true))
  end
end

describe("a token for the Job Router", function()
  it("is asked for once while many calls wait, and goes with all of them", function()
    local azure = open_azure()
    azure.is_held = true
    local server = serve(azure.config)
    for i = 1, 10 do
      deliver(server, "j" .. i)
    end
    azure.server:wait_requests(1)
    azure.is_held = false
    for seq = 1, 10 do
      server:wait_state(seq, "done")
    end
    assert.same({
      "client_id=me&client_secret=s3cret%26value&grant_type=client_credentials"
        .. "&scope=https%3A%2F%2Fcommunication.azure.com%2F.default",
    }, azure.asked)
    assert.equal(10, #azure.bearers)
    for _, bearer in ipairs(azure.bearers) do
      assert.equal("Bearer token-1", bearer)
    end
    assert_silent(server, SECRET, "s3cret", "token-1")
    server:stop()
  end)

  it("that is refused is dropped, and another one asked for, once", function()
    local azure = open_azure()
    local server = serve(azure.config)
    deliver(server, "j1")
    server:wait_state(1, "done")
    azure.token = "another"
    deliver(server, "j2")
    local run = server:wait_run(2, "done")
    assert.equal(1, run.attempt)
    assert.same({ "Bearer token-1", "Bearer token-1", "Bearer token-2" }, azure.bearers)
    server:stop()
  end)

  it("is renewed before it ends", function()
    local azure = open_azure()
    azure.lifetime = 5
    local server = serve(azure.config)
    local count = 0
    host.wait_until(function()
      count = count + 1
      deliver(server, "j" .. count)
      local run = server:wait_run(count, "done")
      return run.attempt == 1 and azure.given >= 2
    end, "another token")
    for i = 2, #azure.bearers do
      assert.is_true(azure.bearers[i] == azure.bearers[i - 1] or azure.bearers[i] == "Bearer token-2")
    end
    server:stop()
  end)

  it("that cannot be had fails calls as a Job Router that does not answer", function()
    local azure = open_azure()
    azure.is_ill = true
    local server = serve(azure.config)
    for i = 1, 6 do
      deliver(server, "j" .. i)
    end
    server:wait_line "the upstream fails: runs that need it wait"
    assert.is_true(server:api("/api/status").json.breakerOpen)
    assert.matches("router.entra: the authority gave no token: 401 invalid_client: AADSTS7000215", server:stderr())
    azure.is_ill = false
    for seq = 1, 6 do
      server:wait_state(seq, "done")
    end
    local error = server:api("/api/events/1").json.runs[1].steps[1].answer
    assert.same({ "TransportFailed", true, 0 }, { error.code, error.retryable, error.status })
    assert_silent(server, SECRET, "s3cret")
    server:stop()
  end)

  it("comes out of a file that others renew", function()
    local azure = open_azure()
    local folder = host.folder()
    local config = ('router = { endpoint = "%s", entra = { token_file = "%s/token" } }\n'):format(
      azure.server.url,
      folder
    )
    local server = serve(config .. "retry = { first_seconds = 0.05, factor = 1, attempts = 1000 }\n")
    deliver(server, "j1")
    server:wait_line "router.entra.token_file: cannot read"
    azure.token = "from-file"
    host.replace(folder .. "/token", "  from-file\n")
    server:wait_state(1, "done")
    azure.token = "renewed"
    host.replace(folder .. "/token", "renewed")
    deliver(server, "j2")
    server:wait_state(2, "done")
    assert.same({ "Bearer from-file", "Bearer renewed" }, azure.bearers)
    assert.same({}, azure.asked)
    server:stop()
  end)
end)
