-- Checks on what callers hand to the stores. Each returns the value, numbers as integers, or raises
-- an error that says what was wrong with it.
local check = {}

-- 6.0 is a whole number too: JSON and other languages don't always tell 6 from 6.0.
local function whole(value)
  return type(value) == "number" and math.tointeger(value) or nil
end

-- Texts in quotes, so that '6' and 6 look different where that is the mistake.
local function shown(value)
  return type(value) == "string" and "'" .. value .. "'" or tostring(value)
end

-- What names a product: its code, as a text.
function check.productId(value)
  if type(value) ~= "string" or value == "" then
    error {
      code = "invalid-product",
      message = "A product is named by a text, not by " .. shown(value),
    }
  end
  return value
end

-- A number of units: goods are traded in whole pieces, and never none or less than none.
function check.quantity(value)
  local quantity = whole(value)
  if not quantity or quantity <= 0 then
    error {
      code = "invalid-quantity",
      message = "A quantity must be a positive whole number, not " .. shown(value),
    }
  end
  return quantity
end

-- A number of units that may be none: stock, or the new quantity of a line.
function check.count(value)
  local count = whole(value)
  if not count or count < 0 then
    error {
      code = "invalid-quantity",
      message = "A number of units must be a whole number of 0 or more, not " .. shown(value),
    }
  end
  return count
end

-- A price in pence. Nothing may be given away below nothing, but for nothing it may.
function check.price(value)
  local pence = whole(value)
  if not pence or pence < 0 then
    error {
      code = "invalid-price",
      message = "A price must be a whole number of pence, 0 or more, not " .. shown(value),
    }
  end
  return pence
end

return check
