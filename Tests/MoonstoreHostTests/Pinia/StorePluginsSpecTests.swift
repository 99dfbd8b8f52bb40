import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for plugins checks, as far as plugins go today.
///
/// | case | here |
/// |---|---|
/// | add state and properties, which actions and getters use | first and second |
/// | stores that are made before and after the plugin | third |
/// | the value is each store's own | fourth |
/// | runs once for each store | fifth |
/// | option stores and setup stores | sixth |
///
/// Not here yet: replacing `reset`, a plugin that sees what an earlier one added, one value shared by all
/// stores, the definition's options in the context, and running in the scope of the store.
@Suite struct StorePluginsSpecTests {
  private static let plugin = #"""
    return function(context)
      return {
        state = { pluginN = 20, tags = { context.id } },
        getters = { doubleN = function(self) return self.pluginN * 2 end },
        actions = { bump = function(self) self.pluginN = self.pluginN + 1 return self.pluginN end },
      }
    end
    """#
  private static let main = #"""
    return defineStore("main", {
      permissions = { "*" },
      state = { n = 1 },
      getters = { sum = function(self) return self.n + self.pluginN + self.doubleN end },
      actions = { twice = function(self) self:bump() return self:bump() end },
    })
    """#
  private static let setup = #"""
    return defineStore("setup", function()
      local n = ref(1)
      return { n = n, more = computed(function() return n.value + 1 end) }
    end)
    """#

  private func host() async throws -> TestHost {
    try await TestHost([
      "plugins/add.lua": Self.plugin, "stores/main.lua": Self.main, "stores/setup.lua": Self.setup,
    ])
  }

  @Test func `A plugin adds state, getters and actions`() async throws {
    let result = try await host().run(
      #"local m = useStore("main") return { m.pluginN, m.doubleN, m:bump(), m.doubleN, m.tags[1] }"#
    )
    #expect(result == [20, 40, 21, 42, "main"])
  }

  @Test func `The store's own getters and actions use what a plugin added`() async throws {
    let result = try await host().run(
      #"local m = useStore("main") local before = m.sum return { before, m:twice(), m.sum }"#
    )
    #expect(result == [61, 22, 67])
  }

  @Test func `A store that is defined later has it too`() async throws {
    let result = try await host().run(
      #"local l = defineStore("later", { permissions = { "*" }, state = {} }) return { l.pluginN, l:bump(), l.tags[1] }"#
    )
    #expect(result == [20, 21, "later"])
  }

  @Test func `What is added belongs to each store, and is a part of its state`() async throws {
    let host = try await host()
    try await host.run(#"local m = useStore("main") m:bump() table.insert(m.tags, "x") m.n = 9"#)
    #expect(
      try await host.run(#"local s = useStore("setup") return { s.pluginN, #s.tags }"#) == [20, 1]
    )
    #expect(
      try await host.host.store("main").state() == ["n": 9, "pluginN": 21, "tags": ["main", "x"]]
    )
    try await host.run(#"store.reset(useStore("main"))"#)
    #expect(
      try await host.host.store("main").state() == ["n": 1, "pluginN": 20, "tags": ["main"]]
    )
  }

  @Test func `A plugin runs once for each store, with what describes it`() async throws {
    let host = try await TestHost([
      "plugins/count.lua": #"""
      return function(context)
        print(context.id, context.name, context.metadata.area or "none")
      end
      """#,
      "stores/a.lua": #"return defineStore("a", { name = "The A", metadata = { area = "shop" } })"#,
      "stores/b.lua":
        #"local a = useStore("a") return defineStore("b", { dependencies = { "a" }, state = { x = 1 } })"#,
    ])
    try await host.run(#"for _ = 1, 3 do useStore("a") useStore("b") end"#)
    #expect(host.record.log == ["a\tThe A\tshop", "b\tb\tnone"])
  }

  @Test func `A setup store gets the same`() async throws {
    let result = try await host().run(
      #"local s = useStore("setup") return { s.n, s.more, s.pluginN, s.doubleN, s:bump() }"#
    )
    #expect(result == [1, 2, 20, 40, 21])
  }

  @Test(arguments: [
    (#"return function() return { state = { n = 2 } } end"#, "'n'"),
    (#"return function() return { getters = { twice = function() end } } end"#, "'twice'"),
    (#"return function() return 5 end"#, "neither nothing nor a table"),
    (#"return { }"#, "must return a function"),
    (#"return function() error("broken plugin") end"#, "broken plugin"),
  ])
  func `A plugin that clashes or fails is an error, and there is no host`(
    plugin: String,
    text: String
  ) async throws {
    let error = await #expect(throws: StoreError.self) {
      _ = try await TestHost(["plugins/p.lua": plugin, "stores/main.lua": Self.main])
    }
    #expect(error?.message.contains(text) == true, "\(String(describing: error?.message))")
    #expect(error?.script != nil)
  }
}
