import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What leaves a store is cut to what its receiver may see, and rights are asked when it is delivered.
@Suite struct ReceiverTests {
  private static func vault(_ permissions: String) -> String {
    """
    return defineStore("vault", {
      permissions = \(permissions),
      state = function() return { open = { a = 1 }, secret = { key = "TOPSECRET" }, user = { name = "ann", key = "TOPSECRET" } } end,
      getters = { both = function(self) return { self.open, self.secret } end },
      actions = {
        take = function(self, list, other) list.seen = (list.seen or 0) + 1 return list.n end,
        give = function(self) return { self.secret, self.user } end,
        renew = function(self, name) self.user = { name = name, key = "TOPSECRET2" } end,
        pass = function(self) return useStore("taker"):take({ self, self.secret }, self.secret) end,
        fail = function(self) error({ secret = self.secret, n = 1 }) end,
        settle = function(self, name) store.patch(self, { user = { name = name, key = "TOPSECRET3" }, secret = { key = "TOPSECRET4" } }) end,
      },
    })
    """
  }

  private static let spy = """
    local heard = {}
    return defineStore("spy", {
      state = function() return { heard = array() } end,
      actions = {
        run = function(self, code, ...) return assert(load(code))(...) end,
      },
    })
    """

  private func host(_ permissions: String) async throws -> TestHost {
    try await TestHost([
      "stores/vault.lua": Self.vault(permissions), "stores/spy.lua": Self.spy,
      "stores/taker.lua": """
      return defineStore("taker", {
        permissions = { "read", "call" },
        state = function() return {} end,
        actions = {
          take = function(self, list, part) return list.n or part and part.key or 0 end,
          give = function(self) return { n = 1 } end,
        },
      })
      """,
    ])
  }

  private func spy(_ host: TestHost, _ code: String) async throws -> Value {
    try await host.host.call("spy", "run", [.string(code)])
  }

