import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Whatever a program or a script keeps beyond what it belongs to throws, or has ended.
@Suite struct KeptBeyondTests {
  @Test func `All that a closed host gave out says that it was closed`() async throws {
    let test = try await TestHost(["stores/counter.lua": counterScript])
    let host = test.host
    let handle = try await host.store("counter")
    let group = try await host.compose(["c": "counter"])
    let session = try await host.openSession()
    let changes = try await handle.changes()
    let messages = try await host.messages("*")
    _ = await session.submit("kept = useStore('counter')")
    await host.close()
    #expect(await code { _ = try await handle.get("count") } == .closed)
    #expect(await code { try await handle.call("add", 1) } == .closed)
    #expect(await code { _ = try await host.send("note") } == .closed)
    #expect(await code { _ = try await host.request("note") } == .closed)
    #expect(await code { _ = try await host.evaluate("return 1") } == .closed)
    #expect(await code { try await host.withStores { _ = try $0.send("note") } } == .closed)
    #expect(await code { _ = try await host.describe() } == .closed)
    #expect(await code { _ = try await group.stores["c"]?.get("count") } == .closed)
    let result = await session.submit("return kept.count")
    #expect(result.error?.code == .closed)
    await session.stop()
    await session.close()
    withExtendedLifetime((changes, messages)) {}
  }

  @Test func `What a script kept of a store that was never finished is no more`() async throws {
    let test = try await TestHost([:])
    let result = try await test.run(
      #"""
      local computeds, refs = {}, {}
      for i = 1, 50 do
        pcall(defineStore, "s" .. i, function()
          local n = ref(i)
          refs[i] = n
          computeds[i] = computed(function() return n.value end)
          error("no")
        end)
      end
      for i = 1, 50 do ("x"):rep(1 << 16) end
      local refused = 0
      for i = 1, 50 do
        if not pcall(function() return computeds[i].value end) then refused = refused + 1 end
        pcall(function() return refs[i].value end)
        pcall(function() refs[i].value = 2 end)
      end
      return refused
      """#
    )
    #expect(result == 50)
  }

  @Test func `A computed of another script's store ends with it`() async throws {
    let test = try await TestHost([
      "stores/a.lua": #"""
      local shared
      return defineStore("a", function()
        local n = ref(1)
        shared = computed(function() return n.value * 2 end)
        local function finish() store.dispose(useStore("a")) end
        return { n = n, share = function() return shared end, finish = finish }
      end)
      """#
    ])
    let result = try await test.run(
      #"""
      local shared = useStore("a").share()
      local before = shared.value
      useStore("a").finish()
      for i = 1, 50 do ("x"):rep(1 << 16) end
      return { before, (pcall(function() return shared.value end)) }
      """#
    )
    #expect(result[0] == 2)
    #expect(result[1] == false)
  }
}
