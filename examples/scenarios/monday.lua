-- A normal day of a small contact centre: calls with a peak before noon, chats beside them, three groups of
-- workers with shifts and breaks. Try it:
--
--     switchhook sim --scenario examples/scenarios/monday.lua --fast
--
-- The same seed gives the same day. Change a number, and see what it does to the waits.
seed = 1
start = "08:00"
length = "9h"

distribution_policy "calls" { offerExpiresAfterSeconds = 20, mode = { kind = "longestIdle" } }
distribution_policy "chats" { offerExpiresAfterSeconds = 60, mode = { kind = "roundRobin" } }

queue "support" { name = "Support", distributionPolicyId = "calls" }
queue "sales" { name = "Sales", distributionPolicyId = "calls" }
queue "chat" { name = "Chat", distributionPolicyId = "chats" }

-- Most calls are short, a few are long.
local talk = exponential "4m"

-- The early and the late shift; lunch is not at the same time for all.
workers {
  name = "early",
  count = 6,
  queues = { "support", "sales" },
  channels = { voice = 1 },
  labels = { English = true, German = true },
  accept = 0.93,
  decline = 0.04, -- the other 3 of 100 are not noticed: the offer expires, and the worker is deregistered
  answer_after = { 2, 9 },
  talk = talk,
  wrap_up = { 10, 40 },
  returns_after = { "1m", "4m" },
  shifts = { "08:00-16:00" },
  breaks = { "11:30-12:00" },
}
workers {
  name = "late",
  count = 5,
  queues = { "support", "sales" },
  channels = { voice = 1 },
  labels = { English = true },
  accept = 0.95,
  decline = 0.03,
  answer_after = { 2, 9 },
  talk = talk,
  wrap_up = { 10, 40 },
  shifts = { "09:30-17:00" },
  breaks = { "12:30-13:00" },
}

-- Three chats at a time for each.
workers {
  names = { "carla", "deniz" },
  queues = { "chat" },
  capacity = 3,
  channels = { chat = 1 },
  accept = 0.98,
  answer_after = { 1, 5 },
  talk = normal("7m", "2m"),
  wrap_up = 5,
}

customers {
  name = "call",
  channel = "voice",
  queue = "support",
  per_hour = { [8] = 40, ["9-12"] = 85, ["12-14"] = 60, ["14-16"] = 70, [16] = 35 },
  labels = { Language = { en = 7, de = 3 } },
  patience = { "1m", "8m" },
}

-- Who wants to buy goes first, and waits a little longer.
customers {
  name = "order",
  channel = "voice",
  queue = "sales",
  priority = 10,
  per_hour = { ["8-17"] = 12 },
  patience = { "2m", "10m" },
}

customers {
  name = "chat",
  channel = "chat",
  queue = "chat",
  per_hour = { ["8-17"] = 25 },
  patience = { "3m", "15m" },
}
