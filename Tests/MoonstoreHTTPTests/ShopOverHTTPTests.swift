import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// The whole shop of the document that the project began from: products that a server keeps, a cart that reserves
/// them, orders that take time; once driven from Lua, once from Swift.
@Suite struct ShopOverHTTPTests {
  private static let products = """
    local products = factories.entity():create {
      id = "products", name = "Products Store", entityName = "product",
      apiEndpoint = settings.api .. "/products",
      schema = { id = "string", name = "string", price = "integer", stock = "integer" },
      initialState = { categories = array(), brands = array(), priceRange = { min = 0, max = 1000 } },
      permissions = { "read", "call" },
      actions = {
        updateProductStock = function(self, productId, change)
          for _, product in ipairs(self.items) do
            if product.id == productId then
              local stock = product.stock + change
              if stock < 0 then error("Insufficient stock") end
              product.stock = stock
              bus.send("product:stock-updated", { productId = productId, newStock = stock, change = change })
              return stock
            end
          end
          error("Unknown product: " .. tostring(productId))
        end,
        fetchCategories = function(self)
          local response = http.get(settings.api .. "/categories")
          if not response.ok then error("categories: the server says " .. response.status) end
          self.categories = response:json()
        end,
      },
    }

    local function change(sign, field)
      return function(message)
        local payload = message.payload
        products:updateProductStock(payload.productId, sign * payload[field])
      end
    end
    bus.subscribe("cart:item-added", change(-1, "quantity"))
    bus.subscribe("cart:item-removed", change(1, "quantity"))
    bus.subscribe("cart:quantity-updated", change(-1, "change"))
    bus.answer("products:get-product", function(request)
      for _, product in ipairs(products.items) do
        if product.id == request.payload.productId then return product end
      end
    end)
    return products
    """

  private static let cart = """
    return defineStore("cart", function()
      local items, isLoading, lastError = ref(array()), ref(false), ref(null)

      local function find(productId)
        for index, item in ipairs(items.value) do
          if item.productId == productId then return item, index end
        end
      end
      local function require(productId, quantity)
        local product = bus.request("products:get-product", { productId = productId })
        if not product or product.stock < quantity then error("Insufficient stock") end
        return product
      end

      local function removeItem(productId)
        local item, index = find(productId)
        if not item then return end
        local quantity = item.quantity
        table.remove(items.value, index)
        bus.send("cart:item-removed", { productId = productId, quantity = quantity })
      end

      return {
        items = items, isLoading = isLoading, error = lastError,
        addItem = function(productId, quantity)
          quantity = quantity or 1
          local product = require(productId, quantity)
          local item = find(productId)
          if item then
            item.quantity = item.quantity + quantity
          else
            table.insert(items.value, {
              id = random.id("cart"), productId = productId, quantity = quantity, price = product.price,
              addedAt = time.iso(),
            })
          end
          bus.send("cart:item-added", { productId = productId, quantity = quantity })
        end,
        removeItem = removeItem,
        updateQuantity = function(productId, quantity)
          local item = find(productId)
          local change = quantity - item.quantity
          if change > 0 then require(productId, change) end
          item.quantity = quantity
          bus.send("cart:quantity-updated", { productId = productId, newQuantity = quantity, change = change })
        end,
        -- What was ordered is sold: its stock does not come back.
        checkOut = function()
          local taken = store.copy(items.value)
          items.value = array()
          return taken
        end,
        clearCart = function()
          while #items.value > 0 do removeItem(items.value[1].productId) end
        end,
        itemCount = computed(function()
          local count = 0
          for _, item in ipairs(items.value) do count = count + item.quantity end
          return count
        end),
        totalPrice = computed(function()
          local total = 0
          for _, item in ipairs(items.value) do total = total + item.price * item.quantity end
          return total
        end),
        isEmpty = computed(function() return #items.value == 0 end),
      }
    end, { name = "Shopping Cart Store", dependencies = { "products" }, permissions = { "read", "call" } })
    """

  private static let order = """
    return defineStore("order", {
      name = "Order Store", dependencies = { "cart", "products" }, permissions = { "read", "call" },
      state = function() return { orders = array(), currentOrder = null, isProcessing = false } end,
      getters = {
        orderCount = function(self) return #self.orders end,
        pendingOrders = function(self)
          local pending = array()
          for _, order in ipairs(self.orders) do
            if order.status == "pending" then pending[#pending + 1] = order end
          end
          return pending
        end,
      },
      actions = {
        createOrder = function(self, data)
          local cart = useStore("cart")
          if cart.isEmpty then error("Cannot create order with empty cart") end
          self.isProcessing = true
          local ok, err = pcall(sleep, 1)
          self.isProcessing = false
          commit()
          if not ok then error(err, 0) end
          local total = cart.totalPrice
          local order = {}
          for key, value in pairs(data) do order[key] = value end
          order.id, order.status, order.createdAt = random.id("order"), "pending", time.iso()
          order.total, order.items = total, cart:checkOut()
          table.insert(self.orders, order)
          self.currentOrder = order
          bus.send("order:created", { order = order })
          return order
        end,
        updateOrderStatus = function(self, orderId, status)
          for _, order in ipairs(self.orders) do
            if order.id == orderId then
              order.status, order.updatedAt = status, time.iso()
              bus.send("order:status-updated", { orderId = orderId, status = status })
              return
            end
          end
          error("Unknown order: " .. tostring(orderId))
        end,
      },
    })
    """

