-- What the pages point at is there: each relative link of README.md, docs, scripts and examples, and its heading.
local source = os.getenv "SWITCHHOOK_SOURCE" or "."

local function read(path)
  local file = io.open(path)
  local text = file and file:read "a" -- nil for a folder
  if file then
    file:close()
  end
  return text
end

local function is_there(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

local function pages()
  local listed = {}
  local command = ("cd '%s' && find README.md docs scripts examples -name '*.md' | sort"):format(source)
  local find = assert(io.popen(command))
  for path in find:lines() do
    listed[#listed + 1] = path
  end
  find:close()
  return listed
end

-- As they are made of headings: small letters, blanks as dashes, nothing else but letters, digits, _ and -.
local function anchors(text)
  local known = {}
  for heading in ("\n" .. text:gsub("```.-```", "")):gmatch "\n#+ +([^\n]+)" do
    known[heading:lower():gsub("[^%w _\128-\255-]", ""):gsub(" ", "-")] = true
  end
  return known
end

local function each_link(text, visit)
  local prose = text:gsub("```.-```", ""):gsub("`[^`\n]*`", "")
  for target in prose:gmatch "%]%(([^)%s]+)%)" do
    if not target:find "^%a+:" then
      visit(target)
    end
  end
end

describe("a link in the docs", function()
  it("leads to a file, and to a heading in it", function()
    local dead, count = {}, 0
    for _, page in ipairs(pages()) do
      local text = read(source .. "/" .. page)
      each_link(text, function(target)
        count = count + 1
        local path, anchor = target:match "^([^#]*)#?(.*)$"
        local file = source .. "/" .. (path == "" and page or (page:match "^.*/" or "") .. path)
        local is_good = is_there(file) and (anchor == "" or anchors(read(file))[anchor])
        if not is_good then
          dead[#dead + 1] = page .. ": " .. target
        end
      end)
    end
    assert.same({}, dead)
    assert.is_true(count > 30, "only " .. count .. " links were found")
  end)

  it("is found dead when it is", function()
    local found = {}
    each_link("[a](b.md) `[c](d.md)` [e](https://x/y)\n```\n[f](g.md)\n```\n[h](#i)", function(target)
      found[#found + 1] = target
    end)
    assert.same({ "b.md", "#i" }, found)
    assert.is_false(is_there(source .. "/docs/no_such_page.md"))
    local known = anchors "### What scripts may reach: `http.allow`\n"
    assert.same({ ["what-scripts-may-reach-httpallow"] = true }, known)
  end)
end)
