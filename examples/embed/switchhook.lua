listen = "127.0.0.1:0" -- any free port: events come from the program here
admin = "127.0.0.1:0"
