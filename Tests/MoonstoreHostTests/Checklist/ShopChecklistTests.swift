import MoonValue
import MoonstoreCore
import MoonstoreHost
import TestSupport
import Testing

/// Products, cart and order of the document that the project began from, as they should have been.
@Suite struct ShopChecklistTests {
  private let seed =
    #"useStore("products"):add({ id = "p1", name = "Test", priceMinor = 1000, stock = 5 })"#

  private func run(_ lua: String, settings: [String: Value] = [:]) async throws -> Value {
    let shop = try await TestHost(shop: settings)
    let prelude = #"""
      \#(seed)
      local cart, order, products = useStore("cart"), useStore("order"), useStore("products")
      local function stock() return products.items.p1.stock end
      local function failure(fn, ...)
        local ok, err = pcall(fn, ...)
        return not ok and (err.code or tostring(err)) or nil
      end
      """#
    return try await shop.run(prelude + "\n" + lua)
  }

  @Test func `P1 The store of an id is one: a second definition is refused, at load and later`()
    async throws
  {
    let twice = #"return defineStore("products", {})"#
    await #expect(throws: StoreError.self) {
      _ = try await TestHost(["stores/a.lua": twice, "stores/b.lua": twice])
    }
    #expect(
      try await run(#"return failure(defineStore, "products", {})"#) == "duplicateStore"
    )
  }

  @Test func `P2 Products are registered with what others may do`() async throws {
    #expect(
      try await run(
        #"return { registry.has("products"), registry.checkPermission("products", "read"), registry.checkPermission("products", "write") }"#
      ) == [true, true, false]
    )
  }

  @Test func `P3 Stock follows what is added, removed and changed`() async throws {
    #expect(
      try await run(
        #"""
        cart:addItem("p1", 3)
        local added = stock()
        cart:updateQuantity("p1", 1)
        local less = stock()
        cart:updateQuantity("p1", 4)
        local more = stock()
        cart:removeItem("p1")
        return { added, less, more, stock() }
        """#
      ) == [2, 4, 1, 5]
    )
  }

  @Test func `P4 Stock has a floor, unknown products are an error, and no change is no message`()
    async throws
  {
    #expect(
      try await run(
        #"""
        local messages = 0
        bus.subscribe("product:stock-updated", function() messages = messages + 1 end)
        local unknown = failure(products.updateProductStock, products, "nope", 1)
        local below = failure(products.updateProductStock, products, "p1", -6)
        products:updateProductStock("p1", 0)
        return { unknown, below ~= nil, stock(), messages }
        """#
      ) == ["unknown-product", true, 5, 0]
    )
  }

  @Test func `P7 Products answer who asks for one`() async throws {
    #expect(
      try await run(
        #"""
        return { bus.request("products:get-product", { productId = "p1" }).stock,
          bus.request("products:get-product", { productId = "nope" }) == nil }
        """#
      ) == [5, true]
    )
  }

  @Test func `P8 What products subscribe to goes with them, and comes back once`() async throws {
    let shop = try await TestHost(shop: [:])
    let result = try await shop.host.withStores { stores -> Value in
      let definition = try stores.registry.definition(of: "products")
      try stores.registry.unregister("products", dependents: .cascade)
      try stores.send("cart:item-added", ["productId": "p1", "quantity": 1])
      return [
        "unhandled": .integer(Int64(stores.bus.unhandledCount)), "id": .string(definition.id),
      ]
    }
    #expect(result == ["unhandled": 1, "id": "products"])
    #expect(shop.record.reports.isEmpty)
  }

  @Test func `C1 The cart is there only with the products that it depends on`() async throws {
    let cart = try await TestHost(shop: [:]).run(
      #"return { registry.validateDependencies("cart"), registry.record("cart").dependencies }"#
    )
    #expect(cart == [true, ["products"]])
    let error = await #expect(throws: StoreError.self) {
      _ = try await TestHost([
        "stores/cart.lua": #"return defineStore("cart", { dependencies = { "products" } })"#
      ])
    }
    #expect(error?.code == .missingDependency)
  }

  @Test func `C2 Buying the last one keeps it in the cart; what is no longer sold leaves it`()
    async throws
  {
    #expect(
      try await run(
        #"""
        cart:addItem("p1", 5)
        local full = { cart.itemCount, stock() }
        products:discontinue("p1")
        return { full, cart.itemCount, stock() }
        """#
      ) == [[5, 0], 0, 5]
    )
  }

  @Test func `C3 Adding checks stock and quantity, says which it was, and keeps prices apart`()
    async throws
  {
    #expect(
      try await run(
        #"""
        local function try(...) return failure(cart.addItem, cart, ...) end
        local failures = { try("nope"), try("p1", 6), try("p1", 0) ~= nil, try("p1", -1) ~= nil,
          try("p1", 1.5) ~= nil, try("p1", 0/0) ~= nil, try("p1", "2") ~= nil }
        local untouched = { cart.itemCount, stock() }
        local first = cart:addItem("p1")
        local second = cart:addItem("p1", 1)
        local third = cart:addItem("p1", 1, 900)
        return { failures, untouched, first == second, first == third, #cart.items, cart.totalPrice,
          type(cart.items[1].addedAt) }
        """#
      ) == [
        ["unknown-product", "insufficient-stock", true, true, true, true, true], [0, 5], true,
        false,
        2, 2_900, "string",
      ]
    )
  }

  @Test func `C4 Removing gives back what the line holds; what is not there is an error`()
    async throws
  {
    #expect(
      try await run(
        #"""
        cart:addItem("p1", 3)
        cart:removeItem("p1")
        return { stock(), failure(cart.removeItem, cart, "p1") }
        """#
      ) == [5, "not-in-cart"]
    )
  }

  @Test func `C5 A changed quantity is checked, told once, and zero takes the line out`()
    async throws
  {
    #expect(
      try await run(
        #"""
        local told = array()
        bus.subscribe("cart:quantity-updated", function(m)
          told[#told + 1] = { m.payload.oldQuantity, m.payload.newQuantity, m.payload.change }
        end)
        cart:addItem("p1", 2)
        cart:updateQuantity("p1", 2)
        cart:updateQuantity("p1", 4)
        local tooMany = failure(cart.updateQuantity, cart, "p1", 9)
        local negative = failure(cart.updateQuantity, cart, "p1", -1) ~= nil
        local here = { cart.itemCount, stock() }
        cart:updateQuantity("p1", 0)
        return { told, tooMany, negative, here, cart.isEmpty, stock() }
        """#
      ) == [[[2, 4, 2]], "insufficient-stock", true, [4, 1], true, 5]
    )
  }

  @Test func `C6 Clearing gives back every line`() async throws {
    #expect(
      try await run(
        #"""
        products:add({ id = "p2", priceMinor = 5, stock = 9 })
        cart:addItem("p1", 2) cart:addItem("p2", 4)
        local removed = 0
        bus.subscribe("cart:item-removed", function() removed = removed + 1 end)
        cart:clearCart()
        return { removed, cart.isEmpty, stock(), products.items.p2.stock }
        """#
      ) == [2, true, 5, 9]
    )
  }

  @Test func `C7 and C8 Count, total and emptiness follow, in whole pence`() async throws {
    #expect(
      try await run(
        #"""
        products:add({ id = "p2", priceMinor = 10, stock = 100 })
        local before = { cart.itemCount, cart.totalPrice, cart.isEmpty }
        cart:addItem("p1", 2)
        for _ = 1, 3 do cart:addItem("p2", 1) end
        return { before, cart.itemCount, cart.totalPrice, math.type(cart.totalPrice), cart.isEmpty,
          failure(products.add, products, { id = "p3", priceMinor = 1.5 }) ~= nil }
        """#
      ) == [[0, 0, true], 5, 2_030, "integer", false, true]
    )
  }

  @Test func `O1 Orders depend on cart and products`() async throws {
    #expect(
      try await run(
        #"return { registry.record("order").dependencies, registry.record("products").dependents }"#
      ) == [["cart", "products"], ["cart", "order"]]
    )
  }

  @Test func `O2 An order is atomic, its own, and one at a time`() async throws {
    #expect(
      try await run(
        #"""
        local empty = failure(order.createOrder, order, {})
        cart:addItem("p1", 2)
        local first = order:createOrder({ customerName = "A", id = "mine", total = -1, items = {}, status = "paid" })
        cart:addItem("p1", 1)
        local second = order:createOrder()
        return { empty, first.total, first.status, first.customerName, first.id ~= "mine", #first.items,
          first.id ~= second.id, order.currentOrder.id == second.id, cart.isEmpty, stock() }
        """#
      ) == ["empty-cart", 2_000, "pending", "A", true, 1, true, true, true, 2]
    )
  }

  @Test(.timeLimit(.minutes(1)))
  func `O2 What is added while an order is processed stays, and a second order is refused`()
    async throws
  {
    // Processing takes until the gate is opened.
    let (gate, opener) = AsyncStream.makeStream(of: Void.self)
    var configuration = HostConfiguration()
    configuration.sleep = { _ in for await _ in gate { break } }
    let host = try await StoreHost(scripts: TestProject.shop, configuration: configuration)
    _ = try await host.evaluate(#"\#(seed) useStore("cart"):addItem("p1", 2)"#)
    let order = try await host.store("order")
    let cart = try await host.store("cart")
    try await order.set("processingDelay", 1)
    async let first = order.call("createOrder")
    try await eventually("the call waits", { try await order.get("isProcessing") == true })
    let error = await #expect(throws: StoreError.self) { try await order.call("createOrder") }
    #expect(error?.value?["code"] == "order-in-progress")
    try await cart.call("addItem", "p1", 1)
    opener.yield()
    #expect(try await first["total"] == 2_000)
    #expect(try await order.get("isProcessing") == false)
    #expect(try await cart.get("itemCount") == 1)
    #expect(try await host.evaluate(#"return useStore("products").items.p1.stock"#).value == 2)
  }

  @Test func `O3 and O4 A status is checked, told and dated, and orders are counted`() async throws
  {
    #expect(
      try await run(
        #"""
        cart:addItem("p1", 1)
        local made = order:createOrder()
        local told = array()
        bus.subscribe("order:status-updated", function(m) told[#told + 1] = m.payload.status end)
        local before = { order.orderCount, #order.pendingOrders }
        order:updateOrderStatus(made.id, "paid")
        order:updateOrderStatus(made.id, "paid")
        return { before, told, order.orderCount, #order.pendingOrders, type(order.orders[1].updatedAt),
          failure(order.updateOrderStatus, order, made.id, "lost"),
          failure(order.updateOrderStatus, order, "nope", "paid") }
        """#
      ) == [[1, 1], ["paid"], 1, 0, "string", "unknown-status", "unknown-order"]
    )
  }
}
