-- The settings of the shop: what `moonstore run` starts, and what the scripts read as `settings`.
return {
  main = "trading.lua",
  check = {
    -- What the shop tells everybody, whether or not a script of the shop listens.
    messages = { "order:created", "order:status-updated", "product:stock-updated" },
  },
  settings = {
    openingStock = 1000, -- units on the shelf when the trading day first meets a product
  },
}
