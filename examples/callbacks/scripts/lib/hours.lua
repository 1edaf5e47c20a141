-- When callbacks are made, in the time zone of switchhook.lua. Edit and save: it is live at once.
return {
  -- From and until, in full hours; days without an entry are closed.
  Monday = { 9, 17 },
  Tuesday = { 9, 17 },
  Wednesday = { 9, 17 },
  Thursday = { 9, 17 },
  Friday = { 9, 15 },

  days_off = { ["2026-12-25"] = true, ["2027-01-01"] = true },
}
