-- The programs that are measured beside Switchhook, and Switchhook as one of them. Each is started with what it
-- needs in a folder of its own, takes the same deliveries at `url`, and checks the same secret in the query.
--
--     local contenders = require "contenders"
--     for _, contender in ipairs(contenders.present(versions, false)) do  -- those that are installed
--       contender.name                  -- nginx
--       contender.label                 -- "nginx + Lua, 1 worker"
--       contender.stored                -- what a 200 promises: "nothing", "on disk", ...
--       contender.is_ours, contender.can_call (the Job Router, for each event)
--       contender.start { upstream = PORT or nil }
--         -> url (with an upstream: one signed call for each event), pid, stop()
--     end
local host = require "host"
local socket = require "socket"
local wrk = require "wrk"

local contenders = {}
local SECRET = "a-secret-of-the-bench"
local KEY = "c2VjcmV0LW9mLXRoZS1iZW5jaC1zZWNyZXQtb2YtdGhlLWI="
local folder_of_sources = host.source .. "/tests/bench/contenders/"
local modules = "/usr/lib/nginx/modules"
local node_modules = host.build .. "/contenders/node_modules"

local function has_file(path)
  local file = io.open(path, "rb")
  if file then
    file:close()
  end
  return file ~= nil
end

local function output_of(command)
  return host.run_program({ "sh", "-c", command .. " 2>&1; true" }).stdout
end

local function has_command(name)
  return output_of("command -v " .. name):find "%S" ~= nil
end

-- The source of a contender with its places filled in, as a file in the folder.
local function fill_in(folder, name, values)
  local text = host.read(folder_of_sources .. name):gsub("@(%u+)@", values)
  host.write(folder .. "/" .. name, text)
end

-- Waits until the process listens on the port.
local function started(process, port, path)
  host.wait_until(function()
    assert(process:is_running(), process.name .. " has ended: " .. process:stderr())
    local tcp = socket.connect("127.0.0.1", port)
    return tcp and tcp:close()
  end, process.name .. " to listen")
  process.url = ("http://127.0.0.1:%d%s?code=%s"):format(port, path, SECRET)
  -- Not every program ends with status 0.
  function process.stop()
    process:signal(host.native.SIGTERM)
    process:wait_exit()
  end
  return process
end

local function start_nginx(workers)
  return function(options)
    local folder, port = host.folder(), host.free_port()
    local values = { MODULES = modules, WORKERS = workers, PORT = port, SECRET = SECRET, KEY = KEY }
    values.UPSTREAM = options.upstream or port
    fill_in(folder, "nginx.conf", values)
    local command = { "nginx", "-p", folder .. "/", "-c", folder .. "/nginx.conf", "-e", "stderr" }
    local process = host.start_program(command, { folder = folder })
    return started(process, port, options.upstream and "/calls" or "/events")
  end
end

local function start_node(options)
  local port = host.free_port()
  local command = { "node", folder_of_sources .. "server.js", tostring(port) }
  if options.upstream then
    table.move({ tostring(options.upstream), KEY }, 1, 2, 4, command)
  end
  local process = host.start_program(command, { environment = { NODE_PATH = node_modules, SECRET = SECRET } })
  return started(process, port, options.upstream and "/calls" or "/events")
end

local function start_webhook(rule)
  return function()
    local folder, port = host.folder(), host.free_port()
    fill_in(folder, "hooks.json", { SECRET = SECRET, JOB = rule.job, MISMATCH = rule.mismatch })
    local command = { "webhook", "-ip", "127.0.0.1", "-port", tostring(port), "-hooks", folder .. "/hooks.json" }
    return started(host.start_program(command, { folder = folder }), port, "/hooks/events")
  end
end

-- `script` is the handler when there is no Job Router; false: there is none.
local function start_ours(script)
  return function(options)
    local config = { ("verify = { secret = %q }"):format(SECRET) }
    local scripts = { ["RouterJobWaitingForActivation.lua"] = script or nil }
    if options.upstream then
      local words = 'router = { connection_string = "endpoint=http://127.0.0.1:%d/;accesskey=%s" }'
      config[2] = words:format(options.upstream, KEY)
      scripts["RouterJobWaitingForActivation.lua"] = "return function(e) router.jobs.activate(e.data.jobId) end"
    end
    local server = host.serve { config = table.concat(config, "\n"), scripts = scripts }
    server.url = server.url .. "?code=" .. SECRET
    return server
  end
