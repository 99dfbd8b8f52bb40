-- Hears `pulse` with as many subscribers as the settings say, through as many layers of middleware.
local pulse = defineStore("pulse", {
  permissions = { "*" },
  state = function() return { count = 0 } end,
  on = {
    pulse = function(self, message) self.count = self.count + message.payload.amount end,
  },
})

for _ = 2, settings.subscribers or 1 do
  bus.subscribe("pulse", function(message) pulse.count = pulse.count + message.payload.amount end)
end
for _ = 1, settings.layers or 0 do
  bus.use(function(message) return message end)
end

return pulse
