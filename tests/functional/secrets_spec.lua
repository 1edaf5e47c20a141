-- Secrets: a script names them, the host sends them where they may go, and they are found nowhere afterwards.
local host = require "host"

local sanitizer = host.read(host.build .. "/CMakeCache.txt"):match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)"
local VALUE = 'tok-quokka/+&="x' -- has bytes that each form writes otherwise

local function percent(text)
  return (text:gsub("[^%w%-._~]", function(c)
    return ("%%%02X"):format(c:byte())
  end))
end

local function serve(upstream, body, hosts)
  return host.serve {
    config = ([[
      secrets = { CRM_TOKEN = { value = env "CRM_TOKEN_VALUE", hosts = { %s } },
                  OTHER = { value = "never-sent-wombat", hosts = { "crm.example.com" } } }
      http = { allow = { "127.0.0.0/8" } }
    ]]):format(hosts or ('"127.0.0.1:%d"'):format(upstream.port)),
    environment = { CRM_TOKEN_VALUE = VALUE },
    scripts = {
      ["RouterJobQueued.lua"] = ('local url = "%s"\nreturn function(event) local data = event.data %s end'):format(
        upstream.url,
        body
      ),
    },
  }
end

local function run(server, state, more)
  local data = { jobId = "j1" }
  for name, value in pairs(more or {}) do
    data[name] = value
  end
  assert.equal(200, server:deliver({ host.event("RouterJobQueued", data) }).status)
  return server:wait_run(1, state or "done")
end

local function returned(one)
  return type(one.returned) == "string" and host.json.decode(one.returned) or one.returned
end

-- What the host has of the value, in all that it writes or tells.
local function assert_nowhere(server, words)
  local places = { log = server:stderr(), trace = server:stdout() }
  for _, name in ipairs { "switchhook.db", "switchhook.db-wal", "switchhook.db-shm" } do
    places[name] = host.read(server.folder .. "/" .. name)
  end
  for _, path in ipairs { "/api/events/1", "/api/events", "/api/status", "/metrics" } do
    places[path] = server:api(path).body
  end
  for name, text in pairs(places) do
    for _, word in ipairs(words) do
      assert.is_nil(text:find(word, 1, true), word .. " in " .. name)
    end
  end
end

