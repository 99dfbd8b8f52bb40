-- What scripts see besides the standard library. Runs once in each machine, with the host's functions as
-- its argument, and gives back what the host needs: one table of Lua functions.
local native = ...
local prelude = {}

-- What stands behind the views of libraries, for whoever lists what is in them.
local behind = setmetatable({}, { __mode = "k" })

-- Libraries are shared by all scripts of a host, so scripts get views that cannot be changed.
local function view(library, name)
  local function iterate(_, key)
    local value
    key, value = next(library, key)
    return key, value
  end
  local proxy = setmetatable({}, {
    __index = library,
    __newindex = function(_, key)
      error(name .. "." .. tostring(key) .. " cannot be changed: libraries are shared by all scripts", 2)
    end,
    __pairs = function() return iterate, nil, nil end,
    __name = name,
    __metatable = false,
    -- So that rawset refuses as well.
    __frozen = true,
  })
  behind[proxy] = library
  return proxy
end

-- Refuses an argument of a function that is written here, in the words of those that are not.
local function need(value, kind, name, position)
  if type(value) ~= kind then native.wrong(name, position, "a " .. kind, value) end
  return value
end

-- Errors of the host are objects; scripts that treat them as texts find the methods of texts.
local texts = string
function prelude.errorMethod(name)
  local method = texts[name]
  return method and function(err, ...) return method(tostring(err), ...) end
end

-- table.sort moves parts of state without copying them: an order of positions is sorted instead.
local sort = table.sort
sortParts(function(list, compare) -- luacheck: globals sortParts
  if not native.isPart(list) then error("attempt to sort " .. tostring(list), 3) end
  local values, order = {}, {}
  for index, value in ipairs(list) do
    values[index], order[index] = value, index
  end
  if compare then
    sort(order, function(a, b) return compare(values[a], values[b]) end)
  else
    sort(order, function(a, b) return values[a] < values[b] end)
  end
  native.reorder(list, order)
end)

local shared = {
  assert = assert, error = error, getmetatable = getmetatable, ipairs = ipairs, next = next,
  pairs = pairs, pcall = pcall, rawequal = rawequal, rawget = rawget, rawlen = rawlen,
  rawset = rawset, select = select, setmetatable = setmetatable, tonumber = tonumber,
  tostring = tostring, type = type, xpcall = xpcall, _VERSION = "Lua 5.4",
  array = array, map = map, null = null,
  string = view(string, "string"), table = view(table, "table"), math = view(math, "math"),
  utf8 = view(utf8, "utf8"), coroutine = view(coroutine, "coroutine"),
  ref = native.ref, computed = native.computed,
  transaction = native.transaction, commit = native.commit, sleep = native.sleep,
  json = view({ encode = native.jsonEncode, decode = native.jsonDecode }, "json"),
  time = view({ now = native.now, iso = native.iso }, "time"),
}

-- What ends a registration, by its number: true if it stood. The host knows what a number means, since a turn that
-- fails puts back what was ended in it.
local function disposer(number)
  return function() return native.cancel(number) end
end

-- What a script gets of its own, when it first names it: each maker takes the script, a table with its `id`,
-- its globals `env` and what the host `grants` it, and gives the value of the global.
local makers = {}

function makers.store(script)
  return view({
    id = native.storeID,
    state = native.storeState,
    copy = native.copy,
    reset = native.reset,
    dispose = native.dispose,
    patch = function(handle, changes)
      if type(changes) == "function" then return native.patchBy(handle, changes) end
      return native.patch(handle, changes)
    end,
    subscribe = function(handle, callback, options)
      if options ~= nil then
        native.checkSubscription(script.id, handle, callback, options)
        if options.immediate then callback(nil, handle) end
      end
      return disposer(native.subscribe(script.id, handle, callback, options))
    end,
    onAction = function(handle, callback) return disposer(native.onAction(script.id, handle, callback)) end,
  }, "store")
end

