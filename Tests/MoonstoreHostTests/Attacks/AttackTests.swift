import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Hostile scripts are contained wherever scripts run, and the host goes on.
@Suite(.serialized) struct AttackTests {
  static let attacks = Attack.all.filter { !$0.isCollision }

  @Test(arguments: AttackPlace.allCases)
  func `Every attack is contained, and the shop trades its day after all of them`(
    place: AttackPlace
  ) async throws {
    #expect(AttackTests.attacks.count > 100)
    let shop = try await AttackedShop(place.isLoaded ? AttackTests.attacks : [])
    let clock = ContinuousClock()
    for attack in AttackTests.attacks {
      for way in place.ways {
        let began = clock.now
        let outcome = await shop.attack(attack, place, way: way)
        let time = clock.now - began
        #expect(
          outcome.isContained,
          "\(attack.name) in \(place), \(way): \(outcome.end) \(outcome.detail)"
        )
        // Generous, for machines that do other things as well.
        #expect(time < .seconds(4), "\(attack.name) took \(time)")
      }
      #expect(try await shop.isSound(), "after \(attack.name)")
    }
    #expect(!shop.test.record.log.contains("ESCAPED"))
    #expect(try await shop.tradesItsDay())
  }

  @Test(arguments: ["54-", "57-", "97-", "109-", "111-", "115-", "129-", "131-", "132-", "150-"])
  func `After a single attack the shop trades its day, too`(name: String) async throws {
    let attack = try #require(Attack.named(name))
    let shop = try await AttackedShop([attack], memory: attack.isCollision ? 4 << 20 : 24 << 20)
    for place in AttackPlace.allCases {
      let outcome = await shop.attack(attack, place, way: "attack")
      #expect(outcome.isContained, "\(attack.name) in \(place): \(outcome.end) \(outcome.detail)")
    }
    #expect(try await shop.isSound())
    #expect(try await shop.tradesItsDay())
  }

  @Test func `A project whose loading is an attack is refused, or loads and does no harm`()
    async throws
  {
    for attack in AttackTests.attacks {
      for way in ["attack", "apart"] {
        let files = [
          "stores/attack.lua": """
          \(attack.functions)
          if \(way)() == "ESCAPED" then log.error("ESCAPED") end
          return defineStore("attacker", {})
          """
        ]
        var end = Attack.End.finished
        var detail = ""
        do {
          let host = try await TestHost(files) {
            $0.scriptLimits.loading = attack.isEndless ? AttackedShop.tight : AttackedShop.ample
            $0.scriptLimits.memory = 24 << 20
          }
          #expect(!host.record.log.contains("ESCAPED"))
        } catch {
          let error = error as? StoreError
          end = Attack.End(error)
          detail = error?.message ?? ""
          #expect(
            error?.script == "stores/attack.lua" || attack.text.contains("load"),
            "\(attack.name): \(error?.script ?? "nil") \(detail)"
          )
        }
        #expect(attack.allows(end, usesResult: false), "\(attack.name), \(way): \(end) \(detail)")
      }
    }
  }

  // One instruction that rehashes keys that collide takes seconds, and nothing ends it; on a Lua with seeded
  // hashes of numbers it takes none. The quota bounds how long.
  @Test(arguments: ["78-", "97-"])
  func `Keys that collide are bounded by the quota`(name: String) async throws {
    let attack = try #require(Attack.named(name))
    let shop = try await AttackedShop([attack], memory: 2 << 20)
    for place in [
      AttackPlace.action, .getter, .middleware, .handler, .module, .driver, .entry, .reload,
    ] {
      let outcome = await shop.attack(attack, place, way: "apart")
      #expect(outcome.isContained || outcome.end == .memory, "\(place): \(outcome.detail)")
      #expect(try await shop.isSound())
    }
    #expect(try await shop.tradesItsDay())
  }

  @Test func `A host that is stuck in one instruction says so, and goes on after it`() async throws
  {
    let attack = try #require(Attack.named("78-"))
    let shop = try await AttackedShop([attack])
    let outcome = await shop.attack(attack, .action, way: "attack")
    let stuck = shop.test.record.reports.filter { $0.message.contains("the host is stuck") }
    // A Lua that is not stuck ends it like any other.
    if stuck.isEmpty {
      #expect(outcome.end == .budget || outcome.end == .finished)
    } else {
      #expect(stuck.count == 1)
      #expect(stuck.first?.code == .timeLimit)
    }
    #expect(try await shop.isSound())
    #expect(try await shop.tradesItsDay())
  }
}
