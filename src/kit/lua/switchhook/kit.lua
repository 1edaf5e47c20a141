-- Handlers under busted: a scripts folder in the sandbox that the host uses, its steps answered by the spec.
-- docs/testing.md is the guide.
--
--     local kit = require "switchhook.kit"
--
--     local host = kit.load("scripts")                -- raises what the host would say: Script.lua:12: ...
--     host:answer("router.jobs.get", { id = "j1", status = "queued" })
--     host:fail("router.jobs.activate", { status = 503, times = 1 })
--     local run = host:deliver("RouterJobWaitingForActivation", { jobId = "j1" })
--     run.state, run.result, run.steps, run.error, run.log, run.value, run.attempts
--     host:advance(3600)                              -- sleeps end, timers fire, what failed is tried again
--
-- Steps, data and answers cross as JSON, as they do in the host.
local core = require "switchhook.kit.core"
local Host = require "switchhook.kit.host"
local tell = require "switchhook.kit.tell"

local kit = {
  null = core.null, -- a null in an array
  array = core.array, -- array {} is [] and not {}
}

local DEFAULTS = {
  timezone = "UTC",
  time = 1772442000, -- 2026-03-02T09:00:00Z
  operations = {},
  secrets = {},
  files = {}, -- "lib/settings.lua" = "return {}": in place of that file, or beside the others
  retry = { attempts = 20, first_seconds = 1, factor = 2, max_seconds = 600, hold = true },
  limits = {
    run_memory_mib = 64,
    worker_memory_mib = 512,
    answer_mib = 4,
    run_steps = 1000,
    instructions = 100 * 1000 * 1000,
  },
}

local function check(name, value, default)
  if type(value) ~= type(default) and not (name == "time" and type(value) == "string") then
    tell.fail("kit.load: the option '%s' must be a %s, got %s", name, type(default), tell.kind(value))
  end
end

-- What is not given comes from the configuration (`switchhook test` passes it on), then from the defaults.
local function complete(given, configured, defaults, prefix)
  local options = {}
  for name in pairs(given) do
    if defaults[name] == nil then
      tell.fail("kit.load: there is no option '%s%s'%s", prefix, name, tell.nearest(name, tell.keys(defaults)))
    end
  end
  for name, default in pairs(defaults) do
    local value = given[name]
    if value ~= nil then
      check(prefix .. name, value, default)
    end
    if type(default) == "table" and next(default) then
      options[name] = complete(value or {}, configured[name] or {}, default, prefix .. name .. ".")
    elseif value == nil then
      options[name] = configured[name] == nil and default or configured[name]
    else
      options[name] = value
    end
  end
  return options
end

local function configured()
  local text = os.getenv "SWITCHHOOK_KIT"
  return text and text ~= "" and core.decode(text) or {}
end

-- Texts by path, both as the host has them.
local function check_files(files)
  for path, text in pairs(files or {}) do
    if type(path) ~= "string" or not path:match "%.lua$" or path:match "_spec%.lua$" or type(text) ~= "string" then
      tell.fail "kit.load: the option 'files' has the texts of scripts by path: { [\"lib/x.lua\"] = \"return 1\" }"
    end
  end
end

-- load(folder [, options]) -> host. options: timezone, time (of the clock: seconds since 1970 or a text),
-- operations (names of C helpers), secrets (names), files (texts in place of scripts, by path), retry and limits
-- as in switchhook.lua.
function kit.load(folder, options)
  if type(folder) ~= "string" then
    tell.fail("kit.load takes the scripts folder, got %s", tell.kind(folder))
  end
  if options ~= nil and type(options) ~= "table" then
    tell.fail("kit.load takes a table of options, got %s", tell.kind(options))
  end
  local all = complete(options or {}, configured(), DEFAULTS, "")
  check_files(all.files)
  return Host.new(folder, all)
end

return kit
