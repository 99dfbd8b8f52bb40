-- Writes a made-up trading day: the layout of trading.lua, our own goods and customers.
--
--   moonstore run Scripts/shop generate.lua [SEED [INVOICES]] > day.csv
--
-- The same seed gives the same day on every machine: the numbers come from a generator of its own
-- that uses integers only. data/day.csv is the day of the default seed.
local DEFAULT_SEED, DEFAULT_INVOICES = 1, 60

local function wholeArgument(text, default, what)
  if text == nil then return default end
  local number = math.tointeger(tonumber(text))
  if not number or number < 0 then
    error(what .. " must be a whole number of 0 or more, not " .. text, 0)
  end
  return number
end

local seedText, invoicesText = ...
local seed = wholeArgument(seedText, DEFAULT_SEED, "the seed")
local invoices = wholeArgument(invoicesText, DEFAULT_INVOICES, "the number of invoices")

-- A linear congruential generator over 64 bits (Knuth's MMIX multiplier). The low bits of such a
-- generator repeat soon, so only the high ones are used.
local bits = seed
local function pick(low, high)
  bits = bits * 6364136223846793005 + 1442695040888963407
  return low + (bits >> 33) % (high - low + 1)
end

local function chance(percent) return pick(1, 100) <= percent end

local function oneOf(list) return list[pick(1, #list)] end

-- Prices as the file has them, as text. Some are odd: one decimal, none, three, or in pence only.
local GOODS = {
  { "L101", "PAPER LANTERN MOON", "1.95" },
  { "L102", "PAPER LANTERN, LARGE, WHITE", "3.5" },
  { "L103A", "STRING OF 20 STAR LIGHTS", "6.25" },
  { "L103B", "STRING OF 40 STAR LIGHTS", "9.95" },
  { "M201", 'MUG "HALF MOON"', "4.25" },
  { "M202", 'MUG "FULL MOON", BLUE', "4.25" },
  { "M203", "TEAPOT NIGHT SKY", "14.95" },
  { "M204", "SAUCER CRATER", ".85" },
  { "T301", "TEA TOWEL TIDES", "2.55" },
  { "T302", "NAPKINS, PACK OF 20", "0.85" },
  { "T303", "TABLECLOTH ORION", "12" },
  { "P401", 'POSTER 24" APOLLO LANDING', "7.5" },
  { "P402", "POSTCARD ECLIPSE", "0.125" },
  { "P403", "STICKERS, COMETS, SET OF 50", "0.295" },
  { "P404", "NOTEBOOK OBSERVATORY", "2.1" },
  { "G501", "GLOBE OF THE MOON", "24.95" },
  { "G502", "POCKET TELESCOPE", "18" },
  { "G503", "SUNDIAL, BRASS", "39.95" },
  { "K601", "BISCUIT CUTTER CRESCENT", "1.25" },
  { "K602", "CHOCOLATE COINS, BAG OF 12", "1.65" },
  { "SHIP", "SHIPPING", "15" },
}

-- Everybody wants it, and 1,000 of it do not last the day.
local BESTSELLER = { "K600", "ROCKET LOLLY, ASSORTED", "0.42" }

local CUSTOMERS = {
  { "20001", "United Kingdom" },
  { "20002", "United Kingdom" },
  { "20003", "United Kingdom" },
  { "20004", "United Kingdom" },
  { "20005", "France" },
  { "20006", "Germany" },
  { "20007", "Norway" },
  { "20008", "Côte d'Ivoire" },
  { "20009", "Korea, Republic of" },
  { "", "United Kingdom" }, -- a customer at the counter has no number
}

local rows = { "InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country" }

local function quoted(text)
  if not string.find(text, '[",]') then return text end
  return '"' .. string.gsub(text, '"', '""') .. '"'
end

-- Of an invoice: its number, the time, and the customer with the country.
local function write(invoice, good, quantity, price)
  rows[#rows + 1] = table.concat({
    invoice.number, good[1], quoted(good[2]), tostring(quantity), invoice.date, price,
    invoice.customer[1], quoted(invoice.customer[2]),
  }, ",")
end

local function writeSale(invoice)
  for _ = 1, pick(2, 9) do
    local good = oneOf(GOODS)
    write(invoice, good, pick(1, 48), good[3])
    if chance(6) then write(invoice, good, pick(1, 12), good[3]) end -- the same again
    if chance(6) then write(invoice, good, pick(50, 99), "0.8") end -- and at a lower price
  end
  if chance(60) then write(invoice, BESTSELLER, pick(10, 90), BESTSELLER[3]) end
  if chance(8) then write(invoice, oneOf(GOODS), pick(1, 6), "0") end -- given away: skipped
  if chance(8) then write(invoice, oneOf(GOODS), -pick(1, 6), "1.95") end -- broken: skipped
  if chance(5) then write(invoice, oneOf(GOODS), pick(1001, 1500), "0.65") end -- too many
end

local function writeReturn(invoice)
  for _ = 1, pick(1, 3) do
    local good = oneOf(GOODS)
    write(invoice, good, -pick(1, 12), chance(15) and "0" or good[3])
  end
end

local minute = 8 * 60
for index = 1, invoices do
  minute = minute + pick(3, 12)
  local isReturn = chance(12)
  local invoice = {
    number = (isReturn and "C" or "") .. (700000 + index),
    date = string.format(
      "2024-03-%02dT%02d:%02d", 1 + minute // 1440 % 28, minute // 60 % 24, minute % 60),
    customer = oneOf(CUSTOMERS),
  }
  if isReturn then writeReturn(invoice) else writeSale(invoice) end
end

return table.concat(rows, "\n") .. "\n"
