import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct GetterTests {
  @Test func `Getters follow state and each other`() async throws {
    let host = try await counterHost()
    #expect(
      try await host.run(
        #"local c = useStore("counter") c:add(2) local q = c.quad c:add(1) return { q, c.quad, c.plus(10) }"#
      ) == [8, 12, 13]
    )
  }

  @Test func `A getter runs again only when something that it has read has changed`() async throws {
    let host = try await TestHost([
      "stores/s.lua": #"""
      local runs = 0
      return defineStore("s", {
        state = { items = { 1, 2, 3 }, other = 0 },
        getters = { second = function(self) runs = runs + 1 return self.items[2] end },
        actions = {
          set = function(self, i, v) self.items[i] = v end,
          touch = function(self) self.other = self.other + 1 end,
          runs = function() return runs end,
        },
      })
      """#
    ])
    #expect(
      try await host.run(
        #"""
        local s = useStore("s")
        local before = s:runs()
        local a = s.second, s.second
        s:touch() s:set(1, 9)
        local b = s.second
        local once = s:runs()
        s:set(2, 7)
        return { before, a, b, once, s.second, s:runs() }
        """#
      ) == [0, 2, 2, 1, 7, 2]
    )
  }

  @Test func `A getter does not run after a turn that put its source back`() async throws {
    let host = try await TestHost([:])
    #expect(
      try await host.run(
        """
        local runs = 0
        local s = defineStore("s", {
          state = { a = 0, text = "x" },
          getters = { both = function(self) runs = runs + 1 return self.a .. self.text end },
        })
        local _ = s.both
        transaction(function() s.a = 5 s.text = "y" s.text = "x" s.a = 0 end)
        _ = s.both
        pcall(function() transaction(function() s.a = 5 error("no") end) end)
        _ = s.both
        local put = runs
        s.a = 1
        return { put, s.both, runs }
        """
      ) == [1, "1x", 2]
    )
  }

  @Test(arguments: ["writes", "sends", "waits"])
  func `A getter with a side effect is an error that names it`(name: String) async throws {
    let host = try await counterHost()
    let message = try await host.run(
      #"local ok, err = pcall(function() return useStore("counter").\#(name) end) return tostring(err)"#
    )
    #expect(message.stringValue?.contains("counter.\(name)") == true)
    #expect(message.stringValue?.hasPrefix("stores/counter.lua:") == true)
    #expect(try await host.run(#"return useStore("counter").count"#) == 0)
  }

  @Test func `A circle of getters is an error that shows it`() async throws {
    let counter = try await counterHost().host.store("counter")
    let error = await #expect(throws: StoreError.self) { try await counter.get("one") }
    #expect(error?.code == .getterCycle)
    #expect(error?.message.contains("counter.one -> counter.other -> counter.one") == true)
  }

  @Test func `A getter that fails fails for each reader until its state changes`() async throws {
    let counter = try await counterHost().host.store("counter")
    for _ in 0..<2 {
      let error = await #expect(throws: StoreError.self) { try await counter.get("breaks") }
      #expect(error?.message == "stores/counter.lua:19: kaput")
      #expect(error?.member == "breaks")
    }
  }

  @Test func `A list from a getter works like a table and cannot be changed`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      c:push(1, 2, 3, 4)
      local ok, err = pcall(table.insert, c.evens, 6)
      return { #c.evens, table.concat(c.evens, ","), ok, err.code }
      """#
    )
    #expect(result == [2, "2,4", false, "readOnly"])
  }

  @Test func `A turn that is undone leaves getters as they were`() async throws {
    let host = try await counterHost()
    #expect(
      try await host.run(
        #"""
        local c = useStore("counter")
        c:add(1)
        local before = c.quad
        pcall(c.run, c, [[ local self = ... self.count = 10 assert(self.quad == 40) error("no") ]])
        return { before, c.quad }
        """#
      ) == [4, 4]
    )
  }
}
