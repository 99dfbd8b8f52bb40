import MoonValue
import TestSupport
import Testing

@Suite("ValueMap")
struct ValueMapTests {
  @Test("Pairs keep the order in which their keys came, and a new value keeps its place")
  func order() {
    var map: ValueMap = ["b": 1, "a": 2]
    map[3] = "three"
    map["b"] = 7
    #expect(map.map(\.key) == ["b", "a", 3])
    map["b"] = nil
    map["b"] = 8
    #expect(map.map(\.key) == ["a", 3, "b"])
  }

  @Test("Two maps are equal whatever their order, and hash alike")
  func equality() {
    let one: ValueMap = ["a": 1, "b": 2]
    let other: ValueMap = ["b": 2, "a": 1]
    #expect(one == other)
    #expect(one.hashValue == other.hashValue)
    #expect(one != ["a": 1, "b": 3])
    #expect(one != ["a": 1, "b": 2, "c": 3])
  }

  @Test("A Swift dictionary, which has no order, becomes a map in the order of its keys")
  func dictionaries() throws {
    let names = (0..<40).map { "key-\($0)" }
    let dictionary = Dictionary(uniqueKeysWithValues: names.map { ($0, 1) })
    let encoded = try #require(try ValueEncoder().encode(dictionary).mapValue)
    #expect(encoded.map { "\($0.key)" } == names.sorted())
    let made = ValueMap([.string("b"): 1, 2: 2, .string("a"): 3])
    #expect(made.map(\.key) == [2, "a", "b"])
  }

  @Test("A random program of changes gives what a list of pairs gives", arguments: 0..<20)
  func random(seed: UInt64) {
    var random = SeededGenerator(seed: seed)
    var map = ValueMap()
    var model: [(key: Value.Key, value: Value)] = []
    for step in 0..<300 {
      let key = Value.Key.integer(Int64(random.next() % 24))
      let value = Value.integer(Int64(step))
      let place = model.firstIndex { $0.key == key }
      if random.next() % 3 == 0 {
        #expect(map.removeValue(forKey: key) == place.map { model[$0].value })
        if let place { model.remove(at: place) }
      } else {
        map[key] = value
        if let place { model[place].value = value } else { model.append((key, value)) }
      }
      #expect(map.map(\.key) == model.map(\.key))
      #expect(map.map(\.value) == model.map(\.value))
    }
  }
}
