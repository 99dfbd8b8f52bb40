-- Effects: functions that run beside everything else whenever something has happened. A chapter of the
-- script API, on top of tasks.
local tools = ...
local native = tools.native
local makers = {}
tools.makerOf("spawn")

-- What the host hears of the actions of a store that somebody listens to. Events are data, since those who
-- hear of them may be other scripts.
local function data(value)
  local ok, copy = pcall(native.copy, value)
  if ok then return copy end
  return null
end

native.openEffects(function(context)
  local id, args = native.storeID(context.store), context.args
  local original = native.wantsOriginal(id) and data(native.storeState(context.store)) or nil
  context.after(function(result)
    local record = {
      kind = "action", store = id, action = context.name,
      args = array(), result = data(result), original = original,
    }
    for index = 1, args.n do record.args[index] = data(args[index]) end
    native.noteAction(id, context.name, record)
  end)
end)

-- Matchers ----------------------------------------------------------------------------------------------

local howToMatch = 'an event is a message type, a list of them, { message = "type" }, '
  .. '{ action = "cart:addItem" }, { change = useStore("cart"), path = "items" }, each with where = function '
  .. "if need be, or a function(message)"

-- A matcher is read into what the host wants: a list of descriptions, and the functions that they count. What reads it
-- is made once, and not anew for each matcher, since scripts listen thousands of times.
local function wrong(reader, what) error(reader.name .. ": " .. what .. "; " .. howToMatch, 4) end

