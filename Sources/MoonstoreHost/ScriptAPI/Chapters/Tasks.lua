-- Work that goes on beside what began it: a chapter of the script API.
local tools = ...
local native = tools.native
local makers = {}

-- What a task came to, by the task that scripts hold. It lives as long as somebody holds the task or the
-- task runs, so that results need no place in the host.
local records = setmetatable({}, { __mode = "k" })
local methods = {}

-- Whether something is a task.
function tools.isTask(value) return type(value) == "table" and records[value] ~= nil end

local function record(task, method)
  local found = type(task) == "table" and records[task]
  if not found then error("call it on a task, with a colon: task:" .. method .. "()", 3) end
  return found
end

function methods.cancel(task) native.cancelTask(record(task, "cancel").number) end

function methods.wait(task, timeout)
  local own = record(task, "wait")
  if not own.state then
    local status = native.waitForTask(own.number, timeout)
    own.state = own.state or status
  end
  if own.state == "done" then return table.unpack(own.results, 1, own.results.n) end
  native.seeTask(own.number, own.parent)
  error(own.failure, 0)
end

local class = {
  __name = "task",
  __metatable = false,
  __index = function(task, key)
    local method = methods[key]
    if method then return method end
    local own = records[task]
    if key == "status" then return own.state or native.taskStatus(own.number) end
    if key == "id" then return "task-" .. own.number end
  end,
  __newindex = function() error("the fields of a task cannot be changed", 2) end,
  __tostring = function(task) return "task: " .. task.id .. " (" .. task.status .. ")" end,
}

-- Sees the error that a task ends in without catching it; a task that is cancelled ends without one.
local watching = {
  __close = function(own, failure)
    if failure ~= nil then own.state, own.failure = "failed", failure end
  end,
}

local function keep(own, ...) own.state, own.results = "done", table.pack(...) end

-- Begins a task of a script; `parent` is the number of the one that forks it.
function tools.spawn(script, label, parent, body, ...)
  local own = setmetatable({ parent = parent }, watching)
  local args = table.pack(...)
  own.number = native.spawn(script.id, function(number)
    own.number = number
    local ending <close> = own
    keep(own, body(table.unpack(args, 1, args.n)))
  end, label, parent)
  local task = setmetatable({}, class)
  records[task] = own
  return task
end

function makers.spawn(script)
  return function(body, ...)
    tools.need(body, "function", "spawn", 1)
    return tools.spawn(script, nil, nil, body, ...)
  end
end

return makers
