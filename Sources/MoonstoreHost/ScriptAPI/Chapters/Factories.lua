-- Stores that are made at run time from configurations: a chapter of the script API.
local tools = ...
local native, view = tools.native, tools.view
local makers = {}

local function refuse(code, message, ...) native.fail(code, message:format(...)) end

local function isPart(value) return native.isPart(value) end

-- A copy of a configuration in which nothing is the caller's but functions.
local function snapshot(value, path, above)
  if type(value) ~= "table" then return value end
  -- Parts of state, and tables that say by a metatable what they are, are data.
  if isPart(value) or getmetatable(value) ~= nil then return native.copy(value) end
  if above[value] then refuse("invalidDefinition", "factory: %s contains itself", path) end
  above[value] = true
  local copy = {}
  for key, inner in next, value do
    copy[key] = snapshot(inner, path .. "." .. tostring(key), above)
  end
  above[value] = nil
  return copy
end

-- Where two values differ first: a path, or nil when they are the same. Functions are the same when they come
-- from one place in one text and have captured the same; `seen` holds the pairs that are being compared.
local difference

local function functionsDiffer(a, b, path, seen)
  local code = native.functionCode(a)
  if not code or code ~= native.functionCode(b) then return path end
  local index = 1
  while true do
    local name, value = native.functionCapture(a, index)
    if not name then return nil end
    local _, other = native.functionCapture(b, index)
    if difference(value, other, path, seen) then
      return name == "_ENV" and path or path .. " (it has captured another '" .. name .. "')"
    end
    index = index + 1
  end
end

local function tablesDiffer(a, b, path, seen)
  local keys, known = {}, {}
  for key in next, a do
    keys[#keys + 1], known[key] = key, true
  end
  for key in next, b do
    if not known[key] then keys[#keys + 1] = key end
  end
  table.sort(keys, function(x, y) return tostring(x) < tostring(y) end)
  for _, key in ipairs(keys) do
    local inner = path == "" and tostring(key) or path .. "." .. tostring(key)
    local found = difference(rawget(a, key), rawget(b, key), inner, seen)
    if found then return found end
  end
  return nil
end

function difference(a, b, path, seen)
  local kind = math.type(a) or type(a)
  if kind ~= (math.type(b) or type(b)) then return path end
  if rawequal(a, b) or (a ~= a and b ~= b) then return nil end
  if kind ~= "function" and (kind ~= "table" or isPart(a) or isPart(b)) then
    return a ~= b and path or nil
  end
  if seen[a] == b then return nil end
  seen[a] = b
  return (kind == "table" and tablesDiffer or functionsDiffer)(a, b, path, seen)
end

-- Makes the factory of one script and one kind. `words` may have
--   create(config): the base configuration for what `create` was given, which it must leave as it is;
--   configure(partial, config): the same for `configure`; `config` is what the store is made from now, and
--     what it will be made from is the second result.
-- The base configuration is a table of its own, whose functions take the store as their first argument.
local function newFactory(script, kind, words)
  local factory = {}
  local face = view(factory, kind .. " factory")

  local function idOf(store, verb)
    if type(store) == "string" then return store end
    return native.idOfHandle(store) or native.wrong("factory:" .. verb, 1, "a store or a string", store)
  end

  -- What the store was made from; an error unless this factory has made it.
  local function own(id, verb)
    local isThere, origin = native.origin(id)
    if not isThere then
      refuse("unknownStore", "factory:%s: there is no store '%s'", verb, id)
    end
    if not origin then
      refuse(
        "permissionDenied", "factory:%s: the store '%s' was made by no factory; registry.unregister and "
          .. "defineStore are for such stores", verb, id
      )
    end
    if origin.script ~= script.id or origin.kind ~= kind then
      refuse(
        "permissionDenied", "factory:%s: the store '%s' was made by the %s factory of %s, and only that may "
          .. "%s it", verb, id, origin.kind, origin.script, verb
      )
    end
    return origin
  end

  local function check(self, verb)
    if self ~= face then
      refuse("invalidArgument", "factory:%s is called with a colon, as a method", verb)
    end
  end

  function factory.create(self, config)
    check(self, "create")
    tools.need(config, "table", "factory:create", 1)
    local id = rawget(config, "id")
    if type(id) ~= "string" then
      refuse("invalidDefinition", 'factory:create: the id must be a text such as "cart"')
    end
    local copy = snapshot(config, id, {})
    local isThere, origin = native.origin(id)
    if isThere and not (origin and origin.script == script.id and origin.kind == kind) then
      refuse(
        "duplicateStore", "factory:create: there is already a store '%s', which this factory has not made", id
      )
    end
    if isThere then
      local place = difference(origin.config, copy, "", {})
      if place then
        refuse(
          "duplicateStore", "factory:create: there is already a store '%s', made from another configuration, "
            .. "which differs in %s; configure it, or destroy it first", id, place
        )
      end
      return origin.handle
    end
    -- The factory that makes the base configuration gets a copy of its own, and the record keeps another.
    local base = words.create and words.create(snapshot(copy, id, {})) or copy
    origin = { script = script.id, kind = kind, config = copy }
    origin.handle = native.createStore(script.id, id, base, origin)
    return origin.handle
  end

  function factory.configure(self, store, partial)
    check(self, "configure")
    local id = idOf(store, "configure")
    tools.need(partial, "table", "factory:configure", 2)
    local origin = own(id, "configure")
    if partial.id ~= nil and partial.id ~= id then
      refuse("invalidDefinition", "factory:configure: the id of '%s' cannot change", id)
    end
    local copy = snapshot(partial, id, {})
    local changed = { script = script.id, kind = kind, config = origin.config, handle = origin.handle }
    if words.configure then
      copy, changed.current = words.configure(copy, snapshot(origin.current or origin.config, id, {}))
    end
    native.configureStore(script.id, id, copy, changed)
    return origin.handle
  end

  function factory.destroy(self, store)
    check(self, "destroy")
    local id = idOf(store, "destroy")
    own(id, "destroy")
    native.destroyStore(script.id, id)
  end

  local function made(id)
    local _, origin = native.origin(id)
    if origin and origin.script == script.id and origin.kind == kind then return origin.handle end
    return nil
  end

  function factory.get(self, id)
    check(self, "get")
    return made(tools.need(id, "string", "factory:get", 1))
  end

  function factory.all(self)
    check(self, "all")
    local all = {}
    for _, id in ipairs(native.knownIDs()) do all[#all + 1] = made(id) end
    return all
  end

  return face
end

tools.newFactory = newFactory

-- One factory of a kind for each script, so that it does not matter how often it is asked for.
function makers.factories(script)
  local known = {}
  local kinds = {}

  function kinds.base() return newFactory(script, "base", {}) end

  function kinds.entity()
    local words = native.chapter("entities")(tools, native.chapter("schemas")())
    return newFactory(script, "entity", words(script))
  end

  local library = {}
  for kind, make in pairs(kinds) do
    library[kind] = function()
      known[kind] = known[kind] or make()
      return known[kind]
    end
  end
  return view(library, "factories")
end

return makers
