-- Makes docs/api.md, from the folder of the source and that of the build, or says what is missing:
--
--     lua5.4 docs/reference/generate.lua . build > docs/api.md
--
-- What the Job Router's operations are comes from the program's own table (build/tests/api_table prints it), the
-- names of the REST operations from tests/contract/operations.tsv, and all other functions from words.lua.
local source, build = ...

local reference = {}

local KINDS = {
  string = "string",
  integer = "whole number",
  number = "number",
  boolean = "true or false",
  time = "time: text such as `2026-03-01T09:30:00Z`, or seconds since 1970",
  list = "list",
  map = "table of names and values",
}

local MODULES = {
  ["router.jobs"] = "Jobs.",
  ["router.workers"] = "Workers, who take jobs.",
  ["router.offers"] = "Offers of a job to a worker.",
  ["router.queues"] = "Queues, in which jobs wait.",
  ["router.classification_policies"] = "Policies that find a job's queue, priority and selectors.",
  ["router.distribution_policies"] = "Policies by which jobs are offered.",
  ["router.exception_policies"] = "Policies for jobs that wait too long.",
}

local HEAD = [[# The handlers' functions

This page is made from the tables of the program by `docs/reference/generate.lua`. A test holds it to them.

## What is the same for all

- **Steps.** What is marked as a step travels to the host, which does it, writes the answer into the journal,
  and hands it over. When the run is done again, the journal answers. A step can be taken only where Lua can
  wait: in a handler and what it calls, in `pcall`, in loops; not at a script's top level, and not inside
  `table.sort`, `string.gsub` or a `__tostring`.
- **Results.** A step returns its value and, second, a table with `status`, `etag` (where the answer has one)
  and `repeated` (true: the request may have gone out before).
- **Errors.** A step that fails raises a table with `operation`, `status` (0: no answer), `code`, `message`,
  `retryable` and `repeated`; it prints as one line. `retryable` is true for transport failures, 408, 429 and
  5xx; a script may set it and raise again. A wrong argument raises a text with file and line that names the
  argument.
- **Functions are called with a dot**: `router.jobs.get(id)`.
]]

local ROUTER = [[## router

Calls of the Job Router's REST API, api-version %s. Ids are strings, and may hold anything: they are
percent-encoded. Options are a table whose names are the REST contract's own; an unknown one is an error that
names the nearest. In what creates or updates, `json.null` clears a member. 10.0 is a whole number.

`ifMatch` and `ifUnmodifiedSince` make an update conditional: 412 when the resource has changed.

Lists are iterators: `for job in router.jobs.list { queueId = "q1" } do ... end`. Each page is a step, asked
for when the entries of the one before are used up; who leaves the loop asks for no more. The second value of
each round is what there is to say about its page (`status`, `repeated`). `list` returns the iterator: outside
of `for` it can be called by hand, and gives nil at the end; functions of `all{}` need one each. Further pages
are asked for by the link that the Job Router gave. It must lead to the same path of the same Job Router; else
an error value with the code `ForeignNextLink` or `BadArguments` is raised, and nothing is sent.

Source of all facts: Azure/azure-rest-api-specs, communication/data-plane/JobRouter/stable/%s; the operation's
name there stands with each.
]]

local function read_operations(path)
  local names = {}
  for line in io.lines(path) do
    local name, method, url = line:match "^([^#\t]+)\t(%u+)\t(%S+)"
    if name then
      names[method .. " " .. url] = name
    end
  end
  return names
end

local function read_table(program)
  local pipe = assert(io.popen("'" .. program:gsub("'", "'\\''") .. "'"))
  local text = pipe:read "a"
  assert(pipe:close(), program .. " failed")
  return assert(load(text, "=api_table", "t", {}))()
end

local function cell(text)
  return (text:gsub("|", "\\|"))
end

