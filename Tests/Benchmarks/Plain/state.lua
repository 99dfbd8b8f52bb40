-- The other workloads in plain Lua tables.
local counter = { count = 0 }
function counter.increment(self)
  self.count = self.count + 1
  return self.count
end

steps.W1 = { function() return counter.increment(counter) end }

-- One layer around an action, as an onion: the call as a record, and a `next` for the layer.
local function surround(name, action, layer)
  return function(self, ...)
    local call = { store = "counter", action = name, args = table.pack(...) }
    return layer(call, function() return action(self, table.unpack(call.args, 1, call.args.n)) end)
  end
end

local surrounded = surround("increment", counter.increment, function(_, next)
  local result = next()
  return result
end)
steps.W2 = { function() return surrounded(counter) end }

-- A getter with a cache that a write marks as old.
local cached = {}
local lines = { items = {}, total = 0 }
for index = 1, 1000 do lines.items[index] = { quantity = 1, price = 5 } end

local function getter(compute)
  local name = {}
  return function(self)
    local value = cached[name]
    if value == nil then
      value = compute(self)
      cached[name] = value
    end
    return value
  end
end

local function compute(self)
  local sum = 0
  for _, line in ipairs(self.items) do sum = sum + line.quantity * line.price end
  return sum
end

local getters = { total = getter(compute) }
local store = setmetatable({}, {
  __index = function(self, key)
    local found = getters[key]
    if found then return found(self) end
    return lines[key]
  end,
})

steps.W4 = { function() return store.total end }

function loops.W4(count)
  local sum = 0
  for _ = 1, count do sum = sum + store.total end
  return sum
end

steps.W4r = {
  function()
    local line = lines.items[500]
    line.quantity = line.quantity + 1
    cached = {}
  end,
  function() return store.total end,
}

local function pulse(subscribers, layers)
  bus.reset()
  local heard = { count = 0 }
  for _ = 1, subscribers do
    bus.subscribe("pulse", function(message) heard.count = heard.count + message.payload.amount end)
  end
  for _ = 1, layers do
    bus.use(function(message) return message end)
  end
  return function(count)
    for _ = 1, count do
      bus.send("pulse", { amount = 1 })
      bus.settle()
    end
    return heard.count
  end
end

-- Each makes its subscribers first, with a count of 0.
local senders = {}
for name, shape in pairs { W5 = { 1, 0 }, W5s = { 10, 0 }, W5m = { 1, 3 } } do
  loops[name] = function(count)
    if count == 0 then senders[name] = pulse(shape[1], shape[2]) end
    return senders[name](count)
  end
end

local tree = { user = { profile = { name = "Ada", visits = 0 } }, list = {}, numbers = {}, records = {} }
for index = 1, 10000 do
  tree.numbers[index] = index
  tree.records[index] = { value = index }
end

function loops.read(count)
  local length = 0
  for _ = 1, count do
    if tree.user.profile.name == "Ada" then length = length + 1 end
  end
  return length
end

function loops.write(count)
  for index = 1, count do tree.user.profile.visits = index end
  return tree.user.profile.visits
end

function loops.push(count)
  tree.list = {}
  for index = 1, count do table.insert(tree.list, index) end
  return #tree.list
end

function loops.numbers(count)
  local sum = 0
  for _ = 1, count do
    for _, value in ipairs(tree.numbers) do sum = sum + value end
  end
  return sum
end

function loops.records(count)
  local sum = 0
  for _ = 1, count do
    for _, record in ipairs(tree.records) do sum = sum + record.value end
  end
  return sum
end

local made = {}

local function define(id, options)
  local getters, actions = options.getters, options.actions
  local self = setmetatable(options.state(), {
    __index = function(self, key)
      local get = getters[key]
      if get then return get(self) end
      return actions[key]
    end,
  })
  made[id] = self
  return self
end

function loops.W8(count)
  made = {}
  for index = 1, count do
    define("small-" .. index, {
      state = function() return { a = 1, b = 2, c = "three", d = true, e = 5.5 } end,
      getters = {
        sum = function(self) return self.a + self.b end,
        label = function(self) return self.c .. self.a end,
      },
      actions = {
        setA = function(self, value) self.a = value end,
        setB = function(self, value) self.b = value end,
        clear = function(self) self.a, self.b = 0, 0 end,
      },
    })
  end
  local sum = 0
  for _, each in pairs(made) do sum = sum + each.sum end
  return sum
end

-- A new state of its own is `reference_open`; this is the first thing that is done in it.
function loops.start() return counter.increment(counter) end
