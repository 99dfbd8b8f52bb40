import MoonLua
import MoonValue
import Testing

/// What `tostring` shows of values that have no text of their own.
struct LuaNamesTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test func `Values have numbers, not addresses`() throws {
    let script = """
      local t, u = {}, {}
      local co = coroutine.create(print)
      return table.concat({ tostring(t), tostring(u), tostring(t), tostring(print),
        string.format('%s', co), string.format('%-12s|', u), tostring(print),
        tostring(setmetatable({}, { __name = 'Account' })) }, ' ')
      """
    #expect(
      try vm.text(script)
        == "table: 1 table: 2 table: 1 function: 3 thread: 4 table: 2    | function: 3 Account: 5"
    )
  }

  @Test func `A number is never given twice, and is kept by what lives`() throws {
    try vm.run("kept = {} first = tostring(kept)")
    try vm.run("seen = {} for i = 1, 10000 do seen[#seen + 1] = tostring({}) end")
    vm.collectGarbage()
    let script = """
      local distinct, count = {}, 0
      for i = 1, 10000 do seen[#seen + 1] = tostring({}) end
      for _, text in ipairs(seen) do if not distinct[text] then distinct[text] = true; count = count + 1 end end
      return count, tostring(kept) == first, distinct[first]
      """
    #expect(try vm.data(script) == [20_000, true, nil])
  }

  @Test func `Numbers do not keep what they were given to`() throws {
    try vm.run(
      "weak = setmetatable({}, { __mode = 'k' }) for i = 1, 100 do local t = {}; weak[t] = tostring(t) end"
    )
    vm.collectGarbage()
    #expect(try vm.data("return next(weak)") == [nil])
  }

  @Test func `A text of one's own comes first, and must be one`() throws {
    #expect(
      try vm.text(
        "return tostring(setmetatable({}, { __tostring = function() return 'mine' end }))"
      )
        == "mine"
    )
    #expect(
      luaError {
        try vm.run("tostring(setmetatable({}, { __tostring = function() return {} end }))")
      }?.message == "script:1: '__tostring' must return a string"
    )
    #expect(
      try vm.data(
        "return tostring(nil), tostring(true), tostring(12), tostring(-0.0), tostring('x')"
      )
        == ["nil", "true", "12", "-0.0", "x"]
    )
  }
}
