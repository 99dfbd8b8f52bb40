import TestSupport

/// Random Lua programs that look for trouble: they compile, and do what hosts are broken with.
struct ProgramGenerator {
  var random: SeededGenerator
  private var depth = 0

  init(seed: UInt64) { random = SeededGenerator(seed: seed) }

  private mutating func one(_ choices: [String]) -> String {
    choices.isEmpty ? "" : choices[random.below(choices.count)]
  }

  private static let names = ["a", "b", "c", "self", "f", "t", "_ENV", "_G", "string", "coroutine"]
  private static let constants = [
    "nil", "true", "0", "1", "-1", "3", "1.5", "0/0", "1/0", "math.maxinteger", "math.mininteger",
    "1 << 53",
    "'x'", "'%s'", "('x'):rep(100)", "'\\0\\xff'", "null", "array()", "map({})", "{}",
    "{ 1, 2, 3 }",
    "self.list", "self.n", "self",
  ]
  private static let functions = [
    "print", "type", "tostring", "pcall", "error", "select", "rawget", "rawset", "rawlen", "next",
    "ipairs", "pairs",
    "setmetatable", "getmetatable", "load", "string.rep", "string.format", "string.gsub",
    "string.find",
    "string.gmatch", "string.byte", "string.pack", "string.unpack", "table.insert", "table.remove",
    "table.sort",
    "table.concat", "table.unpack", "table.move", "utf8.char", "utf8.codepoint", "utf8.len",
    "coroutine.wrap",
    "coroutine.create", "coroutine.resume", "coroutine.yield", "coroutine.close",
    "coroutine.running", "math.tointeger",
    "math.random", "bus.send", "bus.request", "useStore", "store.patch", "store.reset",
    "store.copy", "json.encode",
    "json.decode", "registry.describe", "transaction", "commit", "spawn", "array", "map", "sleep",
    "require", "xpcall",
  ]
  private static let events = [
    "__index", "__newindex", "__call", "__add", "__concat", "__eq", "__lt", "__len", "__close",
    "__gc", "__mode",
    "__tostring", "__name", "__pairs", "__metatable",
  ]

  private mutating func expression() -> String {
    depth += 1
    defer { depth -= 1 }
    if depth > 4 { return one(Self.constants) }
    switch random.below(12) {
    case 0, 1: return one(Self.constants)
    case 2: return one(Self.names)
    case 3: return "\(one(Self.functions))(\(list()))"
    case 4:
      return
        "(\(expression())) \(one(["+", "-", "*", "//", "%", "..", "==", "<", "and", "or", "&", "<<"])) (\(expression()))"
    case 5: return "function(...) \(block()) end"
    case 6: return "(\(one(Self.names)))[\(expression())]"
    case 7:
      return
        "setmetatable({}, { \(one(Self.events)) = \(expression()), \(one(Self.events)) = \(expression()) })"
    case 8: return "{ \(list()), k = \(expression()) }"
    case 9: return "coroutine.wrap(function(...) \(block()) end)"
    case 10: return "select(2, pcall(\(one(Self.functions)), \(list())))"
    default: return "\(one(["#", "-", "not ", "~"]))(\(expression()))"
    }
  }

  private mutating func list() -> String {
    (0...random.below(3)).map { _ in expression() }.joined(separator: ", ")
  }

  private mutating func statement() -> String {
    depth += 1
    defer { depth -= 1 }
    if depth > 5 { return "a = \(one(Self.constants))" }
    switch random.below(13) {
    case 0: return "local \(one(["a", "b", "c", "t", "f"])) = \(expression())"
    case 1:
      return "\(one(["a", "b", "c", "self.n", "self.list", "self.list[1]"])) = \(expression())"
    case 2: return "\(one(Self.functions))(\(list()))"
    case 3: return "if \(expression()) then \(block()) else \(block()) end"
    case 4: return "while \(expression()) do \(block()) end"
    case 5: return "for i = 1, \(one(["3", "100", "1e9", "math.huge"])) do \(block()) end"
    case 6:
      return "for k, v in \(one(["pairs", "ipairs", "next,"]))(\(expression())) do \(block()) end"
    case 7: return "pcall(function() \(block()) end)"
    case 8:
      return
        "do local c <close> = setmetatable({}, { __close = function() \(block()) end }) \(block()) end"
    case 9: return "xpcall(function() \(block()) end, function(e) \(block()) return e end)"
    case 10: return "local function f(...) \(block()) end f(\(list()))"
    case 11: return "repeat \(block()) until \(expression())"
    default: return "error(\(expression()))"
    }
  }

  private mutating func block() -> String {
    depth += 1
    defer { depth -= 1 }
    return (0...random.below(3)).map { _ in statement() }.joined(separator: " ; ")
  }

  /// The body of an action.
  mutating func program() -> String {
    depth = 0
    return (0...(random.below(4) + 1)).map { _ in statement() }.joined(separator: "\n")
  }

  /// A hostile script with some of its lines changed, doubled, left out or taken from another one.
  mutating func mutation(of attack: Attack, with other: Attack) -> String {
    var lines = attack.text.split(separator: "\n").map(String.init)
    let others = other.text.split(separator: "\n").map(String.init)
    for _ in 0...random.below(3) where !lines.isEmpty {
      let at = random.below(lines.count)
      switch random.below(5) {
      case 0: lines.remove(at: at)
      case 1: lines.insert(lines[random.below(lines.count)], at: at)
      case 2: lines.insert(others[random.below(others.count)], at: at)
      case 3:
        lines[at] = lines[at].replacing("1", with: one(["0", "-1", "64", "(1 << 40)", "0.5"]))
      default: lines.insert(statement(), at: at)
      }
    }
    return lines.joined(separator: "\n")
  }
}
