-- The local Job Router of `switchhook sim`, unless the variable names another one.
local here = "endpoint=http://127.0.0.1:8081/;accesskey=c3dpdGNoaG9vay1sb2NhbC1kZXZlbG9wbWVudC1rZXk="

router = { connection_string = env("ACS_CONNECTION_STRING", here) }

-- Scripts reach public addresses; the CRM of this example is on this machine, and has to be allowed.
http = { allow = { "127.0.0.1:9000" }, timeout_seconds = 5 }

-- Scripts never see the token: the host fills it in, and only for this address.
secrets = { CRM_TOKEN = { value = env("CRM_TOKEN", "a-token-for-trying"), hosts = { "127.0.0.1:9000" } } }
