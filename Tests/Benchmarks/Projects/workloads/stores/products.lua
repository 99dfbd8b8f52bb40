-- The stock of the small shop. Whether it tells of its changes is up to the settings.
return defineStore("products", {
  state = function() return { items = map() } end,

  actions = {
    add = function(self, id, priceMinor, stock)
      self.items[id] = { id = id, name = "Product " .. id, priceMinor = priceMinor, stock = stock }
    end,

    updateStock = function(self, productId, change)
      local product = self.items[productId]
      if not product then error("unknown product: " .. productId) end
      local stock = product.stock + change
      if stock < 0 then error("no stock left: " .. productId) end
      product.stock = stock
      if settings.tellsStock then
        bus.send("product:stock-updated", { productId = productId, newStock = stock, change = change })
      end
    end,
  },

  answers = {
    ["products:get-product"] = function(self, request) return self.items[request.payload.productId] end,
  },

  on = {
    ["cart:item-added"] = function(self, message)
      self:updateStock(message.payload.productId, -message.payload.quantity)
    end,
  },
})
