-- Whose malloc a program has, as the dynamic linker says it.
local host = require "host"

local cache = host.read(host.build .. "/CMakeCache.txt")
local is_sanitized = cache:match "\nSWITCHHOOK_SANITIZE:%w+=(%S+)" ~= nil
local has_mimalloc = cache:find "\nSWITCHHOOK_MIMALLOC:BOOL=ON" ~= nil and not is_sanitized

-- How many of the objects that were asked for got it from `library`, and how many from another.
local function malloc_of(program, library)
  local environment = { LD_DEBUG = "bindings", LD_BIND_NOW = "1" }
  local result = host.run_program({ program, "--version" }, { environment = environment })
  local from_it, from_others = 0, 0
  for source in result.stderr:gmatch "binding file %S+ %[0%] to (%S+) %[0%]: normal symbol `malloc'" do
    if source:find(library, 1, true) then
      from_it = from_it + 1
    else
      from_others = from_others + 1
    end
  end
  return from_it, from_others
end

describe("memory", function()
  if not has_mimalloc then
    pending "this build has another malloc"
    return
  end

  it("is mimalloc's in the host and in every library of it", function()
    local from_it, from_others = malloc_of(host.binary, "/libmimalloc.so")
    assert.is_true(from_it > 5, from_it)
    assert.equal(0, from_others)
  end)

  it("is the C library's in a worker", function()
    local from_it, from_others = malloc_of(host.build .. "/switchhook-worker", "/libc.so")
    assert.is_true(from_it > 0, from_it)
    assert.equal(0, from_others)
  end)
end)
