-- The shop of the project `workloads` in plain Lua tables: the same steps, no copies and no proxies.
local LINES = 10

local function newShop(tellsStock)
  bus.reset()
  local products = { items = {} }
  local cart = { items = {}, positions = {} }

  function products:updateStock(productId, change)
    local product = self.items[productId]
    if not product then error("unknown product: " .. productId) end
    local stock = product.stock + change
    if stock < 0 then error("no stock left: " .. productId) end
    product.stock = stock
    if tellsStock then
      bus.send("product:stock-updated", { productId = productId, newStock = stock, change = change })
    end
  end

  function cart:addItem(productId, quantity)
    local product = bus.request("products:get-product", { productId = productId })
    if not product or product.stock < quantity then error("insufficient stock: " .. productId) end
    local position = self.positions[productId]
    if position then
      local line = self.items[position]
      line.quantity = line.quantity + quantity
    else
      table.insert(self.items, { productId = productId, quantity = quantity, priceMinor = product.priceMinor })
      self.positions[productId] = #self.items
    end
    bus.send("cart:item-added", { productId = productId, quantity = quantity })
  end

  function cart:itemCount()
    local count = 0
    for _, line in ipairs(self.items) do count = count + line.quantity end
    return count
  end

  function cart:totalPrice()
    local pence = 0
    for _, line in ipairs(self.items) do pence = pence + line.quantity * line.priceMinor end
    return pence
  end

  bus.answer("products:get-product", function(request) return products.items[request.payload.productId] end)
  bus.subscribe("cart:item-added", function(message)
    products:updateStock(message.payload.productId, -message.payload.quantity)
  end)
  bus.subscribe("product:stock-updated", function(message)
    if message.payload.newStock < 0 then error("oversold: " .. message.payload.productId) end
  end)

  for index = 1, LINES do
    local id = "P" .. index
    products.items[id] = { id = id, name = "Product " .. index, priceMinor = 100, stock = 1000000000 }
    cart:addItem(id, 1)
    bus.settle()
  end
  return cart
end

local cart

local function add()
  cart:addItem("P5", 1)
  bus.settle()
end

local function count() return cart:itemCount() end
local function total() return cart:totalPrice() end

steps = { W3 = { add, count, total }, W3x = { add, count, total } }
loops = {
  -- Makes the shop anew; what follows uses it.
  W3 = function() cart = newShop(false) return 0 end,
  W3x = function() cart = newShop(true) return 0 end,
}
