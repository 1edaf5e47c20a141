-- A bad morning: a delivery went wrong, so three times as many people call, and half of the staff cannot log in
-- from nine to ten. Calls that wait long go first after a while, and those who waited three minutes are sent to a
-- second team by the exception policy.
--
--     switchhook sim --scenario examples/scenarios/storm.lua --fast
--
-- How many give up, and how long does it take until the queue is short again? Try patience = { "5m", "20m" }.
seed = 3
start = "08:00"
length = "5h"

distribution_policy "calls" { offerExpiresAfterSeconds = 15, mode = { kind = "longestIdle" } }

queue "support" { name = "Support", distributionPolicyId = "calls", exceptionPolicyId = "long waits" }
queue "backup" { name = "Second team", distributionPolicyId = "calls" }

exception_policy "long waits" {
  name = "After three minutes to the second team",
  exceptionRules = {
    {
      id = "waited",
      trigger = { kind = "waitTime", thresholdSeconds = 180 },
      actions = { { kind = "manualReclassify", id = "to backup", queueId = "backup", priority = 5 } },
    },
  },
}

-- The flood.
customers {
  name = "call",
  channel = "voice",
  queue = "support",
  per_hour = { [8] = 60, ["9-11"] = 200, ["11-13"] = 70 },
  patience = { "2m", "12m" },
}

-- In the office, and not touched by the outage.
workers {
  name = "office",
  count = 5,
  queues = { "support" },
  channels = { voice = 1 },
  accept = 0.95,
  talk = exponential "3m",
  wrap_up = { 5, 20 },
}

-- At home: away from nine to ten, and nervous after that.
workers {
  name = "home",
  count = 5,
  queues = { "support" },
  channels = { voice = 1 },
  accept = 0.85,
  decline = 0.05,
  answer_after = { 3, 12 },
  talk = exponential "3m",
  wrap_up = { 5, 20 },
  returns_after = { "2m", "6m" },
  breaks = { "09:00-10:00" },
}

-- The second team helps out for two hours, and goes home.
workers {
  name = "backup",
  count = 4,
  queues = { "backup" },
  channels = { voice = 1 },
  talk = exponential "4m",
  shifts = { "09:15-13:00" },
  leaves_after = "2h",
}
