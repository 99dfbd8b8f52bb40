import MoonValue
import MoonstoreCore
import Testing

/// Maps with many fields keep their keys in a table of their own; nobody can tell.
struct LargeMapTests {
  let system = StoreSystem()

  private func fields(_ range: Range<Int>) -> Value {
    var pairs: ValueMap = [:]
    for number in range { pairs[.string("field\(number)")] = .integer(Int64(number)) }
    return .map(pairs)
  }

  @Test(arguments: [1, 23, 24, 25, 26, 60])
  func `A map of any size holds its fields in order`(count: Int) throws {
    let store = try system.define("store", state: ["map": [:]])
    for number in 0..<count { try store.set("map.field\(number)", .integer(Int64(number))) }
    #expect(try store.get("map") == fields(0..<count))
    #expect(try store.keys(of: "map") == (0..<count).map { .string("field\($0)") })
  }

  @Test func `Adding the 25th field can be undone`() throws {
    let store = try system.define("store", state: ["map": fields(0..<24)])
    _ = failure {
      try system.turn {
        try store.set("map.more", 1)
        try store.set("map.field3", "changed")
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(try store.get("map") == fields(0..<24))
    try store.set("map.field3", 33)
    try store.set("map.more", 2)
    #expect(try store.get("map")["field3"] == 33)
    #expect(try store.get("map")["more"] == 2)
  }

  @Test func `Getters follow a field when the map grows out of its shape`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["map": ["watched": 1]],
        getters: ["watched": { try $0.get("map")["watched"] ?? .null }]
      )
    )
    #expect(try store.get("watched") == 1)
    for number in 0..<40 { try store.set("map.field\(number)", 0) }
    try store.set("map.watched", 2)
    #expect(try store.get("watched") == 2)
  }

  @Test func `Removed fields give their room back and the others stay in order`() throws {
    let store = try system.define("store", state: ["map": [:]])
    try system.turn { for number in 0..<200 { try store.set("map.field\(number)", 1) } }
    try system.turn {
      for number in 0..<200 where number % 10 != 0 {
        try store.remove(.string("field\(number)"), from: "map")
      }
    }
    let part = try #require(try store.part("map"))
    #expect(part.count == 20)
    #expect(part.slots.count == 20)
    let kept: [Value.Key] = stride(from: 0, to: 200, by: 10).map { .string("field\($0)") }
    #expect(try store.keys(of: "map") == kept)
    try store.set("map.field50", 5)
    #expect(try store.get("map")["field50"] == 5)
  }

  @Test func `Getters stay right when removed fields give their room back`() throws {
    let store = try system.define(
      StoreDefinition(
        "store",
        state: ["map": [:]],
        getters: ["last": { try $0.get("map")["field199"] ?? .null }]
      )
    )
    try system.turn {
      for number in 0..<200 { try store.set("map.field\(number)", .integer(Int64(number))) }
    }
    #expect(try store.get("last") == 199)
    try system.turn {
      for number in 0..<150 { try store.remove(.string("field\(number)"), from: "map") }
    }
    #expect(try store.get("last") == 199)
    try store.set("map.field199", 7)
    #expect(try store.get("last") == 7)
    try store.remove("field199", from: "map")
    #expect(try store.get("last") == .null)
  }

  @Test func `A map whose keys come and go does not grow`() throws {
    let store = try system.define("store", state: ["map": [:]])
    for number in 0..<2_000 {
      try store.set("map.key\(number)", 1)
      if number >= 10 { try store.remove(.string("key\(number - 10)"), from: "map") }
    }
    let part = try #require(try store.part("map"))
    #expect(part.count == 10)
    #expect(part.slots.count <= 64)
  }

  @Test func `Many maps with different keys stay right when their shapes run out`() throws {
    let store = try system.define("store", state: ["maps": []])
    let maps: [Value] = (0..<300).map { .map([.string("only\($0)"): .integer(Int64($0)), "z": 1]) }
    try store.set("maps", .array(maps))
    #expect(try store.get("maps") == .array(maps))
    try store.set("maps[300].only299", "changed")
    #expect(try store.get("maps")[299]?["only299"] == "changed")
  }

  @Test func `Counting and searching pass removed fields by, in a turn and after undoing`() throws {
    let store = try system.define("store", state: ["map": [:]])
    try system.turn { for number in 0..<100 { try store.set("map.field\(number)", 1) } }
    let part = try #require(try store.part("map"))
    _ = failure {
      try system.turn {
        for number in 0..<90 { try store.remove(.string("field\(number)"), from: "map") }
        #expect(part.count == 10)
        #expect(part.firstField(from: 0) == 90)
        #expect(part.firstField(from: 3) == 90)
        try store.set("map.field7", 7)
        #expect(part.count == 11)
        #expect(part.firstField(from: 0) == 7)
        try store.set("map.more", 1)
        #expect(part.count == 12)
        throw Refusal(reason: "on purpose")
      }
    }
    #expect(part.count == 100)
    #expect(part.firstField(from: 0) == 0)
    try system.turn {
      for number in 0..<100 { try store.remove(.string("field\(number)"), from: "map") }
      #expect(part.count == 0)
    }
    #expect(part.count == 0)
    #expect(part.slots.isEmpty)
    #expect(part.firstField(from: 0) == 0)
    try store.set("map.again", 1)
    #expect(part.count == 1)
    #expect(part.firstField(from: 0) == 0)
  }

  @Test func `A changed part of a list whose elements have moved is found, whichever it is`() throws
  {
    let store = try system.define(
      "store",
      state: ["list": .array((0..<500).map { ["n": .integer($0)] })]
    )
    let list = try #require(try store.part("list"))
    let nodes = list.slots.compactMap(\.node)
    try system.turn {
      for _ in 0..<3 { system.tree.remove(from: list, at: 0) }
      system.tree.reorder(list, Array((0..<497).reversed()))
    }
    for (index, node) in nodes.enumerated().dropFirst(3) {
      #expect(node.path?.components.last == .index(500 - index))
    }
  }
}
