-- Putting stores together: a chapter of the script API, made when a script first names one of its globals.
local tools = ...
local native, view, need = tools.native, tools.view, tools.need
local makers = {}

-- Ends registrations that were made together; whether one of them stood.
local function endAll(numbers)
  local stood = false
  for _, number in ipairs(numbers) do stood = native.cancel(number) or stood end
  return stood
end

local function refuse(code, message, ...) native.fail(code, message:format(...)) end

-- Handles are userdata of the host; `id` is nil for everything else.
local function idOf(value) return native.idOfHandle(value) end

local function sortedKeys(map)
  local keys = {}
  for key in next, map do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  return keys
end

-- MARK: Namespaces

-- namespace("shop") sees the stores `shop/…` by their short names.
function makers.namespace(script)
  local function namespace(name)
    native.checkID(name, "namespace")
    local prefix = name .. "/"
    local function full(id, what) return prefix .. need(id, "string", "namespaced." .. what, 1) end
    return view({
      name = name,
      defineStore = function(id, definition, record)
        need(id, "string", "namespaced.defineStore", 1)
        if type(definition) ~= "table" and type(definition) ~= "function" then
          native.wrong("namespaced.defineStore", 2, "a table or a function", definition)
        end
        if record ~= nil then need(record, "table", "namespaced.defineStore", 3) end
        return native.defineStore(script.id, full(id, "defineStore"), definition, record)
      end,
      useStore = function(id) return native.useStore(script.id, full(id, "useStore")) end,
      has = function(id) return native.hasStore(full(id, "has")) end,
      ids = function()
        local ids = array()
        for _, id in ipairs(native.storeIDs()) do
          if id:sub(1, #prefix) == prefix then ids[#ids + 1] = id:sub(#prefix + 1) end
        end
        return ids
      end,
      namespace = function(inner) return namespace(full(inner, "namespace")) end,
    }, "namespace")
  end
  return namespace
end

-- MARK: Composing

local reserved = { modules = true, events = true, registry = true, dispose = true }

-- What composing gives: the stores under their keys, and `modules`, `events`, `registry` and `dispose`.
local function composed(script, handles, dispose)
  local ids = {}
  for _, handle in pairs(handles) do ids[idOf(handle)] = true end
  local modules = view(handles, "modules")
  local members = {
    modules = function() return modules end,
    registry = function() return script.env.registry end,
    dispose = function() return dispose end,
    -- What the registry has told of these stores, oldest first.
    events = function()
      local events = array()
      for _, event in ipairs(native.recentEvents(1 << 30)) do
        if ids[event.target] then events[#events + 1] = event end
      end
      return events
    end,
  }
  return setmetatable({}, {
    __index = function(_, key)
      local member = members[key]
      if member then return member() end
      return handles[key]
    end,
    __newindex = function(_, key)
      error("composed." .. tostring(key) .. " cannot be changed: compose anew", 2)
    end,
    __pairs = function() return pairs(handles) end,
    __name = "composed stores",
    __metatable = false,
  })
end

local function check(key, handle)
  if not idOf(handle) then
    refuse(
      "invalidArgument", "composeStores: '%s' must be a store, the id of one, or a function that returns one; "
        .. "it gave a %s", key, type(handle)
    )
  end
  return handle
end

-- Whether an error says that a store is missing, which another one's creation may mend.
local function isMissing(err)
  local code = native.errorCode(err)
  return code == "missingDependency" or code == "unknownStore" or code == "disposed"
end

-- Calls the functions in an order in which each finds the stores that it needs.
local function callAll(functions, handles, made)
  local waiting = sortedKeys(functions)
  while #waiting > 0 do
    local left, first = {}, nil
    for _, key in ipairs(waiting) do
      local before = {}
      for _, id in ipairs(native.knownIDs()) do before[id] = true end
      local results = table.pack(pcall(functions[key]))
      if results[1] then
        handles[key] = check(key, results[2])
        for _, id in ipairs(native.knownIDs()) do
          if not before[id] then made[#made + 1] = id end
        end
      elseif isMissing(results[2]) then
        left[#left + 1] = key
        first = first or results[2]
      else
        error(results[2], 0)
      end
    end
    if #left == #waiting then error(first, 0) end
    waiting = left
  end
end

local function compose(script, map)
  need(map, "table", "composeStores", 1)
  if next(map) == nil then
    refuse("invalidArgument", "composeStores takes a table of stores: { cart = useStore(\"cart\"), ... }")
  end
  local handles, functions, made = {}, {}, {}
  for _, key in ipairs(sortedKeys(map)) do
    local value = map[key]
    if type(key) ~= "string" then
      refuse("invalidArgument", "composeStores: the keys are names; there is a key %s", tostring(key))
    end
    if reserved[key] then
      refuse(
        "invalidArgument", "composeStores: '%s' is a part of every composition; choose another key", key
      )
    end
    if type(value) == "function" then
      functions[key] = value
    elseif type(value) == "string" then
      handles[key] = native.useStore(script.id, value)
    else
      handles[key] = check(key, value)
    end
  end
  native.transaction(callAll, functions, handles, made)
  local isDisposed = false
  return composed(script, handles, function()
    if isDisposed then return false end
    native.transaction(function()
      -- The last one first, since it may depend on those before it.
      for index = #made, 1, -1 do
        if native.hasStore(made[index]) then native.unregister(script.id, made[index], {}) end
      end
    end)
    isDisposed = true
    return true
  end)
end

function makers.composeStores(script)
  return function(map) return compose(script, map) end
end

-- createStoreWithDeps(function(deps) return defineStore(...) end, { "products", prices = "shop/prices" })
function makers.createStoreWithDeps(script)
  return function(factory, dependencies)
    need(factory, "function", "createStoreWithDeps", 1)
    need(dependencies, "table", "createStoreWithDeps", 2)
    local handles, ids = {}, array()
    for _, key in ipairs(sortedKeys(dependencies)) do
      local id = dependencies[key]
      id = idOf(id) or id
      if type(id) ~= "string" then
        refuse("invalidArgument", "createStoreWithDeps: the dependency %s is no id", tostring(key))
      end
      native.checkDependency(id)
      ids[#ids + 1] = id
      handles[type(key) == "string" and key or id] = native.useStore(script.id, id)
    end
    return native.transaction(function()
      local store = factory(view(handles, "deps"))
      if not idOf(store) then
        refuse(
          "invalidArgument", "createStoreWithDeps: the function must return the store that it makes; it returned "
            .. "a %s", type(store)
        )
      end
      native.addDependencies(script.id, store, ids)
      return store
    end)
  end
end

-- MARK: Observing

-- useComposedStore(function() return { cart = useStore("cart") } end, { onChange = function(key, change) end })
function makers.useComposedStore(script)
  return function(composition, options)
    need(composition, "function", "useComposedStore", 1)
    if options ~= nil then native.composedOptions(composition, options) end
    options = options or {}
    return native.transaction(function()
      local stores = composition()
      if type(stores) ~= "table" then
        refuse(
          "invalidArgument", "useComposedStore: the function must return a table of stores; it returned a %s",
          type(stores)
        )
      end
      local handles = {}
      for key, handle in pairs(stores) do
        if type(key) ~= "string" or reserved[key] or not idOf(handle) then
          refuse("invalidArgument", "useComposedStore: '%s' is no store under a name of its own", tostring(key))
        end
        handles[key] = handle
      end
      local numbers, seen = {}, {}
      local onChange = options.onChange
      for _, key in ipairs(onChange and sortedKeys(handles) or {}) do
        local id = idOf(handles[key])
        if not seen[id] then
          seen[id] = true
          numbers[#numbers + 1] = native.subscribe(
            script.id, handles[key], function(change) onChange(key, change) end, {}
          )
        end
      end
      local isDisposed = false
      return composed(script, handles, function()
        if #numbers > 0 then return endAll(numbers) end
        local wasDisposed = isDisposed
        isDisposed = true
        return not wasDisposed
      end)
    end)
  end
end

-- MARK: Middleware

-- What a middleware does wrong while it hears of a failure must not hide the failure.
local function hear(fn, ...)
  local ok, err = pcall(fn, ...)
  if not ok then native.report(tostring(err), fn) end
end

-- A table { before, after, error } as a function(call, next).
local function layer(parts)
  local before, after, failed = parts.before, parts.after, parts.error
  return function(call, next)
    if before then before(call) end
    if not after and not failed then return next() end
    local results = table.pack(pcall(next))
    if not results[1] then
      if failed then hear(failed, call, results[2]) end
      error(results[2], 0)
    end
    if after then
      local changed = table.pack(after(call, table.unpack(results, 2, results.n)))
      if changed.n > 0 then return table.unpack(changed, 1, changed.n) end
    end
    return table.unpack(results, 2, results.n)
  end
end

local parts = { before = true, after = true, error = true }

local function middlewareFrom(value, place)
  if type(value) == "function" then return value end
  if type(value) ~= "table" or next(value) == nil then
    refuse(
      "invalidArgument", "applyMiddleware: %s must be a function(call, next), or a table with before, after or "
        .. "error", place
    )
  end
  for key, fn in next, value do
    if not parts[key] or type(fn) ~= "function" then
      refuse(
        "invalidArgument", "applyMiddleware: %s has '%s', which is no function before, after or error", place,
        tostring(key)
      )
    end
  end
  return layer(value)
end

-- applyMiddleware(store, function(call, next) ... end), or a list; gives what takes them away again.
function makers.applyMiddleware(script)
  return function(store, middleware)
    if not idOf(store) then native.wrong("applyMiddleware", 1, "a store", store) end
    if type(middleware) ~= "function" and type(middleware) ~= "table" then
      native.wrong("applyMiddleware", 2, "a function or a table", middleware)
    end
    local list = {}
    if type(middleware) == "table" and middleware[1] ~= nil then
      for index = 1, #middleware do
        list[index] = middlewareFrom(middleware[index], "middleware " .. index)
      end
      for key in next, middleware do
        if math.type(key) ~= "integer" or key < 1 or key > #list then
          refuse("invalidArgument", "applyMiddleware: the list has a key '%s'", tostring(key))
        end
      end
    else
      list[1] = middlewareFrom(middleware, "the middleware")
    end
    local numbers = native.applyMiddleware(script.id, store, table.unpack(list))
    return function() return endAll(numbers) end
  end
end

function makers.useStoreComposition(script)
  local env = script.env
  return function()
    return {
      composeStores = env.composeStores,
      createStoreWithDeps = env.createStoreWithDeps,
      createSecureStore = env.createSecureStore,
      applyMiddleware = env.applyMiddleware,
      useComposedStore = env.useComposedStore,
    }
  end
end

-- MARK: Injection

-- provide("clock", anything) gives a value to all scripts of the host; inject("clock", default) gets it.
function makers.provide(script)
  return function(key, value, ...)
    need(key, "string", "provide", 1)
    if select("#", ...) > 0 then refuse("invalidArgument", "provide takes one value; put several into a table") end
    if value == nil then native.wrong("provide", 2, "a value", value) end
    return tools.disposer(native.provide(script.id, key, { value }))
  end
end

function makers.inject()
  return function(key, ...)
    local box, isData = native.inject(key, select("#", ...) > 0)
    if isData then return box end
    if box then return box[1] end
    return (...)
  end
end

return makers
