-- The cart of the small shop: looks a product up by a request, and tells what it took.
return defineStore("cart", {
  state = function() return { items = array(), positions = map() } end,

  getters = {
    itemCount = function(self)
      local count = 0
      for _, line in ipairs(self.items) do count = count + line.quantity end
      return count
    end,

    totalPrice = function(self)
      local pence = 0
      for _, line in ipairs(self.items) do pence = pence + line.quantity * line.priceMinor end
      return pence
    end,
  },

  actions = {
    addItem = function(self, productId, quantity)
      local product = bus.request("products:get-product", { productId = productId })
      if not product or product.stock < quantity then error("insufficient stock: " .. productId) end
      local position = self.positions[productId]
      if position then
        local line = self.items[position]
        line.quantity = line.quantity + quantity
      else
        table.insert(self.items, {
          productId = productId,
          quantity = quantity,
          priceMinor = product.priceMinor,
        })
        self.positions[productId] = #self.items
      end
      bus.send("cart:item-added", { productId = productId, quantity = quantity })
    end,
  },

  on = {
    ["product:stock-updated"] = function(_, message)
      if message.payload.newStock < 0 then error("oversold: " .. message.payload.productId) end
    end,
  },
})
