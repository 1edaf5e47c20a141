std = "lua54"
max_line_length = 115
local sandbox = { "event", "router", "log", "json", "state", "time", "http", "sleep", "after", "cancel", "all", "step", "fail",
  "now", "uuid", "secret", "crm" }
files["scripts"] = { read_globals = sandbox }
files["examples"] = { read_globals = sandbox }
files["tests/bench/load.lua"] = { std = "luajit", globals = { "init", "request", "done" }, read_globals = { "wrk" } }
files["tests/**/*_spec.lua"] = { std = "+busted" }
files["scripts/**/*_spec.lua"] = { std = "+busted" }
files["tests/soak/*.lua"] = { std = "+busted" }
files["examples/**/*_spec.lua"] = { std = "+busted" }
files["examples/*/switchhook.lua"] = {
  allow_defined_top = true,
  ignore = { "131" },
  read_globals = { "env", "file" },
}
files["examples/scenarios/*.lua"] = {
  allow_defined_top = true,
  ignore = { "131" },
  read_globals = { "distribution_policy", "queue", "classification_policy", "exception_policy", "workers", "customers",
    "between", "exponential", "normal" },
}