function makers.registry(script)
  local id = script.id
  return view({
    has = native.hasStore, ids = native.storeIDs, count = native.storeCount,
    get = function(store) return native.getStore(id, store) end,
    all = function()
      local stores = {}
      for _, store in ipairs(native.storeIDs()) do stores[store] = native.getStore(id, store) end
      return stores
    end,
    describe = native.describe, record = native.storeRecord, dependents = native.dependents,
    register = function(module, definition)
      native.checkModule(module, definition)
      local record = {}
      for key, value in pairs(module) do
        if key ~= "id" then record[key] = value end
      end
      return native.defineStore(id, module.id, definition, record)
    end,
    unregister = function(store, options) return native.unregister(id, store, options) end,
    resolveDependencies = native.resolveDependencies,
    validateDependencies = native.validateDependencies,
    checkPermission = function(store, permission) return native.checkPermission(id, store, permission) end,
    emit = function(type, payload, options) return native.emitEvent(id, type, payload, options) end,
    on = function(type, listener) return disposer(native.onEvent(id, type, listener)) end,
    off = function(type, listener) return native.offEvent(id, type, listener) end,
    recentEvents = native.recentEvents, droppedEvents = native.droppedEvents,
  }, "registry")
end

function makers.log(script)
  local function logger(level)
    return function(text, fields) native.log(script.id, level, tostring(text), fields) end
  end
  return view({
    debug = logger("debug"), info = logger("info"), warn = logger("warning"), error = logger("error"),
  }, "log")
end

function makers.bus(script)
  local id = script.id
  return view({
    send = function(type, payload, options) return native.send(id, type, payload, options) end,
    request = function(type, payload, options) return native.request(id, type, payload, options) end,
    subscribe = function(type, handler) return disposer(native.onMessage(id, type, handler)) end,
    unsubscribe = function(type, handler) return native.offMessage(id, type, handler) end,
    answer = function(type, responder) return disposer(native.onRequest(id, type, responder)) end,
    respond = function(message, answer, err) return native.respond(id, message, answer, err) end,
    use = function(middleware) return disposer(native.useMessages(id, middleware)) end,
    recentMessages = function(count) return native.recentMessages(id, count) end,
    unhandledMessages = function() return native.unhandledMessages(id) end,
    messageCount = native.messageCount, statistics = native.statistics, cleanup = native.cleanup,
  }, "bus")
end

function makers.random()
  return view({
    id = native.nextID,
    number = function() return native.random() end,
    integer = native.randomInteger,
  }, "random")
end

function makers.watch(script)
  return function(source, callback, options)
    return disposer(native.watch(script.id, source, callback, options))
  end
end

function makers.secure(script)
  return function(handle, permissions) return native.secure(script.id, false, handle, permissions) end
end

function makers.createSecureStore(script)
  return function(handle, permissions) return native.secure(script.id, true, handle, permissions) end
end

function makers.require(script)
  local loaded, loading = {}, {}
  return function(name)
    need(name, "string", "require", 1)
    local module = loaded[name]
    if module ~= nil then return module end
    -- What was being loaded when its turn was ended is not being loaded any more.
    local overruns = native.overruns()
    if loading[name] == overruns then
      error("modules require each other in a circle: " .. name, 2)
    end
    loading[name] = overruns
    local chunk = native.loadModule(script.id, name)
    local ok, result = pcall(chunk, name)
    loading[name] = nil
    if not ok then error(result, 0) end
    if result == nil then result = true end
    loaded[name] = result
    return result
  end
end

function makers.files(script)
  if not script.grants.files then return nil end
  return view({
    read = function(path) return native.readFile(script.id, path) end,
    lines = function(path)
      local file = native.openFile(script.id, path)
      -- The fourth value is closed when a `for` ends, however it ends.
      local closing = setmetatable({}, { __close = function() native.closeFile(file) end, __metatable = false })
      return function() return native.nextLine(file) end, nil, nil, closing
    end,
  }, "files")
end

-- Libraries in files of their own, which most hosts never need: each file is a function that takes the tools
-- below and gives more makers. By the names of the globals that they make.
local chapters = {
  namespace = "composition", composeStores = "composition", createStoreWithDeps = "composition",
  applyMiddleware = "composition", useComposedStore = "composition", useStoreComposition = "composition",
  provide = "composition", inject = "composition",
  factories = "factories", http = "http", spawn = "tasks", effects = "effects",
}
local tools = {
  native = native, view = view, disposer = disposer, need = need,
}

function tools.makerOf(name)
  local chapter = chapters[name]
  if not makers[name] and chapter then
    for global, maker in pairs(native.chapter(chapter)(tools)) do makers[global] = maker end
  end
  return makers[name]
end

