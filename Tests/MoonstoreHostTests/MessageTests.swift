import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct MessageTests {
  @Test func `Messages are delivered before the driver's next line`() async throws {
    let host = try await counterHost()
    #expect(
      try await host.run(#"bus.send("ping", { n = 4 }) return useStore("counter").count"#) == 4
    )
  }

  @Test func `A request is answered in the same turn, or later if its responder waits`()
    async throws
  {
    let host = try await counterHost()
    #expect(
      try await host.run(
        #"return { bus.request("twice", { n = 4 }).result, bus.request("later") }"#
      ) == [8, "late"]
    )
  }

  @Test func `A request that nobody answers fails at once, and one that fails undoes its answerer`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local ok, err = pcall(bus.request, "twise")
      local ok2, err2 = pcall(bus.request, "broken")
      return { ok, err.message, ok2, tostring(err2):match("cannot answer") or "", useStore("counter").count }
      """#
    )
    #expect(
      result == [
        false, "nobody answers 'twise'; did you mean 'twice'?", false, "cannot answer", 0,
      ]
    )
  }

  @Test func `The payload is a copy that nobody can change`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen, ok
      bus.subscribe("x", function(message)
        ok = pcall(function() message.payload.list[1] = 9 end)
        seen = message.payload.list[1]
      end)
      local mine = { list = { 1 } }
      transaction(function() bus.send("x", mine) mine.list[1] = 5 end)
      return { seen, ok }
      """#
    )
    #expect(result == [1, false])
  }

  @Test func `A failing handler undoes its own writes, is reported, and stops nobody`() async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, reached = useStore("counter"), false
      bus.subscribe("x", function() c:add(100) error("handler") end)
      bus.subscribe("x", function() reached = true end)
      bus.send("x")
      return { c.count, reached }
      """#
    )
    #expect(result == [0, true])
    #expect(host.record.reports.first?.message == "driver:2: handler")
  }

  @Test func `Messages that cause each other without end stop with the loop, and are undone`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      bus.subscribe("a", function() c:add(1) bus.send("b") end)
      bus.subscribe("b", function() bus.send("a") end)
      local ok, err = pcall(bus.send, "a")
      local names = err.message:find("'a' at driver:2", 1, true) and err.message:find("'b' at driver:3", 1, true)
      return { ok, err.code, names ~= nil, c.count }
      """#
    )
    #expect(result == [false, "endlessLoop", true, 0])
  }

  @Test func `Middleware changes and drops messages, priorities and addresses hold`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      bus.subscribe("*", function(message) seen[#seen + 1] = message.type end)
      local off = bus.use(function(message)
        if message.type == "drop" then return false end
        if message.type == "old" then return { type = "new" } end
        return message
      end)
      useStore("counter"):run([[
        bus.send("low", nil, { priority = "low" })
        bus.send("drop") bus.send("old")
        bus.send("high", nil, { priority = "high" })
      ]])
      off() off()
      bus.send("drop")
      bus.send("ping", { n = 1 }, { to = "nobody" })
      return { seen, useStore("counter").count }
      """#
    )
    #expect(result == [["high", "new", "low", "drop"], 0])
  }

  @Test func `Subscribers hear after the commit, and theirs is the last word`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local heard = 0
      local off = store.subscribe(c, function(change)
        heard = heard + 1
        if c.count < 5 then c:add(1) end
      end)
      c:add(1)
      local settled = c.count
      off()
      store.subscribe(c, function() c:add(1) end)
      local ok, err = pcall(c.add, c, 1)
      return { settled, heard, ok, err.code, c.count }
      """#
    )
    #expect(result[0] == 5)
    #expect(result[1] == 5)
    #expect(result[2] == false)
    #expect(result[3] == "endlessLoop")
  }

  @Test func `Hooks see name, arguments, result and error`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, seen = useStore("counter"), array()
      local off = store.onAction(c, function(call)
        seen[#seen + 1] = call.name
        call.after(function(result) seen[#seen + 1] = result end)
        call.onError(function(err) seen[#seen + 1] = tostring(err) end)
      end)
      c:add(3)
      pcall(c.fail, c)
      off()
      c:add(1)
      return seen
      """#
    )
    #expect(result == ["add", 3, "fail", "stores/counter.lua:25: no way"])
  }

  @Test func `Middleware of Swift changes arguments and results, and can refuse`() async throws {
    let host = try await counterHost()
    try await host.host.use(
      ActionMiddleware(
        before: { call in
          if call.arguments.first == 13 { throw StoreError(.permissionDenied, "not thirteen") }
          if call.action == "add" { call.arguments = [.integer(7)] }
        },
        after: { _, result in result = ["was": result] }
      )
    )
    let counter = try await host.host.store("counter")
    #expect(try await counter.call("add", 1) == ["was": 7])
    let error = await #expect(throws: StoreError.self) { try await counter.call("add", 13) }
    #expect(error?.code == .permissionDenied)
  }

  @Test func `A group of calls commits together or not at all`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, heard = useStore("counter"), 0
      store.subscribe(c, function() heard = heard + 1 end)
      transaction(function() c:add(1) c:add(1) bus.send("ping", { n = 1 }) assert(c.count == 3) end)
      local ok = pcall(transaction, function() c:add(100) error("no") end)
      return { c.count, heard, ok }
      """#
    )
    #expect(result == [3, 1, false])
  }
}
