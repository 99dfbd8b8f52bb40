import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct NamespaceTests {
  private let project = [
    "stores/shop/cart.lua": #"""
    local shop = namespace("shop")
    return shop.defineStore("cart", {
      dependencies = { "shop/products" },
      state = { n = 2 },
      getters = { total = function(self) return self.n * shop.useStore("products").price end },
      actions = { add = function(self) self.n = self.n + 1 end },
    })
    """#,
    "stores/shop/goods/products.lua":
      #"return defineStore("shop/products", { state = { price = 5 } })"#,
    "stores/cart.lua": #"return defineStore("cart", { state = { n = 7 } })"#,
    "stores/shop/.#cart.lua": "this is no Lua",
  ]

  @Test func `T9 Stores of a namespace stand beside others of the same name`() async throws {
    let host = try await TestHost(project)
    #expect(await host.host.storeIDs == ["cart", "shop/products", "shop/cart"])
    let result = try await host.run(
      #"""
      local shop = namespace("shop")
      return {
        shop.useStore("cart").total, useStore("cart").n, shop.useStore("cart") == useStore("shop/cart"),
        shop.ids(), shop.has("cart"), shop.has("orders"), shop.name,
        tostring(shop.useStore("cart")),
      }
      """#
    )
    #expect(
      result == [10, 7, true, ["products", "cart"], true, false, "shop", "store: shop/cart"]
    )
  }

  @Test func `T9 Namespaces stand in namespaces, and take setup functions and options`()
    async throws
  {
    let host = try await TestHost(project)
    let result = try await host.run(
      #"""
      local eu = namespace("shop").namespace("eu")
      local tax = eu.defineStore("tax", function() local rate = ref(19) return { rate = rate } end, {
        dependencies = { "shop/products" }, name = "Tax",
      })
      return { store.id(tax), tax.rate, eu.ids(), namespace("shop/eu").useStore("tax").rate,
        registry.resolveDependencies("shop/eu/tax") }
      """#
    )
    #expect(result == ["shop/eu/tax", 19, ["tax"], 19, ["shop/products"]])
  }

  @Test func `T9 A store's path in changes and errors shows its namespace`() async throws {
    let host = try await TestHost(project)
    let result = try await host.run(
      #"""
      local cart, paths = useStore("shop/cart"), array()
      store.subscribe(cart, function(change) paths[#paths + 1] = change.changes[1].path end)
      cart:add()
      local ok, err = pcall(function() return namespace("shop").useStore("carts") end)
      return { paths, tostring(err) }
      """#
    )
    #expect(result[0]?[0]?.stringValue?.contains("shop/cart") == true)
    #expect(result[1]?.stringValue?.contains("did you mean 'shop/cart'?") == true)
  }

  @Test(
    arguments: [
      "", "/", "/cart", "cart/", "shop//cart", " cart", "cart ", "shop/ cart", "a\u{1}b", "a\nb",
      "\u{7f}", String(repeating: "x", count: 201),
    ]
  )
  func
    `T9 Ids with empty parts, control characters, spaces at the ends or too many letters are refused`(
      id: String
    ) async throws
  {
    let host = try await TestHost([:])
    let error = await #expect(throws: StoreError.self) {
      _ = try await host.host.evaluate("defineStore(..., {})", arguments: [.string(id)])
    }
    #expect(error?.code == .invalidDefinition)
    let factory = await #expect(throws: StoreError.self) {
      _ = try await host.host.evaluate(
        "factories.base():create { id = (...) }",
        arguments: [.string(id)]
      )
    }
    #expect(factory?.code == .invalidDefinition)
    let space = await #expect(throws: StoreError.self) {
      _ = try await host.host.evaluate("namespace(...)", arguments: [.string(id)])
    }
    #expect(space?.code == .invalidDefinition)
    let swift = await #expect(throws: StoreError.self) {
      try await host.host.define(StoreDefinition(id))
    }
    #expect(swift?.code == .invalidDefinition)
    #expect(await host.host.storeIDs.isEmpty)
  }

  @Test func `T9 Long ids, spaces inside and other scripts of the world are fine`() async throws {
    let host = try await TestHost([:])
    let ids = ["my cart", "Einkäufe/Körbe", "カート", String(repeating: "x", count: 200)]
    for id in ids {
      _ = try await host.host.evaluate(
        "return defineStore(..., { state = { n = 1 } }).n",
        arguments: [.string(id)]
      )
    }
    #expect(await host.host.storeIDs == ids)
  }

  @Test(
    arguments: [
      ("namespace()", "namespace: argument 1 must be a string"),
      ("namespace(5)", "namespace: argument 1 must be a string"),
      ("namespace({})", "namespace: argument 1 must be a string"),
      ("namespace('shop').useStore()", "argument 1 must be a string, not nil"),
      ("namespace('shop').defineStore({}, {})", "argument 1 must be a string, not a table"),
      ("namespace('shop').useStore('nobody')", "there is no store 'shop/nobody'"),
      ("namespace('shop').defineStore('a/', {})", "an empty part"),
      ("namespace('shop').x = 1", "cannot be changed"),
    ]
  )
  func `T9 A namespace that is misused says how`(lua: String, words: String) async throws {
    let host = try await TestHost([:])
    let error = await #expect(throws: StoreError.self) { try await host.run(lua) }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.script == "driver")
    #expect(await host.host.storeIDs.isEmpty)
  }
}
