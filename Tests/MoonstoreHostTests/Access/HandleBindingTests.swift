import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Handles are bound to a store in the hands of one owner, and to a grant that was issued.
@Suite struct HandleBindingTests {
  private static let vault = """
    return defineStore("vault", {
      permissions = { "read:open", "call" },
      state = function() return { open = 1, secret = 42, user = { name = "ann", key = "k" } } end,
      actions = {
        renew = function(self) self.user = { name = "bob", key = "l" } end,
        touch = function(self) self.secret = self.secret + 1 return self.secret end,
        gone = function(self) store.dispose(self) end,
      },
    })
    """

  private static let thief = """
    return defineStore("thief", {
      state = function() return {} end,
      actions = { run = function(self, code, ...) return assert(load(code))(...) end },
    })
    """

  @Test func `A handle from a definition that failed is no handle of what comes after it`()
    async throws
  {
    let host = try await TestHost([
      "stores/attacker.lua": """
      local kept
      pcall(function() kept = defineStore("vault", { state = {} }) error() end)
      return defineStore("attacker", {
        state = function() return {} end,
        actions = {
          read = function() return kept.secret end,
          write = function() kept.secret = 0 end,
          call = function() return kept:touch() end,
        },
      })
      """,
      // One that asked first has a handle of what the id comes to be.
      "stores/aaa.lua": """
      local vault = useStore("vault")
      return defineStore("aaa", {
        state = function() return {} end,
        actions = { read = function() return vault.open end, call = function() return vault.touch(vault) end },
      })
      """,
      "stores/vault.lua": Self.vault,
    ])
    for action in ["read", "write", "call"] {
      let error = await #expect(throws: StoreError.self) {
        try await host.host.call("attacker", action)
      }
      #expect(error?.code == .unknownStore, "\(action): \(String(describing: error))")
    }
    #expect(try await host.host.call("aaa", "read") == 1)
    #expect(try await host.host.call("aaa", "call") == 43)
    #expect(try await host.host.store("vault").get("secret") == 43)
  }

  @Test func `A handle of an earlier owner finds the store of a later one disposed`() async throws {
    let host = try await TestHost(["stores/thief.lua": Self.thief])
    _ = try await host.host.call(
      "thief",
      "run",
      [
        """
        local mine = defineStore("vault", { state = { n = 1 }, actions = { get = function(s) return s.n end } })
        provide("kept", { read = function() return mine.secret end, write = function() mine.secret = 0 end,
          dispose = function() store.dispose(mine) end, call = function() return mine.get end })
        store.dispose(mine)
        """
      ]
    )
    try await host.reload(["stores/vault.lua": Self.vault])
    #expect(try await host.host.store("vault").get("secret") == 42)
    for way in ["read", "write", "dispose", "call"] {
      let error = await #expect(throws: StoreError.self) {
        try await host.run("return inject('kept').\(way)()")
      }
      #expect(error?.code == .disposed, "\(way): \(String(describing: error))")
    }
    #expect(try await host.host.store("vault").get("secret") == 42)
  }

  @Test func `A handle survives that its owner disposes of the store and defines it anew`()
    async throws
  {
    let host = try await TestHost(["stores/thief.lua": Self.thief])
    let result = try await host.host.call(
      "thief",
      "run",
      [
        """
        local function define(n) return defineStore("own", { state = { n = n } }) end
        local first = define(1)
        store.dispose(first)
        define(2)
        return first.n
        """
      ]
    )
    #expect(result == 2)
  }

  @Test
  func
    `The script that defines a store reaches it by the handle that it got, also before it is there`()
    async throws
  {
    let host = try await TestHost([
      "stores/aaa.lua": """
      local later = useStore("own")
      return defineStore("aaa", { state = function() return {} end, actions = { get = function() return later end } })
      """,
      "stores/own.lua": """
      local own = defineStore("own", {
        state = function() return { n = 1 } end,
        actions = {
          add = function(self, by) self.n = self.n + by return self.n end,
          same = function(self) return own == self end,
        },
      })
      useStore("own")
      function viaHandle() own.n = own.n + 1 return own:add(1) + own.add(own, 1) + own.add(1) end
      defineStore("second", { state = {}, actions = { go = function() return viaHandle() end, same = function()
        return own == useStore("own") and useStore("own") == own end } })
      """,
    ])
    #expect(try await host.host.call("second", "go") == .integer(3 + 4 + 5))
    #expect(try await host.host.call("second", "same") == true)
  }

  @Test func `Code whose script is gone has no rights`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": Self.vault,
      "stores/leaver.lua": """
      defineStore("leaver", { state = {} })
      local tools = {
        read = function() return useStore("vault").secret end,
        open = function() return useStore("vault").open end,
        write = function() useStore("vault").secret = 0 end,
        call = function() return useStore("vault"):touch() end,
        get = function() return registry.get("vault").secret end,
        dispose = function() registry.unregister("vault") end,
        send = function() bus.send("vault", {}, { to = "vault" }) end,
        define = function() defineStore("ghost", { state = {} }) end,
        subscribe = function() bus.subscribe("x", print) end,
        secure = function() return secure(useStore("vault"), { "*" }).secret end,
      }
      function onLoad() end
      keep = tools
      return useStore("leaver")
      """,
      "stores/keeper.lua": """
      local kept
      return defineStore("keeper", {
        state = function() return {} end,
        actions = {
          keep = function(self, tools) kept = tools end,
          try = function(self, name) return kept[name]() end,
        },
      })
      """,
    ])
    try await host.host.store("vault").set("open", 5)
    try host.remove("stores/leaver.lua")
    // Left behind in another script's hands.
    _ = try await host.run("return 1")
    try await host.reload([
      "stores/leaver2.lua": """
      defineStore("leaver2", { state = {} })
      function onLoad()
        useStore("keeper"):keep {
          open = function() return useStore("vault").open end,
          write = function() useStore("vault").secret = 0 end,
          read = function() return useStore("vault").secret end,
          call = function() return useStore("vault"):touch() end,
          get = function() return registry.get("vault").secret end,
          dispose = function() registry.unregister("vault") end,
          send = function() bus.send("poke", {}, { to = "vault" }) end,
          define = function() defineStore("ghost", { state = {} }) end,
          subscribe = function() bus.subscribe("x", print) end,
          secure = function() return secure(useStore("vault"), { "*" }).secret end,
        }
      end
      """
    ])
    #expect(try await host.host.call("keeper", "try", ["open"]) == 5)
    try host.remove("stores/leaver2.lua")
    try await host.reload()
    for way in [
      "open", "write", "read", "call", "get", "dispose", "send", "define", "subscribe", "secure",
    ] {
      let error = await #expect(throws: StoreError.self, "\(way)") {
        try await host.host.call("keeper", "try", [.string(way)])
      }
      #expect(error?.code == .permissionDenied, "\(way): \(String(describing: error))")
    }
    #expect(try await host.host.store("vault").get("secret") == 42)
    #expect(await host.host.storeIDs.sorted() == ["keeper", "vault"])
  }

  @Test func `A part that has left its store is its owner's alone`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        permissions = { "read:user.name", "call" },
        state = function() return { user = { name = "ann", key = "k" }, list = { { name = "x", key = "y" } } } end,
        actions = {
          renew = function(self)
            local old = self.user
            self.user = { name = "bob", key = "l" }
            return old.key
          end,
          gone = function(self) store.dispose(self) end,
        },
      })
      """,
      "stores/thief.lua": Self.thief,
    ])
    let tries =
      "local u = ... for _, read in ipairs { function() return u.key end, function() return u.name end, "
      + "function() return json.encode(u) end, function() return store.copy(u) end, function() for k, v in pairs(u) do "
      + "return v end end, function() return #u end, function() u.name = 1 return 1 end, function() local ok, e = "
      + "pcall(error, u) return e.key end } do local ok, v = pcall(read) if ok and v ~= nil then return tostring(v) end "
      + "end return 'nothing'"
    for end in ["v:renew()", "v:gone()"] {
      let result = try await host.host.call(
        "thief",
        "run",
        [
          .string(
            "local v = useStore('vault') local u = v.user \(end) "
              + "return (function(...) \(tries) end)(u)"
          )
        ]
      )
      #expect(result == "nothing", "\(end)")
    }
  }

  @Test func `The right to patch writes while the call runs, and reads nothing`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        permissions = { "$patch" },
        state = function() return { n = 1, deep = { x = 1, list = { 1, 2 } } } end,
        getters = { double = function(self) return self.n * 2 end },
      })
      """,
      "stores/thief.lua": Self.thief,
    ])
    func run(_ code: String) async throws -> Value {
      try await host.host.call("thief", "run", [.string("local v = useStore('vault') " + code)])
    }
    _ = try await run(
      "store.patch(v, function(s) s.n = 2 s.deep.x = 3 s.deep.list[1] = 4 s.new = 5 end)"
    )
    #expect(
      try await host.host.store("vault").state() == [
        "n": 2, "deep": ["x": 3, "list": [4, 2]], "new": 5,
      ]
    )
    for read in [
      "return s.n", "return #s.deep.list", "for k in pairs(s) do return k end", "return s.deep.x",
      "return json.encode(s)", "return store.copy(s.deep)", "return table.unpack(s.deep.list)",
      "local ok, e = pcall(error, s) return e.n", "return table.concat(s.deep.list)",
    ] {
      let result = try await run(
        "local got store.patch(v, function(s) local ok, x = pcall(function() \(read) end) "
          + "got = ok and x or nil end) return got"
      )
      #expect(result == .null, "\(read)")
    }
    let kept = try await run(
      "local kept store.patch(v, function(s) kept = s.deep end) "
        + "return { pcall(function() kept.x = 9 end), pcall(function() return kept.x end), "
        + "pcall(store.patch, v, function() kept.x = 10 end) }"
    )
    #expect(kept.arrayValue?.first == false)
    let failed = try await run(
      "local kept pcall(store.patch, v, function(s) kept = s error() end) return pcall(function() kept.n = 9 end)"
    )
    #expect(failed == false)
    #expect(try await host.host.store("vault").get("n") == 2)
    #expect(try await host.host.store("vault").get("deep") == ["x": 3, "list": [4, 2]])
  }

  @Test func `Permissions are told apart by structure, however they are worded`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        state = function() return { n = 1 } end,
        actions = { inc = function(self) return self.n end },
        getters = {},
      })
      """,
      "stores/thief.lua": Self.thief,
    ])
    let result = try await host.run(
      """
      local v = useStore("vault")
      local one = secure(v, { "call:inc", "read" })
      local other = secure(v, { "call:inc,read" })
      return { (pcall(function() return other.n end)), (pcall(function() return one.n end)),
        rawequal(one, other), (pcall(function() return secure(v, { "call:x for script y" }).n end)) }
      """
    )
    #expect(result == [false, true, false, false], "\(result)")
  }

  @Test func `Two spellings of a script's name are two owners`() async throws {
    let composed = "stores/caf\u{E9}.lua"
    let decomposed = "stores/cafe\u{301}.lua"
    let host = try await TestHost([
      composed: """
      return defineStore("vault", {
        permissions = { { action = "read", principal = "\(composed)" } },
        state = function() return { secret = 1 } end,
        on = {}, actions = {},
      })
      """
    ])
    // Not in one dictionary of Swift's, for which both are one key.
    try await host.reload([
      decomposed: """
      return defineStore("thief", {
        state = function() return {} end,
        actions = {
          read = function() return useStore("vault").secret end,
          write = function() useStore("vault").secret = 2 end,
          dispose = function() registry.unregister("vault") end,
        },
      })
      """
    ])
    for action in ["read", "write", "dispose"] {
      let error = await #expect(throws: StoreError.self) {
        try await host.host.call("thief", action)
      }
      #expect(error?.code == .permissionDenied, "\(action)")
    }
    // Each is reloaded from its own text.
    let report = try await host.reload([
      decomposed: "return defineStore('thief', { state = function() return { v = 2 } end })"
    ])
    #expect(report.failures.isEmpty)
    #expect(await host.host.storeIDs.sorted() == ["thief", "vault"])
    #expect(Principal(.script, composed) != Principal(.script, decomposed))
    #expect(Set([Principal(.script, composed), Principal(.script, decomposed)]).count == 2)
  }

  @Test func `Secured handles are given back, and counted for each holder`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": Self.vault, "stores/thief.lua": Self.thief,
      "stores/other.lua": Self.thief.replacing("thief", with: "other"),
    ])
    // Many more than there are numbers, of which none is kept.
    let made = try await host.host.call(
      "thief",
      "run",
      [
        """
        local v = useStore("vault")
        for i = 1, 40000 do
          local s = secure(v, { "call:a" .. i })
          if i % 1000 == 0 then local f = s.touch end
        end
        return 40000
        """
      ]
    )
    #expect(made == 40_000)
    // One that keeps them all comes to its own limit, and leaves that of others alone.
    let kept = try await host.host.call(
      "thief",
      "run",
      [
        """
        local v, kept = useStore("vault"), {}
        local ok, err = pcall(function() for i = 1, 40000 do kept[i] = secure(v, { "call:b" .. i }) end end)
        return { #kept, tostring(err) }
        """
      ]
    )
    #expect((kept.arrayValue?.first?.integerValue ?? 0) <= 4_096, "\(kept)")
    #expect("\(kept)".contains("Keep handles"), "\(kept)")
    let other = try await host.host.call(
      "other",
      "run",
      ["return secure(useStore('vault'), { 'call:touch' }):touch()"]
    )
    #expect(other == 43)
    // A failing turn keeps none either.
    for _ in 0..<3 {
      _ = try? await host.host.call(
        "thief",
        "run",
        [
          "for i = 1, 3000 do secure(useStore('vault'), { 'call:c' .. i .. random.id('x') }) end error('no')"
        ]
      )
    }
    #expect(
      try await host.host.call(
        "thief",
        "run",
        ["return secure(useStore('vault'), { 'call' }):touch()"]
      ) == 44
    )
  }

  @Test func `A function for an action that was given away goes on meaning its own grant`()
    async throws
  {
    let host = try await TestHost(["stores/vault.lua": Self.vault, "stores/thief.lua": Self.thief])
    let result = try await host.host.call(
      "thief",
      "run",
      [
        """
        local v = useStore("vault")
        local only = secure(v, { "call:touch" })
        local touch = only.touch
        only = nil
        for i = 1, 20000 do secure(v, { "call:d" .. i }) end
        local same = touch == secure(v, { "call:touch" }).touch
        return { touch(), same, (pcall(secure(v, { "call:renew" }).touch)) }
        """
      ]
    )
    #expect(result == [43, true, false])
  }

  @Test
  func
    `Functions of a script that was removed have no rights, one of its name that comes later has its own`()
    async throws
  {
    let guest = """
      local top = useStore("vault")
      return defineStore("guest", { actions = { lend = function(self)
        local vault = useStore("vault")
        useStore("holder"):keep {
          read = function() return vault.open end, top = function() return top.open end,
          write = function() vault.open = 5 end, call = function() return vault:touch() end,
          patch = function() store.patch(vault, { open = 7 }) end,
          fresh = function() return useStore("vault").open end,
        }
      end } })
      """
    let test = try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        permissions = { "*" }, state = { open = 1 },
        actions = { touch = function(self) self.open = self.open + 1 return self.open end },
      })
      """,
      "stores/holder.lua": """
      local kept
      return defineStore("holder", { actions = {
        keep = function(self, functions) kept = functions end,
        use = function(self, name) return (kept[name]()) end,
      } })
      """,
      "stores/guest.lua": guest,
    ])
    let host = test.host
    _ = try await host.call("guest", "lend")
    #expect(try await host.call("holder", "use", ["call"]) == 2)
    try test.remove("stores/guest.lua")
    #expect(try await !host.reload().isRefused)
    for name in ["read", "top", "write", "call", "patch", "fresh"] {
      let error = await #expect(throws: StoreError.self) {
        try await host.call("holder", "use", [.string(name)])
      }
      #expect(error?.code == .permissionDenied, "\(name)")
      #expect(error?.message.contains("gone") == true, "\(name): \(error?.message ?? "")")
    }
    #expect(try await host.store("vault").get("open") == 2)
    try await test.reload(["stores/guest.lua": guest])
    _ = await code { try await host.call("holder", "use", ["call"]) }
    #expect(try await host.store("vault").get("open") == 2)
    _ = try await host.call("guest", "lend")
    #expect(try await host.call("holder", "use", ["call"]) == 3)
  }

  @Test func `A getter follows what it may read through reloads that narrow and widen`()
    async throws
  {
    func vault(_ permissions: String) -> String {
      """
      return defineStore("vault", {
        permissions = { \(permissions) }, state = function() return { n = 1, inner = { n = 1 } } end,
        getters = { double = function(self) return self.n * 2 end },
      })
      """
    }
    let test = try await TestHost([
      "stores/vault.lua": vault("'read'"),
      "stores/reader.lua": """
      return defineStore("reader", { getters = {
        n = function() return useStore("vault").n end, inner = function() return useStore("vault").inner.n end,
        double = function() return useStore("vault").double end,
      } })
      """,
    ])
    let reader = try await test.host.store("reader")
    for (permissions, isAllowed) in [
      ("'call'", false), ("'read'", true), ("'call'", false), ("'*'", true),
    ] {
      for name in ["n", "inner", "double"] { _ = try? await reader.get(name) }
      try await test.reload(["stores/vault.lua": vault(permissions)])
      for (name, value) in [("n", 1), ("inner", 1), ("double", 2)] as [(String, Value)] {
        let found = try? await reader.get(name)
        #expect(found == (isAllowed ? value : nil), "\(permissions) \(name)")
      }
    }
  }

  @Test
  func `A getter follows what a condition of its rights reads, and whether a getter is there`()
    async throws
  {
    let host = try await TestHost([
      "stores/flag.lua":
        "return defineStore('flag', { permissions = { '*' }, state = { on = false } })",
      "stores/vault.lua": """
      local function make(n)
        return defineStore("vault", {
          permissions = { { action = "read", condition = function() return useStore("flag").on end } },
          state = function() return { n = n } end, getters = { double = function(self) return self.n * 2 end },
        })
      end
      make(1)
      return defineStore("maker", { actions = {
        drop = function(self) store.dispose(useStore("vault")) end, make = function(self, n) make(n) end,
      } })
      """,
      "stores/reader.lua": """
      return defineStore("reader", { getters = {
        n = function() return useStore("vault").n end, double = function() return useStore("vault").double end,
      } })
      """,
    ]).host
    let reader = try await host.store("reader")
    func found() async -> [Value?] {
      [try? await reader.get("n"), try? await reader.get("double")]
    }
    #expect(await found() == [nil, nil])
    try await host.store("flag").set("on", true)
    #expect(await found() == [1, 2])
    try await host.store("flag").set("on", false)
    #expect(await found() == [nil, nil])
    try await host.store("flag").set("on", true)
    _ = try await host.call("maker", "drop")
    #expect(await found() == [nil, nil])
    _ = try await host.call("maker", "make", [5])
    #expect(await found() == [5, 10])
  }
}