end

local function start_own(name)
  return function()
    local port, folder = host.free_port(), host.folder()
    local command = { host.build .. "/tests/contender_" .. name, tostring(port) }
    if name == "log" then
      table.move({ folder .. "/log", SECRET }, 1, 2, 3, command)
    end
    return started(host.start_program(command, { folder = folder }), port, "/events")
  end
end

-- Why nginx, Node.js or webhook cannot run here, or nil; and its version.
local function look_for_nginx()
  local has_all = has_command "nginx" and has_file(modules .. "/ngx_http_lua_module.so")
  if has_all and output_of("ls /usr/lib/*/lua/5.1/cjson.so"):find("^/[^:]*$") then
    return nil, "nginx " .. (output_of("nginx -v"):match "nginx/([%d.]+)" or "")
  end
  return "needs nginx-light, libnginx-mod-http-lua and lua-cjson"
end

local function look_for_node()
  if not has_command "node" or not has_file(node_modules .. "/undici/package.json") then
    return "needs Node.js, and its packages in " .. node_modules
  end
  local versions = { "Node.js " .. (output_of("node --version"):match "[%d.]+" or "") }
  for i, name in ipairs { "@azure/eventgrid", "undici" } do
    local package = host.json.decode(host.read(node_modules .. "/" .. name .. "/package.json"))
    versions[i + 1] = name .. " " .. package.version
  end
  return nil, table.concat(versions, ", ")
end

local function look_for_webhook()
  if not has_command "webhook" then
    return "needs webhook"
  end
  return nil, "webhook " .. (output_of("webhook -version"):match "[%d.]+" or "")
end

local function all()
  local no_nginx, nginx = look_for_nginx()
  local no_node, node = look_for_node()
  local no_webhook, webhook = look_for_webhook()
  local list = {
    {
      "switchhook", "Switchhook, a script that returns at once", "on disk, and run",
      start_ours "return function() end", is_ours = true, can_call = true,
    },
    { "switchhook_bare", "Switchhook, no script", "on disk", start_ours(false), is_ours = true },
    { "log", "bare log, same HTTP library", "on disk, unread", start_own "log" },
    {
      "nginx", "nginx + Lua, 1 worker", "nothing", start_nginx(1),
      missing = no_nginx, version = nginx, can_call = true,
    },
    {
      "nginx2", "nginx + Lua, 2 workers", "nothing", start_nginx(2),
      missing = no_nginx, version = nginx, can_call = true,
    },
    {
      "node", "Node.js + @azure/eventgrid", "nothing", start_node,
      missing = no_node, version = node, can_call = true,
    },
    {
      "webhook", "webhook (Go), rules only", "nothing", start_webhook { job = "^$", mismatch = 200 },
      missing = no_webhook, version = webhook,
    },
    {
      "webhook_run", "webhook (Go), runs /bin/true", "nothing", start_webhook { job = ".", mismatch = 400 },
      missing = no_webhook, version = webhook,
    },
    { "ceiling", "ceiling: libmicrohttpd, bare", "nothing, unread", start_own "ceiling" },
  }
  for _, contender in ipairs(list) do
    contender.name, contender.label, contender.stored, contender.start = table.unpack(contender)
  end
  return list
end

-- Those that can run here, or only those of them that can call. Adds the programs' names and versions to the list.
function contenders.present(versions, have_to_call)
  local present, is_known = {}, {}
  assert(wrk.is_installed(), "wrk is not installed: ./tests/run bench does that")
  for _, contender in ipairs(all()) do
    local takes_part = contender.can_call or not have_to_call
    if takes_part and contender.missing then
      print(("left out: %s: %s"):format(contender.label, contender.missing))
    elseif takes_part then
      present[#present + 1] = contender
      if contender.version and not is_known[contender.version] then
        is_known[contender.version] = true
        versions[#versions + 1] = contender.version
      end
    end
  end
  versions[#versions + 1] = wrk.version()
  return present
end

return contenders
