---@meta
--- Stores
---
--- Defining stores, and what a script can do with the handle of one.

--- What a store is made from: state, getters, actions, and what it hears and answers. Fields that there are not are errors.
---@class (exact) StoreDefinition
---@field name? string What people call it; the id where there is none.
---@field metadata? table Any data.
---@field dependencies? StoreID[] Stores that must be there before this one.
---@field permissions? (string|table)[] What others may do with it; reading and calling where there is none.
---@field plugins? function[] Plugins of this store alone.
---@field options? table What plugins are told about the store.
---@field state? table|fun(): table What its state begins with.
---@field getters? table<string, fun(self: Store): any> What is derived from state; they only read.
---@field actions? table<string, fun(self: Store, ...: any): any> What can be done with it.
---@field on? table<MessageType, fun(self: Store, message: Message)> What it does when it hears messages.
---@field answers? table<MessageType, fun(self: Store, request: Message): any> How it answers requests.
---@field version? integer The version of the form of its state.
---@field migrate? fun(old: table, version: integer): table Makes its state of that of an earlier version.

--- A handle of a store. Its fields are the store's state and getters; its methods are the store's actions.
---@class Store

--- Makes a store of a table, or of a setup function that returns refs, computeds and actions by their names.
---@param id StoreID
---@param definition StoreDefinition|fun(): table
---@param record? table What a setup function cannot say: name, metadata, dependencies, permissions, version and so on.
---@return Store store A handle with all rights.
---@effect registers
---@place load, onLoad, action, driver
---@error invalidDefinition A field is unknown, or has a wrong value.
---@error duplicateStore Another script has a store of this id.
---@example
--- local lamp = defineStore("lamp", {
---   state = { isOn = false },
---   actions = { toggle = function(self) self.isOn = not self.isOn end },
--- })
--- lamp:toggle()
--- print(lamp.isOn)  --> true
function defineStore(id, definition, record) end

--- A handle of a store. While a project is loaded it can name a store that a later script defines.
---@param id StoreID
---@return Store store
---@effect reads
---@error unknownStore There is no such store; the error suggests the one that was meant.
---@example
--- print(useStore("cart").itemCount)  --> 0
function useStore(id) end

--- In a setup function: a value that is a field of the state. It has one field, `value`.
---@class Ref
---@field value data The value; assigning changes the state.

--- In a setup function: a value that is derived from others. Its field `value` only reads.
---@class Computed
---@field value any What its function gives.

--- Makes a field of the state, in a setup function.
---@param value? data What it begins with; null where there is nothing.
---@return Ref ref
---@effect registers
---@error invalidDefinition No setup function is running.
---@example
--- local counter = defineStore("tally", function()
---   local n = ref(0)
---   return { n = n, add = function(by) n.value = n.value + by end }
--- end)
--- counter.add(3)
--- print(counter.n)  --> 3
function ref(value) end

--- Makes a getter, in a setup function.
---@param fn fun(): any What computes the value; it only reads.
---@return Computed computed
---@effect registers
---@error invalidDefinition No setup function is running.
---@example
--- local squares = defineStore("squares", function()
---   local side = ref(3)
---   return { side = side, area = computed(function() return side.value ^ 2 end) }
--- end)
--- print(squares.area)  --> 9.0
function computed(fn) end

--- The options of `watch`.
---@class (exact) WatchOptions
---@field immediate? boolean Calls the function at once as well.
---@field once? boolean Ends with the first change.

--- Calls a function when a value is another one after a turn, inside that turn.
---@param source Ref|Computed|fun(): any What is watched: a ref, a computed, or a function that only reads.
---@param callback fun(new: any, old: any)
---@param options? WatchOptions
---@return Disposer stop
---@effect registers
---@place load, onLoad, action, getter, driver
---@example
--- local products = useStore("products")
--- watch(function() return products.count end, function(new, old) print(old, new) end)
--- products:add("lamp", 5)  --> 0	1
function watch(source, callback, options) end

--- A handle with fewer rights, to hand on.
---@param handle Store
---@param permissions (string|table)[] What it may do, at most.
---@return Store store
---@effect registers
---@place load, onLoad, action, getter, driver
---@error invalidDefinition The permissions are no list of permissions.
---@example
--- local viewer = secure(useStore("cart"), { "read" })
--- print(pcall(viewer.clear, viewer) == false)  --> true
function secure(handle, permissions) end

--- Another name of `secure`.
---@param handle Store
---@param permissions (string|table)[] What it may do, at most.
---@return Store store
---@effect registers
---@place load, onLoad, action, getter, driver
---@error invalidDefinition The permissions are no list of permissions.
---@example
--- print(createSecureStore(useStore("cart"), { "read" }).itemCount)  --> 0
function createSecureStore(handle, permissions) end

--- Functions that take a store first. They are no methods, so that a store's own fields and actions can have any name.
store = {}

