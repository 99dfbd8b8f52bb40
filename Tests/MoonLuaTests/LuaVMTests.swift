import MoonLua
import MoonValue
import Testing

struct Refusal: Error, Equatable {
  let number: Int
}

@Suite struct LuaVMTests {
  @Test func `Text runs and gives its results`() throws {
    let vm = try LuaVM()
    let results = try vm.run("return 1, 'two', 2.5, nil, true")
    #expect(results.count == 5)
    #expect(try results[0].decode(as: Int.self) == 1)
    #expect(try results[1].decode(as: String.self) == "two")
    #expect(try results[2].decode(as: Double.self) == 2.5)
    #expect(try results[4].decode(as: Bool.self))
    guard case .nil = results[3] else {
      Issue.record("nil came as something else")
      return
    }
  }

  @Test func `A syntax error has script and line, and says when the end is missing`() throws {
    let vm = try LuaVM()
    let wrong = #expect(throws: LuaError.self) { try vm.load("x = 1\nx = = 2", name: "a.lua") }
    #expect(wrong?.code == .syntax)
    #expect(wrong?.script == "a.lua")
    #expect(wrong?.line == 2)
    #expect(wrong?.isIncompleteInput == false)
    let open = #expect(throws: LuaError.self) { try vm.load("if x then", name: "a.lua") }
    #expect(open?.isIncompleteInput == true)
  }

  @Test func `Byte code is refused, from Swift and from scripts`() throws {
    let vm = try LuaVM()
    let error = #expect(throws: LuaError.self) { try vm.load("\u{1B}Lua", name: "bytes") }
    #expect(error?.message.contains("binary") == true)
    let results = try vm.run("return load('\\27Lua'), string.dump, load('return 4', 'x', 'b')()")
    #expect(try results.last?.decode(as: Int.self) == 4)
    guard case .nil = results[0], case .nil = results[1] else {
      Issue.record("byte code came through")
      return
    }
  }

  @Test func `Scripts have no way to files, processes, the collector or the debug library`() throws
  {
    let vm = try LuaVM()
    let found = try vm.run(
      """
      local found = {}
      for _, name in ipairs({ "io", "os", "debug", "package", "require", "dofile", "loadfile",
        "collectgarbage", "warn" }) do
        if _G[name] ~= nil then found[#found + 1] = name end
      end
      return found, getmetatable("")
      """
    )
    #expect(try found[0].value() == [:])
    #expect(try found[1].decode(as: Bool.self) == false)
    #expect(throws: LuaError.self) { try vm.run("setmetatable({}, { __gc = print })") }
  }

  @Test(
    arguments: [
      .integer(.max), .integer(.min), .number(0.1), .number(-.infinity), .string(""),
      .string("a\0b"),
      .string("é"), .string("e\u{301}"), .bytes([0xFF, 0x00]), .bool(false), .null,
      ["list": [1, [2, [.null]]], "map": ["k": .bytes([0x80])], .integer(7): "seven"],
    ] as [Value]
  )
  func `Data goes into Lua and comes back the same`(value: Value) throws {
    let vm = try LuaVM()
    let echo = try vm.load("return (...)", name: "echo")
    #expect(try echo.call(.data(value)).first?.value() == value)
  }

  @Test func `Codable types go in and out`() throws {
    struct Line: Codable, Equatable {
      var name: String
      var counts: [Int]
      var note: String?
    }
    let vm = try LuaVM()
    let line = Line(name: "x", counts: [1, 2], note: nil)
    let function = try vm.load("local line = ... line.counts[3] = 3 return line", name: "f")
    let back = try function.call(.encoding(line), as: Line.self)
    #expect(back == Line(name: "x", counts: [1, 2, 3], note: nil))
  }

