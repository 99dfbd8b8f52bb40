import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct InjectionTests {
  @Test func `T9 A value of any kind that one script provides, others inject`() async throws {
    let host = try await TestHost([
      "factories/a.lua": #"""
      provide("prices", { lamp = 5 })
      provide("convert", function(n) return n * 2 end)
      provide("no", false)
      provide("name", "shop")
      """#,
      "stores/b.lua": #"""
      return defineStore("b", { actions = { read = function()
        return { inject("convert")(inject("prices").lamp), inject("no"), inject("name"), inject("none", 5),
          inject("none", nil) == nil, inject("prices") == inject("prices") }
      end } })
      """#,
    ])
    #expect(
      try await host.run("return useStore('b'):read()") == [10, false, "shop", 5, true, true]
    )
  }

  @Test func `T9 What nobody has provided is an error that says what was meant`() async throws {
    let host = try await TestHost(["factories/a.lua": #"provide("clock", 1)"#])
    let error = await #expect(throws: StoreError.self) { try await host.run("inject('clok')") }
    #expect(error?.code == .notProvided)
    #expect(error?.message.contains("nobody has provided 'clok'; did you mean 'clock'?") == true)
    #expect(error?.script == "driver")
  }

  @Test func `T9 A key belongs to the script that has provided it first`() async throws {
    let host = try await TestHost([
      "factories/a.lua": #"provide("clock", 1) provide("clock", 2)"#
    ])
    let error = await #expect(throws: StoreError.self) { try await host.run("provide('clock', 3)") }
    #expect(error?.code == .alreadyProvided)
    #expect(error?.message.contains("provided by factories/a.lua already") == true)
    #expect(try await host.run("return inject('clock')") == 2)
  }

  @Test func `T9 A disposer takes its own value back, once, and a failed turn puts all as it was`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local first = provide("key", "first")
      return defineStore("a", { actions = {
        replaceAndFail = function() provide("key", "other") provide("new", 1) error("no") end,
        replace = function() provide("key", "second") end,
        disposeFirst = function() return first() end,
        disposeAndFail = function() first() error("no") end,
      } })
      """#
    ])
    let result = try await host.run(
      #"""
      local a, seen = useStore("a"), array()
      local function note() seen[#seen + 1] = inject("key", "none") .. inject("new", "") end
      pcall(a.replaceAndFail) note()
      pcall(a.disposeAndFail) note()
      a:replace() note()
      a:disposeFirst() note()
      local dispose = provide("mine", 1)
      return { seen, dispose(), dispose(), inject("mine", "gone") }
      """#
    )
    #expect(result == [["first", "first", "second", "second"], true, false, "gone"])
  }

  @Test func `T9 Swift provides data, which each script gets as a copy`() async throws {
    let project = try TestProject([
      "stores/a.lua": #"""
      return defineStore("a", { actions = {
        change = function() local c = inject("config") c.rate = 99 return c.rate end,
        read = function() return inject("config").rate end,
        take = function() provide("config", 1) end,
      } })
      """#
    ])
    var configuration = HostConfiguration()
    configuration.provided = ["config": ["rate": 7]]
    let host = try await StoreHost(scripts: project.path, configuration: configuration)
    let a = try await host.store("a")
    #expect(try await a.call("change") == 99)
    #expect(try await a.call("read") == 7)
    let error = await #expect(throws: StoreError.self) { try await a.call("take") }
    #expect(error?.message.contains("provided by the host's program already") == true)
  }

  @Test(
    arguments: [
      ("provide()", "argument 1 must be a string"),
      ("provide('x')", "argument 2 must be a value, not nil"),
      ("provide('x', nil)", "argument 2 must be a value, not nil"),
      ("provide('', 1)", "the key must be a text"),
      ("provide(5, 1)", "argument 1 must be a string"),
      ("provide({}, 1)", "argument 1 must be a string"),
      ("provide('x', 1, 2)", "one value"),
      ("inject()", "argument 1 must be a string"), ("inject({})", "argument 1 must be a string"),
    ]
  )
  func `T9 Misuse is an error, and provides nothing`(lua: String, words: String) async throws {
    let host = try await TestHost([:])
    let error = await #expect(throws: StoreError.self) { try await host.run(lua) }
    #expect(
      error?.message.contains(words) == true || error?.message.contains("one value") == true,
      "\(error?.message ?? "")"
    )
    #expect(try await host.run("return inject('x', 'none')") == "none")
  }

  @Test func `T9 A getter provides nothing`() async throws {
    let host = try await TestHost([
      "stores/a.lua":
        #"return defineStore("a", { getters = { bad = function() provide("x", 1) end } })"#
    ])
    let error = await #expect(throws: StoreError.self) {
      try await host.run("return useStore('a').bad")
    }
    #expect(error?.code == .getterSideEffect)
    #expect(try await host.run("return inject('x', 'none')") == "none")
  }
}
