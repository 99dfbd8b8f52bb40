-- Reads CSV files record by record, so that a file of any size needs the memory of one record.
--
-- As RFC 4180 has it: fields in quotes may hold commas, doubled quotes and line breaks. Line ends
-- may be LF or CRLF, a byte order mark is skipped, and so are empty lines. A quote inside a field
-- that does not begin with one stands for itself, as spreadsheets take it.
--
-- A broken file is refused at its first broken line, by name and number: guessing what a line may
-- have meant would trade goods that nobody ordered.
local csv = {}

local BYTE_ORDER_MARK = "\xEF\xBB\xBF"
local QUOTE, COMMA, CARRIAGE_RETURN = 34, 44, 13

function csv.broken(path, line, problem)
  error {
    code = "broken-csv",
    message = string.format("%s, line %d: %s", path, line, problem),
  }
end

-- The lines of a file without their ends, one for each call; and the number of the last one.
local function lineReader(path)
  local step, state, control = files.lines(path)
  local number = 0
  local function nextLine()
    control = step(state, control)
    local line = control
    if line == nil then
      return nil
    end
    number = number + 1
    if number == 1 and string.sub(line, 1, 3) == BYTE_ORDER_MARK then
      line = string.sub(line, 4)
    end
    if string.byte(line, -1) == CARRIAGE_RETURN then
      line = string.sub(line, 1, -2)
    end
    return line
  end
  return nextLine, function() return number end
end

local function splitPlain(line)
  local fields, count = {}, 0
  for field in string.gmatch(line, "([^,]*)") do
    count = count + 1
    fields[count] = field
  end
  return fields
end

-- Reads a field in quotes that opens at `at`; returns it, the line on which it closes and the
-- position behind its closing quote. The pieces are joined once, at the end, so that a quote
-- which is never closed costs no more than reading on to the end of the file.
local function readQuoted(line, at, nextLine)
  local pieces = {}
  at = at + 1
  while line do
    local quote = string.find(line, '"', at, true)
    if not quote then
      pieces[#pieces + 1] = string.sub(line, at)
      pieces[#pieces + 1] = "\n"
      line, at = nextLine(), 1
    elseif string.byte(line, quote + 1) == QUOTE then
      pieces[#pieces + 1] = string.sub(line, at, quote)
      at = quote + 2
    else
      pieces[#pieces + 1] = string.sub(line, at, quote - 1)
      return table.concat(pieces), line, quote + 1
    end
  end
  return nil
end

local function splitQuoted(line, nextLine)
  local fields, at = {}, 1
  while true do
    local field
    if string.byte(line, at) == QUOTE then
      field, line, at = readQuoted(line, at, nextLine)
      if not field then
        return nil, "a quote is opened here and never closed"
      end
    else
      local comma = string.find(line, ",", at, true) or #line + 1
      field, at = string.sub(line, at, comma - 1), comma
    end
    fields[#fields + 1] = field
    if at > #line then
      return fields
    elseif string.byte(line, at) ~= COMMA then
      return nil, "there is text behind a closing quote"
    end
    at = at + 1
  end
end

-- Where each of the columns stands, by the file's first line.
local function readHeader(path, fields, number, columns)
  local found = {}
  for position, name in ipairs(fields) do
    found[string.match(name, "^%s*(.-)%s*$")] = position
  end
  local positions, missing = {}, {}
  for _, name in ipairs(columns) do
    positions[name] = found[name]
    if not found[name] then
      missing[#missing + 1] = name
    end
  end
  if #missing > 0 then
    csv.broken(path, number, "the header has no column " .. table.concat(missing, ", "))
  end
  return positions
end

-- Iterates over the records of a file: a table by column name, and the line where it begins.
-- `columns` are the columns that must be there; their order is the file's affair, and other
-- columns may stand between them.
--
--   for record, line in csv.records("day.csv", { "StockCode", "Quantity" }) do … end
function csv.records(path, columns)
  local nextLine, lineNumber = lineReader(path)

  local function nextFields()
    local line
    repeat
      line = nextLine()
      if line == nil then
        return nil, lineNumber()
      end
    until string.find(line, "%S")
    local number = lineNumber()
    if not string.find(line, '"', 1, true) then
      return splitPlain(line), number
    end
    local fields, problem = splitQuoted(line, nextLine)
    if not fields then
      csv.broken(path, number, problem)
    end
    return fields, number
  end

  local header, headerLine = nextFields()
  if not header then
    csv.broken(path, 1, "the file is empty; its first line should name the columns")
  end
  local positions = readHeader(path, header, headerLine, columns)

  return function()
    local fields, number = nextFields()
    if not fields then
      return nil
    end
    if #fields ~= #header then
      local counts = string.format("%d fields, but the header has %d", #fields, #header)
      csv.broken(path, number, counts)
    end
    local record = {}
    for name, position in pairs(positions) do
      record[name] = fields[position]
    end
    return record, number
  end
end

return csv
