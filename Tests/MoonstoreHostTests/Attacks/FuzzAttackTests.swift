import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Random programs and mutated attacks; see `Fuzzing` for how many.
@Suite(.serialized) struct FuzzAttackTests {
  private func host() async throws -> TestHost {
    let host = try await TestHost([
      "stores/victim.lua": """
      return defineStore("victim", { state = { n = 1, list = { 1, 2, 3 } }, getters = { twice = function(self) return self.n * 2 end } })
      """,
      "stores/fuzz.lua": #"return defineStore("fuzz", {})"#,
    ])
    var limits = ScriptLimits()
    limits.turn = 0.005
    limits.getter = 0.005
    limits.loading = 0.05
    limits.memory = 8 << 20
    limits.overruns = nil
    try await host.host.setScriptLimits(limits)
    return host
  }

  private func script(_ body: String) -> String {
    """
    local a, b, c, f, t = 1, "b", {}, print, {}
    local function run(self, ...)
      \(body)
    end
    return defineStore("fuzz", {
      state = { n = 1, list = { 3, 1, 2 } },
      actions = { run = run, apart = function(self) return coroutine.wrap(run)(self) end },
      getters = { value = function(self) return run(self) end },
      on = { ["fuzz:run"] = run },
    })
    """
  }

  @Test func `Whatever a program does, the host lives and others are as they were`() async throws {
    var generator = ProgramGenerator(seed: Fuzzing.seed)
    var fuzzing = Fuzzing("programs", rounds: 600)
    let attacks = Attack.all.filter { !$0.isCollision }
    var host = try await host()
    var ran = 0
    while fuzzing.next() {
      let round = fuzzing.round
      let attack = attacks[generator.random.below(attacks.count)]
      let other = attacks[generator.random.below(attacks.count)]
      let body =
        round.isMultiple(of: 3)
        ? generator.mutation(of: attack, with: other) : generator.program()
      fuzzing.leave(Array(body.utf8))
      if try await host.reload(["stores/fuzz.lua": script("do " + body + "\nend")]).isRefused {
        continue
      }
      ran += 1
      _ = try? await host.host.call("fuzz", "run")
      _ = try? await host.host.call("fuzz", "apart")
      _ = try? await host.host.store("fuzz").get("value")
      _ = try? await host.host.send("fuzz:run")
      _ = try? await host.run("local self = useStore('fuzz') return self:run()")
      let state = try await host.host.store("victim").state()
      #expect(
        state == ["n": 1, "list": [1, 2, 3]],
        "round \(round), seed \(Fuzzing.seed):\n\(body)"
      )
      #expect(try await host.host.withStores { $0.isInTurn } == false)
      // What it leaves to wait goes with its host.
      if round.isMultiple(of: 50) {
        await host.host.close()
        host = try await self.host()
      }
    }
    // What the last one keeps within the quota can leave no room for anybody.
    try await host.host.setScriptLimits(.none)
    #expect(try await host.run("return useStore('victim').twice") == 2)
    // A generator that makes nothing that loads would find nothing.
    #expect(ran > fuzzing.round / 3, "\(ran) of \(fuzzing.round)")
    fuzzing.tell(ran, "programs")
  }

  @Test func `Values go into Lua and come back as they were`() async throws {
    let host = try await TestHost([
      "stores/echo.lua": """
      return defineStore("echo", {
        state = { kept = null },
        actions = {
          echo = function(self, value) return value end,
          keep = function(self, value) self.kept = value return self.kept end,
          copy = function(self, value) self.kept = value return store.copy(self.kept) end,
        },
      })
      """
    ])
    var random = SeededGenerator(seed: Fuzzing.seed)
    let echo = try await host.host.store("echo")
    var fuzzing = Fuzzing("values", rounds: 2_000, share: 0.1)
    while fuzzing.next() {
      let value = random.value()
      for action in ["echo", "keep", "copy"] {
        let back = try await echo.call(action, value)
        #expect(back == value || value.isEmptyContainer, "\(action): \(value) came back as \(back)")
      }
    }
  }
}

extension Value {
  /// An empty table of Lua is no more an array than a map.
  fileprivate var isEmptyContainer: Bool {
    arrayValue?.isEmpty == true || mapValue?.isEmpty == true
  }
}

extension SeededGenerator {
  fileprivate mutating func value(depth: Int = 4) -> Value {
    switch below(depth > 0 ? 9 : 7) {
    case 0: return .bool(below(2) == 0)
    case 1: return .integer(Int64(bitPattern: next()))
    case 2: return .integer([0, 1, -1, .max, .min, 1 << 53][below(6)])
    case 3: return .number([0.5, -0.0, 1e308, .leastNonzeroMagnitude, .infinity, .nan][below(6)])
    case 4:
      return .string(["", "a", "\u{0}", "日本", "🌙", String(repeating: "x", count: 300)][below(6)])
    case 5: return .bytes([0xFF, UInt8(below(256)), 0])
    case 6: return .number(Double(bitPattern: next()).isFinite ? 0.25 : .nan)
    case 7: return .array((0...below(5)).map { _ in value(depth: depth - 1) })
    default:
      var pairs: ValueMap = [.string("k"): .integer(1)]
      for _ in 0..<below(5) {
        let key: Value.Key =
          below(3) == 0 ? .integer(Int64(below(100)) + 10) : .string("key\(below(9))")
        pairs[key] = value(depth: depth - 1)
      }
      return .map(pairs)
    }
  }
}
