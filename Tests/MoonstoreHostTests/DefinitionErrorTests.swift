import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Errors of definitions name the store, the place and the part.
@Suite struct DefinitionErrorTests {
  private func failure(_ files: [String: String]) async -> StoreError? {
    await #expect(throws: StoreError.self) { _ = try await TestHost(files) }
  }

  @Test func `A store that is defined twice without a function tells both lines`() async throws {
    let definition =
      "-- a comment\nlocal id = \"one\"\nreturn defineStore(id, {\n  state = { n = 1 },\n})\n"
    let error = await failure(["stores/a.lua": definition, "stores/b.lua": "\n" + definition])
    #expect(error?.code == .duplicateStore)
    #expect(error?.script == "stores/b.lua")
    #expect(error?.line == 4)
    #expect(error?.message.contains("stores/a.lua:3") == true)
  }

  @Test(arguments: [
    (#"{ stat = {} }"#, "unknown field 'stat'"),
    (#"{ permissions = { "fly" } }"#, "permission 'fly'"),
    (#"{ state = 5 }"#, "neither a function nor a table"),
    (#"{ state = { n = 1 }, dependencies = { "nobody" } }"#, "nobody"),
    (#"5"#, "must be a table or a function"),
  ])
  func `A definition that is wrong tells its line`(definition: String, text: String) async throws {
    let error = await failure(["stores/a.lua": "\n\nreturn defineStore(\"a\", \(definition))"])
    #expect(error?.message.contains(text) == true, "\(String(describing: error?.message))")
    #expect(error?.script == "stores/a.lua")
    #expect(error?.line == 3)
  }

  @Test func `A store that is asked for and not there tells its line`() async throws {
    let error = await failure([
      "stores/a.lua":
        "local other = useStore(\"othr\")\nreturn defineStore(\"other\", { state = {} })"
    ])
    #expect(error?.code == .unknownStore)
    #expect(error?.line == 1)
  }

  @Test(arguments: [
    (
      "state = { items = { 1, 2, { callback = print } } }",
      "cart.items[3].callback: a function cannot be state"
    ),
    (
      "state = function() return { items = { 1, 2, { callback = print } } } end",
      "cart.items[3].callback: a function cannot be state"
    ),
    (
      "state = function() return { co = coroutine.create(print) } end",
      "cart.co: a coroutine cannot be state"
    ),
    (
      "state = function() local t = {} t.me = t return { t = t } end",
      "cart.t.me: a table that contains itself cannot be state"
    ),
    (
      "state = { t = setmetatable({}, { __index = {} }) }",
      "cart.t: a table with a metatable cannot be state"
    ),
    ("state = function() return print end", "cart: a function cannot be state"),
  ])
  func `A value that cannot be state is named with its store and path`(
    state: String,
    message: String
  ) async throws {
    let error = await failure(["stores/cart.lua": "return defineStore(\"cart\", { \(state) })"])
    #expect(error?.code == .notData)
    #expect(error?.message == message)
    #expect(error?.store == "cart")
    #expect(error?.line == 1)
  }

  @Test func `A setup function that returns what cannot be state is told which`() async throws {
    let error = await failure([
      "stores/s.lua":
        #"return defineStore("s", function() return { list = { { f = print } } } end)"#
    ])
    #expect(error?.message == "s.list[1].f: a function cannot be state")
    let ref = await failure([
      "stores/s.lua":
        #"return defineStore("s", function() local r = ref({ f = print }) return { r = r } end)"#
    ])
    #expect(ref?.message == "s: ref(...).f: a function cannot be state")
  }

  @Test func `A patch and a reset that bring what cannot be state change nothing and say what`()
    async throws
  {
    let host = try await TestHost([
      "stores/cart.lua": #"""
      local bad = false
      return defineStore("cart", {
        permissions = { "*" },
        state = function() return { n = 1, extra = bad and { f = print } or null } end,
        actions = { spoil = function() bad = true end },
      })
      """#
    ])
    let result = try await host.run(
      #"""
      local cart = useStore("cart")
      cart.n = 7
      cart:spoil()
      local _, patch = pcall(store.patch, cart, { n = 8, items = { { f = print } } })
      local _, reset = pcall(store.reset, cart)
      return { patch.message, reset.message, cart.n }
      """#
    )
    #expect(
      result == [
        "cart.items[1].f: a function cannot be state", "cart.extra.f: a function cannot be state",
        7,
      ]
    )
  }

  @Test func `Calling an action that is not there names the store and what was meant`() async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local ok, err = pcall(function() c:pusch(1) end)
      local _, getter = pcall(function() return c:plu() end)
      local _, missing = pcall(function() return c:xyzzy() end)
      local _, plain = pcall(function() nope() end)
      local _, field = pcall(function() local t = {} t.a() end)
      local _, index = pcall(function() local t = {} t.a.b() end)
      local _, direct = pcall(nil)
      return { err.code, tostring(err), missing.message, plain, field, index, direct, c.pusch == nil }
      """#
    )
    #expect(
      result == [
        "unknownAction",
        "driver:2: the store 'counter' has no action 'pusch'; did you mean 'push'?",
        "the store 'counter' has no action 'xyzzy'",
        "driver:5: attempt to call a nil value (global 'nope')",
        "driver:6: attempt to call a nil value (field 'a')",
        "driver:7: attempt to index a nil value (field 'a')",
        "attempt to call a nil value",
        true,
      ]
    )
  }

  @Test
  func `An action that calls what is not there fails with its line, and Swift hears the code`()
    async throws
  {
    let host = try await TestHost([
      "stores/s.lua": #"""
      return defineStore("s", {
        state = { n = 0 },
        actions = {
          add = function(self, by) self.n = self.n + by end,
          go = function(self)
            self:add(1)
            return self:addd(1)
          end,
        },
      })
      """#
    ])
    let store = try await host.host.store("s")
    let error = await #expect(throws: StoreError.self) { try await store.call("go") }
    #expect(error?.code == .unknownAction)
    #expect(error?.script == "stores/s.lua")
    #expect(error?.line == 7)
    #expect(error?.message.contains("did you mean 'add'?") == true)
    #expect(try await store.get("n") == 0)
  }
}

/// What scripts do with errors of the host, which are objects.
@Suite struct HostErrorTests {
  @Test func `An error of the host has the methods of texts, and its own fields`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"return defineStore("a", { state = { x = 1 } })"#
    ])
    let found = try await host.run(
      #"""
      local a = useStore("a")
      local _, err = pcall(function() a.x = function() end end)
      return { err:match("a function (%a+) be state"), err:upper():find("STATE", 1, true) ~= nil,
        err.code, err.match == err.match, err.nothing == nil }
      """#
    )
    #expect(found == ["cannot", true, "notData", true, true])
  }

  @Test func `Hosts of one process share the compiled prelude and nothing else`() async throws {
    let first = try await TestHost([:])
    let second = try await TestHost([:])
    try await first.run(#"rawset(_G, "mine", 1) bus.subscribe("x", function() end)"#)
    #expect(try await second.run("return mine == nil") == true)
    await first.host.close()
    #expect(try await second.run("return pcall(bus.send, 5)") == false)
  }
}
