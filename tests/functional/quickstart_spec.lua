-- examples/quickstart/run, as a newcomer starts it. It builds the preset dev into build/ of the checkout, so it is
-- tried only by tests that were built there: for others that would be a second build.
local host = require "host"
local native = host.native

local program = host.source .. "/examples/quickstart/run"

local function real_path(path)
  return host.run_program({ "realpath", "-m", path }).stdout:match "[^\n]*"
end

local function start(arguments)
  local folder = host.folder()
  host.make_folders(folder .. "/tmp")
  host.make_folders(folder .. "/elsewhere")
  -- A program that was started in the background may have been told to ignore Ctrl-C, and so would its children.
  local run = host.start_program({ "env", "--default-signal=INT", program, table.unpack(arguments) }, {
    folder = folder .. "/elsewhere",
    environment = { TMPDIR = folder .. "/tmp", QUICKSTART_SPEC = folder },
  })
  run.temporary = folder .. "/tmp"
  run.mark_of_its_own = "QUICKSTART_SPEC=" .. folder
  return run
end

-- The processes that were started from this one: they have its environment (all but the host's workers).
local function left(run)
  local words = ([[grep -lzxF -- '%s' /proc/[0-9]*/environ 2>/dev/null; true]]):format(run.mark_of_its_own)
  return host.run_program({ "sh", "-c", words }).stdout
end

local function assert_nothing_left(run)
  local words
  host.wait_until(function()
    words = left(run)
    return words == ""
  end, "all processes to end", nil, function()
    return words
  end)
  assert.equal("", host.run_program({ "ls", "-A", run.temporary }).stdout)
end

local the_way = {
  "^host  .* callback%-1 +RouterJobWaitingForActivation +(arrived)$",
  "^host  .* callback%-1 +RouterJobWaitingForActivation%.lua +router%.jobs%.(activate) %-> 200  [%d.]+ ms$",
  "^router  .* callback%-1 +(queued) in callbacks, priority 100$",
  "^router  .* callback%-1 +(offered) to bot%-1$",
  "^host  .* callback%-1 +RouterWorkerOfferIssued%.lua +router%.offers%.(accept) %-> 200 ",
  "^host  .* callback%-1 +RouterWorkerOfferAccepted%.lua +router%.jobs%.(complete) %-> 200 ",
  "^host  .* callback%-1 +RouterJobCompleted%.lua +router%.jobs%.(close) %-> 200 ",
  "^callback%-1 has gone the (whole) way",
}

describe("examples/quickstart/run", function()
  it("says what it takes", function()
    local result = host.run_program { program, "--help" }
    assert.equal(0, result.status)
    assert.is_truthy(result.stdout:find("--once", 1, true))
    result = host.run_program { program, "--twice" }
    assert.equal(2, result.status)
    assert.is_truthy(result.stderr:find("--twice", 1, true))
  end)

  if real_path(host.build) ~= real_path(host.source .. "/build") then
    pending "takes a job the whole way: only tried from build/"
    return
  end

  it("--once takes a job the whole way, from any folder, and leaves nothing behind", function()
    local run = start { "--once" }
    for _, pattern in ipairs(the_way) do
      run:wait_line(pattern, nil, 240)
    end
    assert.same({ "exit", 0 }, { run:wait_exit() })
    assert.equal("", run:stderr())
    assert.is_nil(run:stdout():find("\27", 1, true))
    assert_nothing_left(run)
  end)

  it("goes on until it is stopped, and then leaves nothing behind", function()
    local run = start {}
    run:wait_line("^(Your turn)", nil, 240)
    run:wait_line("^router  .* (callback%-2) +closed")
    local admin = run:wait_line "^host    admin on (http://%S+)"
    local workers = host.request({ url = admin .. "/api/status" }).json.workers
    assert.is_true(#workers > 0)
    run:signal(native.SIGINT)
    assert.same({ "exit", 130 }, { run:wait_exit() })
    assert_nothing_left(run)
    for _, worker in ipairs(workers) do
      local comm = io.open(("/proc/%d/comm"):format(worker.pid))
      local name = comm and comm:read "a" or ""
      assert.is_nil(name:find("switchhook", 1, true))
    end
  end)
end)
