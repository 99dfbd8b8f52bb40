-- A thousand lines, and a total over them.
return defineStore("lines", {
  state = function()
    local items = array()
    for index = 1, 1000 do items[index] = { quantity = 1, price = 5 } end
    return { items = items }
  end,

  getters = {
    total = function(self)
      local sum = 0
      for _, line in ipairs(self.items) do sum = sum + line.quantity * line.price end
      return sum
    end,
  },

  actions = {
    change = function(self)
      local line = self.items[500]
      line.quantity = line.quantity + 1
    end,

    -- Reads the total many times.
    read = function(self, count)
      local sum = 0
      for _ = 1, count do sum = sum + self.total end
      return sum
    end,
  },
})