  /// A server with two products and some categories; `/broken` is what its name says.
  private func server() throws -> LoopbackServer {
    try LoopbackServer { request, connection in
      let body: (Int, String) =
        switch (request.method, request.path) {
        case ("GET", "/products"):
          (
            200,
            #"{"items":[{"id":"product-1","name":"Test Product","price":10,"stock":5},{"id":"product-2","name":"Other","price":3,"stock":1}],"pagination":{"page":1,"limit":20,"total":2}}"#
          )
        case ("GET", "/categories"): (200, #"["lamps","chairs"]"#)
        default: (404, #"{"message":"no such page"}"#)
        }
      connection.answer(body.0, body.1, type: "application/json")
    }
  }

  private func shop(_ server: LoopbackServer) async throws -> HTTPHost {
    try await HTTPHost([
      "moonstore.lua": #"return { settings = { api = "\#(server.url)" } }"#,
      "stores/products.lua": Self.products, "stores/cart.lua": Self.cart,
      "stores/order.lua": Self.order,
    ])
  }

  @Test
  func
    `P5 and P6 Products, their categories and their range come from a server, or an error says why`()
    async throws
  {
    let server = try server()
    let shop = try await shop(server)
    let result = try await shop.run(
      """
      local products = useStore("products")
      products:fetchItems()
      products:fetchCategories()
      return { products.itemCount, products.categories, products.brands, products.priceRange, products.pagination.total }
      """
    )
    #expect(result == [2, ["lamps", "chairs"], [], ["min": 0, "max": 1_000], 2])
    let broken = try await HTTPHost([
      "moonstore.lua": #"return { settings = { api = "\#(server.url)/broken" } }"#,
      "stores/products.lua": Self.products,
    ])
    let error = await broken.error(#"useStore("products"):fetchCategories()"#)
    #expect(error?.message.contains("categories: the server says 404") == true)
    #expect(try await broken.run(#"return useStore("products").categories"#) == [])
  }

  @Test func `The document's shop runs from Lua, over a real server`() async throws {
    let server = try server()
    let shop = try await shop(server)
    let result = try await shop.run(
      """
      local products, cart, order = useStore("products"), useStore("cart"), useStore("order")
      local events = array()
      bus.subscribe("*", function(message) events[#events + 1] = message.type end)
      products:fetchItems()
      cart.addItem("product-1", 2)
      local afterAdd = { products.items[1].stock, cart.itemCount, cart.totalPrice, { table.unpack(events) } }
      local tooMany = pcall(cart.addItem, "product-1", 4)
      cart.updateQuantity("product-1", 4)
      local afterUpdate = { products.items[1].stock, cart.itemCount }
      cart.updateQuantity("product-1", 2)
      cart.addItem("product-2")
      cart.removeItem("product-2")
      local made = order:createOrder({ customerName = "Test Customer", address = "Test Address" })
      order:updateOrderStatus(made.id, "shipped")
      local empty = pcall(order.createOrder, order, {})
      return {
        afterAdd, tooMany, afterUpdate, #made.items, made.total, made.customerName, cart.isEmpty,
        products.items[1].stock, products.items[2].stock, order.orderCount, #order.pendingOrders,
        order.orders[1].status, empty, registry.resolveDependencies("order"),
      }
      """
    )
    let events: Value = [
      "products:get-product", "products:get-product:response", "cart:item-added",
      "product:stock-updated",
    ]
    #expect(
      result == [
        [3, 2, 20, events], false, [1, 4], 1, 20, "Test Customer", true, 3, 1, 1, 0, "shipped",
        false,
        ["products", "cart"],
      ]
    )
    #expect(shop.reports.all.isEmpty)
  }

  @Test func `The document's shop runs from Swift, over a real server`() async throws {
    let server = try server()
    let shop = try await shop(server)
    let host = shop.host
    let (products, cart, order) = (
      try await host.store("products"), try await host.store("cart"), try await host.store("order")
    )
    let stream = try await host.messages("order:created")
    try await products.call("fetchItems")
    try await cart.call("addItem", "product-1", 2)
    #expect(try await products.get("items")[0]?["stock"] == 3)
    #expect(try await cart.get("totalPrice", as: Int.self) == 20)
    let error = await #expect(throws: StoreError.self) {
      try await cart.call("addItem", "product-1", 9)
    }
    #expect(error?.message.contains("Insufficient stock") == true)
    #expect(error?.store == "cart")
    async let first = order.call("createOrder", ["customerName": "A"])
    let made = try await first
    #expect(made["total"] == 20)
    #expect(made["items"]?.arrayValue?.count == 1)
    #expect(try await cart.get("isEmpty") == true)
    #expect(try await order.get("isProcessing") == false)
    var messages = stream.makeAsyncIterator()
    #expect(await messages.next()?.payload?["order"]?["customerName"] == "A")
    // A guest may look, and no more.
    let guest = try await host.store("cart", as: Principal(.session, "guest")).secured(["read"])
    #expect(try await guest.get("itemCount") == 0)
    let refusal = await #expect(throws: StoreError.self) { try await guest.call("clearCart") }
    #expect(refusal?.code == .permissionDenied)
  }
}
