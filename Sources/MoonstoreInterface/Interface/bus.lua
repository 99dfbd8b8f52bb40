---@meta
--- Messages
---
--- Sending, hearing, asking and answering. Messages wait for a quiet stack: they are delivered when no action runs any more.

--- Messages between stores and scripts.
bus = {}

--- A message, as those see it who hear it. It cannot be changed.
---@class Message
---@field id string Its id, such as "message-7".
---@field type MessageType Its type.
---@field from string The store or script that sent it.
---@field to? string The store or script that it is for; nil where it is for all.
---@field payload? data A frozen copy of what was sent.
---@field priority "high"|"normal"|"low" What goes first.
---@field timestamp number When it was sent, in seconds since 1970.
---@field handled boolean Whether a handler has handled it.
---@field sequence integer Its place among all messages of the host.

--- The options of `bus.send`.
---@class (exact) SendOptions
---@field to? string Only this store or script gets it.
---@field from? string Who sends; the host says so, and refuses another name.
---@field priority? "high"|"normal"|"low" Goes before those that wait, in line, or behind them.

--- Sends a message to those who hear its type.
---@param type MessageType
---@param payload? data
---@param options? SendOptions
---@return string? id Its id; nil where message middleware dropped it.
---@effect sends
---@right call
---@error permissionDenied It is addressed to a store that the script may not call, or names another sender.
---@error notData The payload is no plain data.
---@example
--- bus.subscribe("cart:item-added", function(message) print(message.payload.quantity) end)
--- bus.send("cart:item-added", { productId = "lamp", quantity = 2 })  --> 2
function bus.send(type, payload, options) end

--- The options of `bus.request`.
---@class (exact) RequestOptions
---@field to? string Only this store or script is asked.
---@field from? string Who asks; the host says so, and refuses another name.
---@field timeout? seconds How long to wait for the answer; 5 where nothing is said.

--- Asks, and gives the answer. It waits only if its responder waits; otherwise it is answered in the same turn.
---@param type MessageType
---@param payload? data
---@param options? RequestOptions
---@return data answer
---@effect waits
---@place onLoad, action, driver
---@right call
---@error noResponder No script answers this type.
---@error timeout There was no answer in time.
---@example
--- bus.answer("sum", function(request) return request.payload[1] + request.payload[2] end)
--- print(bus.request("sum", { 3, 4 }))  --> 7
function bus.request(type, payload, options) end

--- Calls a function for each message of a type, or of every type with "*".
---@param type MessageType
---@param handler fun(message: Message)
---@return Disposer stop
---@effect registers
---@example
--- local stop = bus.subscribe("shop:opened", function(message) print(message.type) end)
--- bus.send("shop:opened")  --> shop:opened
--- print(stop())  --> true
function bus.subscribe(type, handler) end

--- Ends a subscription by the function that was given to `bus.subscribe`.
---@param type MessageType
---@param handler fun(message: Message)
---@return boolean ended Whether it was there.
---@effect registers
---@place load, onLoad, action, getter, driver
---@example
--- local function hear(message) end
--- bus.subscribe("shop:opened", hear)
--- print(bus.unsubscribe("shop:opened", hear))  --> true
function bus.unsubscribe(type, handler) end

--- Answers the requests of a type with what a function returns. One type has one responder.
---@param type MessageType
---@param responder fun(request: Message): any
---@return Disposer stop
---@effect registers
---@error duplicateResponder Another script answers this type already.
---@error permissionDenied The type belongs to a store of another script.
---@example
--- bus.answer("greeting", function(request) return "Hello, " .. request.payload end)
--- print(bus.request("greeting", "Ada"))  --> Hello, Ada
function bus.answer(type, responder) end

--- Answers a request from a handler, at once or later, or fails it. Only those that were given the request may.
---@param message Message The request.
---@param answer? data
---@param err? any What the code that asked catches, in place of an answer.
---@return boolean isFirst Whether this was the first answer, which counts.
---@effect sends
---@example
--- bus.subscribe("price", function(message) bus.respond(message, 12) end)
--- print(bus.request("price"))  --> 12
function bus.respond(message, answer, err) end

--- Lets a function see each message before it is queued. It returns the message, a table of what it changes, or false to drop it.
---@param middleware fun(message: Message): any
---@return Disposer stop
---@effect registers
---@error permissionDenied The script stands neither in `middleware/` nor in the setting `messageMiddleware`.
---@example
--- bus.use(function(message)
---   if message.type == "drop:me" then return false end
---   return message
--- end)
--- print(bus.send("drop:me"))  --> nil
function bus.use(middleware) end

--- The last messages, newest first.
---@param count? integer How many; 20 where nothing is said.
---@return table[] messages
---@effect reads
---@example
--- bus.send("shop:opened")
--- print(bus.recentMessages(1)[1].type)  --> shop:opened
function bus.recentMessages(count) end

--- The messages that no handler has handled, newest first.
---@return table[] messages
---@effect reads
---@example
--- bus.send("shop:opened")
--- print(#bus.unhandledMessages())  --> 1
function bus.unhandledMessages() end

--- How many messages the bus keeps.
---@return integer count
---@effect reads
---@example
--- bus.send("shop:opened")
--- print(bus.messageCount())  --> 1
function bus.messageCount() end

--- Counts of the bus: `sent`, `retained`, `dropped` and `unhandled`.
---@return table<string, integer> counts
---@effect reads
---@example
--- bus.send("shop:opened")
--- print(bus.statistics().sent)  --> 1
function bus.statistics() end

--- Forgets messages that were sent longer ago.
---@param age? number In seconds; 60 where nothing is said.
---@return integer count How many were forgotten.
---@effect outside
---@example
--- bus.send("shop:opened")
--- print(bus.cleanup())  --> 0
function bus.cleanup(age) end
