-- tests/bench/result.lua and report.lua: what benches find gets into the docs, and nothing wrong does.
local host = require "host"
package.path = host.source .. "/tests/bench/?.lua;" .. package.path
local chart = require "chart"
local result = require "result"

local PAGE = [[
# Performance

Words above.
<!-- bench: machine -->
<!-- end -->
<!-- bench: goals -->
goals of before
<!-- end -->
## One
<!-- bench: one -->
one of before
<!-- end -->
Words between.
<!-- bench: two -->
two of before
<!-- end -->
Words below.
]]

local function one()
  return {
    title = "The first",
    about = "What is measured.",
    date = "2026-03-01",
    commit = "abc1234",
    programs = { "nginx 1.22.1" },
    machine = { cpu = "A CPU", cores = 2, memory_gib = 8, system = "Debian", kernel = "6.1", filesystem = "ext4" },
    columns = { "program", "per second" },
    rows = { { "Switchhook", 44200.4 }, { "nginx", 9.5 } },
    chart = { unit = "a second", bars = { { label = "Switchhook", value = 3 }, { label = "nginx", value = 0 } } },
    ratios = { { what = "to nginx", value = 0.6, goal = 0.55, aim = 0.7 } },
  }
end

local function two()
  local found = one()
  found.title, found.chart, found.programs = "The second", nil, nil
  found.ratios = { { what = "p99, ms", value = 6, goal = 5, is_less_better = true }, { what = "later", goal = 1 } }
  return found
end

-- Folders with these results (tables or bytes), and the page; runs the report over them.
local function report(results, page)
  local folder = host.folder()
  host.make_folders(folder .. "/docs")
  host.make_folders(folder .. "/results")
  host.write(folder .. "/docs/performance.md", page or PAGE)
  for name, found in pairs(results) do
    local text = type(found) == "string" and found or host.json.encode(found)
    host.write(folder .. "/results/" .. name .. ".json", text)
  end
  local program = host.source .. "/tests/bench/report.lua"
  local ended = host.run_program { "lua5.4", program, folder .. "/results", folder .. "/docs" }
  ended.page = host.read(folder .. "/docs/performance.md")
  local picture = io.open(folder .. "/docs/performance.svg", "rb")
  if picture then
    ended.picture = picture:read "a"
    picture:close()
  end
  return ended
end

local function has(text, part)
  assert.is_truthy(text:find(part, 1, true), ("%q is not in\n%s"):format(part, text))
end

