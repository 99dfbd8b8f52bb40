import MoonLua
import MoonValue
import Testing

/// What library functions refuse at once, since no honest script asks for it.
struct LuaBoundsTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test(
    arguments: [
      ("('x'):rep(1 << 30)", "resulting string too large"),
      ("(''):rep(1 << 20, ('y'):rep(1024))", "resulting string too large"),
      ("('x'):rep(math.maxinteger, 'y')", "resulting string too large"),
      ("string.gsub(('a'):rep(100000), 'a', ('b'):rep(1 << 20))", "resulting string too large"),
      ("string.format(('%s'):rep(400), table.unpack(huge))", "resulting string too large"),
      ("table.concat(huge)", "resulting string too large"),
      ("string.pack('c2147483647', '')", "format result too large"),
      ("string.pack(('c99999999'):rep(20), '')", "format result too large"),
      ("string.pack('c99999999999999999999999999', '')", "format result too large"),
      ("table.move({}, 1, math.maxinteger - 1, 1)", "too many elements to move"),
      ("table.move({}, math.mininteger, math.maxinteger, 1)", "too many elements to move"),
      ("table.insert(lying, 1, nil)", "too many elements to shift"),
      ("table.remove(lying, 1)", "too many elements to shift"),
      ("table.sort(lying, rawequal)", "array too big"),
      ("table.concat(lying)", "too many elements to concatenate"),
      (
        "table.concat({}, '', math.mininteger, math.maxinteger)", "too many elements to concatenate"
      ),
      ("table.unpack(lying)", "too many results to unpack"),
      ("string.match(('a'):rep(300000), ('.?'):rep(200000))", "pattern too complex"),
      ("string.format('%p', {})", "addresses"),
      ("string.format('%99999d', 1)", "invalid conversion specification"),
    ]
  )
  func `What no script can mean is refused`(call: String, message: String) {
    let setup = """
      lying = setmetatable({}, { __len = function() return math.maxinteger - 1 end })
      local part = ('x'):rep(1 << 20)
      huge = {}
      for i = 1, 400 do huge[i] = part end

      """
    let error = luaError { try vm.run(setup + "return " + call) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
  }

  @Test func `An error of the bridge has its own text, whatever failed before it`() async throws {
    let raised = "error(setmetatable({}, { __tostring = function() return 'earlier' end }))"
    let failing = try vm.load(raised, name: "failing")
    #expect(await luaError { try await failing.callAsync() }?.message == "earlier")
    let many = "local t = {} for i = 1, 70000 do t[i] = i end return table.unpack(t)"
    let run = try vm.load(many, name: "many")
    #expect(
      await luaError { try await run.callAsync() }?.message.contains("too many results") == true
    )
  }

  @Test func `What leaves Lua is bounded`() async throws {
    let many = "local t = {} for i = 1, 70000 do t[i] = i end return table.unpack(t)"
    #expect(luaError { try vm.run(many) }?.message.contains("too many results") == true)
    let run = try vm.load(many, name: "many")
    #expect(
      await luaError { try await run.callAsync() }?.message.contains("too many results") == true
    )
    let shared = "local t = { 1 } for i = 1, 40 do t = { t, t } end return t"
    #expect(
      luaError { _ = try vm.data(shared) }?.message.contains("more than 2 million parts") == true
    )
  }

  @Test func `Nothing, as often as one likes, is nothing`() throws {
    #expect(try vm.data("return (''):rep(1 << 62), (''):rep(math.maxinteger, '')") == ["", ""])
  }

  @Test func `A length that lies by a little is as in Lua`() throws {
    let script = """
      local t = setmetatable({ 1, 2, 3 }, { __len = function() return 2 end })
      table.insert(t, 1, 0)
      return t[1], t[2], t[3], table.concat(t, ',', 1, 3), #table.pack(table.unpack(t))
      """
    #expect(try vm.data(script) == [0, 1, 2, "0,1,2", 2])
  }

  @Test func `A function that replaces matches cannot wait`() throws {
    let script = """
      local co = coroutine.wrap(function() return pcall(string.gsub, 'a', 'a', coroutine.yield) end)
      return co()
      """
    let results = try vm.data(script)
    #expect(results.first == false)
    #expect(results.last??.stringValue?.contains("yield across a C-call boundary") == true)
  }

  @Test func `Stray continuation bytes are no characters`() throws {
    #expect(
      luaError {
        try vm.run("for _ in utf8.codes('\\u{1}\\x80\\x80\\x80') do end")
      }?.message.contains("invalid UTF-8 code") == true
    )
    #expect(luaError { try vm.run("utf8.codes('\\x80')") } != nil)
  }
}
