---@meta
--- Effects
---
--- Functions that run as tasks whenever something has happened and is final.

--- Effects of the script.
effects = {}

--- What an effect listens to: a type of message, a list of events, a table that describes one, or a predicate over messages.
---@alias EventMatcher string|EventDescription|EventMatcher[]|fun(message: Message): boolean

--- An event that an effect listens to. It names one of `message`, `action` and `change`.
---@class (exact) EventDescription
---@field message? MessageType|MessageType[] A type of message, or "*".
---@field action? string|string[] An action that succeeded, such as "cart:addItem" or "cart:*".
---@field change? Store|StoreID A store that changes.
---@field path? string Only changes at and below this path.
---@field where? fun(event: table): boolean Only events for which it gives true.

--- The options of `effects.on`.
---@class (exact) EffectOptions
---@field latest? boolean A new event ends the effect that runs.
---@field leading? boolean Events are passed over while an effect runs.
---@field once? boolean The listener ends with its first event.
---@field original? boolean The event of an action has the state from before as `original`.
---@field delay? seconds The effect begins so much later.
---@field debounce? seconds It begins when so long no other event came.
---@field throttle? seconds Further events within this time are passed over.

--- What an effect can do while it runs.
---@class EffectAPI
---@field id string The id of its task.
local api = {}

--- Waits for an event.
---@param what EventMatcher
---@param timeout? seconds How long at most.
---@return table? event nil where the time is over.
---@effect waits
---@example
--- effects.on("order:placed", function(event, api)
---   print(api.take("order:paid", 60).type)
--- end)
--- bus.send("order:placed")
--- sleep(0)
--- bus.send("order:paid")
--- sleep(0)
function api.take(what, timeout) end

--- Waits until a function gives true. It is asked again when something that it has read has changed.
---@param test fun(): boolean
---@param timeout? seconds How long at most.
---@return boolean isTrue false where the time is over.
---@effect waits
---@example
--- effects.on("order:placed", function(event, api)
---   api.condition(function() return useStore("products").count > 0 end, 60)
--- end)
function api.condition(test, timeout) end

--- Waits, as `sleep` does.
---@param seconds seconds
---@effect waits
---@example
--- effects.on("order:placed", function(event, api) api.delay(0.5) end)
function api.delay(seconds) end

--- Begins a task of the effect, which ends with it.
---@param body fun(...: any): any
---@param ... any What the function is called with.
---@return Task task
---@effect registers
---@place action, driver
---@example
--- effects.on("order:placed", function(event, api)
---   local task = api.fork(function(a) return a end, 1)
---   api.pause(task)
--- end)
function api.fork(body, ...) end

--- Begins a task of the effect that the effect waits for at its end.
---@param body fun(...: any): any
---@param ... any What the function is called with.
---@return Task task
---@effect registers
---@place action, driver
---@example
--- effects.on("order:placed", function(event, api) api.join(function() api.delay(1) end) end)
function api.join(body, ...) end

--- Waits for the end of a task, as its method `wait` does.
---@param task Task
---@param timeout? seconds How long at most.
---@return any ... What its function has returned.
---@effect waits
---@example
--- effects.on("order:placed", function(event, api) api.pause(api.fork(function() end)) end)
function api.pause(task, timeout) end

--- Ends the effect itself where it waits next.
---@effect writes
---@place action, driver
---@example
--- effects.on("order:placed", function(event, api) api.cancel() end)
function api.cancel() end

--- Whether the effect was cancelled.
---@return boolean isCancelled
---@effect reads
---@example
--- effects.on("order:placed", function(event, api) print(api.cancelled()) end)
--- bus.send("order:placed")
--- sleep(0)  --> false
function api.cancelled() end

--- Ends all other effects of this listener that run.
---@effect writes
---@place action, driver
---@example
--- effects.on("order:placed", function(event, api) api.cancelActive() end)
function api.cancelActive() end

--- Ends the listener; this effect goes on.
---@effect registers
---@place action, driver
---@example
--- effects.on("order:placed", function(event, api) api.unsubscribe() end)
function api.unsubscribe() end

--- Begins to listen again, after `unsubscribe`.
---@effect registers
---@place action, driver
---@example
--- effects.on("order:placed", function(event, api)
---   api.unsubscribe()
---   api.delay(1)
---   api.subscribe()
--- end)
function api.subscribe() end

--- Calls a function as a task for each event that a matcher fits.
---@param matcher EventMatcher
---@param effect fun(event: table, api: EffectAPI)
---@param options? EffectOptions
---@return fun(cancelActive: boolean?): boolean stop Ends the listener; with true, the effects that run as well.
---@effect registers
---@example
--- effects.on({ action = "cart:clear" }, function(event) print(event.action) end)
--- useStore("cart"):clear()
--- sleep(0)  --> clear
function effects.on(matcher, effect, options) end

--- Waits for an event.
---@param matcher EventMatcher
---@param timeout? seconds How long at most.
---@return table? event nil where the time is over.
---@effect waits
---@example
--- spawn(function()
---   sleep(0)
---   bus.send("order:paid")
--- end)
--- print(effects.take("order:paid", 60).type)  --> order:paid
function effects.take(matcher, timeout) end

--- Waits until a function gives true. It is asked again when something that it has read has changed.
---@param test fun(): boolean
---@param timeout? seconds How long at most.
---@return boolean isTrue false where the time is over.
---@effect waits
---@example
--- local products = useStore("products")
--- spawn(function() products:add("lamp", 5) end)
--- print(effects.condition(function() return products.count > 0 end, 60))  --> true
function effects.condition(test, timeout) end

--- Ends all effects of the script.
---@effect registers
---@place load, onLoad, action, getter, driver
---@example
--- effects.on("order:placed", function(event) print("never") end)
--- effects.clear()
--- bus.send("order:placed")
function effects.clear() end
