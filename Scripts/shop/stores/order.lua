-- Orders and refunds: what became of the goods once they left the cart, and came back.
--
-- An order takes its lines from the cart, which leaves the stock alone: it went down when the
-- goods went into the cart. Tells everybody `order:created`, `order:status-updated` and
-- `order:refunded`; the products store puts refunded goods back on the shelf.
local check = require("lib.check")

local STATUSES = {
  pending = true,
  paid = true,
  shipped = true,
  delivered = true,
  cancelled = true,
}

local function requireGoods(cart)
  if cart.isEmpty then
    error { code = "empty-cart", message = "Cannot create order with empty cart" }
  end
end

-- How many there are of each line, by line id.
local function quantitiesOf(cart)
  local quantities = {}
  for _, line in ipairs(cart.items) do quantities[line.id] = line.quantity end
  return quantities
end

-- Waits as long as processing takes. Waiting makes final what was done so far, so the flag that
-- keeps a second order out must be lowered for good, whatever becomes of this one.
local function process(self)
  if self.processingDelay <= 0 then return end
  self.isProcessing = true
  local waited, problem = pcall(sleep, self.processingDelay)
  self.isProcessing = false
  commit()
  if not waited then error(problem, 0) end
end

-- A record with what the caller adds to it. What the shop itself knows goes in last: no caller
-- sets the id or the total of an order.
local function record(data, own)
  local result = {}
  for key, value in pairs(data or {}) do result[key] = value end
  for key, value in pairs(own) do result[key] = value end
  return result
end

return defineStore("order", {
  name = "Orders",
  dependencies = { "cart", "products" },

  state = function()
    return {
      orders = array(), -- {id, items, total, status, createdAt, …}; `total` in pence
      positions = map(), -- where in `orders` an id stands: orders are many and never move
      refunds = array(), -- {id, productId, quantity, priceMinor, total, createdAt, …}
      isProcessing = false,
      processingDelay = 0, -- seconds that an order takes before it is placed
    }
  end,

  getters = {
    orderCount = function(self)
      return #self.orders
    end,

    -- The latest order; nil before the first.
    currentOrder = function(self)
      return self.orders[#self.orders]
    end,

    pendingOrders = function(self)
      local pending = array()
      for _, order in ipairs(self.orders) do
        if order.status == "pending" then pending[#pending + 1] = order end
      end
      return pending
    end,
  },

  actions = {
    -- Turns what is in the cart into an order, with `data` (customer, country, …) added to it,
    -- and returns the order. Goods that are put into the cart while it is processed stay there.
    createOrder = function(self, data)
      if self.isProcessing then
        error { code = "order-in-progress", message = "An order is being processed already" }
      end
      local cart = useStore("cart")
      requireGoods(cart)
      local wanted = quantitiesOf(cart)

      process(self)

      local lines = cart:checkOut(wanted)
      local total = 0
      for _, line in ipairs(lines) do total = total + line.quantity * line.priceMinor end
      if #lines == 0 then
        error { code = "empty-cart", message = "The cart was emptied while it was ordered" }
      end
      local order = record(data, {
        id = random.id("order"),
        items = lines,
        total = total,
        status = "pending",
        createdAt = time.iso(),
      })
      table.insert(self.orders, order)
      self.positions[order.id] = #self.orders
      bus.send("order:created", { order = order })
      return order
    end,

    updateOrderStatus = function(self, orderId, status)
      local position = self.positions[orderId]
      if not position then
        error { code = "unknown-order", message = "Unknown order: " .. tostring(orderId) }
      end
      if not STATUSES[status] then
        error { code = "unknown-status", message = "Unknown status: " .. tostring(status) }
      end
      local order = self.orders[position]
      if order.status ~= status then
        order.status = status
        order.updatedAt = time.iso()
        bus.send("order:status-updated", { orderId = orderId, status = status })
      end
    end,

    -- Takes goods back at a price and returns the refund. Goods may come back that were sold
    -- before these records began, so no order is asked for; but the product must be known, or
    -- there would be no shelf to put them on.
    refund = function(self, productId, quantity, priceMinor, data)
      productId = check.productId(productId)
      quantity, priceMinor = check.quantity(quantity), check.price(priceMinor)
      if not bus.request("products:get-product", { productId = productId }) then
        error { code = "unknown-product", message = "Unknown product: " .. productId }
      end
      local refund = record(data, {
        id = random.id("refund"),
        productId = productId,
        quantity = quantity,
        priceMinor = priceMinor,
        total = quantity * priceMinor,
        createdAt = time.iso(),
      })
      table.insert(self.refunds, refund)
      bus.send("order:refunded", { refund = refund })
      return refund
    end,
  },
})
