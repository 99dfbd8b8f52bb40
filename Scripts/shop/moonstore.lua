-- The settings of the shop: what `moonstore run` starts, and what the scripts read as `settings`.
return {
  main = "trading.lua",
  settings = {
    openingStock = 1000, -- units on the shelf when the trading day first meets a product
  },
}
