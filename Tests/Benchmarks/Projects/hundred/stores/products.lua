-- A hundred products in a list, found by looking through it, as the stores of other libraries are written.
return defineStore("products", {
  permissions = { "*" },
  state = function()
    local items = array()
    for index = 0, 99 do
      items[index + 1] = { id = "product-" .. index, name = "Product " .. index, price = 1 + index, stock = 1000000000 }
    end
    return { items = items }
  end,
  actions = {
    updateProductStock = function(self, productId, change)
      for _, product in ipairs(self.items) do
        if product.id == productId then
          product.stock = product.stock + change
          if settings.tellsStock then
            bus.send("product:stock-updated", { productId = productId, newStock = product.stock, change = change })
          end
          return
        end
      end
    end,
  },
  on = {
    ["cart:item-added"] = function(self, message)
      self:updateProductStock(message.payload.productId, -message.payload.quantity)
    end,
  },
})
