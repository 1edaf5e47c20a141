-- The specs are worth something only under the Lua that the program has inside.
describe("the Lua that runs the specs", function()
  it("is 5.4", function()
    assert.equal("Lua 5.4", _VERSION)
  end)
end)
