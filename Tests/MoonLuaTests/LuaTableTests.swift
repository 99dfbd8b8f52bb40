import MoonLua
import MoonValue
import Testing

struct LuaTableTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test func `A table is a handle to what stays in Lua`() throws {
    let table = try vm.makeTable(["a": 1])
    try vm.globals.set("shared", to: .table(table))
    try vm.run("shared.b = shared.a + 1")
    #expect(try table.get("b", as: Int.self) == 2)
    #expect(try table.value() == ["a": 1, "b": 2])
  }

  @Test func `Keys are strings, bytes and whole numbers`() throws {
    let table = try vm.makeTable()
    try table.set("text", to: 1)
    try table.set(7, to: 2)
    try table.set(.bytes([0xFF, 0]), to: 3)
    #expect(
      try vm.data("local t = ...; return t.text, t[7], t['\\xFF\\0']", .table(table)) == [1, 2, 3]
    )
    #expect(try table.get(.bytes([0xFF, 0]), as: Int.self) == 3)
  }

  @Test func `Setting nil removes a key`() throws {
    let table = try vm.makeTable(["a": 1, "b": 2])
    try table.set("a", to: nil)
    #expect(try table.value() == ["b": 2])
    #expect(try table.get("a").value() == nil)
  }

  @Test func `The length is the border of the table itself`() throws {
    let table = try vm.makeTable([1, 2, 3])
    #expect(try table.length() == 3)
    try table.set(4, to: 4)
    #expect(try table.length() == 4)
    guard
      case .table(let own) = try vm.run(
        "return setmetatable({1}, {__len = function() return 9 end})"
      )[0]
    else {
      Issue.record("no table")
      return
    }
    #expect(try own.length() == 1)
  }

  @Test func `Reads and writes go past the metatable`() throws {
    try vm.run(
      """
      t = setmetatable({}, {
        __index = function() return 'made up' end,
        __newindex = function() error('read only') end,
      })
      """
    )
    guard case .table(let table) = try vm.globals.get("t") else {
      Issue.record("no table")
      return
    }
    #expect(try table.get("x").value() == nil)
    try table.set("x", to: 1)
    #expect(try vm.data("return t.x") == [1])
  }

  @Test func `Pairs are all pairs, whatever their keys are`() throws {
    try vm.run(
      "key = {}; t = {10, 20, x = 'y', [1.5] = true, [key] = 'table', [print] = 'function'}"
    )
    guard case .table(let table) = try vm.globals.get("t") else {
      Issue.record("no table")
      return
    }
    let pairs = try table.pairs()
    #expect(pairs.count == 6)
    var kinds: [String] = []
    for (key, value) in pairs {
      switch key {
      case .table: kinds.append("table \(try value.decode(as: String.self))")
      case .function: kinds.append("function \(try value.decode(as: String.self))")
      case .data(let key):
        kinds.append(
          "\(key.stringValue ?? "\(key)") \(try value.value()?.stringValue ?? "\(try value.value() ?? .null)")"
        )
      default: Issue.record("a key of no kind")
      }
    }
    #expect(
      kinds.sorted() == ["1 10", "1.5 true", "2 20", "function function", "table table", "x y"]
    )
  }

  @Test func `An empty table has no pairs and is neither an array nor a map`() throws {
    let table = try vm.makeTable()
    #expect(try table.pairs().isEmpty)
    #expect(try table.value() == .empty)
  }

  @Test func `Nested tables come out as handles and as data`() throws {
    let table = try vm.makeTable(["inner": ["list": [1, 2]]])
    guard case .table(let inner) = try table.get("inner") else {
      Issue.record("no table")
      return
    }
    try inner.set("more", to: "x")
    #expect(try table.value() == ["inner": ["list": [1, 2], "more": "x"]])
  }

  @Test func `A table is made from arrays and maps only`() {
    #expect(luaError { try vm.makeTable(1) }?.code == .conversion)
    #expect(luaError { try vm.makeTable(.null) }?.code == .conversion)
  }

  @Test func `A table that holds no data says where`() throws {
    try vm.run("t = {shop = {items = {1, {price = print}}}}")
    guard case .table(let table) = try vm.globals.get("t") else {
      Issue.record("no table")
      return
    }
    let error = luaError { try table.value() }
    #expect(error?.message.contains(".shop.items[2].price") == true)
    #expect(error?.message.contains("a function cannot be data") == true)
  }

  @Test func `A handle of another machine is refused and leaves nothing behind`() throws {
    let other = try LuaVM()
    let foreign = try other.makeTable([1])
    let table = try vm.makeTable()
    for _ in 0..<3 {
      #expect(luaError { try table.set("x", to: .table(foreign)) }?.code == .conversion)
    }
    #expect(try table.value() == .empty)
    #expect(try vm.data("return ...", 1, 2) == [1, 2])
  }

  @Test func `The same table comes back as the same table`() throws {
    let table = try vm.makeTable()
    try vm.globals.set("a", to: .table(table))
    #expect(try vm.data("return a == ...", .table(table)) == [true])
  }

  @Test func `Handles keep their tables alive and let go of them`() throws {
    try vm.run("weak = setmetatable({}, {__mode = 'v'})")
    do {
      let table = try vm.makeTable(["kept": true])
      try vm.load("weak[1] = ...", name: "a").call(.table(table))
      vm.collectGarbage()
      #expect(try vm.data("return weak[1] ~= nil") == [true])
      #expect(try table.get("kept", as: Bool.self))
    }
    vm.collectGarbage()
    #expect(try vm.data("return weak[1] ~= nil") == [false])
  }
}
