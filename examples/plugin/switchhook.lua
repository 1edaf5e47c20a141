plugins = { "crm.so" }
