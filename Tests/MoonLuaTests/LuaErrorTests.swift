import MoonLua
import MoonValue
import Testing

struct LuaErrorTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  struct OutOfStock: LuaErrorConvertible, Equatable {
    let code: String
    var luaCode: String { "outOfStock" }
    var luaMessage: String { "no \(code) left" }
    var luaPlace: (script: String, line: Int)? { nil }
  }

  /// A global `fail` that throws.
  func giveFail(_ failure: any Error) throws {
    try vm.globals.set("fail", to: .function(vm.makeFunction { _ in throw failure }))
  }

  @Test func `A raised text comes with message, script, line and traceback`() {
    let error = luaError {
      try vm.run("local function inner()\n  error('boom')\nend\ninner()", name: "lib/a.lua")
    }
    #expect(error?.code == .runtime)
    #expect(error?.message == "lib/a.lua:2: boom")
    #expect(error?.script == "lib/a.lua")
    #expect(error?.line == 2)
    #expect(error?.traceback.contains("lib/a.lua:4:") == true)
    #expect(error?.traceback.contains("inner") == true)
    #expect(error?.underlying == nil)
  }

  @Test func `An error of Lua's own is a runtime error at its place`() {
    let error = luaError { try vm.run("local t\n\nreturn t.x", name: "a.lua") }
    #expect(error?.code == .runtime)
    #expect(error?.line == 3)
    #expect(error?.message.contains("attempt to index a nil value (local 't')") == true)
  }

  @Test func `The level decides whom an error blames`() {
    let error = luaError {
      try vm.run("local function check()\n  error('wrong', 2)\nend\ncheck()", name: "a.lua")
    }
    #expect(error?.line == 4)
    #expect(error?.message == "a.lua:4: wrong")
  }

  @Test func `A text without a place still tells where it was raised`() {
    let error = luaError { try vm.run("\nerror('plain', 0)", name: "a.lua") }
    #expect(error?.message == "plain")
    #expect(error?.script == "a.lua")
    #expect(error?.line == 2)
  }

  @Test func `A raised table is the value of the error`() {
    for arguments in [[], [1, 2, 3]] as [[LuaValue]] {
      let error = luaError {
        try vm.load("error({message = 'no stock', code = 7, list = {1, 'two'}})", name: "a").call(
          arguments
        )
      }
      #expect(error?.message == "no stock")
      #expect(error?.value == ["message": "no stock", "code": 7, "list": [1, "two"]])
    }
  }

  @Test func `The texts of a raised table outlive the table`() throws {
    let script = """
      local parts = {}
      for i = 1, 200 do parts[i] = string.rep(tostring(i), 50) end
      error(parts)
      """
    let error = luaError { try vm.run(script) }
    vm.collectGarbage()
    try vm.run("local t = {}; for i = 1, 10000 do t[i] = 'junk' .. i end")
    #expect(error?.value?[199]?.stringValue == String(repeating: "200", count: 50))
  }

  @Test func `Other values can be raised`() {
    #expect(luaError { try vm.run("error(42)") }?.value == 42)
    #expect(luaError { try vm.run("error(true)") }?.value == true)
    #expect(luaError { try vm.run("error()") }?.message == "nil was raised as an error")
    #expect(
      luaError { try vm.run("error(print)") }?.message == "(error object is a function value)"
    )
    #expect(luaError { try vm.run("error('\\xFFx', 0)") }?.message == "\u{FFFD}x")
  }

  @Test func `An error from an earlier call leaves nothing in a later one`() throws {
    #expect(luaError { try vm.run("error('first')", name: "first.lua") }?.script == "first.lua")
    #expect(luaError { try vm.makeTable(1) }?.script == nil)
    #expect(luaError { try vm.data("return {print}") }?.script != "first.lua")
  }

  @Test func `A Swift error that crosses Lua is the same error`() throws {
    try giveFail(Refusal(reason: "sold out"))
    let error = luaError { try vm.run("\nfail()", name: "a.lua") }
    #expect(error?.code == .thrown)
    #expect(error?.underlying as? Refusal == Refusal(reason: "sold out"))
    #expect(error?.script == "a.lua")
    #expect(error?.line == 2)
    #expect(error?.message.hasPrefix("a.lua:2: ") == true)
    #expect(error?.traceback.isEmpty == false)
  }

  @Test(
    arguments: [
      "local ok, err = pcall(fail); error(err)",
      "local ok, err = pcall(fail); error(err, 0)",
      "local co = coroutine.create(fail); error(select(2, coroutine.resume(co)))",
      "coroutine.wrap(function() fail() end)()",
      "coroutine.wrap(function() coroutine.wrap(fail)() end)()",
      "local ok, err = xpcall(fail, function(e) return e end); error(err)",
      "setmetatable({}, {__index = function() fail() end})['x'] = nil; return setmetatable({}, {__index = fail}).x",
      "table.sort({3, 2, 1}, fail)",
      "string.gsub('abc', '.', fail)",
      "for _ in fail do end",
      "return load(function() return fail() end)()",
      "local t <close> = setmetatable({}, {__close = fail})",
      "assert(pcall(fail))",
      "pcall(error, 'other'); local _, e = pcall(fail); pcall(fail); error(e)",
    ]
  )
  func `A Swift error keeps its identity`(script: String) throws {
    final class Unique: Error {}
    let unique = Unique()
    try giveFail(unique)
    let error = luaError { try vm.run(script) }
    if script.hasPrefix("assert") {
      #expect(error?.underlying as? Unique === unique)
    } else {
      #expect(error?.underlying as? Unique === unique)
      #expect(error?.code == .thrown)
    }
  }

  @Test func `A Swift error keeps its identity through nested calls`() throws {
    try giveFail(Refusal(reason: "deep"))
    let nest = try vm.makeFunction { arguments in
      guard case .function(let function) = arguments[0] else { return [] }
      return try function.call(Array(arguments.dropFirst()))
    }
    let error = luaError {
      try vm.data("local nest = ...; nest(nest, function() nest(fail) end)", .function(nest))
    }
    #expect(error?.underlying as? Refusal == Refusal(reason: "deep"))
    #expect(error?.code == .thrown)
  }

  @Test func `A Lua error keeps its kind, place and value through nested calls`() throws {
    let inner = try vm.load("\n\nerror({message = 'inner', code = 5})", name: "inner.lua")
    let nest = try vm.makeFunction { _ in try inner.call() }
    let error = luaError { try vm.load("(...)()", name: "outer.lua").call(.function(nest)) }
    #expect(error?.code == .runtime)
    #expect(error?.value == ["message": "inner", "code": 5])
    #expect(error?.script == "inner.lua")
    #expect(error?.line == 3)
  }

  @Test func `A swallowed error leaves no trace`() throws {
    try giveFail(Refusal(reason: "swallowed"))
    #expect(try vm.data("pcall(fail); return 'fine'") == ["fine"])
  }

  @Test func `Scripts read the fields of an error`() throws {
    try giveFail(OutOfStock(code: "85123A"))
    let script = """
      local ok, err = pcall(function()
        fail()
      end)
      return ok, err.code, err.message, err.script, err.line, err.other
      """
    #expect(try vm.data(script) == [false, "outOfStock", "no 85123A left", "script", 2, nil])
  }

  @Test func `An error can be printed and joined`() throws {
    try giveFail(OutOfStock(code: "X"))
    #expect(
      try vm.text("local _, e = pcall(function() fail() end); return tostring(e)")
        == "script:1: no X left"
    )
    #expect(
      try vm.text("local _, e = pcall(function() fail() end); return 'failed: ' .. e")
        == "failed: script:1: no X left"
    )
    #expect(
      try vm.text("local _, e = pcall(function() fail() end); return e .. '!' ")
        == "script:1: no X left!"
    )
  }

  @Test(
    arguments: [
      "e.message = 'x'", "return #e", "for _ in pairs(e) do end", "table.insert(e, 1)",
      "table.remove(e)", "next(e)", "e()", "e.x.y = 1", "return e + 1", "return e < e",
      "setmetatable(e, {})", "rawset(e, 'a', 1)",
    ]
  )
  func `Scripts cannot change or take apart an error`(use: String) throws {
    try giveFail(Refusal(reason: "x"))
    #expect(luaError { try vm.run("local _, e = pcall(fail)\n" + use) } != nil)
    #expect(
      try vm.data("local _, e = pcall(fail); return getmetatable(e), type(e)") == [
        false, "userdata",
      ]
    )
  }

  @Test func `Equal errors are one value`() throws {
    try giveFail(Refusal(reason: "x"))
    let script =
      "local _, e = pcall(fail); local _, f = pcall(error, e); return e == f, rawequal(e, f), ({[e] = 1})[f]"
    #expect(try vm.data(script) == [true, true, 1])
  }

  @Test func `An error that Lua has let go of is let go of`() throws {
    final class Unique: Error {}
    weak var gone: Unique?
    do {
      let unique = Unique()
      gone = unique
      var failure: Unique? = unique
      let fail = try vm.makeFunction { _ in
        defer { failure = nil }
        if let failure { throw failure }
        return []
      }
      try vm.load("kept = select(2, pcall(...))", name: "a").call(.function(fail))
    }
    vm.collectGarbage()
    #expect(gone != nil)
    try vm.run("kept = nil")
    vm.collectGarbage()
    #expect(gone == nil)
  }

  @Test func `An error that Lua still holds goes with its machine`() throws {
    final class Unique: Error {}
    weak var gone: Unique?
    do {
      var failure: Unique? = Unique()
      gone = failure
      let short = try LuaVM()
      let fail = try short.makeFunction { _ in
        defer { failure = nil }
        if let failure { throw failure }
        return []
      }
      try short.load("kept = select(2, pcall(...))", name: "a").call(.function(fail))
      #expect(gone != nil)
      short.close()
    }
    #expect(gone == nil)
  }

  @Test func `A refused argument names the argument`() throws {
    try vm.globals.set(
      "native",
      to: .function(
        LuaFunction(
          vm.machine.makeNative(byReference: false) { call in
            call.dropArguments()
            return .results(0)
          }
        )
      )
    )
    let error = luaError { try vm.run("native(1, {a = {print}})", name: "a.lua") }
    #expect(error?.message.contains("argument 2 at .a[1]: a function cannot be data") == true)
    #expect(error?.line == 1)
    #expect(
      luaError { try vm.run("native(setmetatable({}, {}))") }?.message.contains("metatable") == true
    )
  }

  @Test func `Stack overflow is an error`() throws {
    let error = luaError { try vm.run("local function f() return 1 + f() end; f()", name: "a.lua") }
    #expect(error?.code == .stackLimit)
    #expect(error?.message.contains("stack overflow") == true)
    #expect(try vm.data("return 1") == [1])
  }

  @Test(
    arguments: [
      "local t = setmetatable({}, {}); getmetatable(t).__index = function(_, k) return t[k] end; return t.x",
      "local function f() return pcall(f) end; assert(f())",
      "local function f() coroutine.wrap(f)() end; f()",
      "local function f(s) return (s:gsub('.', f)) end; f('x')",
      "string.rep('(', 300):gsub('x', ''); return load(string.rep('(', 300))()",
      "local function f(a, b) table.sort({1, 2, 3}, f) end; f()",
      "local t = setmetatable({}, {}); getmetatable(t).__tostring = tostring; return tostring(t)",
    ]
  )
  func `Recursion through C code ends with an error or an answer`(script: String) throws {
    _ = luaError { try vm.run(script) }
    #expect(try vm.data("return 1") == [1])
  }

  @Test func `Recursion in tail calls has no end to reach`() throws {
    let script =
      "local function f(n) if n == 0 then return 'done' end; return f(n - 1) end; return f(1000000)"
    #expect(try vm.text(script) == "done")
  }

  @Test func `Deep recursion is no overflow`() throws {
    let script =
      "local function f(n) if n == 0 then return 0 end; return 1 + f(n - 1) end; return f(100000)"
    #expect(try vm.data(script) == [100_000])
  }

  @Test func `The description has the message and then the traceback`() {
    let error = LuaError(code: .runtime, message: "a", traceback: "  b")
    #expect(error.description == "a\n  b")
    #expect(LuaError(code: .runtime, message: "a").description == "a")
  }
}
