-- Every Job Router operation, from a script to the wire: what goes out is what the REST contract says
-- (tests/contract/operations.tsv), with ids that hold everything that an address has a use for.
local dkjson = require "dkjson"
local host = require "host"
local ledger = require "ledger"

-- Calls the operation that the event names, with the arguments that it brings.
local CALLER = [[return function(event)
  local call = event.data.call
  local found = _G
  for part in call.operation:gmatch "[^.]+" do found = found[part] end
  if call.isList then
    for entry, about in found(table.unpack(call.arguments)) do state.set("entry", { about = about }) end
  else
    local value, about = found(table.unpack(call.arguments))
    state.set("answer", { about = about })
  end
end]]

local NASTY = "a/b?c%d:e ü#&=+.."
local NASTY_ON_THE_WIRE = "a%2Fb%3Fc%25d%3Ae%20%C3%BC%23%26%3D%2B.."

-- What stands for a value of each kind, in Lua and in a query.
local values = {
  string = { "x y&z=ü" },
  integer = { 7 },
  number = { 2.5 },
  boolean = { false },
  time = { "2026-03-01T09:30:00+01:00" },
  list = { { { key = "a", labelOperator = "equal", value = 1 } } },
  map = { { kind = "suspend", n = 1 } },
}
local conditions = {
  ["If-Match"] = { "ifMatch", '"5f2c-18a0"', '"5f2c-18a0"' },
  ["If-Unmodified-Since"] = { "ifUnmodifiedSince", "2026-03-01T09:30:00Z", "Sun, 01 Mar 2026 09:30:00 GMT" },
}
local words = { status = "queued", state = "active" }

-- The short forms: what they are called for, and what their body always has.
local short = {
  ["router.jobs.activate"] = { fixed = { matchingMode = { kind = "queueAndMatch" } }, taken = "matchingMode" },
  ["router.jobs.suspend"] = { fixed = { matchingMode = { kind = "suspend" } }, taken = "matchingMode" },
  ["router.jobs.schedule"] = {
    fixed = { matchingMode = { kind = "scheduleAndSuspend", scheduleAt = "2026-03-02T09:30:00Z" } },
    taken = "matchingMode",
    options = { scheduleAt = "2026-03-02T09:30:00Z" },
  },
  ["router.workers.register"] = { fixed = { availableForOffers = true }, taken = "availableForOffers" },
  ["router.workers.deregister"] = { fixed = { availableForOffers = false }, taken = "availableForOffers" },
}

