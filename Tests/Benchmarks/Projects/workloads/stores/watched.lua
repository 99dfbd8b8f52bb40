-- A counter with a hook around its actions.
local watched = defineStore("watched", {
  state = function() return { count = 0 } end,
  actions = {
    increment = function(self)
      self.count = self.count + 1
      return self.count
    end,
  },
})

-- While scripts are loaded there is nothing to watch yet.
function onLoad() store.onAction(watched, function() end) end

return watched
