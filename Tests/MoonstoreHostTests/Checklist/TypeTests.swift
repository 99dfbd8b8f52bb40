import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// The types of the document that the project began from, as they are here.
@Suite struct TypeTests {
  private static let scripts = [
    "stores/a.lua": """
    return defineStore("a", {
      name = "The A", metadata = { team = "x" }, version = 3,
      permissions = {
        "read",
        { action = "call", resource = "go", condition = function(request) return request.principal == "driver" end },
        { permission = "write:open", principal = "stores/b.lua" },
      },
      state = { open = 1 },
      actions = { go = function() return "gone" end, stay = function() end },
    })
    """,
    "stores/b.lua": """
    return defineStore("b", {
      dependencies = { "a" },
      actions = { go = function() return useStore("a"):go() end },
    })
    """,
  ]

  @Test func `T1 and T2 A store's record is data, and all of it is kept`() async throws {
    let host = try await TestHost(Self.scripts)
    let record = try await host.run(#"return json.decode(json.encode(registry.record("a")))"#)
    #expect(
      record == [
        "id": "a", "name": "The A", "metadata": ["team": "x"], "dependencies": [],
        "dependents": ["b"], "version": 3, "script": "stores/a.lua",
        "permissions": [
          "read", ["permission": "call:go", "conditional": true],
          ["permission": "write:open", "principal": "stores/b.lua", "kind": "script"],
        ],
      ]
    )
    let swift = try await host.host.withStores { try $0.registry.record(of: "a") }
    #expect(try ValueEncoder().encode(swift) == record)
  }

  @Test func `T3 An event has what the host says of it, and a target`() async throws {
    let host = try await TestHost(Self.scripts)
    let event = try await host.run(
      #"""
      local heard
      registry.on("shop:opened", function(event) heard = event end)
      registry.emit("shop:opened", { hour = 9 }, { target = "a" })
      return heard
      """#
    )
    #expect(
      event == [
        "sequence": 3, "type": "shop:opened", "source": "driver", "target": "a",
        "payload": ["hour": 9], "timestamp": 1_000.0,
      ]
    )
  }

  @Test func `T6 A permission has an action, a resource and a condition`() async throws {
    let host = try await TestHost(Self.scripts)
    let result = try await host.run(
      #"""
      local a, b = useStore("a"), useStore("b")
      local stay, err = pcall(a.stay, a)
      local viaB, errB = pcall(b.go, b)
      return { a:go(), stay, err.code, viaB, errB.message }
      """#
    )
    #expect(
      result == [
        "gone", false, "permissionDenied", false,
        "permission denied: the script 'stores/b.lua' may not call 'a:go'",
      ]
    )
    let rights = try await host.host.withStores { stores in
      let b = Principal(.script, "stores/b.lua")
      return [
        try stores.registry.checkPermission("write:open", on: "a", for: b),
        try stores.registry.checkPermission("write", on: "a", for: b),
        try stores.registry.checkPermission("admin", on: "b", for: b),
        try stores.registry.checkPermission("read", on: "nope", for: b),
      ]
    }
    #expect(rights == [true, false, true, false])
  }

  @Test func `T8 A message has an address that routes, and is handled only when somebody did`()
    async throws
  {
    let host = try await TestHost(Self.scripts)
    let result = try await host.run(
      #"""
      bus.subscribe("x", function() error("no") end)
      bus.send("x", { n = 1 }, { to = "driver", priority = "low" })
      local message = bus.recentMessages(1)[1]
      bus.send("x", nil, { to = "somebody" })
      return { message, bus.recentMessages(1)[1].handled }
      """#
    )
    #expect(
      result == [
        [
          "id": "msg-1", "type": "x", "from": "driver", "to": "driver", "payload": ["n": 1],
          "priority": "low", "timestamp": 1_000.0, "handled": false,
        ], false,
      ]
    )
  }

  @Test func `T10 What belongs together can be printed, and old messages go by themselves`()
    async throws
  {
    let host = try await TestHost(Self.scripts)
    let described = try await host.run(#"return registry.describe()"#)
    #expect(try await host.host.described()["stores"] == described["stores"])
    let b = described["stores"]?.arrayValue?.last
    #expect(b?["id"] == "b")
    #expect(b?["dependencies"] == ["a"])
    #expect(Limits().messageAge == 60)
    #expect(Limits().messageHistory == 1_000)
  }

  @Test func `T11 The document's functions are there by their names, and misused they say so`()
    async throws
  {
    let host = try await TestHost(Self.scripts)
    for name in [
      "defineStore", "useStore", "createSecureStore", "secure", "composeStores",
      "createStoreWithDeps", "applyMiddleware", "useComposedStore",
    ] {
      #expect(try await host.run("return type(\(name))") == "function", "\(name)")
      let result = try await host.run(
        "local ok, err = pcall(\(name)) return { ok, type(err.message) }"
      )
      #expect(result == [false, "string"], "\(name)")
    }
  }
}
