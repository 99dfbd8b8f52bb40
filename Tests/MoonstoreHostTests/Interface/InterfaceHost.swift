import MoonstoreHost
import MoonstoreInterface

/// A host with all that the examples of the interface use: a small shop, a module, a file and a server.
enum InterfaceHost {
  static func make() async throws -> TestHost {
    try await TestHost(files) { configuration in
      configuration.grantsFiles = true
      configuration.http = try? HTTPGrant(PriceServer(), hosts: ["api.example.com"])
    }
  }

  private static let files = [
    "stores/products.lua": """
    return defineStore("products", {
      state = { stock = map() },
      permissions = { "read", "call", "write", "admin" },
      getters = {
        count = function(self)
          local n = 0
          for _ in pairs(self.stock) do n = n + 1 end
          return n
        end,
      },
      actions = { add = function(self, id, quantity) self.stock[id] = quantity end },
    })
    """,
    "stores/cart.lua": """
    return defineStore("cart", {
      dependencies = { "products" },
      permissions = { "read", "call" },
      state = function() return { items = array() } end,
      getters = { itemCount = function(self) return #self.items end },
      actions = {
        clear = function(self) self.items = array() end,
        addItem = function(self, id, quantity)
          local stock = useStore("products").stock[id]
          if not stock or stock < quantity then error("insufficient stock: " .. id) end
          self.items[#self.items + 1] = { id = id, quantity = quantity }
        end,
      },
    })
    """,
    "lib/money.lua": """
    return { format = function(cents) return string.format("%.2f", cents / 100) end }
    """,
    "data/prices.csv": "lamp,12\nsofa,90",
  ]

  private struct PriceServer: HTTPTransport {
    func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse {
      HTTPResponse(
        status: 200,
        headers: [HTTPHeader("content-type", "application/json")],
        body: Array(#"{"price":12}"#.utf8)
      )
    }
  }
}
