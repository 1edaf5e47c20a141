-- switchhook catalog: the types, one type, both for programs, and the page in docs that is made of them.
local host = require "host"
local source = os.getenv "SWITCHHOOK_SOURCE"

local function catalog(...)
  local found = host.run { "catalog", ... }
  assert.equal(0, found.status, found.stderr)
  assert.equal("", found.stderr)
  return found.stdout
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    lines[#lines + 1] = line
  end
  return lines
end

local function has(text, words)
  assert.is_truthy(text:find(words, 1, true), ("%q is not in:\n%s"):format(words, text))
end

describe("switchhook catalog", function()
  it("lists the types in columns, with when they are sent", function()
    local lines = lines_of(catalog())
    assert.equal(1 + 24, #lines)
    local column = assert(lines[1]:find("SENT WHEN", 1, true))
    for i = 2, #lines do
      assert.is_truthy(lines[i]:match "^Router%u%a+ +%l")
      assert.is_truthy(lines[i]:sub(column - 2, column):match "^  %l", lines[i])
    end
    has(table.concat(lines, "\n"), "a scheduled job's time has come")
  end)

  it("shows one type's fields, and a sample that is an event", function()
    local text = catalog "RouterWorkerOfferIssued"
    assert.equal(text, (catalog "Microsoft.Communication.RouterWorkerOfferIssued"))
    has(text, "worker/{workerId}/job/{jobId}")
    has(text, "deadline   data.expiresOn")
    assert.is_truthy(text:match "\nexpiresOn +time +no +schema, sample, page +until")
    assert.is_truthy(text:match "\nworkerTags +map +yes +schema  ")
    has(text, "also sent as: expiryTimeUtc (2021)")
    local sample = host.json.decode(assert(text:match "\nA sample:\n\n(.*)$"))
    assert.equal("Microsoft.Communication.RouterWorkerOfferIssued", sample.eventType)
    assert.equal("worker/worker-8/job/job-4711", sample.subject)
  end)

  it("shows the models that a type's fields have", function()
    local text = catalog "RouterJobQueued"
    has(text, "WorkerSelector: ")
    has(text, "known values: active, expired, Active, Expired")
    has(text, "also sent as: ttl, TTLSeconds")
    assert.is_nil(text:find("QueueDetails", 1, true))
  end)

  it("says all of it to programs", function()
    local all = host.json.decode((catalog "--json"))
    assert.equal(24, #all.types)
    assert.equal(4, #all.models)
    for _, type in ipairs(all.types) do
      local one = host.json.decode((catalog(type.name, "--json")))
      assert.same(type, one)
      assert.equal("Microsoft.Communication." .. type.name, type.type)
      assert.is_truthy(type.lane == "job" or type.lane == "worker")
      for _, field in ipairs(type.fields) do
        assert.is_truthy(#field.sources > 0, type.name .. "." .. field.name)
        assert.is_not_nil(field.sample)
        assert.same(field.sample, type.sample[field.name])
      end
      for _, alias in ipairs(type.aliases) do
        assert.is_boolean(alias.present)
      end
    end
  end)

  it("knows no other type, and names the nearest", function()
    for name, words in pairs {
      RouterJobQueud = "no event has the type RouterJobQueud; did you mean RouterJobQueued?",
      ["Microsoft.Communication.routerjobqueued"] = "did you mean RouterJobQueued?",
      ["Contoso.Thing"] = "`switchhook catalog` lists them",
      ["a\27[31m"] = "no event has the type a\\x1b[31m; ",
    } do
      local found = host.run { "catalog", name }
      assert.equal(1, found.status)
      assert.equal("", found.stdout)
      has(found.stderr, words)
    end
  end)

  it("is called with one type at most", function()
    for words, arguments in pairs {
      ["not RouterJobClosed as well"] = { "catalog", "RouterJobQueued", "RouterJobClosed" },
      ["it goes with nothing else"] = { "catalog", "--markdown", "--json" },
      ["page of all types"] = { "catalog", "--markdown", "RouterJobQueued" },
    } do
      local found = host.run(arguments)
      assert.equal(2, found.status)
      assert.equal("", found.stdout)
      has(found.stderr, words)
    end
  end)

  it("is what docs/events.md was made from", function()
    local page = assert(host.read(source .. "/docs/events.md"))
    local made = catalog "--markdown"
    assert.is_true(page == made, "docs/events.md is old: build/switchhook catalog --markdown > docs/events.md")
  end)
end)
