-- A cart of a hundred lines, whose totals are summed by walking through them.
return defineStore("cart", {
  dependencies = { "products" },
  state = function() return { items = array() } end,
  getters = {
    itemCount = function(self)
      local count = 0
      for _, line in ipairs(self.items) do count = count + line.quantity end
      return count
    end,
    totalPrice = function(self)
      local total = 0
      for _, line in ipairs(self.items) do total = total + line.price * line.quantity end
      return total
    end,
  },
  actions = {
    addItem = function(self, productId, quantity)
      local product
      for _, each in ipairs(useStore("products").items) do
        if each.id == productId then product = each break end
      end
      if not product or product.stock < quantity then error("insufficient stock: " .. productId) end
      local existing
      for _, line in ipairs(self.items) do
        if line.productId == productId then existing = line break end
      end
      if existing then
        existing.quantity = existing.quantity + quantity
      else
        table.insert(self.items, {
          id = random.id("cart"), productId = productId, quantity = quantity, price = product.price, addedAt = time.now(),
        })
      end
      bus.send("cart:item-added", { productId = productId, quantity = quantity })
    end,
    remove = function(self, productId)
      for index, line in ipairs(self.items) do
        if line.productId == productId then table.remove(self.items, index) return end
      end
    end,
  },
  on = {
    ["product:stock-updated"] = function(self, message)
      if message.payload.newStock <= 0 then self:remove(message.payload.productId) end
    end,
  },
})
