import MoonLua
import MoonValue
import Testing

/// Library functions that could run for ever end when their time is over.
@Suite(.serialized) struct LuaLibraryTimeTests {
  @Test(
    arguments: [
      "string.find(('a'):rep(40), ('a?'):rep(40) .. ('a'):rep(40))",
      "string.find(('ab'):rep(2000), ('(.-)b'):rep(20) .. 'z')",
      "string.match(('a'):rep(30000), '.-.-.-.-b')",
      "for _ = 1, 1000 do string.gsub(('('):rep(400000), '%b()', '') end",
      "string.gsub(('x'):rep(1000), '', function() string.find(('a'):rep(40), ('a?'):rep(40) .. 'b') end)",
      "for _ in string.gmatch(('a'):rep(100000), '.*.*.*b') do end",
      "for _ = 1, 100 do ('a'):rep(200000):find(('a'):rep(100000) .. 'b', 1, true) end",
      "local t = setmetatable({}, { __index = function() return '' end }) table.concat(t, '', 1, 1 << 25)",
      "local t = setmetatable({}, { __len = function() return 1 << 25 end }) table.sort(t, rawequal)",
      "local t = setmetatable({}, { __len = function() return 1 << 26 end }) table.insert(t, 1, 1)",
      "local t = setmetatable({}, { __len = function() return 1 << 26 end }) table.remove(t, 1)",
      "table.move(setmetatable({}, { __index = rawlen }), 1, 1 << 25, 1)",
      "load(function() for _ = 1, 1000 do ('x'):rep(1 << 20) end return ' ' end)",
      "local s = ('a'):rep(1 << 22) while true do s:upper():lower():reverse():len() end",
      "local s = ('\\u{20ac}'):rep(1 << 20) while true do utf8.len(s) end",
      "local s = ('x'):rep(1 << 20) while true do string.format('%s%s%q', s, s, s) end",
    ]
  )
  func `A library function that does not end is ended`(source: String) throws {
    let vm = try LuaVM(limits: LuaLimits(seconds: 0.05))
    let clock = ContinuousClock()
    let began = clock.now
    let error = luaError { try vm.run(source) }
    let elapsed = clock.now - began
    #expect(error?.code == .timeLimit)
    #expect(error?.script == "script")
    // One that ended before was no test.
    #expect(elapsed >= .milliseconds(45))
    #expect(elapsed < .seconds(2))
    #expect(try vm.data("return ('x'):rep(3)") == ["xxx"])
  }
}
