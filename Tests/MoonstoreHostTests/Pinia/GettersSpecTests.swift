import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for getters checks, eight cases.
///
/// Lazy evaluation, caching, cycles, failures and side effects are in `GetterTests` and in the graph's own
/// suite. Departure: a getter cannot be set (two cases of Pinia's, for a computed with a setter). In
/// Moonstore a getter only reads, so that it never changes state behind a turn's back; an action sets.
@Suite struct GettersSpecTests {
  private static let files = [
    "stores/user.lua": #"""
    local team = useStore("team")
    return defineStore("user", {
      permissions = { "*" },
      state = function() return { name = "Eduardo", points = 1 } end,
      getters = {
        upper = function(self) return self.name:upper() end,
        doubleUpper = function(self) return self.upper .. self.upper end,
        composed = function(self) return self.upper .. ": ok" end,
        withTeam = function(self) return self.name .. "@" .. team.label end,
        share = function(self) return self.points / team.total end,
      },
      actions = { rename = function(self, text) self.name = text end },
    })
    """#,
    "stores/team.lua": #"""
    local user = useStore("user")
    return defineStore("team", {
      permissions = { "*" },
      state = { title = "core", base = 3 },
      getters = {
        label = function(self) return self.title .. "(" .. user.points .. ")" end,
        total = function(self) return self.base + user.points end,
      },
    })
    """#,
    "stores/setup.lua": #"""
    return defineStore("setup", function()
      local n = ref(1)
      local double = computed(function() return n.value * 2 end)
      return { n = n, double = double, spoil = function() double.value = 8 end }
    end)
    """#,
  ]

  @Test func `A getter is a field of the store`() async throws {
    #expect(try await TestHost(Self.files).run(#"return useStore("user").upper"#) == "EDUARDO")
  }

  @Test func `A getter follows its state`() async throws {
    let result = try await TestHost(Self.files).run(
      #"local u = useStore("user") local a = u.upper u.name = "Ed" u:rename(u.name .. "!") return { a, u.upper }"#
    )
    #expect(result == ["EDUARDO", "ED!"])
  }

  @Test func `Getters of two hosts follow their own state`() async throws {
    let one = try await TestHost(Self.files)
    let two = try await TestHost(Self.files)
    try await one.run(#"useStore("user"):rename("one")"#)
    try await two.run(#"useStore("user"):rename("two")"#)
    #expect(try await one.run(#"return useStore("user").composed"#) == "ONE: ok")
    #expect(try await two.run(#"return useStore("user").composed"#) == "TWO: ok")
  }

  @Test func `A getter uses other getters`() async throws {
    let result = try await TestHost(Self.files).run(
      #"local u = useStore("user") local a = u.doubleUpper u.name = "x" return { a, u.doubleUpper, u.composed }"#
    )
    #expect(result == ["EDUARDOEDUARDO", "XX", "X: ok"])
  }

  @Test func `Getters follow state that came in whole`() async throws {
    // Pinia's case is hydration; here state comes in whole by a patch or with a store that is made anew.
    let result = try await TestHost(Self.files).run(
      #"""
      local u = useStore("user")
      local seen = { u.upper }
      store.patch(u, { name = "patched", points = 5 })
      seen[#seen + 1] = u.upper
      store.reset(u)
      seen[#seen + 1] = u.doubleUpper
      store.dispose(u)
      local again = defineStore("user", {
        permissions = { "*" },
        state = { name = "new" }, getters = { upper = function(self) return self.name:upper() end },
      })
      -- It has another owner now, whose store the old handle does not reach.
      u = useStore("user")
      seen[#seen + 1] = u.upper
      again.name = "newer"
      seen[#seen + 1] = u.upper
      return seen
      """#
    )
    #expect(result == ["EDUARDO", "PATCHED", "EDUARDOEDUARDO", "NEW", "NEWER"])
  }

  @Test(arguments: [#"useStore("user").upper = "x""#, #"useStore("setup"):spoil()"#])
  func `A getter cannot be set, and what was meant is said`(write: String) async throws {
    let host = try await TestHost(Self.files)
    let result = try await host.run(
      #"local ok, err = pcall(function() \#(write) end) return { ok, err.code }"#
    )
    #expect(result == [false, "readOnly"])
    #expect(
      try await host.run(#"return { useStore("user").upper, useStore("setup").double }"#) == [
        "EDUARDO", 2,
      ]
    )
  }

  @Test func `Getters of two stores that read each other's state follow both`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local u, t = useStore("user"), useStore("team")
      local seen = { u.withTeam, u.share }
      u.points = 3
      seen[3], seen[4] = u.withTeam, u.share
      t.title, t.base = "infra", 0
      seen[5], seen[6] = u.withTeam, u.share
      return seen
      """#
    )
    #expect(result == ["Eduardo@core(1)", 0.25, "Eduardo@core(3)", 0.5, "Eduardo@infra(3)", 1.0])
  }
}
