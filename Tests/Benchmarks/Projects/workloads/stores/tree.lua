-- Reads and writes of nested state, many within one action.
return defineStore("tree", {
  state = function()
    local numbers, records = array(), array()
    for index = 1, 10000 do
      numbers[index] = index
      records[index] = { value = index }
    end
    return {
      user = { profile = { name = "Ada", visits = 0 } },
      list = array(),
      numbers = numbers,
      records = records,
    }
  end,

  actions = {
    read = function(self, count)
      local length = 0
      for _ = 1, count do
        if self.user.profile.name == "Ada" then length = length + 1 end
      end
      return length
    end,

    write = function(self, count)
      for index = 1, count do self.user.profile.visits = index end
      return self.user.profile.visits
    end,

    clear = function(self) self.list = array() end,

    push = function(self, count)
      for index = 1, count do table.insert(self.list, index) end
      return #self.list
    end,

    -- Reads elements from all over the list, which holds its own positions.
    pick = function(self, count)
      local list = self.list
      local length, wrong = #list, 0
      for index = 1, count do
        local position = index * 7919 % length + 1
        if list[position] ~= position then wrong = wrong + 1 end
      end
      return wrong
    end,

    append = function(self, count)
      local length = #self.list
      for index = length + 1, length + count do table.insert(self.list, index) end
      return #self.list
    end,

    numbersSum = function(self, count)
      local sum = 0
      for _ = 1, count do
        for _, value in ipairs(self.numbers) do sum = sum + value end
      end
      return sum
    end,

    recordsSum = function(self, count)
      local sum = 0
      for _ = 1, count do
        for _, record in ipairs(self.records) do sum = sum + record.value end
      end
      return sum
    end,
  },
})