local function read_tsv(path)
  local rows = {}
  for line in io.lines(path) do
    if line:sub(1, 1) ~= "#" then
      local row = {}
      for column in (line .. "\t"):gmatch "(.-)\t" do
        row[#row + 1] = column
      end
      rows[#rows + 1] = row
    end
  end
  return rows
end

local function each_member(list)
  return list:gmatch "([^,:]+):(%a+)"
end

-- jobs, GET /routing/jobs/{jobId}: what scripts call it by.
local modules = {
  classificationPolicies = "classification_policies",
  distributionPolicies = "distribution_policies",
  exceptionPolicies = "exception_policies",
}
local function names_of(row)
  local collection = row[3]:match "^/routing/(%a+)"
  local module = "router." .. (modules[collection] or collection) .. "."
  local action = row[3]:match ":(%a+)$" or row[3]:match "}/(%a+)$"
  if collection == "workers" and row[3]:find("/offers/", 1, true) then
    module = "router.offers."
  end
  if row[2] == "PATCH" then
    local names = { module .. "create", module .. "update" }
    for name in pairs(short) do
      if name:sub(1, #module) == module then
        names[#names + 1] = name
      end
    end
    return names
  elseif row[2] == "DELETE" then
    return { module .. "delete" }
  end
  local is_one = row[3]:find "}$"
  return { module .. (action or is_one and "get" or "list") }
end

local function encode(text)
  return (text:gsub("[^%w%-._~]", function(byte)
    return ("%%%02X"):format(byte:byte())
  end))
end

local function count_ids(path)
  local _, count = path:gsub("{%a+}", "")
  return count
end

-- A call with every option that the row has, and the request that it must become.
local function whole_call(row, name)
  local form = short[name] or {}
  local options, body, query, headers = {}, {}, {}, {}
  for option, value in pairs(form.options or {}) do
    options[option] = value
  end
  for member, kind in each_member(row[8]) do
    if member ~= form.taken then
      options[member] = values[kind][1]
      body[member] = values[kind][1]
    end
  end
  for member, value in pairs(form.fixed or {}) do
    body[member] = value
  end
  for member, kind in each_member(row[6]) do
    options[member] = words[member]
    if options[member] == nil then
      options[member] = values[kind][1]
    end
    query[#query + 1] = member .. "=" .. encode(tostring(options[member]))
  end
  for header in row[7]:gmatch "([%a-]+):" do
    local option, given, sent = table.unpack(conditions[header])
    options[option] = given
    headers[header:lower()] = sent
  end
  local has_body = row[5] == "required" or (row[5] == "optional" and next(options) ~= nil)
  local arguments = {}
  for i = 1, count_ids(row[3]) do
    arguments[i] = NASTY
  end
  if next(options) ~= nil then
    arguments[#arguments + 1] = options
  end
  local path = row[3]:gsub("{%a+}", (NASTY_ON_THE_WIRE:gsub("%%", "%%%%")))
  local request = {
    method = row[2],
    path = path,
    query = query,
    headers = headers,
    body = has_body and body or nil,
    row = row,
  }
  return {
    operation = name,
    arguments = arguments,
    isList = row[6]:find("maxpagesize", 1, true) ~= nil,
  }, request
end

local function all_calls()
  local calls = {}
  for _, row in ipairs(read_tsv(host.source .. "/tests/contract/operations.tsv")) do
    for _, name in ipairs(names_of(row)) do
      local call, request = whole_call(row, name)
      calls[#calls + 1] = { call = call, request = request }
    end
  end
  table.sort(calls, function(a, b)
    return a.call.operation < b.call.operation
  end)
  return calls
end

local function sorted_query(target)
  local parts = {}
  for part in target:match("%?(.*)$"):gmatch "[^&]+" do
    parts[#parts + 1] = part
  end
  table.sort(parts)
  return parts
end

local function serve(config)
  return host.serve {
    config = config .. "retry = { attempts = 1 }\n",
    scripts = { ["RouterJobQueued.lua"] = CALLER },
  }
end

local function deliver(server, call, seq)
  local answer = server:deliver { host.event("RouterJobQueued", { jobId = "j" .. seq, call = call }) }
  assert.equal(200, answer.status)
end

local function check_request(wanted, sent, name)
  assert.equal(wanted.method, sent.method, name)
  assert.equal(wanted.path, sent.target:match "^[^?]*", name)
  local query = { "api-version=2023-11-01", table.unpack(wanted.query) }
  table.sort(query)
  assert.same(query, sorted_query(sent.target), name)
  assert.equal(wanted.row[4] ~= "-" and wanted.body and wanted.row[4] or nil, sent.headers["content-type"], name)
  for _, header in ipairs { "if-match", "if-unmodified-since" } do
    assert.equal(wanted.headers[header], sent.headers[header], name)
  end
  assert.equal("application/json", sent.headers.accept, name)
  assert.is_truthy(sent.headers.authorization:find "^HMAC%-SHA256 ", name)
  if wanted.body then
    assert.same(wanted.body, dkjson.decode(sent.body), name)
  else
    assert.equal("", sent.body, name)
  end
end

describe("every operation", function()
  it("is there 44 times over 33 operations of the contract", function()
    assert.equal(44, #all_calls())
  end)

  it("goes out as the contract says, with all of its options", function()
    local router = ledger.open()
    local calls = all_calls()
    local is_page
    router.answer = function()
      if is_page then
        return 200, {}, '{"value":[{"id":"any"}],"nextLink":null}'
      end
    end
    local server = serve(router.config)
    for seq, case in ipairs(calls) do
      is_page = case.call.isList
      deliver(server, case.call, seq)
      local run = server:wait_run(seq, "done")
      assert.equal(seq, #router.server.requests, case.call.operation)
      check_request(case.request, router.server.requests[seq], case.call.operation)
      local about = run.steps[2].arguments[2].about
      assert.equal(200, about.status)
      assert.equal(not is_page and '"1"' or nil, about.etag)
    end
    server:stop()
  end)

  it("has no body where none is wanted, when it is called without options", function()
    local router = ledger.open()
    local server = serve(router.config)
    local seq = 0
    for _, case in ipairs(all_calls()) do
      local is_bare = case.request.row[5] == "optional"
      if is_bare then
        seq = seq + 1
        local ids = table.move(case.call.arguments, 1, count_ids(case.request.row[3]), 1, {})
        deliver(server, { operation = case.call.operation, arguments = ids }, seq)
        server:wait_run(seq, "done")
        local sent = router.server.requests[seq]
        assert.equal("POST", sent.method)
        assert.equal("", sent.body)
        assert.is_nil(sent.headers["content-type"])
        assert.equal("0", sent.headers["content-length"])
      end
    end
    assert.equal(6, seq)
    server:stop()
  end)
end)
