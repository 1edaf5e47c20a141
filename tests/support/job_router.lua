-- A signed client for the Job Router's REST API, written from its public description and not from the program's
-- own code: each checks the other. (learn.microsoft.com, "Sign an HTTP request", Azure Communication Services.)
--
--     local router = job_router.open(sim.connection_string)
--     router:request("PATCH", "/routing/queues/q1", { name = "first" }).status
local client = require "client"
local dkjson = require "dkjson"
local native = require "native"

local job_router = { api_version = "2023-11-01" }
local Router = {}
Router.__index = Router

function job_router.open(connection_string)
  local parts = {}
  for name, value in connection_string:gmatch("([^;=]+)=([^;]*)") do
    parts[name:lower()] = value
  end
  assert(parts.endpoint and parts.accesskey, "endpoint=...;accesskey=... expected")
  local endpoint = parts.endpoint:gsub("/+$", "")
  return setmetatable({
    endpoint = endpoint,
    host = endpoint:match("^https?://(.+)$"),
    key = native.unbase64(parts.accesskey),
  }, Router)
end

-- The three headers of a signed request, and the host's.
function Router:sign(method, target, body, date)
  date = date or os.date("!%a, %d %b %Y %H:%M:%S GMT")
  local hash = native.base64(native.sha256(body or ""))
  local text = ("%s\n%s\n%s;%s;%s"):format(method, target, date, self.host, hash)
  return {
    Host = self.host,
    ["x-ms-date"] = date,
    ["x-ms-content-sha256"] = hash,
    Authorization = "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature="
      .. native.base64(native.hmac_sha256(self.key, text)),
  }
end

-- `target` gets the api-version when it has none; `value` becomes the JSON body; `headers` are added, or put in
-- place of those that were made.
function Router:request(method, target, value, headers)
  if not target:find("api%-version=") then
    target = target .. (target:find("?", 1, true) and "&" or "?") .. "api-version=" .. job_router.api_version
  end
  local body = value ~= nil and dkjson.encode(value) or nil
  local all = self:sign(method, target, body)
  if body then
    all["Content-Type"] = method == "PATCH" and "application/merge-patch+json" or "application/json"
  elseif method ~= "GET" then
    all["Content-Length"] = "0"
  end
  for name, header in pairs(headers or {}) do
    all[name] = header
  end
  return client.request { url = self.endpoint .. target, method = method, headers = all, body = body }
end

return job_router
