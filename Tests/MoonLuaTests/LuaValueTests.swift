import MoonLua
import MoonValue
import Testing

struct LuaValueTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  struct Item: Codable, Equatable {
    var name: String
    var price: Int
    var tags: [String]
    var note: String?
  }

  @Test(
    arguments: [
      .bool(true), .bool(false), .null, .integer(0), .integer(.min), .integer(.max), .number(0.1),
      .number(1), .number(-0.0), .number(.infinity), .number(-.infinity), .number(.nan),
      .number(.greatestFiniteMagnitude), .number(.leastNonzeroMagnitude), .string(""),
      .string("zwölf Grüße 🌙"), .string("\u{E9}"), .string("e\u{301}"), .string("a\0b"),
      .bytes([0xFF, 0xFE, 0]), .bytes([0xC3]),
      .array([1, "two", .null, [3]]), .map([:]), ["a": ["b": ["c": []], "d": 1.5]],
      .map([.integer(3): "three", .integer(-1): "minus", "x": .bytes([0x80])]),
      .map([.bytes([0xFF]): 1]),
    ] as [Value]
  )
  func `A value comes back as it went`(value: Value) throws {
    #expect(try vm.load("return ...", name: "echo").call(.data(value))[0].value() == value)
  }

  @Test func `Integers and doubles are of two kinds, as in Lua`() throws {
    let kinds = try vm.data("return math.type(...), math.type(select(2, ...))", 1, 1.0)
    #expect(kinds == ["integer", "float"])
    #expect(
      try vm.data("return 2^53, 7 // 2, 7 / 2, 1e3") == [
        .number(9_007_199_254_740_992), 3, 3.5, 1000.0,
      ]
    )
  }

  @Test func `Strings keep every byte`() throws {
    let all = (0...255).map { UInt8($0) }
    #expect(
      try vm.data("return #..., string.byte(..., 1), string.byte(..., 256)", .data(.bytes(all)))
        == [256, 0, 255]
    )
    #expect(try vm.data("return '\\0\\xFF'") == [.bytes([0, 0xFF])])
    #expect(try vm.data("return '\\0', #'\\0'") == ["\0", 1])
  }

  @Test func `Long strings cross both ways`() throws {
    let long = String(repeating: "0123456789", count: 50_000)
    let results = try vm.data(
      "local a, b = ...; return a, b, #a + #b",
      .data(.string(long)),
      .data(.string(long))
    )
    #expect(results == [.string(long), .string(long), 1_000_000])
  }

  @Test func `Null is a value of its own beside nil`() throws {
    #expect(
      try vm.data(
        "local a, b = ...; return a == null, b == null, a == nil, type(a)",
        .data(.null),
        nil
      ) == [true, false, false, "null"]
    )
    #expect(try vm.data("return {null, 2}") == [[.null, 2]])
    #expect(try vm.text("return tostring(null)") == "null")
  }

  @Test(
    arguments: [
      "null.x", "#null", "null.x = 1", "pairs(null)", "ipairs(null)", "next(null)", "null .. 'x'",
      "null()", "null + 1", "table.insert(null, 1)", "table.remove(null)",
      "table.insert(null, 1, 2)",
      "null < null", "table.unpack(null)", "table.concat(null)",
    ]
  )
  func `Null has no parts`(use: String) throws {
    let statement = use.contains(" = ") || use.hasSuffix(")") ? use : "return \(use)"
    #expect(luaError { try vm.run(statement) }?.code == .runtime)
  }

  @Test func `A table with the keys 1 to n is an array`() throws {
    #expect(try vm.data("return {1, 2, 3}") == [[1, 2, 3]])
    #expect(try vm.data("local t = {}; t[2] = 'b'; t[1] = 'a'; return t") == [["a", "b"]])
    #expect(try vm.data("return {1, 2, x = 3}") == [.map([1: 1, 2: 2, "x": 3])])
  }

  @Test func `A table with a hole is a map`() throws {
    #expect(try vm.data("return {[1] = 'a', [3] = 'c'}") == [.map([1: "a", 3: "c"])])
    #expect(try vm.data("return {1, nil, 3}") == [.map([1: 1, 3: 3])])
  }

  @Test func `array and map decide what an empty table is`() throws {
    #expect(
      try vm.data("return array(), map(), {}, array{1}, map{1}") == [
        [], [:], .empty, [1], .map([1: 1]),
      ]
    )
    #expect(luaError { try vm.data("return array{1, nil, 3}") }?.message.contains("array") == true)
    #expect(luaError { try vm.data("return array{x = 1}") } != nil)
  }

  @Test func `Keys of other kinds are refused`() {
    for key in ["1.5", "true", "{}", "print", "null"] {
      let error = luaError { try vm.data("return {inner = {[\(key)] = 1}}") }
      #expect(error?.message.contains("the keys of a map are strings or whole numbers") == true)
      #expect(error?.message.contains(".inner") == true)
    }
  }

  @Test func `Functions and coroutines in data are refused with their path`() {
    let function = luaError { try vm.data("return {a = {1, {b = print}}}") }
    #expect(function?.message.contains(".a[2].b") == true)
    let coroutine = luaError { try vm.data("return {coroutine.create(print)}") }
    #expect(coroutine?.message.contains("[1]") == true)
    #expect(coroutine?.message.contains("a coroutine cannot be data") == true)
  }

  @Test func `Values that are no data say so`() throws {
    #expect(luaError { try vm.run("return print")[0].value() }?.code == .conversion)
    #expect(
      luaError { try vm.run("return coroutine.create(print)")[0].value() }?.code == .conversion
    )
  }

  @Test func `Cycles are refused with their path`() {
    let own = luaError { try vm.data("local t = {}; t.me = t; return t") }
    #expect(own?.message.contains(".me") == true)
    #expect(own?.message.contains("a table that contains itself cannot be data") == true)
    let far = luaError { try vm.data("local t = {a = {{}}}; t.a[1].back = t.a; return t") }
    #expect(far?.message.contains(".a[1].back") == true)
  }

  @Test func `A table that is there twice is copied twice`() throws {
    #expect(try vm.data("local t = {1}; return {t, t}") == [[[1], [1]]])
  }

  @Test func `Depth has a limit in both directions`() throws {
    func nested(_ depth: Int) -> Value {
      (0..<depth).reduce(1) { value, _ in .array([value]) }
    }
    #expect(try vm.data("return ...", .data(nested(64))) == [nested(64)])
    #expect(
      luaError { try vm.data("return ...", .data(nested(65))) }?.message.contains("64 deep") == true
    )
    let out = luaError { try vm.data("local t = 1; for i = 1, 65 do t = {t} end; return t") }
    #expect(out?.message.contains("64 deep") == true)
    #expect(
      luaError { try vm.data("local t = 1; for i = 1, 100000 do t = {t} end; return t") } != nil
    )
    #expect(try vm.data("return 1") == [1])
  }

  @Test func `A metatable does not change what a table holds`() throws {
    let script =
      "return setmetatable({a = 1}, {__index = {b = 2}, __pairs = function() error('x') end, __len = error})"
    #expect(try vm.data(script) == [["a": 1]])
  }

  @Test func `Codable types cross both ways`() throws {
    let item = Item(name: "Jam", price: 350, tags: ["food", "sweet"], note: nil)
    let double = try vm.load(
      "local i = ...; i.price = i.price * 2; i.note = 'twice'; return i",
      name: "a"
    )
    let result = try double.call(.encoding(item), as: Item.self)
    #expect(result == Item(name: "Jam", price: 700, tags: ["food", "sweet"], note: "twice"))
  }

  @Test func `What does not decode tells why`() {
    let error = luaError { try vm.load("return {name = 1}", name: "a").call(as: Item.self) }
    #expect(error?.code == .conversion)
    #expect(error?.underlying is DecodingError)
    #expect(
      luaError { try vm.load("return 'x'", name: "a").call(as: Int.self) }?.code == .conversion
    )
    #expect(luaError { try vm.load("return", name: "a").call(as: Int.self) }?.code == .conversion)
  }

  @Test func `Lua's nil decodes as nil`() throws {
    #expect(try vm.load("return nil", name: "a").call(as: Int?.self) == nil)
    #expect(try vm.load("return 3", name: "a").call(as: Int?.self) == 3)
  }

  @Test func `What does not encode tells why`() {
    struct Wrong: Encodable {
      func encode(to encoder: any Encoder) throws {
        throw EncodingError.invalidValue(1, .init(codingPath: [], debugDescription: "never"))
      }
    }
    let error = luaError { try LuaValue.encoding(Wrong()) }
    #expect(error?.code == .conversion)
    #expect(error?.underlying is EncodingError)
  }

  @Test func `Literals are values`() throws {
    #expect(try vm.data("return ...", nil, true, 1, 1.5, "x") == [nil, true, 1, 1.5, "x"])
  }
}
