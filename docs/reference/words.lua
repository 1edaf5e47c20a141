-- What docs/api.md says of the functions that are not in the table of Job Router operations. One entry a function:
--
--   name       as the sandbox knows it; a test fails for a function of the sandbox that stands nowhere here
--   call       how it is called
--   words      what it does
--   arguments  { { name, type, what it is and its limits }, ... }
--   returns    what it gives
--   errors     what it raises
--   is_step    whether it is a journaled step
--   azure      where an Azure fact comes from, if there is one
--
-- Modules come in this order on the page. `lua` are the functions that are as in Lua's own manual.
local words = {}

local LOG = {
  { "message", "any", "as `tostring` shows it" },
  { "fields", "table", "names and values, up to 64 KiB" },
}

local URL = {
  "url",
  "string, or one with secrets in it",
  "http or https; private addresses only where the configuration allows them",
}
local OPTIONS = {
  URL,
  { "options.headers", "table", "names and values; a value may hold secrets" },
  { "options.body", "string", "the bytes; it may hold secrets" },
  { "options.json", "any", "the body as JSON, in place of `body`; its strings may be secrets" },
  { "options.timeout", "number", "seconds above 0, 3,600 at most" },
}
local ANSWER = "`{ status, headers, body, json() }`; any status is an answer"
local TRANSPORT = "an error value when no answer came; `json()` raises one when the body is no JSON"

local function verb(name)
  return {
    name = "http." .. name,
    call = ("http.%s(url [, options])"):format(name),
    words = ("Sends a %s request."):format(name:upper()),
    arguments = OPTIONS,
    returns = ANSWER,
    errors = TRANSPORT,
    is_step = true,
  }
end