  @Test(
    arguments: [
      ("local t = {} t.a = { t } return t", "a table that contains itself"),
      ("return { a = { print } }", ".a[1]: a function"),
      ("return { [1.5] = 1 }", "the keys of a map"),
      ("local t = {} for i = 1, 70 do t = { t } end return t", "64 deep"),
    ]
  )
  func `What is no data is refused with its path`(script: String, message: String) throws {
    let vm = try LuaVM()
    let error = #expect(throws: LuaError.self) { try vm.run(script)[0].value() }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `A Swift error is the same error after it has crossed Lua`() throws {
    let vm = try LuaVM()
    try vm.globals.set("refuse", to: .function(vm.makeFunction { _ in throw Refusal(number: 7) }))
    for script in [
      "refuse()", "local ok, e = pcall(refuse) error(e)",
      "local co = coroutine.create(refuse) local ok, e = coroutine.resume(co) error(e, 0)",
      "xpcall(refuse, function(e) error(e) end) refuse()",
    ] {
      let error = #expect(throws: LuaError.self) { try vm.run(script) }
      #expect(error?.underlying as? Refusal == Refusal(number: 7), "\(script)")
      #expect(error?.code == .thrown)
    }
    let seen = try vm.run(
      "local ok, e = pcall(refuse) return e.message, e.code, e.line, tostring(e)"
    )
    #expect(try seen[0].decode(as: String.self).contains("Refusal") == true)
    #expect(try seen[2].decode(as: Int.self) == 1)
  }

  @Test func `An error of a script has message, place and traceback`() throws {
    let vm = try LuaVM()
    let error = #expect(throws: LuaError.self) {
      try vm.run("local function inner()\n  error('deep')\nend\ninner()", name: "a.lua")
    }
    #expect(error?.message == "a.lua:2: deep")
    #expect(error?.script == "a.lua")
    #expect(error?.line == 2)
    #expect(error?.traceback.contains("a.lua:4: in main chunk") == true)
    let table = #expect(throws: LuaError.self) { try vm.run("error({ code = 7, message = 'm' })") }
    #expect(table?.value == ["code": 7, "message": "m"])
    #expect(table?.message == "m")
  }

  @Test func `Endless recursion and errors in errors end as errors`() throws {
    let vm = try LuaVM()
    for script in [
      "local function f() return 1 + f() end f()",
      "error(setmetatable({}, { __tostring = error }))",
      "string.rep('x', 1 << 40)",
      "xpcall(error, function() error('again') end) error('after')",
      "local t = setmetatable({}, { __index = function(t, k) return t[k + 1] end }) return t[1]",
    ] {
      #expect(throws: LuaError.self, "\(script)") { try vm.run(script) }
    }
    #expect(try vm.run("return 2")[0].decode(as: Int.self) == 2)
  }

  @Test func `Handles that outlive their machine are an error, and those of another one too`()
    throws
  {
    let vm = try LuaVM()
    let other = try LuaVM()
    let table = try vm.makeTable(["a": 1])
    let function = try vm.load("return 1", name: "f")
    #expect(throws: LuaError.self) { try other.load("return ...", name: "g").call(.table(table)) }
    vm.close()
    #expect(throws: LuaError.self) { try table.get("a") }
    let error = #expect(throws: LuaError.self) { try function.call() }
    #expect(error?.code == .closed)
    #expect(throws: LuaError.self) { try vm.run("return 1") }
    #expect(vm.memory == 0)
  }

  @Test func `Tables are read and written in place`() throws {
    let vm = try LuaVM()
    let table = try vm.makeTable([10, 20])
    try table.set(3, to: 30)
    try table.set("name", to: "list")
    #expect(try table.length() == 3)
    #expect(try table.get(2, as: Int.self) == 20)
    #expect(try table.pairs().count == 4)
    try vm.globals.set("shared", to: .table(table))
    try vm.run("shared[1] = 'changed'")
    #expect(try table.get(1, as: String.self) == "changed")
  }

  @Test func `Memory stays flat over many machines`() throws {
    for _ in 0..<500 {
      let vm = try LuaVM()
      try vm.globals.set("f", to: .function(vm.makeFunction { $0 }))
      try vm.run("t = {} for i = 1, 100 do t[i] = f({ i }) end")
    }
    let vm = try LuaVM()
    let before = vm.memory
    for _ in 0..<2_000 {
      _ = try vm.run("return function() return {} end, { 1 }")
    }
    vm.collectGarbage()
    #expect(vm.memory < before + 64_000)
  }
}
