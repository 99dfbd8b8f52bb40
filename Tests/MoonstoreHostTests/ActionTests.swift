import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct ActionTests {
  @Test func `An action changes state and returns its result`() async throws {
    let counter = try await counterHost().host.store("counter")
    #expect(try await counter.call("add", 5) == 5)
    #expect(try await counter.get("count", as: Int.self) == 5)
  }

  @Test func `An action taken off its store keeps its store`() async throws {
    let host = try await counterHost()
    #expect(try await host.run(#"local add = useStore("counter").add add(2) return add(3)"#) == 5)
  }

  @Test func `A failing action leaves no trace, and its messages are dropped`() async throws {
    let host = try await counterHost()
    let counter = try await host.host.store("counter")
    let error = await #expect(throws: StoreError.self) { try await counter.call("fail") }
    #expect(error?.message == "stores/counter.lua:25: no way")
    #expect(error?.store == "counter")
    #expect(error?.member == "fail")
    #expect(error?.line == 25)
    #expect(error?.traceback.contains("stores/counter.lua:25") == true)
    #expect(try await counter.get("count") == 0)
  }

  @Test func `What fails under pcall undoes its own writes and messages only`() async throws {
    let host = try await counterHost()
    #expect(
      try await host.run(
        #"local c = useStore("counter") local ok, count = c:partly() return { ok, count, c.count }"#
      ) == [false, 1, 1]
    )
  }

  @Test func `What was committed stays when the action fails after it`() async throws {
    let counter = try await counterHost().host.store("counter")
    await #expect(throws: StoreError.self) { try await counter.call("note_", "kept") }
    #expect(try await counter.get("note") == "kept")
  }

  @Test func `Waiting commits, and what fails after it undoes only what came after`() async throws {
    let counter = try await counterHost().host.store("counter")
    #expect(try await counter.call("wait") == "slept")
    await #expect(throws: StoreError.self) { try await counter.call("waitAndFail") }
    #expect(try await counter.get("count") == 7)
  }

  @Test func `The synchronous way in refuses to wait, and undoes`() async throws {
    let host = try await counterHost()
    let error = await #expect(throws: StoreError.self) {
      try await host.host.withStores { _ = try $0.store("counter").call("wait") }
    }
    #expect(error?.code == .cannotWait)
    #expect(
      try await host.host.withStores { stores in
        let counter = try stores.store("counter")
        for _ in 0..<1_000 { try counter.call("add") }
        return try counter.get("count")
      } == 1_000
    )
  }

  @Test func `A cancelled task ends the wait of its action`() async throws {
    let project = try TestProject(["stores/counter.lua": counterScript])
    let host = try await StoreHost(scripts: project.path)
    let task = Task {
      try await host.evaluate(#"sleep(3600) return 1"#).value
    }
    try await Task.sleep(for: .milliseconds(50))
    task.cancel()
    await #expect(throws: (any Error).self) { try await task.value }
  }

  @Test func `Unknown actions and stores are errors that name what was meant`() async throws {
    let host = try await counterHost().host
    let counter = try await host.store("counter")
    let action = await #expect(throws: StoreError.self) { try await counter.call("ad") }
    #expect(action?.message.contains("did you mean 'add'?") == true)
    let store = await #expect(throws: StoreError.self) { try await host.store("countr") }
    #expect(store?.message == "there is no store 'countr'; did you mean 'counter'?")
  }

  @Test func `A waiting action holds neither the host nor other calls`() async throws {
    let host = try await counterHost().host
    let counter = try await host.store("counter")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for _ in 0..<50 { group.addTask { _ = try await counter.call("wait") } }
      for _ in 0..<50 { group.addTask { _ = try await counter.call("add") } }
      try await group.waitForAll()
    }
    #expect(try await counter.get("count").integerValue ?? 0 >= 8)
  }

  @Test func `Waiting works inside pcall, coroutines and iterators of an action`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      return useStore("counter"):run([[
        local self = ...
        local seen = {}
        local co = coroutine.wrap(function() sleep(1) coroutine.yield(1) sleep(1) return 2 end)
        seen[1], seen[2] = co(), co()
        local ok, value = pcall(function() sleep(1) return 3 end)
        seen[3] = value
        for value in function(_, last) sleep(1) if not last then return 4 end end do seen[4] = value end
        return seen
      ]])
      """#
    )
    #expect(result == [1, 2, 3, 4])
  }

  @Test func `Handles of a closed host are an error`() async throws {
    let host = try await counterHost().host
    let counter = try await host.store("counter")
    await host.close()
    let error = await #expect(throws: StoreError.self) { try await counter.call("add") }
    #expect(error?.code == .closed)
  }

  @Test func `Swift stores and stores of scripts call each other`() async throws {
    let host = try await counterHost()
    try await host.host.define(
      StoreDefinition(
        "native",
        state: ["total": 0],
        getters: ["ten": { try .integer(($0.get("total").integerValue ?? 0) * 10) }],
        actions: [
          "keep": { store, arguments in
            try store.set("total", arguments.first ?? 0)
            return "kept"
          }
        ]
      )
    )
    let result = try await host.run(
      #"local s = useStore("native") return { s:keep(4), s.total, s.ten, pcall(s.keep, s, print) }"#
    )
    #expect(result[0] == "kept")
    #expect(result[1] == 4)
    #expect(result[2] == 40)
    #expect(result[3] == false)
  }
}
