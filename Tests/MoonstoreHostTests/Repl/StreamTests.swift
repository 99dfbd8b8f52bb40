import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct StreamTests {
  @Test func `A watch shows a value whenever it changes`() async throws {
    let repl = try await TestSession()
    let result = await repl.session.submit(":watch counter.n, counter.double")
    #expect(result.isStreaming)
    #expect(repl.told.watched == ["0\n0"])
    try await repl.host.call("counter", "add", [2])
    #expect(try await eventually { repl.told.watched == ["0\n0", "2\n4"] })
    await repl.session.stop()
    #expect(repl.told.ended == ["stopped"])
    try await repl.host.call("counter", "add", [2])
    try await Task.sleep(for: .milliseconds(150))
    #expect(repl.told.watched.count == 2)
  }

  @Test func `A watch of a part follows all that it shows`() async throws {
    let repl = try await TestSession()
    await _ = repl(":watch counter.log")
    try await repl.host.call("counter", "add", [2])
    #expect(try await eventually { repl.told.watched.last == "counter.log { 2 }" })
    await _ = repl("counter.log[1] = 7")
    #expect(try await eventually { repl.told.watched.last == "counter.log { 7 }" })
    await repl.session.stop()
  }

  @Test func `A watch looks at most ten times a second, and never misses the last value`()
    async throws
  {
    let repl = try await TestSession()
    await _ = repl(":watch counter.n")
    for _ in 0..<2_000 { try await repl.host.call("counter", "add", [1]) }
    #expect(try await eventually { repl.told.watched.last == "2000" })
    #expect(repl.told.watched.count < 60)
    await repl.session.stop()
  }

  @Test func `A watch ends after a number or a time, and shows errors`() async throws {
    let repl = try await TestSession()
    await _ = repl(":watch counter.n --limit 2")
    try await repl.host.call("counter", "add", [1])
    #expect(try await eventually { repl.told.ended == ["as many as were asked for"] })
    await _ = repl(":watch counter.n --for 0.05")
    #expect(try await eventually { repl.told.ended.last == "its time is over" })
    await _ = repl(":watch counter.n = 5")
    await _ = repl(":watch counter:add(1)")
    #expect(repl.told.watched.last?.contains("error") == true)
    #expect(try await repl.get("counter", "n") == 1)
    #expect(await repl(":watch x = 5").contains("only an expression can be watched"))
    await repl.session.stop()
  }

  @Test func `A trace shows calls, messages and changes`() async throws {
    let repl = try await TestSession()
    #expect(await repl.session.submit(":trace counter").isStreaming)
    try await repl.host.call("counter", "add", [2])
    let lines = repl.told.traced.map { String($0.dropFirst(13)) }
    #expect(lines.count == 5)
    #expect(lines[0] == "counter:add(2)")
    #expect(lines[1] == "  counter:added { by = 2 } from counter")
    #expect(lines[2].hasPrefix("counter:add -> 2 in "))
    #expect(Set(lines[3...]) == ["counter.n: 0 -> 2", "counter.log[1]: + 2"])
    await repl.session.stop()
  }

  @Test func `A pattern chooses what is traced`() async throws {
    let repl = try await TestSession()
    await _ = repl(":trace counter:ad*")
    try await repl.host.call("counter", "add", [1])
    _ = try? await repl.host.call("counter", "fail", [])
    await repl.session.stop()
    #expect(repl.told.traced.count == 3)
    await _ = repl(":trace counter.n")
    try await repl.host.call("counter", "add", [1])
    await repl.session.stop()
    #expect(repl.told.traced.count == 4)
    #expect(repl.told.traced.last?.hasSuffix("counter.n: 1 -> 2") == true)
    #expect(await repl(":trace nothing.at.all").contains("means no action"))
  }

  @Test func `A failed call is shown, and functions are handed on as they are`() async throws {
    let repl = try await TestSession()
    await _ = repl(":trace counter:*")
    await _ = repl("counter:fail()")
    #expect(repl.told.traced.contains { $0.contains("counter:fail failed: ") })
    #expect(await repl("counter:each(function(n) return n + 41 end)") == "41")
    #expect(repl.told.traced.contains { $0.contains("counter:each(<function>)") })
    await repl.session.stop()
  }

  @Test func `A trace ends by itself, and nothing of it stays`() async throws {
    let repl = try await TestSession()
    await _ = repl(":trace * --limit 10")
    for _ in 0..<100 { try await repl.host.call("counter", "add", [1]) }
    #expect(repl.told.traced.count == 10)
    #expect(repl.told.ended == ["as many as were asked for"])
    await _ = repl(":trace * --for 0.05")
    #expect(try await eventually { repl.told.ended.count == 2 })
    #expect(await repl(":inspect counter").contains("subscribers   0"))
    try await repl.host.call("counter", "add", [1])
    #expect(repl.told.traced.count == 10)
  }

  @Test func `A trace that ends in a turn that fails is over all the same`() async throws {
    let repl = try await TestSession()
    await _ = repl(":trace counter --limit 1")
    _ = try? await repl.host.call("counter", "fail", [])
    #expect(repl.told.traced.count == 1)
    try await repl.host.call("counter", "add", [1])
    #expect(repl.told.traced.count == 1)
    #expect(await repl(":inspect counter").contains("subscribers   0"))
  }

  @Test func `Closing a session ends its watches and traces`() async throws {
    let repl = try await TestSession()
    await _ = repl(":watch counter.n")
    await _ = repl(":trace counter")
    await repl.session.close()
    let count = repl.told.events.count
    try await repl.host.call("counter", "add", [1])
    try await Task.sleep(for: .milliseconds(150))
    #expect(repl.told.events.count == count)
  }
}
