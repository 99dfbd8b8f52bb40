import MoonValue
import MoonstoreCore
import Testing

/// The behaviours that Pinia's specs of `$patch` check.
struct PatchTests {
  let system = StoreSystem()

  private func makeStore() throws -> Store {
    try system.define(
      "store",
      state: ["flag": true, "nested": ["foo": "foo", "a": ["b": "string"]], "list": [1, 2]]
    )
  }

  @Test func `A patch merges maps and leaves what it does not name`() throws {
    let store = try makeStore()
    try store.patch(["flag": false])
    try store.patch(["nested": ["foo": "bar"]])
    try store.patch(["nested": ["a": ["b": "hello"]]])
    #expect(
      try store.state
        == ["flag": false, "nested": ["foo": "bar", "a": ["b": "hello"]], "list": [1, 2]]
    )
  }

  @Test(arguments: [[9], [], [[1], ["x": 2]]] as [Value])
  func `A patch replaces arrays whole`(list: Value) throws {
    let store = try makeStore()
    try store.patch(["list": list, "nested": ["a": ["b": list]]])
    #expect(try store.get("list") == list)
    #expect(try store.get("nested") == ["foo": "foo", "a": ["b": list]])
  }

  @Test func `A patch replaces a plain value by a map, and a map by a plain value`() throws {
    let store = try makeStore()
    try store.patch(["flag": ["now": "a map"], "nested": 1])
    #expect(try store.state == ["flag": ["now": "a map"], "nested": 1, "list": [1, 2]])
  }

  @Test func `A patch adds fields, and null is a value`() throws {
    let store = try makeStore()
    try store.patch(["new": ["x": 1], "flag": .null])
    #expect(try store.get("new") == ["x": 1])
    #expect(try store.get("flag") == .null)
  }

  @Test func `A patch with a function changes several things in any way`() throws {
    let store = try makeStore()
    try store.patch { store in
      try store.set("list[3]", 3)
      try store.set("flag", false)
      try store.remove("nested")
    }
    #expect(try store.state == ["flag": false, "list": [1, 2, 3]])
  }

  @Test func `A patch with a function that fails changes nothing`() throws {
    let store = try makeStore()
    let before = try store.state
    let error = failure {
      try store.patch { store in
        try store.set("flag", false)
        throw Refusal(reason: "no")
      }
    }
    #expect(error?.underlying as? Refusal == Refusal(reason: "no"))
    #expect(try store.state == before)
  }

  @Test func `A patch that is no map is refused`() throws {
    let store = try makeStore()
    #expect(failure { try store.patch([1]) }?.code == .invalidArgument)
    #expect(failure { try store.patch("text") }?.code == .invalidArgument)
  }

  @Test func `A patch with the state of another store copies it`() throws {
    let store = try makeStore()
    let other = try system.define("other", state: ["part": ["x": 1]])
    try store.patch(["copy": try other.get("part")])
    try store.set("copy.x", 2)
    #expect(try other.get("part") == ["x": 1])
  }

  @Test func `An empty patch changes nothing and is not told`() throws {
    let store = try makeStore()
    var changes = 0
    _ = try store.subscribe { _ in changes += 1 }
    try store.patch([:])
    try store.patch(["flag": true])
    try store.patch { _ in }
    #expect(changes == 0)
  }
}
