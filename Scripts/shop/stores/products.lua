-- What the shop sells and how much of it is left.
--
-- Answers `products:get-product`, so that others can look before they sell. Follows what the cart
-- and the orders report, so that stock is right without anybody having to set it. Tells everybody
-- `product:stock-updated` when it changes and `product:discontinued` when a product goes.
local check = require("lib.check")

local function findProduct(self, productId)
  local product = self.items[check.productId(productId)]
  if not product then
    error { code = "unknown-product", message = "Unknown product: " .. productId }
  end
  return product
end

return defineStore("products", {
  name = "Products",

  state = function()
    -- By id, since every line of every cart looks a product up: {id, name, priceMinor, stock},
    -- and `discontinued = true` once it is no longer sold.
    return { items = map() }
  end,

  -- Both walk all products: read them for a report, not for each line that is sold.
  getters = {
    productCount = function(self)
      local count = 0
      for _ in pairs(self.items) do count = count + 1 end
      return count
    end,

    stockUnits = function(self)
      local units = 0
      for _, product in pairs(self.items) do units = units + product.stock end
      return units
    end,
  },

  actions = {
    -- Takes a product into the range: {id, name, priceMinor, stock}. The name is the id where
    -- there is none, the stock 0.
    add = function(self, product)
      local id = check.productId(product.id)
      if self.items[id] then
        error { code = "product-exists", message = "There is a product already: " .. id }
      end
      self.items[id] = {
        id = id,
        name = product.name or id,
        priceMinor = check.price(product.priceMinor),
        stock = check.count(product.stock or 0),
      }
    end,

    -- Takes a product out of the range. It stays known: goods may still come back, from carts
    -- and from customers.
    discontinue = function(self, productId)
      local product = findProduct(self, productId)
      if not product.discontinued then
        product.discontinued = true
        bus.send("product:discontinued", { productId = productId })
      end
    end,

    -- Goods came in: a delivery, or a customer who returned them.
    restock = function(self, productId, quantity)
      self:updateProductStock(productId, check.quantity(quantity))
    end,

    -- Raises the stock, or lowers it when `change` is negative; never below nothing.
    updateProductStock = function(self, productId, change)
      local product = findProduct(self, productId)
      local newStock = check.count(product.stock + change)
      if newStock ~= product.stock then
        product.stock = newStock
        bus.send("product:stock-updated", {
          productId = productId,
          newStock = newStock,
          change = change,
        })
      end
    end,
  },

  answers = {
    -- Nothing, where there is no such product: only the asker knows what that means.
    ["products:get-product"] = function(self, request)
      return self.items[request.payload.productId]
    end,
  },

  on = {
    ["cart:item-added"] = function(self, message)
      local added = message.payload
      self:updateProductStock(added.productId, -added.quantity)
    end,

    ["cart:item-removed"] = function(self, message)
      local removed = message.payload
      self:updateProductStock(removed.productId, removed.quantity)
    end,

    ["cart:quantity-updated"] = function(self, message)
      local updated = message.payload
      self:updateProductStock(updated.productId, -updated.change)
    end,

    ["order:refunded"] = function(self, message)
      local refund = message.payload.refund
      self:restock(refund.productId, refund.quantity)
    end,
  },
})
