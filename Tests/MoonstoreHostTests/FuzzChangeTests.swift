import MoonValue
import MoonstoreCore
import MoonstoreHost
import TestSupport
import Testing

/// Changes that are told, applied to a copy: they lead to the state, and their inverses back.
@Suite struct FuzzChangeTests {
  private static let store = """
    return defineStore("s", {
      permissions = { "*" },
      state = function()
        return {
          n = 1, list = { 3, 1, 2 }, lines = { { id = 1, tags = { "a" } }, { id = 2, tags = array() } },
          user = { name = "Ada", address = { city = "London" } }, free = {}, byId = map(), empty = array(),
        }
      end,
      actions = { run = function(self, fn) fn(self) end },
    })
    """

  @Test func `All told changes together are the state, and their inverses what it was`()
    async throws
  {
    var fuzzing = Fuzzing("changes", rounds: 12)
    var programs = 0
    while fuzzing.next() {
      var writer = ChangingProgram(seed: Fuzzing.seed << 20 | UInt64(fuzzing.round))
      let host = try await TestHost(["stores/s.lua": FuzzChangeTests.store])
      let store = try await host.host.store("s")
      var told = try await store.changes().makeAsyncIterator()
      let first = try await store.state()
      var copy: Value = ["s": first]
      for number in 0..<40 {
        let program = writer.program()
        fuzzing.leave(Array(program.utf8))
        programs += 1
        let before = try await store.state()
        _ = try await host.run(program)
        // The last change that is told.
        try await store.set("mark", .integer(Int64(number)))
        let after = try await store.state()
        var patches: [StatePatch] = []
        while let patch = await told.next() {
          patches.append(patch)
          // A reset takes the mark away, which is a change of its own.
          let isMark = patch.path == StatePath([.field("s"), .field("mark")])
          if isMark, patch.new == .integer(Int64(number)) { break }
        }
        do {
          for patch in patches { try copy.apply(patch) }
          try #require(copy["s"] == after, "\(program)\n\(before)\n\(patches)")
          var back = copy
          for patch in patches.reversed() { try back.apply(patch.inverse) }
          try #require(back["s"] == before, "\(program)\n\(before)\n\(patches)")
        } catch let error as PatchError {
          Issue.record("\(error): \(program)\n\(before)\n\(patches)")
          return
        }
      }
    }
    fuzzing.tell(programs, "programs")
  }
}

/// Writes drivers that change a store in every way there is.
private struct ChangingProgram {
  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  private mutating func pick(_ texts: [String]) -> String { texts[generator.below(texts.count)] }

  mutating func program() -> String {
    var text = "local s = useStore('s')\n"
    for _ in 0...generator.below(4) { text += turn() }
    return text
  }

  /// Statements of a driver: each a turn, or some in one, of which some fail.
  private mutating func turn() -> String {
    switch generator.below(8) {
    case 0: "pcall(function() s:run(function(s) \(statements()) error('no') end) end)\n"
    case 1: "pcall(function() s:run(function(s) \(statements()) end) end)\n"
    case 2:
      "pcall(function() s:run(function(s) \(statements()) pcall(function() \(statements()) error('no') end) "
        + "\(statements()) end) end)\n"
    case 3: "pcall(transaction, function() \(statements()) end)\n"
    case 4: "pcall(transaction, function() \(statements()) error('no') end)\n"
    case 5: "pcall(store.patch, s, function(s) \(statements()) end)\n"
    default: "pcall(function() \(statement()) end)\n"
    }
  }

  private mutating func statements() -> String {
    (0...generator.below(4)).map { _ in "pcall(function() \(statement()) end)" }.joined(
      separator: " "
    )
  }

  private mutating func statement() -> String {
    let part = part()
    return switch generator.below(14) {
    case 0, 1: "s.\(pick(["n", "free", "list", "new", "user", "byId", "lines"])) = \(value())"
    case 2, 3: "\(part).\(pick(["name", "id", "a", "city"])) = \(value())"
    case 4: "\(part)[\(generator.below(4) + 1)] = \(value())"
    case 5, 6: "table.insert(\(part), \(value()))"
    case 7: "table.insert(\(part), 1, \(value()))"
    case 8: "table.remove(\(part)\(pick(["", ", 1"])))"
    case 9: "table.sort(\(part), function(a, b) return json.encode(a) < json.encode(b) end)"
    case 10: "store.patch(s, { \(pick(["user", "free", "list"])) = \(value()), n = \(value()) })"
    case 11:
      pick([
        "store.reset(s)", "s.new = nil", "s.free = nil", "\(part).name = nil", "\(part)[1] = nil",
      ])
    case 12: "s.\(pick(["free", "user", "new", "list"])) = \(part)"
    default: "\(part).\(pick(["name", "a"])) = \(self.part())"
    }
  }

  private mutating func part() -> String {
    pick([
      "s.list", "s.lines", "s.lines[1]", "s.lines[1].tags", "s.user", "s.user.address", "s.free",
      "s.byId", "s.empty",
      "s.new", "s.free.a",
    ])
  }

  private mutating func value() -> String {
    pick([
      "1", "2.5", "'text'", "null", "true", "nil", "{}", "array()", "map()", "{ 1, 2 }",
      "{ 2, 1, 3 }",
      "{ a = 1, name = {} }", "{ name = array(), id = map() }", "map { [1] = 'one', [7] = {} }",
      "{ { id = 3 } }",
      part(), "{ a = \(part()) }", "store.copy(\(part()))",
    ])
  }
}
