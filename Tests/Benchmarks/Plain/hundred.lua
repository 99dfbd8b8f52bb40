-- The shop of the project `hundred` in plain Lua tables: a hundred products and a hundred lines, found by looking
-- through them, as the peers' stores are written.
local function newShop(tellsStock)
  bus.reset()
  local products, cart = { items = {} }, { items = {} }
  for index = 0, 99 do
    products.items[index + 1] =
      { id = "product-" .. index, name = "Product " .. index, price = 1 + index, stock = 1000000000 }
  end

  local function find(list, field, value)
    for _, each in ipairs(list) do
      if each[field] == value then return each end
    end
  end

  function products:updateProductStock(productId, change)
    local product = find(self.items, "id", productId)
    product.stock = product.stock + change
    if tellsStock then
      bus.send("product:stock-updated", { productId = productId, newStock = product.stock, change = change })
    end
  end

  function cart:addItem(productId, quantity)
    local product = find(products.items, "id", productId)
    if not product or product.stock < quantity then error("insufficient stock: " .. productId) end
    local line = find(self.items, "productId", productId)
    if line then
      line.quantity = line.quantity + quantity
    else
      table.insert(self.items, { productId = productId, quantity = quantity, price = product.price })
    end
    bus.send("cart:item-added", { productId = productId, quantity = quantity })
  end

  function cart:itemCount()
    local count = 0
    for _, line in ipairs(self.items) do count = count + line.quantity end
    return count
  end

  function cart:totalPrice()
    local total = 0
    for _, line in ipairs(self.items) do total = total + line.price * line.quantity end
    return total
  end

  bus.subscribe("cart:item-added", function(message)
    products:updateProductStock(message.payload.productId, -message.payload.quantity)
  end)
  bus.subscribe("product:stock-updated", function(message)
    if message.payload.newStock <= 0 then error("oversold: " .. message.payload.productId) end
  end)
  for index = 0, 99 do
    cart:addItem("product-" .. index, 1)
    bus.settle()
  end
  return cart
end

local cart, next

local function add()
  cart:addItem("product-" .. next, 1)
  next = (next + 1) % 100
  bus.settle()
end

local function total() return cart:totalPrice() end
local function count() return cart:itemCount() end

steps.P3, steps.P3x = { add, total, count }, { add, total, count }
-- Makes the shop anew; what follows uses it.
loops.P3 = function() cart, next = newShop(false), 0 return 0 end
loops.P3x = function() cart, next = newShop(true), 0 return 0 end
