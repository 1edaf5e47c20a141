-- docs/guide.md, typed as it stands there: what it says is printed is printed. Only the ports differ, since they
-- must be free here.
local host = require "host"

-- The page's blocks of code, each with the comment above it: { comment =, language =, text = }.
local function blocks_of(page)
  local blocks, comment, block = {}, nil, nil
  for line in page:gmatch "([^\n]*)\n" do
    local fence = line:match "^```(%a*)$"
    if block and fence then
      block.text = table.concat(block, "\n")
      blocks[#blocks + 1] = block
      block, comment = nil, nil
    elseif block then
      block[#block + 1] = line
    elseif fence then
      block = { comment = comment or "", language = fence }
    else
      comment = line:match "^<!%-%- (.-) %-%->$" or (line ~= "" and "" or comment)
    end
  end
  return blocks
end

-- Without what differs from time to time.
local function normal(line)
  line = line:gsub("%d%d:%d%d:%d%d%.%d+", "TIME"):gsub("127%.0%.0%.1:%d+", "ADDRESS")
  return (line:gsub("%d+%.%d+ (m?s)%f[%A]", "A %1"):gsub("%d+%.%d+ seconds", "SECONDS"):gsub("%s+", " "))
end

local function as_pattern(line)
  local pattern = normal(line):gsub("[%^%$%(%)%%%.%[%]%*%+%-%?]", "%%%0"):gsub("%%%.%%%.%%%.", ".*")
  return "^" .. pattern .. "$"
end

-- The first of the expected lines that `output` does not have, in their order; nil: it has all.
local function first_missing(expected, output)
  local lines = {}
  for line in (output .. "\n"):gmatch "([^\n]*)\n" do
    lines[#lines + 1] = normal(line)
  end
  local at = 1
  for line in (expected .. "\n"):gmatch "([^\n]*)\n" do
    local pattern = as_pattern(line)
    while at <= #lines and not lines[at]:match(pattern) do
      at = at + 1
    end
    if at > #lines then
      return line
    end
    at = at + 1
  end
end

local function wait_for(expected, output, where)
  local missing
  host.wait_until(function()
    missing = first_missing(expected, output())
    return not missing
  end, where, 60, function()
    return ("%q is not in:\n%s"):format(missing, output())
  end)
end

-- A terminal: a shell that is typed into, block after block.
local function open_terminal(folder, name)
  local commands = ("%s/terminal.%s"):format(folder, name)
  host.write(commands, "")
  local shell = host.start_program({
    "bash",
    "-c",
    [[tail --pid=$$ -n +1 -f "$0" | bash 2>&1]],
    commands,
  }, { folder = folder })
  local count = 0
  return function(text)
    count = count + 1
    local before = #shell:stdout()
    local file = assert(io.open(commands, "a"))
    assert(file:write(text, ("\nprintf '\\n@@%d %%d\\n' $?\n"):format(count)))
    assert(file:close())
    local status = shell:wait_line(("^@@%d (%%d+)$"):format(count))
    local output = shell:stdout():sub(before + 1):gsub("\n@@%d+ %d+\n$", "")
    return output, status
  end
end

describe("docs/guide.md", function()
  it("is what happens when it is typed", function()
    local folder = host.folder()
    for _, name in ipairs { "examples", "docs" } do
      assert.equal(0, host.run_program({ "ln", "-s", host.source .. "/" .. name, folder .. "/" .. name }).status)
    end
    assert.equal(0, host.run_program({ "ln", "-s", host.build, folder .. "/build" }).status)
    local ports = { ["8080"] = host.free_port(), ["8081"] = host.free_port(), ["8090"] = host.free_port() }
    local connection, programs, terminals, last = nil, {}, {}, nil

    local function here(text)
      if connection then
        text = text:gsub("endpoint=http://127%.0%.0%.1:8081/;accesskey=%.%.%.", (connection:gsub("%%", "%%%%")))
      end
      text = text:gsub("127%.0%.0%.1:(%d+)", function(port)
        return ports[port] and "127.0.0.1:" .. ports[port]
      end)
      local mine = ('scripts = "scripts"\nlisten = "127.0.0.1:%d"\nadmin = "127.0.0.1:%d"'):format(
        ports["8080"],
        ports["8090"]
      )
      text = text:gsub('scripts = "scripts"', mine)
      text = text:gsub("^build/switchhook sim ", ("exec %%0--listen 127.0.0.1:%d "):format(ports["8081"]))
      return (text:gsub("&& (%.%./build/switchhook serve)", "&& exec %1"))
    end

    local typed = 0
    for _, block in ipairs(blocks_of(host.read(host.source .. "/docs/guide.md"))) do
      local number, seen = block.comment:match "^terminal (%d)", block.comment:match "^seen in terminal (%d)"
      if block.comment == "not typed" then
        last = nil
      elseif block.language == "sh" and (number == "1" or number == "2") then
        local program = host.start_program({ "bash", "-c", here(block.text) }, { folder = folder })
        programs[number] = program
        last = function()
          return program:stdout()
        end
        typed = typed + 1
      elseif block.language == "sh" then
        local name = number or "0"
        terminals[name] = terminals[name] or open_terminal(folder, name)
        local text = here(block.text)
        if block.comment:find("until it says so", 1, true) then
          last = function()
            return (terminals[name](text))
          end
        else
          local output, status = terminals[name](text)
          assert.equal("0", status, block.text .. "\n" .. output)
          last = function()
            return output
          end
        end
        typed = typed + 1
      else
        local output = last
        if seen then
          output = function()
            return programs[seen]:stdout()
          end
        end
        wait_for(block.text, output, "what the guide says of:\n" .. block.text)
        connection = connection or (programs["1"] and programs["1"]:stdout():match "(endpoint=%S+)")
      end
    end
    assert.is_true(typed >= 15)
    programs["2"]:stop()
    programs["1"]:stop()
  end)
end)
