-- Money is a whole number of pence everywhere in the shop: 0.1 + 0.2 pounds in floating point is
-- not 0.3 pounds. Text becomes pence, and pence become text, by their digits alone.
local money = {}

-- Ten million pounds apiece is beyond any price, and keeps quantity times price inside an integer.
local MOST_DIGITS = 7

-- "1.69" → 169, true. The second result tells whether the amount is above nothing *before*
-- rounding: 0.001 is a price, though it rounds to 0 pence. More than two decimals are rounded to
-- the nearest penny, halves away from zero. Returns nil and the problem for what is no amount.
function money.parse(text)
  local sign, pounds, fraction = string.match(text, "^%s*([+-]?)(%d*)%.?(%d*)%s*$")
  if not sign or pounds .. fraction == "" then
    return nil, "is not an amount of money"
  end
  pounds = string.gsub(pounds, "^0+", "")
  if #pounds > MOST_DIGITS then
    return nil, "is too large an amount"
  end
  local cents = string.sub(fraction .. "00", 1, 2)
  local pence = math.tointeger(tonumber("0" .. pounds)) * 100 + math.tointeger(tonumber(cents))
  if string.find(fraction, "^%d%d[5-9]") then
    pence = pence + 1
  end
  local isNothing = not string.find(pounds .. fraction, "[1-9]")
  if sign == "-" then
    return -pence, false
  end
  return pence, not isNothing
end

-- 1234567 → "1,234,567".
function money.grouped(number)
  local digits = string.format("%d", number)
  local grouped = string.gsub(string.reverse(digits), "(%d%d%d)", "%1,")
  grouped = string.gsub(string.reverse(grouped), "^(%-?),", "%1")
  return grouped
end

-- 123456 → "£1,234.56".
function money.format(pence)
  local sign = pence < 0 and "-" or ""
  local amount = math.abs(pence)
  return string.format("%s£%s.%02d", sign, money.grouped(amount // 100), amount % 100)
end

return money
