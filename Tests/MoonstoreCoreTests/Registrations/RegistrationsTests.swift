import MoonstoreCore
import TestSupport
import Testing

struct RegistrationsTests {
  private let system = StoreSystem()

  private func line(_ owner: String = "swift") -> Ranks.Line { Ranks.Line(.handler, owner: owner) }

  private struct Undone: Error {}

  /// Runs a turn that fails.
  private func failing(_ body: () -> Void) {
    try? system.turn {
      body()
      throw Undone()
    }
  }

  @Test
  func `What was ended in a turn that fails hears again in its place, and can be ended again`() {
    let list = Registrations<Int>(in: system)
    let all = (0..<5).map { list.add($0, line()) }
    failing {
      for each in [all[3], all[1]] { each.cancel() }
      #expect(list.members == [0, 2, 4])
      #expect(!all[1].isActive)
    }
    #expect(list.members == [0, 1, 2, 3, 4])
    #expect(all[1].isActive)
    all[1].cancel()
    #expect(list.members == [0, 2, 3, 4])
    #expect(all[1].isGone)
  }

  @Test func `What was registered in a turn that fails is gone`() {
    let list = Registrations<Int>(in: system)
    var made: [Subscription] = []
    failing {
      made = (0..<3).map { list.add($0, line()) }
      made[1].cancel()
    }
    #expect(list.isEmpty)
    #expect(made.allSatisfy { $0.isGone && !$0.isActive })
  }

  @Test func `What a turn has ended is gone when the turn is final, also in its middle`() throws {
    let list = Registrations<Int>(in: system)
    let each = list.add(1, line())
    failing {
      each.cancel()
      #expect(!each.isGone)
      #expect(throws: Never.self) { try system.commit() }
      #expect(each.isGone)
    }
    #expect(list.isEmpty)
  }

  @Test func `A part of a turn that fails undoes only what it did`() throws {
    let list = Registrations<Int>(in: system)
    let all = (0..<4).map { list.add($0, line()) }
    try system.turn {
      all[0].cancel()
      let savepoint = system.savepoint()
      all[1].cancel()
      _ = list.add(9, line())
      system.rollBack(to: savepoint)
      #expect(list.members == [1, 2, 3])
    }
    #expect(list.members == [1, 2, 3])
    #expect(!all[0].isActive)
  }

  @Test func `A delivery goes over what stood when it began, and passes over what has ended`() {
    let list = Registrations<Int>(in: system)
    let all = (0..<40).map { list.add($0, line()) }
    var heard: [Int] = []
    for each in list.all where each.isActive {
      heard += each.member.map { [$0] } ?? []
      // So many that the list is put in order anew.
      if heard.count == 1 { for index in 1..<39 { all[index].cancel() } }
      if heard.count == 1 { _ = list.add(99, line()) }
    }
    #expect(heard == [0, 39])
    #expect(list.members == [0, 39, 99])
  }

  @Test func `A replacement stands where its predecessor stood, also if it failed once before`()
    throws
  {
    let list = Registrations<String>(in: system)
    let old = list.add("old", line("script"))
    _ = list.add("other", line("other"))
    try system.turn {
      system.ranks.beginReplacing()
      defer { system.ranks.endReplacing() }
      old.cancel()
      let savepoint = system.savepoint()
      _ = list.add("tried", line("script"))
      system.rollBack(to: savepoint)
      _ = list.add("new", line("script"))
      _ = list.add("second", line("script"))
    }
    #expect(list.members == ["new", "other", "second"])
  }

  @Test func `A table has a list while one of its registrations may come back`() {
    let table = RegistrationTable<String, Int>(in: system)
    let each = table.add(1, for: "a", line())
    failing {
      each.cancel()
      #expect(table["a"] != nil)
      #expect(table.keys == [])
    }
    #expect(table.members == ["a": [1]])
    each.cancel()
    #expect(table["a"] == nil)
    #expect(table.isEmpty)
  }

  @Test func `A random program of registering, ending and failing leaves what a model says`() throws
  {
    var random = SeededGenerator(seed: 4_711)
    for _ in 0..<200 {
      let list = Registrations<Int>(in: system)
      var made: [Registration<Int>] = []
      // What should be active, in order.
      var model: [Int] = []

      func step(_ depth: Int) {
        switch Int.random(in: 0..<10, using: &random) {
        case 0..<4:
          model.append(made.count)
          made.append(list.add(made.count, line()))
        case 4..<8:
          guard let each = made.randomElement(using: &random) else { return }
          let number = made.firstIndex { $0 === each } ?? 0
          #expect(each.isActive == model.contains(number))
          each.cancel()
          model.removeAll { $0 == number }
        default:
          guard depth < 3 else { return }
          let before = model
          let savepoint = system.savepoint()
          for _ in 0..<Int.random(in: 0..<12, using: &random) { step(depth + 1) }
          if Bool.random(using: &random) {
            system.rollBack(to: savepoint)
            model = before
          }
        }
        if Int.random(in: 0..<4, using: &random) == 0 { #expect(list.members == model) }
      }

      for _ in 0..<10 {
        let before = model
        let fails = Bool.random(using: &random)
        try? system.turn {
          for _ in 0..<8 { step(0) }
          if fails { throw Undone() }
        }
        if fails { model = before }
        #expect(list.members == model)
        #expect(list.count == model.count)
      }
    }
  }
}
