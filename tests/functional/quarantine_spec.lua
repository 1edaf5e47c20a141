-- Elements of deliveries that are no events: seen, kept, and run once they are understood.
local delivery = require "delivery"
local host = require "host"

local post = delivery.post
local assert_stored = delivery.assert_stored
local event_text = delivery.event_text

local scripts = { ["RouterJobQueued.lua"] = "return function(event) log.info('ran ' .. event.id) end" }

local function command(server, ...)
  return host.run({ ... }, { folder = server.folder })
end

local function replay(server, seq, ...)
  return command(server, "replay", "-c", server.folder .. "/switchhook.lua", tostring(seq), ...)
end

-- As an older reader would have left it: the bytes and a reason.
local function quarantine(server, seq, raw)
  local statements = ([[
    UPDATE events SET state = 6, lane = 0 WHERE seq = %d;
    INSERT OR IGNORE INTO aside_stretches VALUES (6, 4096);
    UPDATE envelopes SET identity = content, id = NULL, type = NULL, source = NULL, subject = NULL, time = NULL,
      job = NULL, worker = NULL, malformed = 'a reason of long ago' WHERE seq = %d;
    DELETE FROM runs WHERE id / 256 = %d;
  ]]):format(seq, seq, seq)
  if raw then
    statements = statements .. ("UPDATE bodies SET raw = CAST('%s' AS BLOB) WHERE seq = %d;"):format(raw, seq)
  end
  local result = host.run_program { "sqlite3", server.folder .. "/switchhook.db", statements }
  assert.equal(0, result.status, result.stderr)
end

describe("a quarantined element", function()
  it("is run when it is understood, as the event that it is", function()
    local server = host.serve { scripts = scripts }
    local cloud = '{"specversion":"1.0","id":"c","source":"/s","type":"Microsoft.Communication.RouterJobQueued",'
      .. '"subject":"job/j2","data":{"jobId":"j2"}}'
    assert_stored(post(server, ("[%s,%s]"):format(event_text("g", '{"jobId":"j1"}'), cloud)), 2)
    server:wait_state(1, "done")
    server:wait_state(2, "done")
    server:stop()
    quarantine(server, 1)
    quarantine(server, 2)

    server = server:again()
    server:write_port()
    local configuration = server.folder .. "/switchhook.lua"
    for seq = 1, 2 do
      local shown = command(server, "events", "-c", configuration, "show", tostring(seq))
      assert.is_truthy(shown.stdout:find("quarantined", 1, true))
      assert.is_truthy(shown.stdout:find("a reason of long ago", 1, true))
    end
    local listed = command(server, "events", "-c", configuration, "--state", "quarantined")
    assert.is_truthy(listed.stdout:find "\n2 .*\n1 ")
    for seq, id in ipairs { "g", "c" } do
      local answer = replay(server, seq)
      assert.equal(0, answer.status, answer.stderr)
      assert.equal(("event %d: 1 run again\n"):format(seq), answer.stdout)
      local event = server:wait_state(seq, "done")
      local members = { event.id, event.type, event.jobId }
      assert.same({ id, "Microsoft.Communication.RouterJobQueued", "j" .. seq }, members)
      assert.is_nil(event.reason)
      assert.equal(1, #event.runs)
      server:wait_line("message=\"ran (" .. id .. ")\"")
    end
    -- The same bytes are known now.
    assert_stored(post(server, ("[%s,%s]"):format(event_text("g", '{"jobId":"j1"}'), cloud)), 0, 2)
    assert.equal(0, replay(server, 1, "--from-start").status)
    server:wait_state(1, "done")
    server:stop()
    server = server:again()
    assert_stored(post(server, ("[%s]"):format(cloud)), 0, 1)
    assert.is_true(server:api("/api/check").json.sound)
    server:stop()
  end)

  it("that still is no event stays where it is, and the reason is told", function()
    local server = host.serve { scripts = scripts }
    local cases = {
      { "17", "it is no object" },
      { '["a"]', "it is no object" },
      { "[" .. event_text "inner" .. "]", "it is no object" },
      { '{"id":"","eventType":"x"}', "id is missing, empty or no string" },
      { '{"specversion":"9","id":"1","source":"/s","type":"t"}', 'specversion is not "1.0"' },
      { '{"id":"1","eventType":"Switchhook.Local.NIGHT"}', "raised by scripts, not delivered" },
    }
    local elements = {}
    for i, case in ipairs(cases) do
      elements[i] = case[1]
    end
    assert_stored(post(server, "[" .. table.concat(elements, ",") .. "]"), 0, 0, #cases)
    server:write_port()
    for seq, case in ipairs(cases) do
      for _, option in ipairs { "--force", "--from-start" } do
        local answer = replay(server, seq, option)
        assert.equal(1, answer.status, case[1])
        assert.is_truthy(answer.stderr:find("still no event", 1, true), answer.stderr)
        assert.is_truthy(answer.stderr:find(case[2], 1, true), answer.stderr)
      end
      assert.equal("quarantined", server:wait_state(seq, "quarantined").state)
    end
    server:stop()
  end)

  it("that came again and was understood then is not run twice", function()
    local server = host.serve { scripts = scripts }
    assert_stored(post(server, ("[%s]"):format(event_text "twin")), 1)
    server:wait_state(1, "done")
    server:stop()
    quarantine(server, 1)
    server = server:again()
    -- Its bytes were known by their content only; under its name it comes for the first time.
    assert_stored(post(server, ("[%s]"):format(event_text "twin")), 1)
    server:wait_state(2, "done")
    server:write_port()
    local answer = replay(server, 1)
    assert.equal(1, answer.status)
    assert.is_truthy(answer.stderr:find("the same as event 2", 1, true), answer.stderr)
    assert.equal("quarantined", server:wait_state(1, "quarantined").state)
    server:stop()
  end)
end)
