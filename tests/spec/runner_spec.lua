-- tests/run, and what it shares with the quickstart: installing packages, with stand-ins for the system's
-- commands.
local host = require "host"

-- A folder with dpkg-query, which knows `installed`, and apt-get, which writes down its arguments and fails as
-- often as `failures` says.
local function system(installed, failures)
  local folder = host.folder()
  local function command(name, text)
    host.write(folder .. "/" .. name, "#!/bin/bash\n" .. text)
    host.run_program { "chmod", "+x", folder .. "/" .. name }
  end
  local query = 'case " %s " in *" $4 "*) echo installed ;; *) echo not-installed; exit 1 ;; esac\n'
  command("dpkg-query", query:format(installed))
  command("apt-get", ([[
    echo "apt-get $* ($DEBIAN_FRONTEND)" >> %s/calls
    if [ "$(wc -l < %s/calls)" -le %d ]; then exit 100; fi
  ]]):format(folder, folder, failures or 0))
  host.write(folder .. "/calls", "")
  command("sudo", 'exec "$@"\n')
  return folder
end

local function install(folder, packages)
  local program = 'set -euo pipefail; . "%s/tests/support/packages.sh"; packages_install "to try" %s'
  local result = host.run_program(
    { "bash", "-c", program:format(host.source, packages) },
    { environment = { PATH = folder .. ":" .. os.getenv "PATH" } }
  )
  result.calls = host.read(folder .. "/calls")
  return result
end

describe("installing packages", function()
  it("does nothing, and says nothing, when all are there", function()
    local result = install(system "gcc cmake", "gcc cmake")
    assert.same({ 0, "", "", "" }, { result.status, result.stdout, result.stderr, result.calls })
  end)

  it("installs what is missing, asking nothing", function()
    local result = install(system "gcc", "gcc cmake lua5.4")
    assert.equal(0, result.status, result.stderr)
    assert.is_truthy(result.stdout:find("to try: cmake lua5.4\n", 1, true))
    local expected = "apt-get update -q (noninteractive)\n"
      .. "apt-get install -y -q --no-install-recommends cmake lua5.4 (noninteractive)\n"
    assert.equal(expected, result.calls)
  end)

  it("fetches the lists once more when that fails", function()
    local result = install(system("gcc", 1), "cmake")
    assert.equal(0, result.status, result.stderr)
    assert.equal(3, select(2, result.calls:gsub("\n", "")))
  end)

  it("gives up when it fails again", function()
    local result = install(system("gcc", 2), "cmake")
    assert.is_not.equal(0, result.status)
    assert.is_nil(result.calls:find "install")
  end)
end)

describe("tests/run", function()
  local run = host.source .. "/tests/run"

  it("explains itself", function()
    local result = host.run_program { run, "--help" }
    assert.equal(0, result.status)
    assert.is_truthy(result.stdout:find("Usage: tests/run", 1, true))
  end)

  it("knows its suites", function()
    local result = host.run_program { run, "units" }
    assert.same({ 2, "" }, { result.status, result.stdout })
    assert.is_truthy(result.stderr:find("there is no suite units", 1, true))
    assert.equal(2, host.run_program({ run, "unit", "spec" }).status)
    assert.equal(2, host.run_program({ run, "bench", "line", "rest" }).status)
  end)
end)
