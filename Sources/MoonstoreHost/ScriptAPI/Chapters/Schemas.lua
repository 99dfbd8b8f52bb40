-- What data must look like, said in a table:
--
--   { id = "string", price = "number", ["note?"] = "string", tags = { "string" }, size = { width = "integer" } }
--
-- A type is string, number, integer, boolean, array, map or any; a table of fields; a table with one type, for a
-- list of such; or a function(value) that gives true, or false and what is wrong. A field whose name ends in ?
-- may be missing or null; fields that are not named are allowed.
local schemas = {}

-- Whether a table is a list; an empty one is, and is a map too.
function schemas.isList(value)
  if type(value) ~= "table" then return false end
  local count = #value
  for key in pairs(value) do
    if math.type(key) ~= "integer" or key < 1 or key > count then return false end
  end
  return true
end

local function isMap(value) return type(value) == "table" and (next(value) == nil or not schemas.isList(value)) end

local kinds = {
  string = { "a text", function(value) return type(value) == "string" end },
  number = { "a number", function(value) return type(value) == "number" end },
  integer = {
    "a whole number", function(value) return type(value) == "number" and math.tointeger(value) ~= nil end,
  },
  boolean = { "a boolean", function(value) return type(value) == "boolean" end },
  array = { "a list", schemas.isList },
  map = { "a table of fields", isMap },
  any = { "anything", function() return true end },
}

local words = { string = "a text", boolean = "a boolean" }

local function found(value)
  if type(value) == "string" then return ("the text %q"):format(#value > 40 and value:sub(1, 40) .. "..." or value) end
  if type(value) == "number" then return "the number " .. tostring(value) end
  if type(value) == "table" then return schemas.isList(value) and "a list" or "a table of fields" end
  return words[type(value)] or "a " .. type(value)
end

local compile

local function compileList(schema, path)
  local check, fault = compile(schema[1], path .. "[1]")
  if not check then return nil, fault end
  return function(value, at)
    if not schemas.isList(value) then return ("%s must be a list, found %s"):format(at, found(value)) end
    for index, element in ipairs(value) do
      local wrong = check(element, ("%s[%d]"):format(at, index))
      if wrong then return wrong end
    end
    return nil
  end
end

local function compileFields(schema, path)
  local fields = {}
  for key, inner in pairs(schema) do
    if type(key) ~= "string" or key == "" or key == "?" then
      return nil, ("%s: a field has a name, not '%s'; a list of one type is { \"string\" }"):format(path, key)
    end
    local name, mark = key:match("^(.-)(%??)$")
    local check, fault = compile(inner, path .. "." .. name)
    if not check then return nil, fault end
    fields[#fields + 1] = { name = name, isOptional = mark == "?", check = check }
  end
  table.sort(fields, function(a, b) return a.name < b.name end)
  -- `isMissing` tells for which fields of the outermost table it does not matter that they are missing.
  return function(value, at, isMissing)
    if not isMap(value) then return ("%s must be a table of fields, found %s"):format(at, found(value)) end
    for _, field in ipairs(fields) do
      local inner, where = value[field.name], at .. "." .. field.name
      if inner == nil or inner == null then
        local isAllowed = field.isOptional or inner == nil and isMissing and isMissing[field.name]
        if not isAllowed then return where .. " is missing" end
      else
        local wrong = field.check(inner, where)
        if wrong then return wrong end
      end
    end
    return nil
  end
end

-- Gives a function(value, path, isMissing) that returns what is wrong, or nil; or nil and what is wrong with the
-- schema.
function compile(schema, path)
  local kind = kinds[schema]
  if kind then
    local word, fits = kind[1], kind[2]
    return function(value, at)
      if not fits(value) then return ("%s must be %s, found %s"):format(at, word, found(value)) end
      return nil
    end
  end
  if type(schema) == "function" then
    return function(value, at)
      local ok, message = schema(value)
      if ok then return nil end
      return at .. " " .. tostring(message or "is not as it must be")
    end
  end
  if type(schema) ~= "table" then
    return nil, ("%s: there is no type '%s'; types are string, number, integer, boolean, array, map, any, a table or "
      .. "a function"):format(path, tostring(schema))
  end
  if #schema > 0 then
    if #schema > 1 or next(schema, 1) then
      return nil, path .. ": a list has one type for all its elements, such as { \"string\" }"
    end
    return compileList(schema, path)
  end
  return compileFields(schema, path)
end

schemas.compile = compile
return schemas