-- The globals of one script. `id` is what the host knows it by; `fallback` gives what has no maker.
function prelude.environment(id, settings, grants, fallback)
  local env = {}
  for name, value in next, shared do env[name] = value end
  env._G = env
  env.load = function(chunk, name, mode, custom)
    if custom == nil then custom = env end
    return load(chunk, name, "t", custom)
  end
  env.print = function(...)
    local parts = table.pack(...)
    for index = 1, parts.n do parts[index] = tostring(parts[index]) end
    native.log(id, "print", table.concat(parts, "\t"))
  end
  -- Not functions of Lua: a tail call to one would leave no line of the script to tell.
  env.defineStore = native.bind(native.defineStore, id)
  env.useStore = native.bind(native.useStore, id)
  env.progress = native.progress
  env.settings = settings
  local script = { id = id, env = env, grants = grants }
  local function make(_, name)
    local maker = tools.makerOf(name)
    local value = maker and maker(script)
    if value ~= nil then
      rawset(env, name, value)
    elseif fallback then
      value = fallback(name)
    end
    return value
  end
  return setmetatable(env, { __index = make, __metatable = false })
end

-- The globals of a session: those of a script, and every store under its id.
function prelude.session(id, settings, grants)
  return prelude.environment(id, settings, grants, function(name)
    if type(name) == "string" and native.hasStore(name) then return native.getStore(id, name) end
  end)
end

-- A hook that tells the host of each call of a store's actions, and of how it ended.
function prelude.tracer(tracer)
  return function(call)
    local number = native.traceBegin(tracer, call.store, call.name, table.unpack(call.args, 1, call.args.n))
    if not number then return end
    call.after(function(...) native.traceEnd(tracer, number, true, ...) end)
    call.onError(function(err) native.traceEnd(tracer, number, false, err) end)
  end
end