local function add(reader, spec, where, word)
  if where ~= nil then
    if type(where) ~= "function" then wrong(reader, "'where' is no function") end
    local predicates = reader.predicates
    predicates[#predicates + 1] = function(event) return not not where(event) end
    spec.predicate = #predicates
  end
  local specs = reader.specs
  specs[#specs + 1] = spec
  reader.words = reader.words and reader.words .. ", " .. word or word
end

local function addMessage(reader, type_, where)
  if type(type_) ~= "string" or type_ == "" then wrong(reader, "a message type is a text") end
  add(reader, { kind = "message", type = type_ ~= "*" and type_ or nil }, where, "'" .. type_ .. "'")
end

local function addAction(reader, action, where)
  local store, member = tostring(action):match("^(.+):([^:]+)$")
  if type(action) ~= "string" or not store then
    wrong(reader, 'an action is named by its store, such as "cart:addItem" or "cart:*"')
  end
  if member == "*" then member = nil end
  add(reader, { kind = "action", store = store, name = member }, where, "action '" .. action .. "'")
end

local function addChange(reader, store, path, where)
  local id, grant = store, nil
  if type(store) ~= "string" then id, grant = native.heldStore(store) end
  if not id or id == "" then wrong(reader, "'change' is a store or its id") end
  if path ~= nil and type(path) ~= "string" then wrong(reader, "'path' is a text such as \"items[1]\"") end
  local word = "change of '" .. id .. (path and "." .. path or "") .. "'"
  add(reader, { kind = "change", store = id, path = path, grant = grant }, where, word)
end

local function addEach(reader, list, addOne, where)
  if type(list) ~= "table" then return addOne(reader, list, where) end
  if #list == 0 then wrong(reader, "the list of events is empty") end
  for _, one in ipairs(list) do addOne(reader, one, where) end
end

local fields = {
  message = function(reader, m) addEach(reader, m.message, addMessage, m.where) end,
  action = function(reader, m) addEach(reader, m.action, addAction, m.where) end,
  change = function(reader, m) addChange(reader, m.change, m.path, m.where) end,
}

local function addAny(reader, one)
  if type(one) == "string" then return addMessage(reader, one) end
  if type(one) == "function" then return add(reader, { kind = "message" }, one, "a predicate") end
  if type(one) ~= "table" then wrong(reader, "this is " .. (one == nil and "nil" or "a " .. type(one))) end
  if #one > 0 then
    for _, inner in ipairs(one) do addAny(reader, inner) end
    return
  end
  local found
  for key in pairs(one) do
    if fields[key] then
      if found then wrong(reader, "'" .. found .. "' and '" .. key .. "' are two events: use a list") end
      found = key
    elseif key ~= "where" and not (key == "path" and one.change ~= nil) then
      wrong(reader, "there is no field '" .. tostring(key) .. "'")
    end
  end
  if found then return fields[found](reader, one) end
  if one.where ~= nil then return add(reader, { kind = "message" }, one.where, "a predicate") end
  wrong(reader, "the list of events is empty")
end

local function read(matcher, name)
  local kind = type(matcher)
  if kind ~= "string" and kind ~= "function" and kind ~= "table" then
    native.wrong(name, 1, "a string, a table or a function", matcher)
  end
  local reader = { name = name, specs = array(), predicates = {}, words = nil }
  addAny(reader, matcher)
  return reader.specs, reader.predicates, reader.words
end

-- Options -----------------------------------------------------------------------------------------------

-- A copy of the options, whose names and values the host has checked.
local function check(options)
  local checked = {}
  if options == nil then return checked end
  native.effectOptions(options)
  local function refuse(what) error("effects.on: " .. what, 4) end
  for key, value in pairs(options) do checked[key] = value end
  if checked.latest and checked.leading then refuse("it is either 'latest' or 'leading'") end
  if checked.delay and checked.debounce then refuse("it is either 'delay' or 'debounce'") end
  return checked
end

-- Waiting -----------------------------------------------------------------------------------------------

local function take(script, name, matcher, timeout)
  local specs, predicates, words = read(matcher, name)
  return native.take(script.id, name .. "(" .. words .. ")", specs, timeout, table.unpack(predicates))
end

local function condition(script, name, test, timeout)
  tools.need(test, "function", name, 1)
  return native.condition(script.id, name, function() return not not test() end, timeout)
end

-- What an effect can do, for one run of it.
local function makeAPI(script, listener, number, forks)
  local api = { id = "task-" .. number }
  function api.take(matcher, timeout) return (take(script, "api.take", matcher, timeout)) end
  function api.condition(test, timeout) return (condition(script, "api.condition", test, timeout)) end
  api.delay = native.delay
  function api.fork(body, ...)
    tools.need(body, "function", "api.fork", 1)
    return tools.spawn(script, "a fork of " .. listener.label, number, body, ...)
  end
  function api.join(body, ...)
    tools.need(body, "function", "api.join", 1)
    local task = api.fork(body, ...)
    forks[#forks + 1] = task
    return task
  end
  function api.pause(task, timeout)
    if not tools.isTask(task) then native.wrong("api.pause", 1, "a task", task) end
    if timeout ~= nil then native.checkPause(task.id, timeout) end
    return task:wait(timeout)
  end
  function api.cancel() native.cancelTask(number) end
  function api.cancelled() return native.taskStatus(number) == "cancelled" end
  function api.cancelActive() native.cancelEffects(listener.number, number) end
  function api.unsubscribe() native.unlisten(listener.number, false) end
  function api.subscribe() native.listenAgain(listener.number) end
  return api
end

function makers.effects(script)
  local function on(matcher, effect, options)
    local specs, predicates, words = read(matcher, "effects.on")
    tools.need(effect, "function", "effects.on", 2)
    local checked = check(options)
    local listener = { label = "the effect on " .. words }
    local function run(number, event)
      local forks = {}
      effect(event, makeAPI(script, listener, number, forks))
      for _, task in ipairs(forks) do task:wait() end
    end
    listener.number =
      native.listen(script.id, listener.label, specs, checked, run, table.unpack(predicates))
    return function(cancelActive) return native.unlisten(listener.number, cancelActive == true) end
  end

  return tools.view({
    on = on,
    take = function(matcher, timeout) return (take(script, "effects.take", matcher, timeout)) end,
    condition = function(test, timeout) return (condition(script, "effects.condition", test, timeout)) end,
    clear = function() native.endEffects(script.id) end,
  }, "effects")
end

return makers
