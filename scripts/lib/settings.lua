-- What the shipped scripts have to know about your contact centre. Edit and save: it is live at once.
--
-- As it stands, jobs whose time has come are activated, and bots are served. What would change or end the jobs
-- of others, or tell somebody, is off: nil, or a table with nothing in it.
return {
  -- Bots: workers whose offers are accepted, and whose jobs are completed and closed, by the scripts. A worker
  -- is one if its id begins so, or if it has the label, such as bot_label = "Bot", with the value true.
  bot_prefix = "bot-",
  bot_label = nil,

  -- The priority of a job when its time has come, by the value of this label of the job; higher goes first. A
  -- job without one of these values keeps the priority that it has.
  priority_label = "Segment",
  priorities = { Gold = 100, Silver = 50 },

  -- What becomes of a queued job when an exception rule fires, by the rule's id: a higher priority, another
  -- queue, or both. ["waited-long"] = { priority = 100, queueId = "supervisors" }
  escalations = {},

  -- The queue for jobs that a classification policy could not place, such as "support".
  fallback_queue = nil,

  -- How often workers may give a job back before it is cancelled: 1 to 3. (The service lets a job be unassigned
  -- three times.)
  cancel_after_unassignments = nil,

  -- Where a note goes when selectors of a waiting job expire: a webhook that takes JSON, and the name of the
  -- secret (of secrets in switchhook.lua, with the webhook's host) that it wants as a bearer token, if it wants
  -- one.
  incident_url = nil,
  incident_secret = nil,
}
