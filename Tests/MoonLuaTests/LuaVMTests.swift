import MoonLua
import MoonValue
import Testing

struct LuaVMTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test func `A text is compiled once and called often`() throws {
    let function = try vm.load("count = (count or 0) + 1; return count", name: "counter")
    #expect(try function.call(as: Int.self) == 1)
    #expect(try function.call(as: Int.self) == 2)
  }

  @Test func `Running a text gives its results`() throws {
    let results = try vm.run("return 1, 'two', nil, true")
    #expect(results.count == 4)
    #expect(try results[1].value() == .string("two"))
    #expect(try results[2].value() == nil)
  }

  @Test func `An empty text is a program that does nothing`() throws {
    #expect(try vm.run("").isEmpty)
  }

  @Test func `A first line that begins with a hash is no Lua`() {
    #expect(luaError { try vm.run("#!/usr/bin/lua\nreturn 1") } != nil)
  }

  @Test func `Byte code is refused`() {
    let error = luaError { try vm.run("\u{1B}LuaT", name: "code") }
    #expect(error?.code == .syntax)
    #expect(error?.message.contains("binary chunk") == true)
  }

  @Test func `A text with a zero byte is no way around the compiler`() {
    let error = luaError { try vm.run("return 1 \0 return 2") }
    #expect(error?.code == .syntax)
  }

  @Test func `A syntax error names script and line`() {
    let error = luaError {
      try vm.load("local a = 1\nlocal = 2", name: "shop/cart.lua")
    }
    #expect(error?.code == .syntax)
    #expect(error?.script == "shop/cart.lua")
    #expect(error?.line == 2)
    #expect(error?.message.hasPrefix("shop/cart.lua:2: ") == true)
    #expect(error?.traceback == "")
  }

  @Test func `Scripts share the globals of their machine`() throws {
    try vm.run("greeting = 'hello'")
    #expect(try vm.globals.get("greeting", as: String.self) == "hello")
    try vm.globals.set("name", to: "Ada")
    #expect(try vm.load("return name", name: "a").call(as: String.self) == "Ada")
  }

  @Test func `An environment is the globals of one script`() throws {
    let environment = try vm.makeTable(["secret": 7])
    let read = try vm.load("mine = 1; return secret", name: "a", environment: environment)
    #expect(try read.call(as: Int.self) == 7)
    #expect(try environment.get("mine", as: Int.self) == 1)
    #expect(try vm.globals.get("mine").value() == nil)
    #expect(try vm.globals.get("secret").value() == nil)
  }

  @Test func `An environment of another machine is refused`() throws {
    let other = try LuaVM()
    let environment = try other.makeTable()
    let error = luaError {
      try vm.load("x = 1", name: "a", environment: environment)
    }
    #expect(error?.code == .conversion)
    #expect(try vm.run("return x").first?.value() == nil)
  }

  @Test func `Machines know nothing of each other`() throws {
    let other = try LuaVM()
    try vm.run("x = 1; string.own = 2")
    #expect(try other.run("return x, string.own").allSatisfy { try $0.value() == nil })
  }

  @Test func `The release is a Lua 5.4`() {
    #expect(LuaVM.release.hasPrefix("Lua 5.4"))
  }

  @Test func `What Lua holds is counted and collected`() throws {
    let before = vm.memory
    try vm.run("big = string.rep('x', 1000000)")
    #expect(vm.memory > before + 1_000_000)
    try vm.run("big = nil")
    vm.collectGarbage()
    #expect(vm.memory < before + 100_000)
  }

  @Test func `A closed machine throws that it was closed`() throws {
    vm.close()
    vm.close()
    #expect(luaError { try vm.run("return 1") } != nil)
    let error = luaError { try vm.globals }
    #expect(error?.code == .closed)
    #expect(luaError { try vm.makeTable() } != nil)
    #expect(luaError { try vm.makeFunction { $0 } } != nil)
    #expect(vm.memory == 0)
    vm.collectGarbage()
  }

  @Test func `Handles that outlive their machine throw that it was closed`() throws {
    let table = try vm.makeTable([1, 2])
    let function = try vm.load("return 1", name: "a")
    vm.close()
    #expect(luaError { try table.get(1) }?.code == .closed)
    #expect(luaError { try table.set(1, to: 2) }?.code == .closed)
    #expect(luaError { try table.length() }?.code == .closed)
    #expect(luaError { try table.pairs() }?.code == .closed)
    #expect(luaError { try table.value() }?.code == .closed)
    #expect(luaError { try function.call() }?.code == .closed)
    #expect(function.definition == nil)
  }

  @Test func `Handles that outlive the last reference to their machine find it closed`() throws {
    var short: LuaVM? = try LuaVM()
    let table = try #require(try short?.makeTable([1]))
    short = nil
    #expect(luaError { try table.get(1) }?.code == .closed)
  }

  @Test func `A function that closes its machine ends the call and nothing else`() throws {
    let short = try LuaVM()
    let close = try short.makeFunction { [unowned short] _ in
      short.close()
      return [1, 2, 3]
    }
    let inner = try short.load("return pcall(...)", name: "inner")
    #expect(luaError { try inner.call(.function(close)) }?.code == .closed)
    #expect(luaError { try short.run("return 1") }?.code == .closed)
  }

  @Test func `What runs on after its machine was closed can reach nothing`() throws {
    let short = try LuaVM()
    let close = try short.makeFunction { [unowned short] _ in
      short.close()
      return []
    }
    var reached = 0
    let touch = try short.makeFunction { _ in
      reached += 1
      return []
    }
    let script = try short.load(
      "local close, touch = ...; pcall(close); pcall(touch, {}, touch); pcall(tostring, touch)",
      name: "a"
    )
    #expect(luaError { try script.call(.function(close), .function(touch)) }?.code == .closed)
    #expect(reached <= 1)
  }

  @Test func `A machine can go while one of its functions runs`() throws {
    var short: LuaVM? = try LuaVM()
    let drop = try #require(
      try short?.makeFunction { _ in
        short = nil
        return []
      }
    )
    #expect(luaError { try drop.call() }?.code == .closed)
    #expect(short == nil)
  }
}