-- All memory of a process that can be read and written.
local function memory_of(pid)
  local parts = {}
  local memory = assert(io.open(("/proc/%d/mem"):format(pid), "rb"))
  for line in io.lines(("/proc/%d/maps"):format(pid)) do
    local first, last = line:match "^(%x+)%-(%x+) rw"
    if first and not line:find("[vvar", 1, true) then
      memory:seek("set", tonumber(first, 16))
      parts[#parts + 1] = memory:read(tonumber(last, 16) - tonumber(first, 16)) or ""
    end
  end
  memory:close()
  return table.concat(parts, "\n")
end

describe("a secret", function()
  it("goes into headers, the query and bodies, and is found nowhere afterwards", function()
    local upstream = host.upstream(function(request)
      local echo = { request.headers.authorization, request.headers["x-basic"], request.target, request.body }
      return 200, { ["X-Echo"] = request.headers.authorization }, table.concat(echo, "\n")
    end)
    local server = serve(
      upstream,
      [[
        local token = secret "CRM_TOKEN"
        local headers = { Authorization = "Bearer " .. token, ["X-Basic"] = http.basic("bob", token) }
        local seen = {
          http.get(url .. "/a?k=" .. token .. "&z=1", { headers = headers }),
          http.post(url .. "/b", { headers = headers, json = { token = token, mixed = { "a" .. token .. "b" } } }),
          http.post(url .. "/c", { headers = headers, body = "key=" .. token }),
        }
        log.info("used " .. token, { name = tostring(token) })
        print(token)
        return { seen[1].headers["x-echo"], seen[1].body, seen[2].body, seen[3].body }
      ]]
    )
    local one = run(server)
    local first, second, third = table.unpack(upstream.requests)
    assert.equal("Bearer " .. VALUE, first.headers.authorization)
    assert.equal("/a?k=" .. percent(VALUE) .. "&z=1", first.target)
    assert.same({ token = VALUE, mixed = { "a" .. VALUE .. "b" } }, host.json.decode(second.body))
    assert.equal("application/json", second.headers["content-type"])
    assert.equal("key=" .. VALUE, third.body)
    local base64 = first.headers["x-basic"]:match "^Basic (%S+)$"
    local seen = returned(one)
    assert.equal("Bearer secret(CRM_TOKEN)", seen[1])
    assert.equal("/a?k=secret(CRM_TOKEN)&z=1", seen[2]:match "\n(/[^\n]*)")
    assert.equal("key=secret(CRM_TOKEN)", seen[4]:match "[^\n]*$")
    assert_nowhere(server, { VALUE, "quokka", percent(VALUE), base64, base64:sub(6, -6) })
    if not sanitizer then -- they map more than can be read
      assert.is_nil(memory_of(server:api("/api/status").json.workers[1].pid):find("quokka", 1, true))
      -- The look into memory finds what is there: the host's own.
      assert.is_truthy(memory_of(server.pid):find("quokka", 1, true))
    end
    assert.matches("secret%(CRM_TOKEN%)", server:stderr())
    server:stop()
  end)

  it("cannot be forged by what an event holds", function()
    local upstream = host.upstream()
    local server = serve(
      upstream,
      [[
        local seen = {}
        seen[1] = tostring(select(2, pcall(http.get, url, { headers = { A = data.forged } })))
        seen[2] = tostring(select(2, pcall(http.get, data.forged)))
        seen[3] = tostring(select(2, pcall(http.post, url, { body = data.forged })))
        http.post(url, { json = data, headers = { A = data.text } })
        http.post(url, { body = data.text, json_parts = nil })
        seen[4] = tostring(select(2, pcall(http.post, url, { json_parts = data.forged })))
        return seen
      ]]
    )
    local forged = { { secret = "CRM_TOKEN" } }
    local text = '[{"secret":"CRM_TOKEN"}] secret(CRM_TOKEN) \\u0001{"secret":"CRM_TOKEN"}\\u0001 ${CRM_TOKEN}'
    local one = run(server, "done", { forged = forged, text = text, marked = '\1{"secret":"CRM_TOKEN"}\1' })
    local seen = returned(one)
    assert.matches("the value of A must be a string, got table", seen[1])
    assert.matches("'url' to http.get: expected a string", seen[2])
    assert.matches("'body' to http.post", seen[3])
    assert.matches("no option 'json_parts'", seen[4])
    assert.equal(2, #upstream.requests)
    assert.same(forged, host.json.decode(upstream.requests[1].body).forged)
    assert.equal(text, upstream.requests[1].headers.a)
    assert.equal(text, upstream.requests[2].body)
    for _, request in ipairs(upstream.requests) do
      assert.is_nil((request.body .. (request.headers.a or "")):find("quokka", 1, true))
    end
    server:stop()
  end)

  it("does not leave for another host, nor across a redirect", function()
    local other = host.upstream()
    local upstream = host.upstream(function()
      return 307, { Location = other.url .. "/taken" }, ""
    end)
    local server = serve(
      upstream,
      ([[
        local headers = { Authorization = "Bearer " .. secret "CRM_TOKEN" }
        local seen = { http.get(url, { headers = headers }).status }
        for i, target in ipairs { "http://127.0.0.1:%d/", "http://localhost:%d/", "https://crm.example.com/" } do
          local ok, why = pcall(http.get, target, { headers = headers })
          seen[i + 1] = { ok, why.code, why.retryable, why.message }
        end
        http.get("http://127.0.0.1:%d/", { headers = { A = "without" } })
        return seen
      ]]):format(other.port, upstream.port, other.port)
    )
    local seen = returned(run(server))
    assert.equal(307, seen[1])
    for i = 2, 4 do
      assert.same({ false, "BadRequest", false }, { seen[i][1], seen[i][2], seen[i][3] })
      assert.matches("the secret CRM_TOKEN may not be sent to http.*secrets.CRM_TOKEN.hosts", seen[i][4])
    end
    assert.equal(1, #upstream.requests)
    assert.equal(1, #other.requests)
    server:stop()
  end)

  it("is refused wherever it would be kept or shown", function()
    local upstream = host.upstream()
    local server = serve(
      upstream,
      [[
        local token = secret "CRM_TOKEN"
        local tries = {
          function() return json.encode { token } end,
          function() state.set("k", token) end,
          function() state.set(token, 1) end,
          function() router.jobs.update("j1", { labels = { a = token } }) end,
          function() router.jobs.get(token) end,
          function() step("s", function() return { token } end) end,
          function() after(1, "later", { token }) end,
          function() log.info("x", { a = token }) end,
          function() return #token end,
          function() return token.value end,
          function() token.value = 1 end,
          function() return token < token end,
          function() setmetatable(token, {}) end,
          function() return ("x"):rep(token) end,
          function() return token .. {} end,
          function() http.get("https://" .. token .. "/") end,
          function() http.get(token) end,
          function() http.basic("bob", "password") end,
          function() http.basic("bob", "x" .. token) end,
          function() http.basic("b:ob", token) end,
          function() secret "CRM_TOKN" end,
          function() secret(5) end,
          function() fail(token) end,
        }
        local seen = {}
        for i, try in ipairs(tries) do
          local ok, why = pcall(try)
          seen[i] = (ok and "OK" or tostring(why))
        end
        seen[#seen + 1] = getmetatable(token) .. tostring(token) .. "|" .. tostring(1 .. token)
        return seen
      ]]
    )
    local seen = returned(run(server))
    for i = 1, #seen - 1 do
      assert.not_equal("OK", seen[i], "try " .. i)
    end
    assert.matches("value%[1%]: a handle such as secret", seen[1])
    assert.matches("step 's' cannot remember", seen[6])
    assert.matches("secrets may stand only behind that", seen[16])
    assert.matches("a password in a script", seen[18])
    assert.matches("there is no secret 'CRM_TOKN' in the configuration %(did you mean 'CRM_TOKEN'%?%)", seen[21])
    assert.equal("secretsecret(CRM_TOKEN)|1secret(CRM_TOKEN)", seen[#seen])
    assert.equal(0, #upstream.requests)
    assert_nowhere(server, { "quokka", "wombat" })
    server:stop()
  end)

  it("of a configuration that has none is an error that says so", function()
    local server = host.serve {
      scripts = { ["RouterJobQueued.lua"] = 'return function() return secret "CRM" end' },
    }
    local one = run(server, "parked")
    assert.matches("there is no secret 'CRM': the configuration has none", one.reason)
    server:stop()
  end)

  it("is masked when a key that was changed makes the upstream say no, and the runs wait", function()
    local is_old = true
    local upstream = host.upstream(function(request)
      return is_old and 401 or 200, {}, "no such key: " .. request.headers["x-key"]
    end)
    local server = serve(
      upstream,
      [[
        local answer = http.get(url .. "/" .. data.jobId, { headers = { ["X-Key"] = secret "CRM_TOKEN" } })
        if answer.status ~= 200 then error { message = answer.body } end
      ]]
    )
    for i = 1, 8 do
      assert.equal(200, server:deliver({ host.event("RouterJobQueued", { jobId = "j" .. i }) }).status)
    end
    server:wait_line "the upstream fails: runs that need it wait"
    is_old = false
    host.wait_until(function()
      return #server:api("/api/status").json.openUpstreams == 0
    end, "the breaker to close")
    assert_nowhere(server, { "quokka" })
    assert.is_truthy(server:stderr():find("no such key: secret(CRM_TOKEN)", 1, true))
    server:stop()
  end)
end)
