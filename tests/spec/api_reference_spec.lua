-- docs/api.md: it is what the tables say, and speaks of everything that scripts are offered.
local host = require "host"

-- Without arguments the generator is a module.
local reference = assert(loadfile(host.source .. "/docs/reference/generate.lua"))()
local words, offered, names = reference.load(host.source, host.build)

local function missing_from(all, wanted)
  local missing = {}
  for name in pairs(wanted) do
    if not all[name] then
      missing[#missing + 1] = name
    end
  end
  table.sort(missing)
  return missing
end

describe("the reference page", function()
  local offered_names = {}
  for _, name in ipairs(offered.functions) do
    offered_names[name] = true
  end

  it("speaks of every function of the sandbox: add what is missing to docs/reference/words.lua", function()
    assert.same({}, missing_from(reference.described(words, offered), offered_names))
  end)

  it("speaks of none that is not there", function()
    assert.same({}, missing_from(offered_names, reference.described(words, offered)))
  end)

  it("is told of a function that has no words", function()
    local with = { ["json.encode"] = true, ["nobody.knows"] = true }
    assert.same({ "nobody.knows" }, missing_from(reference.described(words, offered), with))
  end)

  it("says all there is to say about each", function()
    for _, module in ipairs(words.modules) do
      assert.is_string(module.words)
      for _, entry in ipairs(module) do
        assert.is_truthy(entry.call:find(entry.name, 1, true), entry.name)
        assert.is_truthy(entry.words:find "%.$", entry.name)
        assert.is_string(entry.returns, entry.name)
        assert.is_boolean(entry.is_step, entry.name)
        for _, argument in ipairs(entry.arguments) do
          assert.equal(3, #argument, entry.name)
        end
      end
    end
  end)

  it("is up to date: lua5.4 docs/reference/generate.lua . build > docs/api.md", function()
    assert.equal(host.read(host.source .. "/docs/api.md"), reference.page(words, offered, names))
  end)
end)
