-- The shopping cart: lines of a product, a quantity and a price in pence.
--
-- Putting goods into the cart reserves them: each change is reported, and the products store lets
-- its stock follow. Every increase asks for the stock first. That cannot oversell: a request is
-- answered within the turn, after all that was reported before it.
local check = require("lib.check")

-- The same product at another price is another line, so both say which line it is.
local function lineKey(productId, priceMinor)
  return productId .. "@" .. priceMinor
end

local function copyLine(line, quantity)
  return {
    id = line.id,
    productId = line.productId,
    quantity = quantity,
    priceMinor = line.priceMinor,
    addedAt = line.addedAt,
  }
end

-- `positions` must follow whenever lines move up.
local function setLines(self, lines)
  self.items = lines
  self.positions = map()
  for position, line in ipairs(lines) do
    self.positions[lineKey(line.productId, line.priceMinor)] = position
  end
end

-- The product, if it can be sold in this quantity; otherwise an error that says why not.
local function requireStock(productId, quantity)
  local product = bus.request("products:get-product", { productId = check.productId(productId) })
  if not product then
    error { code = "unknown-product", message = "Unknown product: " .. productId }
  end
  if product.discontinued then
    error { code = "discontinued", message = "No longer sold: " .. productId }
  end
  if product.stock < quantity then
    error {
      code = "insufficient-stock",
      message = string.format(
        "Insufficient stock of %s: %d asked for, %d left", productId, quantity, product.stock),
    }
  end
  return product
end

-- Takes out the lines that bear this id, or are of the product with this id, and reports them.
-- Returns how many there were.
local function removeLines(self, id)
  local kept, removed = array(), {}
  for _, line in ipairs(self.items) do
    if line.id == id or line.productId == id then
      removed[#removed + 1] = {
        lineId = line.id,
        productId = line.productId,
        quantity = line.quantity,
      }
    else
      kept[#kept + 1] = copyLine(line, line.quantity)
    end
  end
  if #removed > 0 then
    setLines(self, kept)
    for _, line in ipairs(removed) do bus.send("cart:item-removed", line) end
  end
  return #removed
end

local function notInCart(id)
  error { code = "not-in-cart", message = "Not in the cart: " .. tostring(id) }
end

local function findLine(self, id)
  local found
  for _, line in ipairs(self.items) do
    if line.id == id then
      return line
    elseif line.productId == id then
      if found then
        error {
          code = "several-lines",
          message = id .. " is in the cart at several prices: name the line by its id",
        }
      end
      found = line
    end
  end
  return found or notInCart(id)
end

return defineStore("cart", {
  name = "Shopping cart",
  dependencies = { "products" },

  state = function()
    return {
      items = array(), -- the lines: {id, productId, quantity, priceMinor, addedAt}
      positions = map(), -- where in `items` a product at a price stands: adding never searches
    }
  end,

  getters = {
    itemCount = function(self)
      local count = 0
      for _, line in ipairs(self.items) do count = count + line.quantity end
      return count
    end,

    totalPrice = function(self)
      local pence = 0
      for _, line in ipairs(self.items) do pence = pence + line.quantity * line.priceMinor end
      return pence
    end,

    isEmpty = function(self)
      return #self.items == 0
    end,
  },

  actions = {
    -- Puts goods into the cart, one piece at the product's own price where nothing else is said,
    -- and returns the id of their line.
    addItem = function(self, productId, quantity, priceMinor)
      quantity = check.quantity(quantity or 1)
      local product = requireStock(productId, quantity)
      local price = check.price(priceMinor or product.priceMinor)

      local key = lineKey(productId, price)
      local position = self.positions[key]
      local lineId
      if position then
        local line = self.items[position]
        line.quantity = line.quantity + quantity
        lineId = line.id
      else
        lineId = random.id("cart")
        table.insert(self.items, {
          id = lineId,
          productId = productId,
          quantity = quantity,
          priceMinor = price,
          addedAt = time.iso(),
        })
        self.positions[key] = #self.items
      end

      bus.send("cart:item-added", { lineId = lineId, productId = productId, quantity = quantity })
      return lineId
    end,

    -- Sets the quantity of a line, named by its id or by its product. 0 takes the line out, as
    -- people expect who count down to it.
    updateQuantity = function(self, id, newQuantity)
      newQuantity = check.count(newQuantity)
      local line = findLine(self, id)
      if newQuantity == 0 then
        removeLines(self, line.id)
        return
      end

      local oldQuantity = line.quantity
      local change = newQuantity - oldQuantity
      if change == 0 then
        return
      elseif change > 0 then
        requireStock(line.productId, change)
      end
      line.quantity = newQuantity
      bus.send("cart:quantity-updated", {
        lineId = line.id,
        productId = line.productId,
        oldQuantity = oldQuantity,
        newQuantity = newQuantity,
        change = change,
      })
    end,

    -- Takes out a line, named by its id, or all lines of a product.
    removeItem = function(self, id)
      if removeLines(self, id) == 0 then notInCart(id) end
    end,

    clearCart = function(self)
      local removed = {}
      for _, line in ipairs(self.items) do
        removed[#removed + 1] = {
          lineId = line.id,
          productId = line.productId,
          quantity = line.quantity,
        }
      end
      setLines(self, array())
      for _, line in ipairs(removed) do bus.send("cart:item-removed", line) end
    end,

    -- Hands goods over to an order and returns their lines. `wanted` says how many of each line,
    -- by line id; what is no longer there is left out, and what was added since stays in the
    -- cart. No stock goes back: these goods are sold.
    checkOut = function(self, wanted)
      local taken, left = array(), array()
      for _, line in ipairs(self.items) do
        local quantity = math.min(check.count(wanted[line.id] or 0), line.quantity)
        if quantity > 0 then taken[#taken + 1] = copyLine(line, quantity) end
        if quantity < line.quantity then
          left[#left + 1] = copyLine(line, line.quantity - quantity)
        end
      end
      setLines(self, left)
      return taken
    end,
  },

  on = {
    -- Selling the last one is no reason to take anything out of the cart: those goods are
    -- reserved. Only what is no longer sold goes.
    ["product:discontinued"] = function(self, message)
      removeLines(self, message.payload.productId)
    end,
  },
})
