import MoonLua
import MoonValue
import Testing

/// What scripts get of the standard library, and what they do not.
struct LuaLibrariesTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test(
    arguments: [
      "io", "os", "debug", "package", "require", "dofile", "loadfile", "collectgarbage", "warn",
      "string.dump",
    ]
  )
  func `What reaches beyond the machine is not there`(name: String) throws {
    #expect(try vm.data("return \(name)") == [nil])
  }

  @Test(
    arguments: [
      "assert", "error", "getmetatable", "ipairs", "load", "next", "pairs", "pcall", "print",
      "rawequal", "rawget", "rawlen", "rawset", "select", "setmetatable", "tonumber", "tostring",
      "type", "xpcall", "array.is", "map.is", "string.format", "table.sort", "math.floor",
      "utf8.char",
      "coroutine.wrap", "coroutine.close",
    ]
  )
  func `The safe part is there`(name: String) throws {
    #expect(try vm.text("return type(\(name))") == "function")
  }

  @Test func `load takes text only`() throws {
    #expect(try vm.data("return load('return 1 + 1')()") == [2])
    #expect(
      try vm.data(
        "local f, why = load('\\27Lua'); return f, (why:find('attempt to load a binary chunk', 1, true)) ~= nil"
      )
        == [nil, true]
    )
    #expect(try vm.data("return (load('\\27Lua', 'x', 'b'))") == [nil])
    #expect(try vm.data("return (load('\\27Lua', 'x', 'bt'))") == [nil])
    #expect(
      try vm.data(
        "local done; return (load(function() if done then return nil end; done = true; return '\\27Lua' end))"
      ) == [nil]
    )
  }

  @Test func `load joins pieces, names chunks and takes an environment`() throws {
    let pieces =
      "local p, i = {'return ', '4', '2'}, 0; return load(function() i = i + 1; return p[i] end)()"
    #expect(try vm.data(pieces) == [42])
    #expect(try vm.data("return load('return x', 'n', 't', {x = 5})()") == [5])
    #expect(try vm.data("return select(2, pcall(load('return x', 'n', 't', nil)))") != [5])
    #expect(
      try vm.text("return select(2, pcall(load('error(1 .. \\'\\')', 'named')))")
        == "[string \"named\"]:1: 1"
    )
  }

  @Test(
    arguments: [
      "@/app/stores/payment.lua", "=/app/stores/payment.lua", "=@=/app/stores/payment.lua",
    ]
  )
  func `What was loaded cannot pass for a file`(name: String) throws {
    let load = "load('error(\\'not mine\\')', '\(name)')"
    let error = luaError { try vm.run("local f = \(load) f()") }
    #expect(error?.message.hasPrefix("[string \"/app/stores/payment.lua\"]:1:") == true)
    #expect(try vm.text("return select(2, load('=x ='))").hasPrefix("[string \"x =\"]:1:"))
  }

  @Test func `load takes texts of a stated size`() throws {
    let long = "return load(('-'):rep(1 << 18) .. '\\nreturn 1')"
    #expect(try vm.data(long).last??.stringValue?.contains("more than 262144 bytes") == true)
    let endless = "return load(function() return ' ' end)"
    #expect(try vm.data(endless).last??.stringValue?.contains("more than 262144 bytes") == true)
    #expect(try vm.data("return load(('-'):rep((1 << 18) - 9) .. '\\nreturn 1')()") == [1])
  }

  @Test func `A reader that fails or gives no string is an error`() {
    #expect(luaError { try vm.run("load(function() error('inside', 0) end)") }?.message == "inside")
    #expect(
      luaError { try vm.run("load(function() return {} end)") }?.message.contains("reader") == true
    )
  }

  @Test func `Metatables of scripts have no finalizers`() throws {
    #expect(
      luaError { try vm.run("setmetatable({}, {__gc = print})") }?.message.contains("__gc") == true
    )
    let late = """
      finalized = false
      do
        local mt = {}
        setmetatable({}, mt)
        mt.__gc = function() finalized = true end
      end
      """
    try vm.run(late)
    vm.collectGarbage()
    #expect(try vm.data("return finalized") == [false])
  }

  @Test func `setmetatable is otherwise as in Lua`() throws {
    #expect(
      try vm.data(
        "local t = {}; return setmetatable(t, {__index = {x = 1}}) == t, t.x, setmetatable(t, nil) == t, t.x"
      ) == [true, 1, true, nil]
    )
    #expect(luaError { try vm.run("setmetatable({}, 1)") } != nil)
    #expect(luaError { try vm.run("setmetatable(setmetatable({}, {__metatable = 1}), {})") } != nil)
  }

  @Test func `The metatables of strings and objects are hidden`() throws {
    #expect(try vm.data("return getmetatable(''), getmetatable(null)") == [false, false])
    #expect(luaError { try vm.run("setmetatable('', {})") } != nil)
    #expect(try vm.data("return getmetatable(array())") == [false])
    // What says that a table is an array gives way to a metatable of the script's own, and stays as it is.
    #expect(
      try vm.data("local t = setmetatable(array(), { __index = { x = 1 } }) return t.x, array().x")
        == [1, nil]
    )
  }

  @Test func `Strings are as in Lua`() throws {
    #expect(
      try vm.data("return ('x'):rep(3, '-'), ('%5.2f|%q'):format(1.5, 'a'), #('x'):rep(1000000)")
        == ["x-x-x", " 1.50|\"a\"", 1_000_000]
    )
    #expect(
      luaError { try vm.run("return ('x'):rep(math.maxinteger)") }?.message.contains("too large")
        == true
    )
    #expect(
      try vm.data("return ('a,b'):find(',', 1, true), ('key=val'):match('(%w+)=(%w+)')") == [
        2, "key", "val",
      ]
    )
  }

  @Test func `pcall gives what Lua's gives`() throws {
    #expect(
      try vm.data("return pcall(function(...) return ... end, 1, nil, 3)") == [true, 1, nil, 3]
    )
    #expect(try vm.data("return pcall(error, 'x')") == [false, "x"])
    #expect(try vm.data("return pcall(error)") == [false, nil])
    #expect(try vm.data("return pcall(nil)").first == false)
    #expect(luaError { try vm.run("pcall()") } != nil)
    #expect(try vm.data("return select('#', pcall(error))") == [2])
  }

  @Test func `xpcall calls its handler where the error happens`() throws {
    let script = """
      local function handler(e) return 'handled ' .. e end
      local function fail(a, b) error(a .. b, 0) end
      return xpcall(fail, handler, 'x', 'y')
      """
    #expect(try vm.data(script) == [false, "handled xy"])
    #expect(
      try vm.data("return xpcall(function(...) return ... end, print, 1, 2)") == [true, 1, 2]
    )
    #expect(try vm.data("return select('#', xpcall(error, function() end))") == [2])
    #expect(luaError { try vm.run("xpcall(print)") } != nil)
    #expect(luaError { try vm.run("xpcall(print, 1)") } != nil)
  }

  @Test func `An error in an error handler is an error, not a loop`() throws {
    #expect(try vm.data("return (xpcall(error, function() error('again') end, 'x'))") == [false])
    #expect(
      try vm.data("local function h() return h() + 1 end; return (xpcall(error, h, 'x'))") == [
        false
      ]
    )
    #expect(try vm.data("return 1") == [1])
  }

  @Test func `assert, select, tostring and tonumber are as in Lua`() throws {
    #expect(luaError { try vm.run("assert(false, 'why')") }?.message == "script:1: why")
    #expect(try vm.data("return assert(1, 2, 3)") == [1, 2, 3])
    #expect(
      try vm.data("return select(-1, 1, 2), tonumber('0x10'), tonumber('z', 36), tostring(1.0)")
        == [2, 16, 35, "1.0"]
    )
  }

  @Test func `next, pairs, ipairs, insert and remove still work on tables`() throws {
    let script = """
      local t = {1, 2}
      table.insert(t, 3); table.insert(t, 1, 0)
      local removed, sum, count = table.remove(t), 0, 0
      for i, v in ipairs(t) do sum = sum + i * v end
      for k in pairs(t) do count = count + 1 end
      local p = {}
      for k, v in pairs(setmetatable({}, {__pairs = function() return next, {x = 1}, nil end})) do p[k] = v end
      return removed, sum, count, next({}), next({5}), p.x
      """
    #expect(try vm.data(script) == [3, 8, 3, nil, 1, 1])
  }

  @Test func `Variables with a close metamethod are closed`() throws {
    let script = """
      local log = {}
      local function closing(name)
        return setmetatable({}, {__close = function(_, e) log[#log + 1] = name .. ':' .. tostring(e) end})
      end
      do local a <close> = closing('a'); local b <close> = closing('b') end
      pcall(function() local c <close> = closing('c'); error('oops', 0) end)
      return table.concat(log, ' ')
      """
    #expect(try vm.text(script) == "b:nil a:nil c:oops")
  }
}
