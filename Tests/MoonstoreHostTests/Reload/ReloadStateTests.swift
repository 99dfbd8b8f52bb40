import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What becomes of state when a script is reloaded: the rows of Pinia's own behaviour, with ours.
struct ReloadStateTests {
  /// A host with one store, whose state is a Lua table.
  private func host(_ state: String, _ rest: String = "") async throws -> TestHost {
    try await TestHost(["stores/s.lua": store(state, rest)])
  }

  private func store(_ state: String, _ rest: String = "") -> String {
    """
    return defineStore("s", {
      permissions = { "*" },
      state = function() return \(state) end,
      \(rest)
    })
    """
  }

  @Test func `Values survive, and new fields begin with their defaults`() async throws {
    let test = try await host("{ n = 0 }")
    try await test.run("useStore('s').n = 1")
    let report = try await test.reload(["stores/s.lua": store("{ n = 0, newOne = 'hey', m = {} }")])
    #expect(!report.isRefused)
    #expect(report.stores.map(\.addedFields) == [["m", "newOne"]])
    #expect(report.scripts.map(\.old) == [1])
    #expect(report.scripts.map(\.new) == [2])
    let result = try await test.run("local s = useStore('s') return { s.n, s.newOne, #s.m }")
    #expect(result == [1, "hey", 0])
  }

  @Test func `Fields that the new version lacks go, and the report says so`() async throws {
    let test = try await host("{ n = 0, old = 'x', nested = { a = 1, b = 2 } }")
    try await test.run("useStore('s').n = 1 useStore('s').nested.a = 5 useStore('s').nested.b = 6")
    let report = try await test.reload(["stores/s.lua": store("{ n = 0, nested = { b = 2 } }")])
    #expect(report.stores.first?.removedFields == ["nested.a", "old"])
    let result = try await test.run(
      "local s = useStore('s') return { s.n, s.old == nil, s.nested.a == nil, s.nested.b }"
    )
    #expect(result == [1, true, true, 6])
  }

  @Test func `A field that still is as its default was takes the new default`() async throws {
    let test = try await host("{ a = 1, b = 1, list = array { 1 }, other = array { 1 } }")
    try await test.run("useStore('s').b = 7 table.insert(useStore('s').other, 2)")
    let report = try await test.reload([
      "stores/s.lua": store("{ a = 2, b = 2, list = array { 1, 2, 3 }, other = array { 9 } }")
    ])
    #expect(report.stores.first?.redefinedFields == ["a", "list"])
    let result = try await test.run(
      "local s = useStore('s') return { s.a, s.b, #s.list, #s.other, s.other[2] }"
    )
    #expect(result == [2, 7, 3, 2, 2])
  }

  @Test func `Nested maps merge, and lists are kept whole`() async throws {
    let test = try await host(
      "{ user = { name = '', tags = array {} }, grid = array { array { 1 } } }"
    )
    try await test.run(
      "local s = useStore('s') s.user.name = 'Ada' table.insert(s.user.tags, 'x') s.grid[1][1] = 5"
    )
    try await test.reload([
      "stores/s.lua": store(
        "{ user = { name = '', tags = array {}, mail = 'none' }, grid = array { array { 1, 2 }, array {} } }"
      )
    ])
    let result = try await test.run(
      "local s = useStore('s') return { s.user.name, s.user.mail, s.user.tags[1], #s.grid, s.grid[1][1] }"
    )
    #expect(result == ["Ada", "none", "x", 1, 5])
  }