-- For completion, which runs nothing of a script: the value of a global, and the table behind the view of a library.
-- `made` has the names of the globals that are made when they are first used, for the comparison with their description.
function prelude.global(env, name) return env[name] end
function prelude.behind(library) return behind[library] end
function prelude.made()
  local names = {}
  for name in pairs(makers) do names[#names + 1] = name end
  for name in pairs(chapters) do if not makers[name] then names[#names + 1] = name end end
  return names
end

-- Calls of an action that middleware or hooks surround: the host's layers first, then the middleware of
-- scripts from outside in, then the action. All of it can wait. Whoever surrounds a call sees the store, and
-- what the action returns, with the rights of their own script.
--
-- What surrounds an action is its plan: made at its first call, kept by the machine until something of it
-- changes, and never changed itself, so that a call keeps the one that it began with. Its layers stand at 1, 2 and
-- so on, and at 0 what calls go to.
local attenuate, see, handOn = native.rights.attenuate, native.rights.see, native.rights.handOn
local show = native.rights.show
local invoke, select, error, pcall, pack, unpack = native.invoke, select, error, pcall, table.pack, table.unpack

-- What a hook does wrong once the action has ended concerns neither the action nor the other hooks.
local function guard(fn, ...)
  local ok, err = pcall(fn, ...)
  if not ok then native.report(tostring(err), fn) end
end

-- Functions, each followed by its grant and by how it sees, as entries that know the store as it is seen with that
-- grant.
local function add(entries, listed, count, id)
  for index = 1, count, 3 do
    local grant = listed[index + 1]
    entries[#entries + 1] =
      { fn = listed[index], grant = grant, way = listed[index + 2], store = native.handleOf(id, grant) }
  end
  return entries
end

-- Hooks look: those that may not write get copies, so that what they do to them reaches neither the action nor its
-- caller. How a hook sees is one of these; where it depends on a condition, the host is asked at each call.
local LOOKS, WRITES, ASKS = 0, 1, 2

-- The values as a hook sees them, packed, and how it sees them; nil for a hook that may not hear of them now.
local function shown(hook, number, ...)
  local way = hook.way
  if way == ASKS then way = native.wayOfHook(number, hook.grant) end
  if way == WRITES then return pack(attenuate(hook.grant, ...)), way end
  return way == LOOKS and show(hook.grant, ...) or nil, way
end

-- A hook that raises before the action refuses the call, if it has the right to write to the store; what another one
-- raises is reported, and the call goes on.
local function begin(way, hook, call)
  if way == WRITES then return hook.fn(call) end
  local ok, err = pcall(hook.fn, call)
  if not ok then native.report(tostring(err), hook.fn) end
end

-- What a call's hooks want to hear of its end.
local function finish(plan, listening, ok, ...)
  for index = 1, #listening do
    local each = listening[index]
    if each.succeeds == ok then
      local values
      if ok then values = shown(each.hook, plan.number, ...)
      else values = shown(each.hook, plan.number, (...)) end
      if values then guard(each.fn, unpack(values, 1, values.n)) end
    end
  end
  if not ok then error((...), 0) end
  return ...
end

local function hooked(plan, self, ...)
  local listening = {}
  local hooks = plan.hooks
  for index = 1, #hooks do
    local hook = hooks[index]
    local args, way = shown(hook, plan.number, ...)
    if args then
      begin(way, hook, {
        name = plan.action, store = hook.store, args = args,
        after = function(fn)
          need(fn, "function", "call.after", 1)
          listening[#listening + 1] = { fn = fn, hook = hook, succeeds = true }
        end,
        onError = function(fn)
          need(fn, "function", "call.onError", 1)
          listening[#listening + 1] = { fn = fn, hook = hook, succeeds = false }
        end,
      })
    end
  end
  if #listening == 0 then return invoke(plan.code, plan.takesSelf, plan.number, self, ...) end
  return finish(plan, listening, pcall(invoke, plan.code, plan.takesSelf, plan.number, self, ...))
end

local onion
function onion(plan, layer, self, ...)
  local current = plan[layer]
  if not current then
    if plan.hooks then return hooked(plan, self, ...) end
    local code = plan.code
    if not code then return invoke(nil, nil, plan.number, self, ...) end
    if plan.takesSelf then return code(self, ...) end
    return code(...)
  end
  -- One whose right to change calls depends on a condition.
  if current.way == ASKS and native.wayOfHook(plan.number, current.grant) ~= WRITES then
    return onion(plan, layer + 1, self, ...)
  end
  local call = { action = plan.action, storeId = plan.id, store = current.store, args = pack(...) }
  -- All in one, since each variable that a function captures is an object of its own. What `next` returns may
  -- be more than the layer can be shown: `see` keeps it in the frame, and what the layer hands on as it got it
  -- goes on as it was.
  local frame = { plan, layer, self, call, false, false, false }
  return handOn(frame, current.fn(call, function(...)
    if frame[5] then error("middleware calls next() once", 2) end
    frame[5] = true
    -- moonstore: allow(W432) a function that captured the outer ones would need an object for each
    local plan, layer = frame[1], frame[2]
    if select("#", ...) > 0 then
      return see(frame, plan[layer].grant, onion(plan, layer + 1, frame[3], ...))
    end
    local args = frame[4].args
    local count, listed = args.n or 0, #args
    if listed > count then count = listed end
    if count == 0 then return see(frame, plan[layer].grant, onion(plan, layer + 1, frame[3])) end
    return see(frame, plan[layer].grant, onion(plan, layer + 1, frame[3], unpack(args, 1, count)))
  end))
end

local function endLayers(key, ok, ...)
  if not ok then
    native.failCall(key, tostring((...)))
    error((...), 0)
  end
  local changed, value = native.endCall(key, (...))
  if changed then return value end
  return ...
end

-- Layers of Swift see the arguments as data, and may have changed them.
local function layered(plan, layer, self, ...)
  local key, args, count = native.beginLayers(plan.number, ...)
  return endLayers(key, pcall(onion, plan, layer, self, unpack(args, 1, count)))
end

local function prepare(number)
  local action, id, hooks, isLayered, around, own = native.beginCall(number)
  local code, takesSelf = native.codeOf(number)
  -- The middleware around all stores is outside of that around this one.
  local plan = add(add({}, around, #around, id), own, #own, id)
  plan.action, plan.id, plan.number = action, id, number
  plan.code, plan.takesSelf = code, takesSelf
  if #hooks > 0 then plan.hooks = add({}, hooks, #hooks, id) end
  plan[0] = isLayered and layered or onion
  native.keepPlan(number, plan)
  return plan
end

-- The machine calls this while it has no plan, and what stands at 0 of the plan afterwards.
function prelude.dispatch(number, self, ...)
  local plan = prepare(number)
  return plan[0](plan, 1, self, ...)
end

-- A reset that a plugin does in a way of its own.
function prelude.callReset(fn, self, number)
  return fn(self, function() native.plainReset(number) end)
end

-- Takes from the environment of a session that may only look what scripts share beside the stores: the numbers that
-- `math.random` gives all of them.
function prelude.narrow(env)
  local narrowed = {}
  for name, value in pairs(math) do narrowed[name] = value end
  narrowed.random, narrowed.randomseed = native.random, native.random
  rawset(env, "math", view(narrowed, "math"))
end

return prelude
