import MoonLua
import MoonValue
import Testing

struct LuaFunctionTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  func function(_ source: String) throws -> LuaFunction {
    guard case .function(let function) = try vm.run("return " + source)[0] else {
      throw Refusal(reason: "no function")
    }
    return function
  }

  @Test func `Arguments and results keep their order and number`() throws {
    let function = try function("function(...) return select('#', ...), ... end")
    #expect(try function.call(nil, 1, nil).map { try $0.value() } == [3, nil, 1, nil])
    #expect(try function.call().map { try $0.value() } == [0])
  }

  @Test func `Closures keep their variables`() throws {
    let make = try function("function() local n = 0; return function() n = n + 1; return n end end")
    guard case .function(let first) = try make.call()[0],
      case .function(let second) = try make.call()[0]
    else {
      Issue.record("no functions")
      return
    }
    #expect(try first.call(as: Int.self) == 1)
    #expect(try first.call(as: Int.self) == 2)
    #expect(try second.call(as: Int.self) == 1)
  }

  @Test(arguments: [0, 1, 19, 20, 21, 250, 5_000])
  func `Many arguments and results cross both ways`(count: Int) throws {
    let echo = try vm.makeFunction { $0 }
    let through = try function("function(f, ...) return f(...) end")
    let arguments = (0..<count).map { LuaValue.data(.integer(Int64($0))) }
    let results = try through.call([.function(echo)] + arguments)
    #expect(try results.map { try $0.decode(as: Int.self) } == Array(0..<count))
  }

  @Test func `More arguments than Lua's stack can hold are an error`() throws {
    let count = try function("function(...) return select('#', ...) end")
    let arguments = [LuaValue](repeating: 1, count: 1_100_000)
    #expect(luaError { try count.call(arguments) } != nil)
    #expect(try count.call(1, 2, as: Int.self) == 2)
  }

  @Test func `A Swift function with more results than Lua's stack can hold raises`() throws {
    let many = try vm.makeFunction { _ in [LuaValue](repeating: 1, count: 1_100_000) }
    #expect(try vm.data("return (pcall(...))", .function(many)) == [false])
    #expect(try vm.data("return ...", 1) == [1])
  }

  @Test func `Nearly as many arguments as Lua's stack can hold reach a Swift function`() throws {
    let count = try vm.makeFunction { [.data(.integer(Int64($0.count)))] }
    let script =
      "local f = ...; local t = {}; for i = 1, 400000 do t[i] = i end; return f(table.unpack(t))"
    #expect(try vm.data(script, .function(count)) == [400_000])
  }

  @Test func `A Swift function sees tables and functions as handles`() throws {
    let describe = try vm.makeFunction { arguments in
      arguments.map { argument in
        switch argument {
        case .nil: "nil"
        case .data: "data"
        case .table: "table"
        case .function: "function"
        case .opaque: "opaque"
        }
      }
    }
    #expect(
      try vm.data(
        "return (...)(nil, 1, {}, print, coroutine.create(print), 'x')",
        .function(describe)
      ) == ["nil", "data", "table", "function", "opaque", "data"]
    )
  }

  @Test func `A Swift function can write into a table that it was given`() throws {
    let fill = try vm.makeFunction { arguments in
      guard case .table(let table) = arguments[0] else { throw Refusal(reason: "no table") }
      try table.set("filled", to: true)
      return []
    }
    #expect(try vm.data("local t = {}; (...)(t); return t.filled", .function(fill)) == [true])
  }

  @Test func `Handles that a Swift function returns arrive as what they are`() throws {
    let make = try vm.makeFunction { [unowned vm] _ in
      [
        .table(try vm.makeTable(["a": 1])), .function(try vm.makeFunction { _ in ["inner"] }),
        .data(["fresh": [1]]),
      ]
    }
    for _ in 0..<50 {
      let script = "local t, f, d = (...)(); return t.a, f(), d.fresh[1]"
      #expect(try vm.data(script, .function(make)) == [1, "inner", 1])
    }
  }

  @Test func `A coroutine passes through Swift and is the same one`() throws {
    let echo = try vm.makeFunction { $0 }
    let script = """
      local echo = ...
      for i = 1, 50 do
        local co = coroutine.create(function() coroutine.yield(i) end)
        local back = echo(co)
        if back ~= co then return 'another one: ' .. tostring(back) end
        local ok, value = coroutine.resume(back)
        if value ~= i then return 'another value' end
      end
      return 'the same'
      """
    #expect(try vm.text(script, .function(echo)) == "the same")
  }

  @Test func `Swift and Lua call each other to and fro`() throws {
    let reenter = try vm.makeFunction { arguments in
      guard case .function(let next) = arguments[0] else { return ["end"] }
      return try next.call(Array(arguments.dropFirst()))
    }
    try vm.globals.set("reenter", to: .function(reenter))
    let script = """
      local function down(n)
        if n == 0 then return 'bottom', n end
        return reenter(down, n - 1)
      end
      return down(30)
      """
    #expect(try vm.data(script) == ["bottom", 0])
  }

  @Test func `Endless recursion through Swift is an error`() throws {
    let reenter = try vm.makeFunction { arguments in
      guard case .function(let next) = arguments[0] else { return [] }
      return try next.call(arguments)
    }
    let script = "local again = ...; local function f() return again(f) end; return f()"
    let error = luaError { try vm.data(script, .function(reenter)) }
    #expect(error?.message.contains("overflow") == true)
    #expect(try vm.data("return 1") == [1])
  }

  @Test func `Endless recursion through Swift and coroutines is an error`() throws {
    let reenter = try vm.makeFunction { arguments in
      guard case .function(let next) = arguments[0] else { return [] }
      return try next.call(arguments)
    }
    let script = """
      local again = ...
      local function nest(n, f)
        if n == 0 then return f() end
        return coroutine.wrap(function() return select(2, assert(pcall(nest, n - 1, f))) end)()
      end
      local function f() return nest(20, function() return again(f) end) end
      return f()
      """
    let error = luaError { try vm.data(script, .function(reenter)) }
    #expect(error?.message.contains("overflow") == true)
    #expect(try vm.data("return 1") == [1])
  }

  @Test func `A Swift function can be made while another one runs`() throws {
    let make = try vm.makeFunction { [unowned vm] arguments in
      let captured = arguments[0]
      return [.function(try vm.makeFunction { _ in [captured] })]
    }
    let script = "local make = ...; local a, b = make(1), make(2); return a(), b(), a()"
    #expect(try vm.data(script, .function(make)) == [1, 2, 1])
  }

  @Test func `A function of another machine is refused wherever it comes from`() throws {
    let other = try LuaVM()
    guard case .function(let foreign) = try other.run("return print")[0] else { return }
    let echo = try function("function(...) return ... end")
    #expect(luaError { try echo.call(.function(foreign)) }?.code == .conversion)
    let give = try vm.makeFunction { _ in [.function(foreign)] }
    let error = luaError { try give.call() }
    #expect(error?.code == .conversion)
    #expect(try echo.call(1, as: Int.self) == 1)
  }

  @Test func `A function tells where it was defined`() throws {
    let made = try vm.load("\n\nreturn function()\nend", name: "lib/a.lua").call()
    guard case .function(let function) = made[0] else {
      Issue.record("no function")
      return
    }
    #expect(function.definition?.script == "lib/a.lua")
    #expect(function.definition?.line == 3)
    #expect(try vm.makeFunction { $0 }.definition == nil)
  }

  @Test func `Handles of functions let go of what they close over`() throws {
    try vm.run("weak = setmetatable({}, {__mode = 'v'})")
    do {
      let keep = try function(
        "(function() local t = {}; weak[1] = t; return function() return t end end)()"
      )
      vm.collectGarbage()
      #expect(try vm.data("return weak[1] ~= nil") == [true])
      _ = try keep.call()
    }
    vm.collectGarbage()
    #expect(try vm.data("return weak[1] ~= nil") == [false])
  }

  @Test func `Swift functions as arguments leave no references behind when they are refused`()
    throws
  {
    let refuse = try vm.machine.makeNative(byReference: false) { _ in
      throw Refusal(reason: "unread")
    }
    let script = """
      local refuse, weak = ..., setmetatable({}, {__mode = 'k'})
      for i = 1, 20 do
        local f = function() return i end
        weak[f] = true
        pcall(refuse, f)
        pcall(refuse, f, {print})
      end
      return function() local n = 0; for _ in pairs(weak) do n = n + 1 end; return n end
      """
    guard
      case .function(let count) = try vm.load(script, name: "a").call(
        .function(LuaFunction(refuse))
      )[0]
    else { return }
    vm.collectGarbage()
    #expect(try count.call(as: Int.self) == 0)
  }
}