  @Test func `An empty table is free-form, and is carried over with what was put into it`()
    async throws
  {
    let test = try await host("{ byId = {}, list = array() }")
    try await test.run("local s = useStore('s') s.byId.a = { n = 1 } table.insert(s.list, 1)")
    try await test.reload(["stores/s.lua": store("{ byId = {}, list = array(), more = 1 }")])
    #expect(
      try await test.run("local s = useStore('s') return { s.byId.a.n, s.list[1], s.more }") == [
        1, 1, 1,
      ]
    )
  }

  @Test func `What was added while the store lived stays, and what was removed stays away`()
    async throws
  {
    let test = try await host("{ n = 0, gone = 1, map = { a = 1 } }")
    try await test.run(
      "local s = useStore('s') s.extra = 5 s.map.extra = 6 s.gone = nil"
    )
    try await test.reload(["stores/s.lua": store("{ n = 0, gone = 1, map = { a = 1 }, z = 1 }")])
    let result = try await test.run(
      "local s = useStore('s') return { s.extra, s.map.extra, s.gone == nil }"
    )
    #expect(result == [5, 6, true])
  }

  @Test func `Parts of state that somebody holds are still live`() async throws {
    let test = try await TestHost([
      "stores/s.lua": store("{ list = array { { n = 1 } }, map = { a = 1 } }"),
      "stores/other.lua": #"""
      local held
      return defineStore("other", {
        actions = {
          hold = function(self) local s = useStore("s") held = { s.list, s.list[1], s.map } end,
          look = function(self) return { #held[1], held[2].n, held[3].a, held[3].b } end,
          same = function(self) local s = useStore("s") return held[1] == s.list and held[2] == s.list[1] end,
        },
      })
      """#,
    ])
    try await test.run("useStore('other'):hold() useStore('s').list[1].n = 2")
    try await test.reload([
      "stores/s.lua": store("{ list = array { { n = 1 } }, map = { a = 1, b = 9 }, z = 1 }")
    ])
    #expect(try await test.run("return useStore('other'):look()") == [1, 2, 1, 9])
    #expect(try await test.run("return useStore('other'):same()") == true)
  }

  @Test func `Reset uses the new defaults afterwards`() async throws {
    let test = try await host("{ n = 0, old = 1 }")
    try await test.run("useStore('s').n = 5")
    try await test.reload(["stores/s.lua": store("{ n = 100, fresh = 1 }")])
    #expect(
      try await test.run(
        "local s = useStore('s') local before = s.n store.reset(s) return { before, s.n, s.fresh, s.old == nil }"
      ) == [5, 100, 1, true]
    )
  }

  @Test func `Another type without migrate is refused, with the path and both types`() async throws
  {
    let test = try await host("{ total = 0, cart = { items = array {} } }")
    try await test.run("useStore('s').total = 5 table.insert(useStore('s').cart.items, 1)")
    let report = try await test.reload([
      "stores/s.lua": store("{ total = 0, cart = { items = 'none' } }")
    ])
    let error = try #require(report.failures.first)
    #expect(error.code == .cannotMigrate)
    #expect(error.message.contains("'s.cart.items' is a list"))
    #expect(error.message.contains("a text"))
    #expect(error.script == "stores/s.lua")
    #expect(report.description.contains("version 1 of stores/s.lua goes on"))
    #expect(try await test.run("return useStore('s').total") == 5)
  }

  @Test func `Another type is what migrate makes of it`() async throws {
    let test = try await host("{ price = 0.0, name = 'x' }")
    try await test.run("useStore('s').price = 2.55")
    let report = try await test.reload([
      "stores/s.lua": store(
        "{ price = { minor = 0 }, name = 'x', more = 1 }",
        "migrate = function(old, from) old.price = { minor = math.floor(old.price * 100 + 0.5) } return old end"
      )
    ])
    #expect(report.failures.map(\.message) == [])
    #expect(report.stores.first?.migratedFrom == 1)
    #expect(
      try await test.run("local s = useStore('s') return { s.price.minor, s.name, s.more }")
        == [255, "x", 1]
    )
  }

  @Test func `A raised version calls migrate with the version of the state`() async throws {
    let test = try await host("{ n = 1 }", "version = 3,")
    let report = try await test.reload([
      "stores/s.lua": store(
        "{ n = 0 }",
        "version = 5, migrate = function(old, from) return { n = old.n * 10 + from } end"
      )
    ])
    #expect(report.stores.first?.migratedFrom == 3)
    #expect(try await test.run("return useStore('s').n") == 13)
  }

  @Test func `A raised version without migrate is refused`() async throws {
    let test = try await host("{ n = 1 }")
    let report = try await test.reload(["stores/s.lua": store("{ n = 1 }", "version = 2,")])
    #expect(report.failures.first?.code == .cannotMigrate)
    #expect(report.failures.first?.message.contains("of version 1") == true)
  }

  @Test(arguments: [
    ("return nil", "must return the new state"), ("return 5", "must return the new state"),
    ("return {}", "must return the new state"), ("return { 1, 2 }", "must return the new state"),
    ("return { n = print }", "a function cannot be state"),
    ("return { n = 'text' }", "'n' is a text"), ("error('broken')", "broken"),
    ("useStore('s').n = 7 return { n = 1 }", "cannot"),
    ("bus.send('x') return { n = 1 }", "cannot"), ("sleep(1) return { n = 1 }", ""),
    ("return old.missing.field", "attempt to index"),
  ])
  func `A migrate that does not do its work is refused, and nothing has changed`(
    _ body: String,
    _ words: String
  ) async throws {
    let test = try await host("{ n = 1 }")
    try await test.run("useStore('s').n = 42")
    let before = try await test.host.described()
    let report = try await test.reload([
      "stores/s.lua": store("{ n = 0 }", "version = 2, migrate = function(old, from) \(body) end")
    ])
    #expect(report.isRefused)
    #expect(report.failures.first?.message.contains(words) == true, "\(report)")
    #expect(try await test.run("return useStore('s').n") == 42)
    #expect(try await test.host.described() == before)
  }

  @Test func `Hidden refs of a setup store survive, and watchers do not double`() async throws {
    func setup(_ step: Int, _ extra: String = "") -> String {
      """
      local s
      s = defineStore("s", function()
        local n, hidden, seen = ref(0), ref(10), ref(0)
        local double = computed(function() return n.value * 2 end)
        local secret = computed(function() return hidden.value + double.value end)
        watch(n, function() seen.value = seen.value + 1 end)
        return {
          n = n, double = double, seen = seen, \(extra)
          add = function() n.value = n.value + \(step) hidden.value = hidden.value + 1 end,
          look = function() return { n.value, double.value, hidden.value, secret.value, seen.value } end,
        }
      end, { permissions = { "*" } })
      return s
      """
    }
    let test = try await TestHost(["stores/s.lua": setup(1)])
    #expect(
      try await test.run("local s = useStore('s') s:add() return s:look()") == [1, 2, 11, 13, 1]
    )
    for step in 2...4 {
      let report = try await test.reload(["stores/s.lua": setup(step, "extra = ref(5),")])
      #expect(report.failures.map(\.message) == [])
    }
    #expect(try await test.run("return useStore('s').extra") == 5)
    #expect(
      try await test.run("local s = useStore('s') s:add() return s:look()") == [5, 10, 12, 22, 2]
    )
    #expect(
      try await test.run("store.reset(useStore('s')) return useStore('s'):look()") == [
        0, 0, 12, 12, 1,
      ]
    )
  }

  @Test func `A store changes from one form to the other and back`() async throws {
    let test = try await host(
      "{ n = 1 }",
      "actions = { add = function(self) self.n = self.n + 1 end },"
    )
    try await test.run("useStore('s'):add()")
    let setup = #"""
      return defineStore("s", function()
        local n = ref(1)
        return { n = n, add = function() n.value = n.value + 10 end, twice = computed(function() return n.value * 2 end) }
      end, { permissions = { "*" } })
      """#
    #expect(try await test.reload(["stores/s.lua": setup]).failures.map(\.message) == [])
    #expect(
      try await test.run("local s = useStore('s') s:add() return { s.n, s.twice }") == [12, 24]
    )
    let option = store("{ n = 1 }", "actions = { add = function(self) self.n = self.n + 100 end },")
    #expect(try await test.reload(["stores/s.lua": option]).failures.map(\.message) == [])
    #expect(
      try await test.run("local s = useStore('s') s:add() return { s.n, s.twice == nil }") == [
        112, true,
      ]
    )
  }
}
