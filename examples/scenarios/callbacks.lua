-- A quarter of those who call want to be called back later. Their jobs are scheduled, wait for activation when
-- their time has come, and go into the queue when somebody activates them.
--
--     switchhook sim --scenario examples/scenarios/callbacks.lua --fast
--
-- Here the people of the scenario activate them (activated_after). With handlers that do it, take that line out,
-- and let them meet:
--
--     switchhook sim --scenario examples/scenarios/callbacks.lua --speed 60 --to http://127.0.0.1:8080/events
seed = 5
start = "09:00"
length = "3h"

distribution_policy "calls" { offerExpiresAfterSeconds = 30, mode = { kind = "longestIdle" } }
queue "calls" { name = "Calls", distributionPolicyId = "calls" }

workers {
  names = { "anna", "ben", "chris", "dana" },
  queues = { "calls" },
  channels = { voice = 1 },
  accept = 0.9,
  decline = 0.05,
  talk = normal("4m", "1m"),
  wrap_up = 15,
}

customers {
  name = "call",
  channel = "voice",
  queue = "calls",
  per_hour = 45,
  labels = { Vip = { [true] = 1, [false] = 9 } },
  patience = { "2m", "6m" },
  callbacks = 0.25,
  callback_after = { "5m", "45m" },
  activated_after = { 1, 5 },
}