words.modules = {
  {
    name = "state",
    words = "Values that last: kept by the host for all scripts and all runs, changed in the commit that journals "
      .. "the step. Keys are global and have 1 to 1,024 bytes. A value is whatever JSON can hold, up to 64 KiB.",
    {
      name = "state.get",
      call = "state.get(key)",
      words = "Reads a value.",
      arguments = { { "key", "string", "1 to 1,024 bytes" } },
      returns = "the value, or nil",
      is_step = true,
    },
    {
      name = "state.set",
      call = "state.set(key, value [, options])",
      words = "Keeps a value in place of the one before.",
      arguments = {
        { "key", "string", "1 to 1,024 bytes" },
        { "value", "any but nil", "up to 64 KiB as JSON" },
        { "options.ttl", "number", "seconds after which it is gone; above 0" },
      },
      returns = "nothing",
      is_step = true,
    },
    {
      name = "state.delete",
      call = "state.delete(key)",
      words = "Forgets a value.",
      arguments = { { "key", "string", "1 to 1,024 bytes" } },
      returns = "true if there was one, else false",
      is_step = true,
    },
    {
      name = "state.increment",
      call = "state.increment(key [, by])",
      words = "Adds to a number. What is not there counts as 0.",
      arguments = { { "key", "string", "1 to 1,024 bytes" }, { "by", "number", "1 when it is not given" } },
      returns = "the new number",
      errors = "an error value when the value is no number",
      is_step = true,
    },
    {
      name = "state.compare_and_set",
      call = "state.compare_and_set(key, expected, new [, options])",
      words = "Keeps `new` if the value is `expected`; nil stands for no value on both sides.",
      arguments = {
        { "key", "string", "1 to 1,024 bytes" },
        { "expected", "any", "what must be there" },
        { "new", "any", "what is kept instead" },
        { "options.ttl", "number", "seconds after which it is gone; above 0" },
      },
      returns = "true, or false when something else was there",
      is_step = true,
    },
  },
  {
    name = "http and secret",
    words = "Requests that the host makes, and secrets that only the host knows: a script has a handle, which "
      .. "joins texts with `..` and is filled in as the request is sent, and only to the hosts that the "
      .. "configuration names.",
    {
      name = "http.request",
      call = "http.request(options)",
      words = "Sends any request.",
      arguments = {
        { "options.method", "string", "GET, POST, ..." },
        { "options.url", URL[2], URL[3] },
        OPTIONS[2],
        OPTIONS[3],
        OPTIONS[4],
        OPTIONS[5],
      },
      returns = ANSWER,
      errors = TRANSPORT,
      is_step = true,
    },
    verb "get",
    verb "post",
    verb "put",
    verb "patch",
    verb "delete",
    verb "head",
    {
      name = "http.basic",
      call = "http.basic(user, secret)",
      words = "A value for the header `Authorization` (RFC 7617).",
      arguments = {
        { "user", "string", "UTF-8, without a colon" },
        { "secret", "a secret", 'such as `secret "CRM_TOKEN"`' },
      },
      returns = "a text with a secret in it",
      is_step = false,
    },
    {
      name = "secret",
      call = "secret(name)",
      words = "A handle for a secret of the configuration.",
      arguments = { { "name", "string", "a name in `secrets` of `switchhook.lua`" } },
      returns = "the handle",
      errors = "when the configuration has no such secret, with the nearest name",
      is_step = false,
    },
  },
  {
    name = "Waiting and order",
    words = "What holds a run, or goes on without it.",
    {
      name = "sleep",
      call = "sleep(seconds)",
      words = "Waits, and holds the lane meanwhile. A restart does not make it longer.",
      arguments = { { "seconds", "number", "0 to 31,622,400 (a year)" } },
      returns = "nothing",
      is_step = true,
    },
    {
      name = "after",
      call = "after(seconds, name [, data])",
      words = "Raises the event `Switchhook.Local.NAME` later, in the same lane and without holding it; "
        .. "`scripts/local/NAME.lua` runs for it.",
      arguments = {
        { "seconds", "number", "0 to 31,622,400 (a year)" },
        { "name", "string", "1 to 100 letters, digits, `_` and `-`" },
        { "data", "any", "the event's `data`" },
      },
      returns = "an id for `cancel`, a string",
      is_step = true,
    },
    {
      name = "cancel",
      call = "cancel(id)",
      words = "Takes back what `after` announced.",
      arguments = { { "id", "string", "what `after` returned" } },
      returns = "true if it was still to come, else false",
      is_step = true,
    },
    {
      name = "all",
      call = "all{f, g, ...}",
      words = "Calls the functions at the same time, each in a branch of its own, and waits for all.",
      arguments = { { "list", "list of functions", "up to 1,000 under way at a time" } },
      returns = "one value of each function, in order",
      errors = "the first error in the list's order, when all are over",
      is_step = false,
    },
    {
      name = "step",
      call = "step(name, f)",
      words = "Calls f and remembers its result under the name. When the run is done again, f is not called; it "
        .. "is called again only if the host died before the result was journaled.",
      arguments = {
        { "name", "string", "1 to 256 bytes" },
        { "f", "function", "its first result must fit into JSON" },
      },
      returns = "what is remembered",
      is_step = true,
    },
    {
      name = "fail",
      call = "fail(reason)",
      words = "Gives up: the run is parked with the reason, and not tried again.",
      arguments = { { "reason", "string", "for people" } },
      returns = "never",
      errors = "an error value, which pcall may catch",
      is_step = false,
    },
  },
  {
    name = "time",
    words = "Times as texts and as seconds since 1970, in the zone of `timezone` in the configuration.",
    {
      name = "time.parse",
      call = "time.parse(text)",
      words = "Reads a time in any form that events use: ISO 8601 with an offset, `3/28/2007 7:13:50 PM +00:00`, "
        .. "and that of HTTP headers.",
      arguments = { { "text", "string", "" } },
      returns = "seconds since 1970, a number",
      errors = "when the text is no time",
      is_step = false,
      azure = "learn.microsoft.com, Azure Communication Services - Job Router events",
    },
    {
      name = "time.format",
      call = "time.format(seconds [, pattern])",
      words = "Writes a time: as ISO 8601 with the zone's offset, or by a pattern as `os.date` takes it.",
      arguments = {
        { "seconds", "number", "since 1970; the years 0 to 9999" },
        { "pattern", "string", "such as `%H:%M`" },
      },
      returns = "a string",
      is_step = false,
    },
    {
      name = "now",
      call = "now()",
      words = "The time that the run knows: of the latest answer it got. Between two answers time stands still.",
      arguments = {},
      returns = "seconds since 1970, with fractions",
      is_step = false,
    },
    {
      name = "os.time",
      call = "os.time([table])",
      words = "As in Lua, by the run's time and the configured zone.",
      arguments = { { "table", "table", "year, month, day, hour, min, sec, isdst" } },
      returns = "seconds since 1970, a whole number",
      is_step = false,
    },
    {
      name = "os.date",
      call = "os.date([pattern [, seconds]])",
      words = "As in Lua, by the run's time and the configured zone; UTC with `!` in front.",
      arguments = {
        { "pattern", "string", "of C99's strftime, or `*t`" },
        { "seconds", "whole number", "since 1970; now when not given" },
      },
      returns = "a string, or a table for `*t`",
      is_step = false,
    },
    {
      name = "os.difftime",
      call = "os.difftime(later, earlier)",
      words = "As in Lua.",
      arguments = { { "later", "number", "seconds" }, { "earlier", "number", "seconds" } },
      returns = "seconds between them",
      is_step = false,
    },
    {
      name = "os.clock",
      call = "os.clock()",
      words = "Seconds since the run's start, by the run's time: no measure of the processor.",
      arguments = {},
      returns = "a number",
      is_step = false,
    },
  },
  {
    name = "log",
    words = "Lines in the host's log, with event and run. Lines of steps that the journal answers are not written "
      .. "again. Messages over 8 KiB are cut.",
    {
      name = "log.debug",
      call = "log.debug(message [, fields])",
      words = "A line for who looks closely.",
      arguments = LOG,
      returns = "nothing",
      is_step = false,
    },
    {
      name = "log.info",
      call = "log.info(message [, fields])",
      words = "A line about what happened.",
      arguments = LOG,
      returns = "nothing",
      is_step = false,
    },
    {
      name = "log.warn",
      call = "log.warn(message [, fields])",
      words = "A line about what somebody should look at.",
      arguments = LOG,
      returns = "nothing",
      is_step = false,
    },
    {
      name = "log.error",
      call = "log.error(message [, fields])",
      words = "A line about what went wrong.",
      arguments = LOG,
      returns = "nothing",
      is_step = false,
    },
    {
      name = "print",
      call = "print(...)",
      words = "The values with tabs between them, as `log.info`.",
      arguments = { { "...", "any", "" } },
      returns = "nothing",
      is_step = false,
    },
  },
  {
    name = "json",
    words = "JSON as texts and as values. `json.null` is a null in an array, and clears a member of a resource in "
      .. "an update; a null member of an object is absent. Integers are exact up to 64 bits.",
    {
      name = "json.encode",
      call = "json.encode(value)",
      words = "Writes canonical JSON: members sorted, no white space. An empty table is an object unless "
        .. "`json.array` made it.",
      arguments = { { "value", "any", "no functions, NaN or infinities, no lists with holes" } },
      returns = "a string",
      is_step = false,
    },
    {
      name = "json.decode",
      call = "json.decode(text)",
      words = "Reads strict JSON (RFC 8259).",
      arguments = { { "text", "string", "UTF-8, at most 128 levels deep" } },
      returns = "the value",
      errors = "what is wrong, and at which byte",
      is_step = false,
    },
    {
      name = "json.array",
      call = "json.array([list])",
      words = "Marks a table as an array, also while it is empty.",
      arguments = { { "list", "list", "a new table when not given" } },
      returns = "the table",
      is_step = false,
    },
  },
  {
    name = "Chance and modules",
    words = "The same each time that a run is done again.",
    {
      name = "uuid",
      call = "uuid()",
      words = "A random UUID (version 4), from the run's chance.",
      arguments = {},
      returns = "a string",
      is_step = false,
    },
    {
      name = "math.random",
      call = "math.random([low [, high]])",
      words = "As in Lua, from the run's chance: each branch of `all{}` has its own.",
      arguments = { { "low", "whole number", "" }, { "high", "whole number", "" } },
      returns = "a number",
      is_step = false,
    },
    {
      name = "math.randomseed",
      call = "math.randomseed([seed])",
      words = "Starts the stream of chance anew.",
      arguments = { { "seed", "number", "" } },
      returns = "nothing",
      is_step = false,
    },
    {
      name = "require",
      call = "require(name)",
      words = "Runs `scripts/lib/NAME.lua` once a run; `crm.client` is `lib/crm/client.lua`.",
      arguments = { { "name", "string", "without `lib` and `.lua`" } },
      returns = "what the module returns, or true",
      errors = "when there is no such module, with the nearest name",
      is_step = false,
    },
  },
  {
    name = "Differences to plain Lua",
    words = "These are Lua's own, but for what is said here.",
    {
      name = "pairs",
      call = "pairs(table)",
      words = "Walks in a fixed order: numbers, then texts by their bytes.",
      arguments = { { "table", "table", "" } },
      returns = "an iterator, as in Lua",
      is_step = false,
    },
    {
      name = "tostring",
      call = "tostring(value)",
      words = "A table or function is just `table` or `function`, without an address.",
      arguments = { { "value", "any", "" } },
      returns = "a string",
      is_step = false,
    },
    {
      name = "string.format",
      call = "string.format(pattern, ...)",
      words = "Without `%p`.",
      arguments = { { "pattern", "string", "" }, { "...", "any", "" } },
      returns = "a string",
      is_step = false,
    },
    {
      name = "load",
      call = "load(text [, name [, mode [, environment]]])",
      words = "Texts only, no bytecode and no functions.",
      arguments = {
        { "text", "string", "" },
        { "name", "string", "" },
        { "mode", "string", "with `t` in it" },
        { "environment", "table", "the run's globals when not given" },
      },
      returns = "a function, or nil and what is wrong",
      is_step = false,
    },
    {
      name = "setmetatable",
      call = "setmetatable(table, metatable)",
      words = "Without `__gc` and `__mode`.",
      arguments = { { "table", "table", "" }, { "metatable", "table", "or nil" } },
      returns = "the table",
      is_step = false,
    },
    {
      name = "rawset",
      call = "rawset(table, key, value)",
      words = "Not for the tables that all scripts share.",
      arguments = { { "table", "table", "" }, { "key", "any", "" }, { "value", "any", "" } },
      returns = "the table",
      is_step = false,
    },
  },
}

words.lua = {
  base = "assert error getmetatable ipairs pcall rawequal rawget rawlen select tonumber type xpcall",
  string = "byte char find gmatch gsub len lower match pack packsize rep reverse sub unpack upper",
  table = "concat insert move pack remove sort unpack",
  math = "abs acos asin atan ceil cos deg exp floor fmod log max min modf rad sin sqrt tan tointeger type ult",
  utf8 = "char codepoint codes len offset",
}

return words