local function option_rows(out, operation)
  if #operation.members == 0 then
    return
  end
  out[#out + 1] = ""
  out[#out + 1] = "| option | type | goes into | what it is |"
  out[#out + 1] = "|---|---|---|---|"
  for _, member in ipairs(operation.members) do
    local place = member.header and ("header `%s`"):format(member.header) or member.place
    local words = member.required and "Required. " .. member.words or member.words
    if #member.values > 0 then
      words = words .. " One of `" .. table.concat(member.values, "`, `") .. "`."
    end
    out[#out + 1] = ("| `%s` | %s | %s | %s |"):format(member.name, cell(KINDS[member.kind]), place, cell(words))
  end
end

local function signature(operation)
  local arguments = table.move(operation.ids, 1, #operation.ids, 1, {})
  local needs_options = false
  for _, member in ipairs(operation.members) do
    needs_options = needs_options or member.required
  end
  local text = table.concat(arguments, ", ")
  local comma = #arguments > 0 and ", " or ""
  if needs_options then
    text = text .. comma .. "options"
  elseif #operation.members > 0 then
    text = text .. (#arguments > 0 and " [, options]" or "[options]")
  end
  return ("%s(%s)"):format(operation.name, text)
end

local function answer_lines(out, operation, shown)
  if operation.sample == "" then
    out[#out + 1] = "Returns nil."
  elseif operation.list then
    local one = operation.name:gsub("list$", "get")
    out[#out + 1] = ("Returns an iterator; an entry is as `%s` gives it."):format(one)
  elseif operation.sample == "{}" then
    out[#out + 1] = "Returns an empty table."
  elseif shown[operation.sample] then
    out[#out + 1] = ("Returns the same as `%s`."):format(shown[operation.sample])
  else
    shown[operation.sample] = operation.name
    out[#out + 1] = "Returns, for example:"
    out[#out + 1] = ""
    out[#out + 1] = "```json"
    out[#out + 1] = operation.sample
    out[#out + 1] = "```"
  end
end

local function operation_lines(out, operation, names, shown)
  local rest = names[operation.method .. " " .. operation.path]
  assert(rest, operation.name .. " is not in the contract")
  local has_body = operation.content_type and (operation.method == "PATCH" or #operation.members > 0)
  out[#out + 1] = ("#### `%s`"):format(signature(operation))
  out[#out + 1] = ""
  out[#out + 1] = ("%s A step: `%s %s`%s, %s."):format(
    operation.words,
    operation.method,
    operation.path,
    has_body and (" as `%s`"):format(operation.content_type) or "",
    rest
  )
  if operation.fixed then
    out[#out + 1] = ("The body always has `%s`."):format((operation.fixed:gsub("@", "...")))
  end
  option_rows(out, operation)
  out[#out + 1] = ""
  answer_lines(out, operation, shown)
  out[#out + 1] = ""
end

local function router_lines(out, offered, names)
  local shown, module = {}, nil
  out[#out + 1] = ROUTER:format(offered.version, offered.version)
  for _, operation in ipairs(offered.operations) do
    local this = operation.name:match "^(.*)%."
    if this ~= module then
      module = this
      out[#out + 1] = ("### %s"):format(module)
      out[#out + 1] = ""
      out[#out + 1] = assert(MODULES[module], module .. " has no words in docs/reference/generate.lua")
      out[#out + 1] = ""
    end
    operation_lines(out, operation, names, shown)
  end
end

local function entry_lines(out, entry)
  out[#out + 1] = ("### `%s`"):format(entry.call)
  out[#out + 1] = ""
  out[#out + 1] = entry.words .. (entry.is_step and " A step." or "")
  if #entry.arguments > 0 then
    out[#out + 1] = ""
    out[#out + 1] = "| argument | type | what it is |"
    out[#out + 1] = "|---|---|---|"
    for _, argument in ipairs(entry.arguments) do
      out[#out + 1] = ("| `%s` | %s | %s |"):format(argument[1], cell(argument[2]), cell(argument[3]))
    end
  end
  out[#out + 1] = ""
  local raises = entry.errors and (" Raises %s."):format(entry.errors) or ""
  out[#out + 1] = ("Returns %s.%s"):format(entry.returns, raises)
  if entry.azure then
    out[#out + 1] = ("Source: %s."):format(entry.azure)
  end
  out[#out + 1] = ""
end

local function lua_lines(out, names)
  out[#out + 1] = "## From Lua itself"
  out[#out + 1] = ""
  out[#out + 1] = "As in the reference manual of Lua 5.4 (lua.org/manual/5.4):"
  out[#out + 1] = ""
  for _, library in ipairs { "base", "string", "table", "math", "utf8" } do
    local prefix = library == "base" and "" or library .. "."
    local all = {}
    for name in names[library]:gmatch "%S+" do
      all[#all + 1] = ("`%s%s`"):format(prefix, name)
    end
    out[#out + 1] = "- " .. table.concat(all, ", ")
  end
  out[#out + 1] = ""
  out[#out + 1] = "Not there: `next`, `coroutine`, `debug`, `io`, `package`, `dofile`, `loadfile`, "
    .. "`collectgarbage`."
end

-- The names of all functions that the page speaks of.
function reference.described(words, offered)
  local all = {}
  for _, operation in ipairs(offered.operations) do
    all[operation.name] = true
  end
  for _, module in ipairs(words.modules) do
    for _, entry in ipairs(module) do
      all[entry.name] = true
    end
  end
  for library, names in pairs(words.lua) do
    for name in names:gmatch "%S+" do
      all[library == "base" and name or library .. "." .. name] = true
    end
  end
  return all
end

function reference.load(source_folder, build_folder)
  return dofile(source_folder .. "/docs/reference/words.lua"),
    read_table(build_folder .. "/tests/api_table"),
    read_operations(source_folder .. "/tests/contract/operations.tsv")
end

function reference.page(words, offered, names)
  local out = { HEAD }
  router_lines(out, offered, names)
  for _, module in ipairs(words.modules) do
    out[#out + 1] = "## " .. module.name
    out[#out + 1] = ""
    out[#out + 1] = module.words
    out[#out + 1] = ""
    for _, entry in ipairs(module) do
      entry_lines(out, entry)
    end
  end
  lua_lines(out, words.lua)
  return table.concat(out, "\n") .. "\n"
end

if build then
  io.write(reference.page(reference.load(source, build)))
end
return reference
