import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// The tests of the document that the project began from, as they should have been (X1 to X4), and the
/// cases that its bugs call for.
@Suite struct ShopTests {
  private let seed =
    #"useStore("products"):add({ id = "p1", name = "Test", priceMinor = 1000, stock = 5 })"#

  @Test func `X1 Stores are registered with their dependencies`() async throws {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.run(
      #"return { registry.has("products"), registry.has("cart"), registry.validateDependencies("cart"), registry.resolveDependencies("order") }"#
    )
    #expect(result == [true, true, true, ["products", "cart"]])
  }

  @Test func `X2 Adding two of five leaves three in stock at the driver's next line`() async throws
  {
    let shop = try await TestHost(shop: [:])
    let stock = try await shop.run(
      #"\#(seed) useStore("cart"):addItem("p1", 2) return useStore("products").items.p1.stock"#
    )
    #expect(stock == 3)
  }

  @Test func `X3 An order takes the cart's lines and gives no stock back`() async throws {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.run(
      #"""
      \#(seed)
      local cart, order = useStore("cart"), useStore("order")
      cart:addItem("p1", 2)
      local made = order:createOrder({ customerName = "Test Customer", total = -1, status = "paid" })
      return { #made.items, made.total, made.status, cart.isEmpty, useStore("products").items.p1.stock }
      """#
    )
    #expect(result == [1, 2000, "pending", true, 3])
  }

  @Test func `X4 A star subscriber sees each message before what it caused`() async throws {
    let shop = try await TestHost(shop: [:])
    let types = try await shop.run(
      #"""
      \#(seed)
      local types = array()
      bus.subscribe("*", function(message) types[#types + 1] = message.type end)
      useStore("cart"):addItem("p1", 1)
      return types
      """#
    )
    #expect(
      types == [
        "products:get-product", "products:get-product:response", "cart:item-added",
        "product:stock-updated",
      ]
    )
  }

  @Test func `Buying all five keeps them in the cart`() async throws {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.run(
      #"\#(seed) local cart = useStore("cart") cart:addItem("p1", 5) return { cart.itemCount, useStore("products").items.p1.stock }"#
    )
    #expect(result == [5, 0])
  }

  @Test func `Of two adds of three from five that run at once one fails`() async throws {
    let shop = try await TestHost(shop: [:])
    try await shop.run(seed)
    let cart = try await shop.host.store("cart")
    async let first = Result { () async throws -> Value in try await cart.call("addItem", "p1", 3) }
    async let second = Result { () async throws -> Value in try await cart.call("addItem", "p1", 3)
    }
    let failures = await [first, second].filter { if case .failure = $0 { true } else { false } }
    #expect(failures.count == 1)
    #expect(try await cart.get("itemCount") == 3)
  }

  @Test func `Two adds in one turn cannot oversell`() async throws {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.run(
      #"""
      \#(seed)
      local cart = useStore("cart")
      local ok = pcall(transaction, function() cart:addItem("p1", 3) cart:addItem("p1", 3) end)
      return { ok, cart.itemCount, useStore("products").items.p1.stock }
      """#
    )
    #expect(result == [false, 0, 5])
  }

  @Test func `Stock follows a changed quantity, and a refused change leaves all as it was`()
    async throws
  {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.run(
      #"""
      \#(seed)
      local cart, products = useStore("cart"), useStore("products")
      cart:addItem("p1", 2)
      cart:updateQuantity("p1", 4)
      local after = products.items.p1.stock
      local ok = pcall(cart.updateQuantity, cart, "p1", 9)
      local refused = { ok, cart.itemCount, products.items.p1.stock }
      cart:removeItem("p1")
      return { after, refused, products.items.p1.stock, cart.isEmpty }
      """#
    )
    #expect(result == [1, [false, 4, 1], 5, true])
  }

  @Test func `Products cannot be unregistered while the cart lives`() async throws {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.run(
      #"local ok, err = pcall(registry.unregister, "products") return { ok, err.code, err.message }"#
    )
    #expect(result[0] == false)
    #expect(result[1] == "hasDependents")
    #expect(result[2]?.stringValue?.contains("cart, order depend on it") == true)
  }

  /// Makes `createOrder` fail wherever it touches the world, and compares everything.
  @Test(
    arguments: [
      "time.now", "time.iso", "random.id", "bus.send", "checkOut", "handler", "data", "subscriber",
    ]
  )
  func `An order that fails at any point leaves stores, stock and watchers as they were`(
    point: String
  ) async throws {
    let shop = try await TestHost(shop: [:])
    if point == "checkOut" {
      // Only what stands around a call may end it: a hook that fails is reported, and the call goes on.
      try await shop.host.withStores { stores in
        _ = stores.use(
          ActionMiddleware(before: { call in
            guard call.store == "cart", call.action == "checkOut" else { return }
            throw StoreError(.script, "injected")
          })
        )
      }
    }
    let result = try await shop.run(
      #"""
      \#(seed)
      local cart, order, products = useStore("cart"), useStore("order"), useStore("products")
      cart:addItem("p1", 2)
      local heard = 0
      for _, each in ipairs({ cart, order, products }) do
        store.subscribe(each, function() heard = heard + 1 end)
      end
      local function picture()
        return json.encode({ store.copy(store.state(cart)), store.copy(store.state(order)),
          store.copy(store.state(products)) })
      end
      local before = picture()
      local point = "\#(point)"
      local data = { customerName = "x" }
      local expected = true
      if point == "bus.send" then
        bus.use(function(message) if message.type == "order:created" then error("injected") end return message end)
      elseif point == "data" then
        data.callback = print
      elseif point == "handler" or point == "subscriber" then
        bus.subscribe("order:created", function() error("injected") end)
        expected = false
      elseif point ~= "checkOut" then
        data = setmetatable({}, { __pairs = function() error("injected") end, __index = function() error("injected") end })
      end
      local ok = pcall(order.createOrder, order, data)
      return { ok = ok, fails = expected, same = before == picture(), heard = heard, flag = order.isProcessing }
      """#
    )
    if result["fails"] == true {
      #expect(result["ok"] == false)
      #expect(result["same"] == true)
      #expect(result["heard"] == 0)
    } else {
      // A handler that fails concerns the handler only.
      #expect(result["ok"] == true)
      #expect(shop.record.reports.count == 1)
    }
    #expect(result["flag"] == false)
  }

  @Test func `The sample day trades to its known result`() async throws {
    var configuration = HostConfiguration()
    configuration.grantsFiles = true
    let host = try await StoreHost(scripts: TestProject.shop, configuration: configuration)
    let result = try await host.run(script: TestProject.shop + "/trading.lua", name: "trading.lua")
    let known = try Value(
      json: String(contentsOfFile: TestProject.shop + "/data/day.json", encoding: .utf8)
    )
    #expect(result.value == known)
    #expect(result.text?.hasPrefix("The trading day of data/day.csv") == true)
  }
}

extension Result where Failure == any Error {
  init(_ body: () async throws -> Success) async {
    do {
      self = .success(try await body())
    } catch {
      self = .failure(error)
    }
  }
}