describe("the report", function()
  it("puts every result at its place, and leaves the words around", function()
    local ended = report { one = one(), two = two() }
    assert.equal(0, ended.status, ended.stderr)
    has(ended.page, "Words above.\n<!-- bench: machine -->\n- A CPU, 2 cores, 8 GiB; Debian, Linux 6.1; ")
    has(ended.page, "| program    | per second |\n|------------|-----------:|\n| Switchhook |     44,200 |\n")
    has(ended.page, "`./tests/run bench one`; 2026-03-01; commit abc1234; nginx 1.22.1.\n<!-- end -->\nWords b")
    assert.is_nil(ended.page:find "of before")
    has(ended.page, "Words below.\n")
    has(ended.stdout, "## The first")
  end)

  it("judges the goals", function()
    local page = report({ one = one(), two = two() }).page
    has(page, "| to nginx |     0.60 | at least 0.55, aim 0.70 | reached      |")
    has(page, "| p99, ms  |        6 | at most 5               | **missed**   |")
    has(page, "| later    |        - | at least 1              | not measured |")
  end)

  it("draws what has bars", function()
    local picture = report({ one = one(), two = two() }).picture
    has(picture, '<svg xmlns="http://www.w3.org/2000/svg"')
    has(picture, 'class="ours" x="300"')
    has(picture, ">The first<")
    assert.is_nil(picture:find "The second")
  end)

  it("draws bars of a group together", function()
    local found = one()
    found.chart.bars = {}
    for i, group in ipairs { "first", "second", "first" } do
      found.chart.bars[i] = { label = "bar " .. i, value = i, group = group }
    end
    local picture = report({ one = found, two = two() }).picture
    local order = {}
    for text in picture:gmatch ">([^<>]+)</text>" do
      order[#order + 1] = text:match "^bar %d$" or text:match "^first$" or text:match "^second$"
    end
    assert.same({ "first", "bar 1", "bar 3", "second", "bar 2" }, order)
    assert.is_nil(picture:find 'class="other"')
  end)

  it("scales by group where that is wanted", function()
    local found = one()
    found.chart.bars = { { label = "a", value = 1, group = "x" }, { label = "b", value = 2, group = "y" } }
    local _, full = report({ one = found, two = two() }).picture:gsub('width="470.0"', "")
    found.chart.scale = "group"
    local _, both = report({ one = found, two = two() }).picture:gsub('width="470.0"', "")
    assert.same({ 1, 2 }, { full, both })
  end)

  it("writes the numbers of a column alike", function()
    local found = one()
    found.columns = { "few", "some", "many" }
    found.rows = { { 1, 9.5, 0.5 }, { 12.345, 120, 4000 } }
    local page = report({ one = found, two = two() }).page
    has(page, "|  1.00 |   9.5 |  0.50 |")
    has(page, "| 12.35 | 120.0 | 4,000 |")
  end)

  it("changes nothing when run again", function()
    local first = report { one = one(), two = two() }
    local again = report({ one = one(), two = two() }, first.page)
    assert.same({ first.page, first.picture }, { again.page, again.picture })
  end)

  it("leaves what was not measured as it is, and the sums with it", function()
    local ended = report { one = one() }
    assert.equal(0, ended.status, ended.stderr)
    has(ended.page, "| Switchhook |")
    has(ended.page, "two of before")
    has(ended.page, "goals of before")
    assert.is_nil(ended.picture)
    has(ended.stdout, "Not measured yet: two.")
  end)

  it("names the machines when there are several", function()
    local other = two()
    other.machine.cpu = "Another CPU"
    local page = report({ one = one(), two = other }).page
    has(page, "Linux 6.1; stores on ext4 (`one`)\n- Another CPU,")
  end)

  it("says what is unknown of a machine", function()
    local found = one()
    found.machine = { cpu = "" }
    local other = two()
    other.machine = nil
    local page = report({ one = found, two = other }).page
    has(page, "- unknown, unknown cores, unknown GiB; unknown, Linux unknown;")
  end)

  it("keeps texts of results from breaking the page and the picture", function()
    local found = one()
    found.about = "a <b>\n<!-- end --> | c"
    found.rows[1][1] = "x | y <!-- bench: two -->"
    found.chart.bars[1].label = '<script>&"' .. ("ä"):rep(100) .. "\1"
    found.chart.title = "\255 broken"
    local ended = report { one = found, two = two() }
    assert.equal(0, ended.status, ended.stderr)
    has(ended.page, "a &lt;b&gt; &lt;!-- end --&gt; \\| c")
    has(ended.page, "x \\| y &lt;!-- bench: two --&gt;")
    has(ended.picture, "&lt;script&gt;&amp;&quot;ä")
    has(ended.picture, "? broken")
  end)

  describe("writes nothing", function()
    local function refuses(words, results, page)
      local ended = report(results, page)
      assert.equal(1, ended.status)
      has(ended.stderr, words)
      assert.equal(page or PAGE, ended.page)
      assert.is_nil(ended.picture)
    end

    it("when there is no result", function()
      refuses("no results in ", {})
    end)

    it("when a result is not whole", function()
      local text = host.json.encode(two())
      refuses("two.json: not JSON", { one = one(), two = text:sub(1, #text // 2) })
      refuses("two.json: not JSON", { one = one(), two = "" })
      refuses("two.json: not JSON", { one = one(), two = "3" })
      refuses("two.json: needs a title", { one = one(), two = "[]" })
    end)

    it("when a result has no place", function()
      refuses("no place for three", { one = one(), three = two() })
    end)

    it("when a block has no end, or is there twice", function()
      refuses("the block two has no", { one = one() }, "<!-- bench: two -->\n<!-- bench: one -->\n<!-- end -->\n")
      refuses("the block one has no", { one = one() }, "<!-- bench: one -->\n")
      local block = "<!-- bench: one -->\n<!-- end -->\n"
      refuses("two blocks one", { one = one() }, block .. block)
    end)
  end)
end)

describe("a result", function()
  local function complaint(change)
    local found = one()
    change(found)
    return result.check(found)
  end

  it("is right as it is", function()
    assert.is_nil(result.check(one()))
    assert.is_nil(result.check(two()))
  end)

  it("is refused when a row has the wrong cells", function()
    assert.equal("row 2: needs 2 cells", complaint(function(found)
      found.rows[2] = { 1 }
    end))
    assert.equal("row 1: cell 2 is neither a text nor a finite number", complaint(function(found)
      found.rows[1][2] = 0 / 0
    end))
    assert.equal("row 1: cell 2 is neither a text nor a finite number", complaint(function(found)
      found.rows[1][2] = {}
    end))
    assert.equal("row is no list", complaint(function(found)
      found.rows = { a = {} }
    end))
  end)

  it("is refused when it has no title or no columns", function()
    assert.is_string(complaint(function(found)
      found.title = nil
    end))
    assert.is_string(complaint(function(found)
      found.columns = {}
    end))
    assert.is_string(complaint(function(found)
      found.columns = { "a", 2 }
    end))
  end)

  it("is refused when a bar or a ratio is none", function()
    assert.is_string(complaint(function(found)
      found.chart.bars[1].value = 1 / 0
    end))
    assert.is_string(complaint(function(found)
      found.chart.bars[1].value = -1
    end))
    assert.is_string(complaint(function(found)
      found.chart.unit = nil
    end))
    assert.is_string(complaint(function(found)
      found.ratios[1].value = 0 / 0
    end))
    assert.is_string(complaint(function(found)
      found.ratios[1].goal = nil
    end))
  end)

  it("knows where it was measured", function()
    local machine = result.machine()
    assert.is_true(machine.cores >= 1)
    assert.is_truthy(machine.kernel:find "%d")
    assert.is_not.equal("unknown", machine.filesystem)
  end)
end)

describe("numbers", function()
  it("have as many digits as they deserve", function()
    local shown = {}
    for i, number in ipairs { 0, 7, 999, 1000, 44200.4, -1234567, 12.34, 4.567, 0.6, 0.01234, 1e15 } do
      shown[i] = chart.number(number)
    end
    local expected = { "0", "7", "999", "1,000", "44,200", "-1,234,567", "12.3", "4.57", "0.60", "0.0123" }
    expected[11] = "1,000,000,000,000,000"
    assert.same(expected, shown)
  end)
end)