  @Test(
    arguments: [
      "local v = useStore('vault') local ok, e = pcall(error, v.secret) return e.key",
      "local v = useStore('vault') local ok, e = pcall(error, { v.user }) return json.encode(e)",
      "local v = useStore('vault') return json.encode(v.user)", "return useStore('vault').user.key",
      "local v = useStore('vault') return json.encode(v:give())",
      "local v = useStore('vault') return v:give()[1].key",
      "local v = useStore('vault') return store.copy(v)",
      "local v = useStore('vault') bus.send('x', v.user) return bus.recentMessages(1)[1].payload.key",
      "local v = useStore('vault') local t = { v.user } return json.encode(t)",
      "local v = useStore('vault') return table.concat(v.user)",
      "local v = useStore('vault') for k, x in pairs(v.user) do return x end",
      "local v = useStore('vault') return next(v.user)",
      "local v = useStore('vault') local c = coroutine.wrap(function() return v.user.key end) return c()",
      "local v = useStore('vault') useStore('spy').kept = v.user return useStore('spy').kept.key",
      "local v = useStore('vault') return json.encode(v.both)",
      "return useStore('vault').both[2].key",
      "return json.encode(store.state(useStore('vault')))",
      "return store.state(useStore('vault')).user.key",
      "local g store.patch(useStore('vault'), function(s) g = s.user.key end) return g",
      "local v = secure(useStore('vault'), { '*' }) return v.user.key",
      "local s = watch(function() return useStore('vault').user.key end, function() end) return 1 .. ''",
    ]
  )
  func `Nothing but the field that is allowed comes out of a store`(way: String) async throws {
    let host = try await host(#"{ "read:user.name", "read:both", "call" }"#)
    #expect(try await spy(host, "return useStore('vault').user.name") == "ann")
    let result = try? await spy(host, way)
    #expect(!"\(result ?? .null)".contains("TOPSECRET"), "\(way): \(String(describing: result))")
  }

  @Test(arguments: ["user.name", "user"])
  func `A subscriber with a path hears what stands there, and nothing beside it`(path: String)
    async throws
  {
    let host = try await host(#"{ "read:user.name", "call" }"#)
    let code = """
      local v = useStore("vault")
      store.subscribe(v, function(change) print(json.encode(change)) end, { path = "\(path)" })
      """
    guard path == "user.name" else {
      await #expect(throws: StoreError.self) { try await spy(host, code) }
      return
    }
    _ = try await spy(host, code)
    _ = try await host.host.call("vault", "renew", ["bob"])
    _ = try await host.host.call("vault", "settle", ["eve"])
    let log = host.record.log.joined()
    #expect(log.contains(#""old":"ann""#) && log.contains(#""new":"bob""#), "\(log)")
    #expect(
      log.contains(#""new":"eve""#) && log.contains(#""payload":{"user":{"name":"eve"}}"#),
      "\(log)"
    )
    #expect(!log.contains("TOPSECRET"), "\(log)")
  }

  @Test func `An effect on a path hears what stands there, and nothing beside it`() async throws {
    let host = try await host(#"{ "read:user.name", "$onAction", "call" }"#)
    _ = try await spy(
      host,
      """
      effects.on({ change = useStore("vault"), path = "user.name" }, function(e) print(json.encode(e)) end)
      effects.on({ action = "vault:give" }, function(e) print(json.encode(e)) end)
      """
    )
    _ = try await host.host.call("vault", "renew", ["bob"])
    _ = try await host.host.call("vault", "give")
    #expect(try await eventually { host.record.log.count >= 2 })
    let log = host.record.log.joined()
    #expect(
      log.contains("bob") && log.contains(#""action":"give""#) && !log.contains("TOPSECRET"),
      "\(log)"
    )
  }

  @Test func `Hooks that may not write see copies with their own rights`() async throws {
    let host = try await host(#"{ "read", "call" }"#)
    // The hook is the spy's, on a store that it may read; the arguments are the vault's own.
    try await host.reload(["stores/vault.lua": Self.vault(#"{ "read:open", "call" }"#)])
    _ = try await spy(
      host,
      """
      store.onAction(useStore("taker"), function(call)
        local list, part = call.args[1], call.args[2]
        local tries = {
          function() return list[1].secret.key end, function() return list[2].key end,
          function() return part.key end, function() list[1].open = 1 return "changed" end,
          function() part.key = 1 return "changed" end, function() return list[1]:give()[1].key end,
        }
        for index, try in ipairs(tries) do
          local ok, got = pcall(try)
          print(index .. " " .. tostring(ok and got))
        end
        list.n = 99
        call.args[1] = { n = 98 }
        call.after(function(result) if type(result) == "table" then result.n = 97 end end)
        call.onError(function(e) if type(e) == "table" then e.n = 96 end end)
      end)
      """
    )
    #expect(try await host.host.call("vault", "pass") == "TOPSECRET")
    #expect(host.record.log == (1...6).map { "\($0) false" }, "\(host.record.log)")
    #expect(try await host.host.call("taker", "give") == ["n": 1])
  }

  @Test func `Hooks see no functions, and what their tables do they do to a copy`() async throws {
    let host = try await host(#"{ "read", "call" }"#)
    _ = try await spy(
      host,
      """
      store.onAction(useStore("taker"), function(call)
        local list = call.args[1]
        print(type(list.fn) .. type(getmetatable(list)) .. type(call.args[2]) .. #list.inner .. list.inner[1])
        list.inner[1] = 7
        list.inner.more = call
      end)
      """
    )
    let result = try await host.run(
      """
      local list = setmetatable({ fn = print, inner = { 1 }, n = 5 }, { __index = print })
      list.me = list
      local n = useStore("taker"):take(list, function() end)
      return { n, list.inner[1], list.inner.more == nil }
      """
    )
    #expect(result == [5, 1, true])
    #expect(host.record.log == ["nilnilnil11"])
  }

  @Test
  func
    `A reload that takes a right away ends what others hear, and one that gives it lets them hear`()
    async throws
  {
    let all = #"{ "read", "call" }"#
    let host = try await host(all)
    _ = try await spy(
      host,
      """
      local v = useStore("vault")
      store.onAction(v, function(call) print("hook " .. call.name) end)
      store.subscribe(v, function(change) print("change") end)
      effects.on({ change = v }, function() print("effect of change") end)
      effects.on({ action = "vault:renew" }, function() print("effect of action") end)
      """
    )
    let heard = ["change", "effect of action", "effect of change", "hook renew"]
    _ = try await host.host.call("vault", "renew", ["one"])
    #expect(try await eventually { host.record.log.sorted() == heard }, "\(host.record.log)")
    for narrow in [
      #"{ "call" }"#, #"{ "call", { action = "read", condition = function() return false end } }"#,
    ] {
      try await host.reload(["stores/vault.lua": Self.vault(narrow)])
      _ = try await host.host.call("vault", "renew", ["two"])
      _ = try await host.run("sleep(0) sleep(0) return 1")
      #expect(host.record.log.sorted() == heard, "\(narrow): \(host.record.log)")
    }
    try await host.reload(["stores/vault.lua": Self.vault(all)])
    _ = try await host.host.call("vault", "renew", ["three"])
    #expect(
      try await eventually { host.record.log.sorted() == (heard + heard).sorted() },
      "\(host.record.log)"
    )
  }

  @Test func `Middleware of one store is passed over once it may not write`() async throws {
    let host = try await host(#"{ "read", "call", "write" }"#)
    _ = try await spy(
      host,
      "applyMiddleware(useStore('vault'), function(call, next) return 'mine' end)"
    )
    #expect(try await host.host.call("vault", "take", [["n": 3]]) == "mine")
    try await host.reload(["stores/vault.lua": Self.vault(#"{ "read", "call" }"#)])
    #expect(try await host.host.call("vault", "take", [["n": 3]]) == 3)
  }

  @Test func `A getter hands out no part of another store, however deep`() async throws {
    let host = try await host(#"{ "read", "call" }"#)
    try await host.reload([
      "stores/spy.lua": """
      return defineStore("spy", {
        state = function() return {} end,
        getters = { theirs = function() return useStore("vault").both end },
        actions = { hit = function(self) self.theirs[2].key = "changed" end },
      })
      """
    ])
    await #expect(throws: StoreError.self) { try await host.host.call("spy", "hit") }
    #expect(try await host.host.store("vault").get("secret") == ["key": "TOPSECRET"])
  }
}
