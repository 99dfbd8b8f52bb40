-- The trading day: reads the invoice lines of a shop, line by line, and trades them.
--
--   moonstore run Scripts/shop trading.lua [FILE] [--json]
--
-- With no file it trades data/day.csv, a made-up day. For the real thing take a file in the layout
-- of the public data set "Online Retail" (Daqing Chen, UCI Machine Learning Repository, 2015,
-- https://doi.org/10.24432/C5BW33, CC BY 4.0), saved as CSV.
--
-- Every line is sold, refused, taken back or skipped; the lines of an invoice stand together, and
-- at its end what is in the cart becomes an order. A broken line ends the day with an error that
-- names it; all orders placed before it stand.
local csv = require("lib.csv")
local money = require("lib.money")

local COLUMNS = {
  "InvoiceNo", "StockCode", "Description", "Quantity", "InvoiceDate", "UnitPrice", "CustomerID",
  "Country",
}
local MOST_QUANTITY = 1000000000 -- keeps quantity times price inside an integer
local LINES_PER_REPORT = 1000
local TOP = 5

local path, surplus = ...
path = path or "data/day.csv"
if surplus then
  error("trading.lua takes one file, but was given another argument too: " .. surplus, 0)
end

local products, cart, order = useStore("products"), useStore("cart"), useStore("order")

local totals = {
  orders = 0,
  linesSold = 0,
  linesRefused = 0,
  linesSkipped = 0,
  returns = 0,
  units = 0,
  revenueMinor = 0,
  refundMinor = 0,
}
local revenueByProduct, revenueByCountry = {}, {}

-- A record of the file with its numbers read: `quantity`, `priceMinor` and `hasPrice`.
local function readLine(record, number)
  local digits = string.match(record.Quantity, "^%s*([+-]?%d+)%.?0*%s*$")
  local quantity = digits and math.tointeger(tonumber(digits))
  if not digits then
    csv.broken(path, number, "Quantity '" .. record.Quantity .. "' is not a whole number")
  elseif not quantity or math.abs(quantity) > MOST_QUANTITY then
    csv.broken(path, number, "Quantity '" .. record.Quantity .. "' is too large")
  end
  local priceMinor, detail = money.parse(record.UnitPrice)
  if not priceMinor then
    csv.broken(path, number, "UnitPrice '" .. record.UnitPrice .. "' " .. detail)
  end
  record.quantity, record.priceMinor, record.hasPrice = quantity, priceMinor, detail
  return record
end

-- The shop learns its range from the lines it trades.
local function meetProduct(line)
  if not products.items[line.StockCode] then
    products:add {
      id = line.StockCode,
      name = line.Description ~= "" and line.Description or line.StockCode,
      priceMinor = line.priceMinor,
      stock = settings.openingStock,
    }
  end
end

local function takeBack(line)
  local quantity = -line.quantity
  order:refund(line.StockCode, quantity, line.priceMinor, {
    invoice = line.InvoiceNo,
    customer = line.CustomerID,
    country = line.Country,
  })
  totals.returns = totals.returns + 1
  totals.refundMinor = totals.refundMinor + quantity * line.priceMinor
end

local function sell(line)
  local quantity = line.quantity
  local isSold, problem = pcall(cart.addItem, cart, line.StockCode, quantity, line.priceMinor)
  if not isSold then
    -- A line may be refused for want of goods; anything else that fails is no part of a day.
    if type(problem) == "string" or problem.code ~= "insufficient-stock" then error(problem, 0) end
    totals.linesRefused = totals.linesRefused + 1
    return
  end
  local revenue = quantity * line.priceMinor
  totals.linesSold = totals.linesSold + 1
  totals.units = totals.units + quantity
  totals.revenueMinor = totals.revenueMinor + revenue
  revenueByProduct[line.StockCode] = (revenueByProduct[line.StockCode] or 0) + revenue
  revenueByCountry[line.Country] = (revenueByCountry[line.Country] or 0) + revenue
end

local function trade(line, number)
  local isReturn = string.sub(line.InvoiceNo, 1, 1) == "C" and line.quantity < 0
  local isSale = line.quantity > 0
  if not line.hasPrice or not (isReturn or isSale) then
    totals.linesSkipped = totals.linesSkipped + 1
    return
  end
  if line.StockCode == "" then csv.broken(path, number, "the StockCode is missing") end
  meetProduct(line)
  if isReturn then takeBack(line) else sell(line) end
end

local function closeInvoice(line)
  if cart.isEmpty then return end
  order:createOrder {
    invoice = line.InvoiceNo,
    invoicedAt = line.InvoiceDate,
    customer = line.CustomerID,
    country = line.Country,
  }
  totals.orders = totals.orders + 1
end

-- The largest by revenue as {name, pence}; where two are equal, the one that comes first by name.
local function top(revenueByName)
  local names = {}
  for name in pairs(revenueByName) do names[#names + 1] = name end
  table.sort(names, function(a, b)
    if revenueByName[a] ~= revenueByName[b] then return revenueByName[a] > revenueByName[b] end
    return a < b
  end)
  local largest = array()
  for rank = 1, math.min(TOP, #names) do
    largest[rank] = array { names[rank], revenueByName[names[rank]] }
  end
  return largest
end

-- What fills a text up to a width: by characters, not bytes, so that "£" and accents keep the
-- columns straight.
local function padding(text, width)
  local length = utf8.len(text) or #text
  return string.rep(" ", math.max(width - length, 1))
end

local function report(day)
  local out = { "The trading day of " .. path }
  local function row(label, value)
    out[#out + 1] = "  " .. label .. padding(label, 22) .. padding(value, 16) .. value
  end
  local function list(title, entries)
    out[#out + 1] = title
    for _, entry in ipairs(entries) do row(entry[1], money.format(entry[2])) end
  end

  row("orders", money.grouped(day.orders))
  row("lines sold", money.grouped(day.linesSold))
  row("lines refused", money.grouped(day.linesRefused))
  row("lines skipped", money.grouped(day.linesSkipped))
  row("returns", money.grouped(day.returns))
  row("units sold", money.grouped(day.units))
  row("revenue", money.format(day.revenueMinor))
  row("refunds", money.format(day.refundMinor))
  row("products", money.grouped(day.products))
  row("units left in stock", money.grouped(day.stockUnits))
  list("Top products by revenue", day.topProducts)
  list("Top countries by revenue", day.topCountries)
  return table.concat(out, "\n")
end

local lines, previous = 0, nil
for record, number in csv.records(path, COLUMNS) do
  local line = readLine(record, number)
  if previous and previous.InvoiceNo ~= line.InvoiceNo then closeInvoice(previous) end
  trade(line, number)
  previous = line
  lines = lines + 1
  if lines % LINES_PER_REPORT == 0 then
    progress(lines, nil, string.format("lines, %d orders", totals.orders))
  end
end
if previous then closeInvoice(previous) end

totals.products = products.productCount
totals.stockUnits = products.stockUnits
totals.topProducts = top(revenueByProduct)
totals.topCountries = top(revenueByCountry)
return setmetatable(totals, { __tostring = report })
