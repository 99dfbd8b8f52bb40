-- A message bus in plain Lua: a record for each message, a queue, handlers of a type and of `*`, middleware, the
-- last thousand messages, requests with an answer that is a message too. No undo, nothing reactive.
bus = {}

local KEPT = 1000
local handlers, responders, layers = {}, {}, {}
local queue, head, tail = {}, 1, 0
local history, delivered, sent = {}, 0, 0
local isDelivering = false

local function record(kind, payload, from, to)
  sent = sent + 1
  return {
    id = "msg-" .. sent, type = kind, from = from, to = to, payload = payload, priority = "normal",
    timestamp = now(), handled = false,
  }
end

local function deliver(message)
  for _, list in ipairs { handlers[message.type] or false, handlers["*"] or false } do
    if list then
      for index = 1, #list do
        if pcall(list[index], message) then message.handled = true end
      end
    end
  end
  delivered = delivered + 1
  history[(delivered - 1) % KEPT + 1] = message
end

local function drain()
  if isDelivering then return end
  isDelivering = true
  while head <= tail do
    local message = queue[head]
    queue[head] = nil
    head = head + 1
    deliver(message)
  end
  head, tail = 1, 0
  isDelivering = false
end

local function enqueue(message)
  for index = 1, #layers do
    message = layers[index](message)
    if not message then return nil end
  end
  tail = tail + 1
  queue[tail] = message
  return message.id
end

function bus.subscribe(kind, handler)
  local list = handlers[kind] or {}
  handlers[kind] = list
  list[#list + 1] = handler
end

function bus.answer(kind, responder) responders[kind] = responder end
function bus.use(layer) layers[#layers + 1] = layer end

function bus.reset() handlers, responders, layers = {}, {}, {} end

-- What an action sends waits for `bus.settle`.
function bus.send(kind, payload) return enqueue(record(kind, payload, "script")) end

function bus.request(kind, payload)
  local request = record(kind, payload, "script")
  enqueue(request)
  drain()
  local answer = responders[kind](request)
  enqueue(record(kind .. ":response", answer, "responder", "script"))
  drain()
  return answer
end

bus.settle = drain
