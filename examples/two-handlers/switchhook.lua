-- The local Job Router of `switchhook sim`, unless the variable names another one.
local here = "endpoint=http://127.0.0.1:8081/;accesskey=c3dpdGNoaG9vay1sb2NhbC1kZXZlbG9wbWVudC1rZXk="

router = { connection_string = env("ACS_CONNECTION_STRING", here) }
