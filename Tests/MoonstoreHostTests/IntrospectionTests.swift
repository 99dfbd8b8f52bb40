import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct IntrospectionTests {
  static let files = [
    "moonstore.lua": #"return { main = "main.lua" }"#,
    "main.lua": #"bus.send("shop:opened") bus.request("stock:level", 1)"#,
    "lib/audit.lua": #"return function(what) bus.send("audit:" .. what) end"#,
    "tests/odd.lua": #"bus.send("only in a test")"#,
    "middleware/log.lua": "return {\n  action = function(call, next) return next() end,\n"
      + "  message = function(message) return message end,\n}",
    "plugins/stamp.lua": "\nreturn function(context) return { state = { stamp = 0 } } end",
    "stores/stock.lua": #"""
    -- bus.send("in a comment")
    local words = "bus.send('in a text')" --[[ bus.send("in a long comment") ]]
    return defineStore("stock", {
      state = { levels = { a = 1, b = 2 }, ratio = 0.5, note = null, seen = array() },
      getters = { total = function(self) error("never run") end },
      actions = {
        take = function(self, id, count, ...) bus.send "stock:taken" bus.send([[stock:low]], { id = id }) end,
        fill = function(self) pcall(bus.request, "supplier:order", {}) end,
      },
      answers = { ["stock:level"] = function(self, request) return 1 end },
    })
    """#,
    "stores/cart.lua": #"""
    effects.on("stock:taken", function() end, { latest = true, delay = 0.5 })
    bus.subscribe("*", function() end)
    return defineStore("cart", {
      name = "Shopping cart", version = 2, metadata = { team = "shop" },
      dependencies = { "stock" },
      permissions = { "read", "call:add" },
      state = { lines = { { id = "a", count = 1 }, { id = "b", count = 2.5, gift = true } } },
      actions = { add = function(self, id) bus.send("cart:added", { id = id }) end },
      on = { ["stock:low"] = function() end, ["never:sent"] = function() end },
    })
    """#,
    "stores/order.lua": #"""
    return defineStore("order", {
      dependencies = { "cart" },
      on = { ["cart:added"] = function() end },
    })
    """#,
  ]

  private func described() async throws -> Value {
    let host = try await TestHost(Self.files)
    // The files go with it.
    defer { withExtendedLifetime(host) {} }
    return try await host.host.described()
  }

  @Test func `A store is described with what it is made from, and no getter runs`() async throws {
    let stores = try await described()["stores"]?.arrayValue ?? []
    #expect(stores.map { $0["id"] } == ["stock", "cart", "order"])
    let cart = stores[1]
    #expect(cart["name"] == "Shopping cart")
    #expect(cart["script"] == "stores/cart.lua")
    #expect(cart["line"] == 3)
    #expect(cart["version"] == 2)
    #expect(cart["metadata"] == ["team": "shop"])
    #expect(cart["permissions"] == ["read", "call:add"])
    // What its script subscribes to by itself is heard in the store's name.
    #expect(cart["handles"] == ["*", "never:sent", "stock:low"])
    #expect(
      stores[0]["actions"] == [
        ["name": "fill", "parameters": []],
        ["name": "take", "parameters": ["id", "count", "..."]],
      ]
    )
    #expect(stores[0]["getters"] == ["total"])
    #expect(stores[0]["answers"] == ["stock:level"])
  }

  @Test func `A description is the same after it was data, and has nulls for what is not known`()
    async throws
  {
    let test = try await TestHost(Self.files)
    let host = test.host
    try await host.define(StoreDefinition("swiftly", actions: ["act": { _, _ in .null }]))
    try await host.use(ActionMiddleware())
    let description = try await host.describe()
    let data = try ValueEncoder().encode(description)
    #expect(try ValueDecoder().decode(HostDescription.self, from: data) == description)
    let json = try Value(json: data.jsonBytes())
    #expect(try ValueDecoder().decode(HostDescription.self, from: json) == description)
    #expect(data["stores"]?[3]?["script"] == .null)
    #expect(data["stores"]?[3]?["line"] == .null)
    #expect(data["stores"]?[2]?["permissions"] == .null)
    #expect(data["stores"]?[3]?["actions"]?[0] == ["name": "act", "parameters": .null])
    #expect(data["middleware"]?["actions"]?[0] == ["script": .null, "line": .null])
    #expect(data["capabilities"]?["http"] == .null)
    // Scripts get the same.
    let scripted = try await test.run("return registry.describe()")
    // The driver is a script by then.
    #expect(scripted == (try await ValueEncoder().encode(host.describe())))
  }

  @Test func `The state is described by its types, also nested, without its values`() async throws {
    let stores = try await described()["stores"]?.arrayValue ?? []
    #expect(
      stores[0]["state"] == [
        "levels": ["map": ["a": "integer", "b": "integer"]], "ratio": "number", "note": "null",
        "seen": "array", "stamp": "integer",
      ]
    )
    #expect(
      stores[1]["state"]?["lines"] == [
        "array": [
          "any": [
            ["map": ["id": "string", "count": "integer"]],
            ["map": ["id": "string", "count": "number", "gift": "boolean"]],
          ]
        ]
      ]
    )
  }

  @Test func `Huge and deep states are described within bounds`() async throws {
    let host = try await counterHost()
    try await host.run(
      #"""
      useStore("counter"):run([[
        local self = ...
        for i = 1, 100000 do self.list[i] = { id = i } end
        local wide = map() for i = 1, 5000 do wide["f" .. i] = { x = i } end
        self.nested.a.wide = wide
        local deep = {} local at = deep
        for _ = 1, 60 do at.down = {} at = at.down end
        self.note = deep
      ]])
      """#
    )
    let state = try #require(await host.host.described()["stores"]?.arrayValue?[0]["state"])
    #expect(state["list"] == ["array": ["map": ["id": "integer"]]])
    let wide = try #require(state["nested"]?["map"]?["a"]?["map"]?["wide"])
    #expect(wide["map"]?.mapValue?.count == 64)
    #expect(wide["more"] == 4_936)
    #expect("\(state["note"] ?? .null)".count < 200)
  }

  @Test func `Dependencies and dependents are listed, direct ones and all`() async throws {
    let stores = try await described()["stores"]?.arrayValue ?? []
    #expect(stores[2]["dependencies"] == ["cart"])
    #expect(stores[2]["allDependencies"] == ["stock", "cart"])
    #expect(stores[0]["dependents"] == ["cart"])
    #expect(stores[0]["allDependents"] == ["cart", "order"])
    #expect(stores[0]["missing"] == [])
  }

  @Test func `Messages are listed with who sends, handles and answers them`() async throws {
    let description = try await described()
    let messages = description["messages"]?.arrayValue ?? []
    let byType = Dictionary(
      uniqueKeysWithValues: messages.map { ($0["type"]?.stringValue ?? "", $0) }
    )
    #expect(
      byType.keys.sorted() == [
        "*", "cart:added", "never:sent", "shop:opened", "stock:level", "stock:low", "stock:taken",
        "supplier:order",
      ]
    )
    #expect(
      byType["stock:low"]?["senders"] == [
        ["script": "stores/stock.lua", "line": 7, "kind": "send"]
      ]
    )
    #expect(byType["stock:low"]?["handlers"] == ["cart"])
    #expect(byType["stock:taken"]?["effects"] == ["stores/cart.lua"])
    #expect(byType["stock:level"]?["responders"] == ["stock"])
    #expect(
      byType["stock:level"]?["senders"] == [["script": "main.lua", "line": 1, "kind": "request"]]
    )
    #expect(description["unhandled"] == ["shop:opened", "supplier:order"])
    #expect(description["unsent"] == ["never:sent"])
    #expect(
      description["computed"] == [["script": "lib/audit.lua", "line": 1, "request": false]]
    )
  }

  @Test func `Handlers that were added at run time are seen`() async throws {
    let host = try await TestHost(
      Self.files.filter { $0.key != "stores/cart.lua" && $0.key != "stores/order.lua" }
    )
    let result = try await host.run(
      #"""
      local off = bus.subscribe("stock:low", function() end)
      local function handlers()
        for _, message in ipairs(registry.describe().messages) do
          if message.type == "stock:low" then return message.handlers end
        end
      end
      local with = handlers()
      off()
      return { with, handlers() }
      """#
    )
    #expect(result == [["driver"], []])
  }

  @Test func `Middleware, plugins, effects and capabilities are listed in order`() async throws {
    let description = try await described()
    #expect(
      description["middleware"] == [
        "actions": [["script": "middleware/log.lua", "line": 2]],
        "messages": [["script": "middleware/log.lua", "line": 3]],
      ]
    )
    #expect(description["plugins"] == ["plugins/stamp.lua:2"])
    #expect(
      description["effects"] == [
        [
          "script": "stores/cart.lua", "listener": "the effect on 'stock:taken'",
          "on": [["message": "stock:taken"]], "running": 0, "latest": true, "delay": 0.5,
        ]
      ]
    )
    #expect(
      description["capabilities"] == ["files": false, "readableFiles": [], "http": .null]
    )
  }

  @Test func `Stores of Swift and those of a setup function are described as well`() async throws {
    let host = try await TestHost([
      "stores/setup.lua": #"""
      return defineStore("setup", function()
        local n = ref(1)
        return { n = n, twice = computed(function() return n.value * 2 end), add = function(by) n.value = n.value + by end }
      end)
      """#
    ])
    try await host.host.define(
      StoreDefinition("native", state: ["x": true], actions: ["go": { _, _ in .null }])
    )
    let stores = try await host.host.described()["stores"]?.arrayValue ?? []
    #expect(stores[0]["state"] == ["n": "integer"])
    #expect(stores[0]["getters"] == ["twice"])
    #expect(stores[0]["actions"] == [["name": "add", "parameters": ["by"]]])
    #expect(stores[1]["script"] == .null)
    #expect(stores[1]["state"] == ["x": "boolean"])
    #expect(stores[1]["actions"] == [["name": "go", "parameters": .null]])
  }

  @Test func `Odd texts of scripts mislead nobody`() async throws {
    let host = try await TestHost([
      "stores/odd.lua": ##"""
      local s = 'it\'s bus.send("no")' .. "\
      bus.send('no')"
      local bus2 = { bus = bus }
      local function f()
        bus2.bus.send("a field of something else")
        bus . send ( 'spa\x63e\100' , 1 )
        bus.send[==[long]==]
        bus.send("con" .. "cat")
        bus.send(s)
        local send = bus.send
      end
      --[==[ bus.send("no") ]] bus.send("no") ]==]
      return defineStore('odd', {})
      """##
    ])
    let description = try await host.host.described()
    #expect(description["messages"]?.arrayValue?.map { $0["type"] } == ["long", "spaced"])
    #expect(description["computed"]?.arrayValue?.map { $0["line"] } == [8, 9])
    #expect(description["stores"]?.arrayValue?[0]["line"] == 13)
  }
}