--- The id of a store.
---@param handle Store
---@return StoreID id
---@effect reads
---@example
--- print(store.id(useStore("cart")))  --> cart
function store.id(handle) end

--- The live state of a store.
---@param handle Store
---@return table state
---@effect reads
---@right read
---@error permissionDenied The handle may not read the store.
---@example
--- print(#store.state(useStore("cart")).items)  --> 0
function store.state(handle) end

--- A plain copy of a part of the state, or of any other data.
---@param part data
---@return data copy
---@effect reads
---@example
--- local copy = store.copy(useStore("cart").items)
--- copy[1] = "not in the cart"
--- print(#useStore("cart").items)  --> 0
function store.copy(part) end

--- Puts the state back to what it begins with; fields that were added go.
---@param handle Store
---@effect writes
---@right reset
---@error permissionDenied The handle may not reset the store.
---@example
--- local products = useStore("products")
--- products:add("lamp", 5)
--- store.reset(products)
--- print(products.count)  --> 0
function store.reset(handle) end

--- Takes a store out, unless others depend on it.
---@param handle Store
---@effect writes
---@right dispose
---@error permissionDenied The handle may not take the store out.
---@error hasDependents Other stores depend on it.
---@example
--- local note = defineStore("note", { state = { text = "" } })
--- store.dispose(note)
--- print(registry.has("note"))  --> false
function store.dispose(handle) end

--- Merges a table into the state, or makes all changes of a function one change. The function cannot wait.
---@param handle Store
---@param changes table|fun(state: table): any Maps merge, everything else is replaced.
---@return any ... What the function returns.
---@effect writes
---@right patch
---@error permissionDenied The handle may not change what is patched.
---@error notData Something in it cannot be state.
---@example
--- local settings = defineStore("settings", { state = { theme = { name = "dark", size = 12 } } })
--- store.patch(settings, { theme = { name = "light" } })
--- store.patch(settings, function(state) state.theme.size = state.theme.size + 1 end)
--- print(settings.theme.name, settings.theme.size)  --> light	13
function store.patch(handle, changes) end

--- One change of a store's state.
---@class Patch
---@field operation "set"|"insert"|"remove"|"reorder" What was done.
---@field path string Where.
---@field old? data What was there.
---@field new? data What is there now.
---@field order? integer[] The new order, of `reorder`.

--- What a turn has changed in a store.
---@class StoreChange
---@field storeId StoreID The store.
---@field turn integer The number of the turn.
---@field type "direct"|"patch"|"patch function"|"reset" How it was changed.
---@field payload? data What `store.patch` was given.
---@field changes Patch[] The changes, in order.

--- The options of `store.subscribe`.
---@class (exact) SubscribeOptions
---@field path? string Only changes at and below this path.
---@field once? boolean Ends with the first change.
---@field immediate? boolean Calls the function at once as well, with nil as its first argument.

--- Calls a function once for each turn that has changed a store's state, inside that turn.
---@param handle Store
---@param callback fun(change: StoreChange, store: Store)
---@param options? SubscribeOptions
---@return Disposer stop
---@effect registers
---@right subscribe
---@error permissionDenied The handle may not hear of the store's changes.
---@example
--- local products = useStore("products")
--- store.subscribe(products, function(change) print(change.changes[1].path) end, { path = "stock" })
--- products:add("lamp", 5)  --> products.stock.lamp
function store.subscribe(handle, callback, options) end

--- A call of an action, as a hook of `store.onAction` sees it.
---@class HookedCall
---@field name string The action.
---@field store Store The store, with the rights of the hook's handle.
---@field args table The arguments, with their count as `n`; copies unless the handle may write.
local call = {}

--- Calls a function with what the action returns, once it has succeeded.
---@param fn fun(...: any)
---@effect registers
---@place load, onLoad, action, driver
---@example
--- store.onAction(useStore("cart"), function(call)
---   call.after(function() print(call.name) end)
--- end)
--- useStore("cart"):clear()  --> clear
function call.after(fn) end

--- Calls a function with what the action raises, once it has failed.
---@param fn fun(err: any)
---@effect registers
---@place load, onLoad, action, driver
---@example
--- store.onAction(useStore("cart"), function(call)
---   call.onError(function(err) print(call.name, "failed") end)
--- end)
--- print(pcall(useStore("cart").addItem, useStore("cart"), "lamp", 1) == false)
function call.onError(fn) end

--- Calls a function before each action of a store. One that raises refuses the call if its handle may write.
---@param handle Store
---@param callback fun(call: HookedCall)
---@return Disposer stop
---@effect registers
---@right onAction
---@error permissionDenied The handle may not hear of the store's actions.
---@example
--- store.onAction(useStore("cart"), function(call) print("cart:" .. call.name) end)
--- useStore("cart"):clear()  --> cart:clear
function store.onAction(handle, callback) end
