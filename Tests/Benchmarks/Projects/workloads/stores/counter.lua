return defineStore("counter", {
  state = function() return { count = 0 } end,
  actions = {
    increment = function(self)
      self.count = self.count + 1
      return self.count
    end,
  },
})
