import MoonstoreCore
import Testing

struct DependencyOrderTests {
  private func order(_ graph: [String: [String]], _ ids: [String]) throws -> [String] {
    var order = DependencyOrder { graph[$0] }
    return try order.order(of: ids)
  }

  @Test func `Each id comes after those that it depends on, once`() throws {
    let graph = ["a": ["b", "c"], "b": ["d"], "c": ["d"], "d": []]
    #expect(try order(graph, ["a"]) == ["d", "b", "c", "a"])
    #expect(try order(graph, ["c", "a", "b"]) == ["d", "c", "b", "a"])
  }

  @Test func `The order in which ids are given decides where dependencies do not`() throws {
    #expect(try order(["x": [], "a": [], "m": []], ["x", "a", "m"]) == ["x", "a", "m"])
  }

  @Test func `A circle is shown without the way to it`() {
    let graph = ["start": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]]
    let error = failure { _ = try order(graph, ["start"]) }
    #expect(error?.code == .dependencyCycle)
    #expect(error?.message.hasSuffix(": a -> b -> c -> a") == true)
  }

  @Test func `What is missing is named with who needs it`() {
    let error = failure { _ = try order(["a": ["b"]], ["a"]) }
    #expect(error?.code == .missingDependency)
    #expect(error?.store == "a")
    #expect(error?.message.contains("'b'") == true)
    #expect(failure { _ = try order([:], ["a"]) }?.message.contains("'a'") == true)
  }

  @Test func `The same dependency twice is one`() throws {
    #expect(try order(["a": ["b", "b"], "b": []], ["a"]) == ["b", "a"])
  }
}
