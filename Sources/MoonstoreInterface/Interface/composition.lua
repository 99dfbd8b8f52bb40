---@meta
--- Composition
---
--- Stores under names of their own, middleware around one of them, and values from script to script.

--- The stores under a prefix, by their short names.
---@class Namespace
---@field name string The prefix.
local namespaced = {}

--- Makes a store `prefix/id`.
---@param id StoreID
---@param definition StoreDefinition|fun(): table
---@param record? table What a setup function cannot say.
---@return Store store
---@effect registers
---@place load, onLoad, action, driver
---@example
--- namespace("shop").defineStore("note", { state = { text = "" } })
--- print(registry.has("shop/note"))  --> true
function namespaced.defineStore(id, definition, record) end

--- A handle of the store `prefix/id`.
---@param id StoreID
---@return Store store
---@effect reads
---@error unknownStore There is no such store.
---@example
--- local shop = namespace("shop")
--- shop.defineStore("note", { state = { text = "hello" } })
--- print(shop.useStore("note").text)  --> hello
function namespaced.useStore(id) end

--- Whether there is a store `prefix/id`.
---@param id StoreID
---@return boolean has
---@effect reads
---@example
--- print(namespace("shop").has("note"))  --> false
function namespaced.has(id) end

--- The short names of the stores under the prefix.
---@return StoreID[] ids
---@effect reads
---@example
--- print(#namespace("shop").ids())  --> 0
function namespaced.ids() end

--- The namespace `prefix/name`.
---@param inner StoreID
---@return Namespace namespace
---@effect pure
---@example
--- print(namespace("shop").namespace("old").name)  --> shop/old
function namespaced.namespace(inner) end

--- The stores whose ids begin with a name and a slash, by their short names.
---@param name StoreID
---@return Namespace namespace
---@effect pure
---@error invalidArgument The name cannot be the beginning of an id.
---@example
--- print(namespace("shop").name)  --> shop
function namespace(name) end

--- Stores that were put together: each under its key.
---@class Composition
---@field modules table<string, Store> The stores, by their keys.
---@field events RegistryEvent[] What the registry has told of them, oldest first.
---@field registry table The library `registry`.
local composition = {}

--- Takes out what composing has made, or ends what it has registered.
---@return boolean isFirst Whether there was something to do.
---@effect writes
---@place onLoad, action, driver
---@example
--- local shop = composeStores { note = function() return defineStore("note", { state = {} }) end }
--- print(shop.dispose(), registry.has("note"))  --> true	false
function composition.dispose() end

--- Puts stores together: handles, ids, and functions that make stores, called in an order in which each finds what it needs.
---@param map table<string, Store|StoreID|fun(): Store>
---@return Composition composition
---@effect registers
---@place load, onLoad, action, driver
---@error invalidArgument Something in the table is no store.
---@error missingDependency A function needs a store that none of the others makes.
---@example
--- local shop = composeStores { goods = "products", basket = useStore("cart") }
--- print(shop.goods.count, shop.basket.itemCount)  --> 0	0
function composeStores(map) end

--- Makes a store that depends on others, and hands them in.
---@param factory fun(deps: table<string, Store>): Store
---@param dependencies table Ids, or a table of ids by names of their own.
---@return Store store
---@effect registers
---@place load, onLoad, action, driver
---@error missingDependency A dependency is not there.
---@example
--- local total = createStoreWithDeps(function(deps)
---   return defineStore("total", { getters = { n = function() return deps.goods.count end } })
--- end, { goods = "products" })
--- print(total.n)  --> 0
function createStoreWithDeps(factory, dependencies) end

--- The options of `useComposedStore`.
---@class (exact) ComposedOptions
---@field onChange? fun(key: string, change: StoreChange) Hears of the changes of each store, by its key.

--- Puts together the stores that a function returns, and hears of their changes.
---@param composition fun(): table
---@param options? ComposedOptions
---@return Composition composition
---@effect registers
---@place load, onLoad, action, driver
---@error invalidArgument The function does not return a table of stores.
---@example
--- local shop = useComposedStore(function() return { goods = useStore("products") } end, {
---   onChange = function(key) print(key) end,
--- })
--- shop.goods:add("lamp", 5)  --> goods
function useComposedStore(composition, options) end

--- A call of an action, as middleware sees it.
---@class ActionCall
---@field action string The action.
---@field storeId StoreID The store's id.
---@field store Store The store, with the rights of the middleware's script.
---@field args table The arguments, with their count as `n`; middleware may change them.

--- Middleware around actions: a function, or a table with some of three.
---@alias ActionMiddleware fun(call: ActionCall, next: function): any|MiddlewareParts

--- Middleware in parts.
---@class (exact) MiddlewareParts
---@field before? fun(call: ActionCall) Before the action.
---@field after? fun(call: ActionCall, ...: any): any After it; what it returns takes the place of the results.
---@field error? fun(call: ActionCall, err: any) When it has failed.

--- Puts middleware around all actions of a store; one, or a list from outside in.
---@param store Store
---@param middleware ActionMiddleware|ActionMiddleware[]
---@return Disposer stop
---@effect registers
---@right write
---@error permissionDenied The handle may not write to the store.
---@example
--- local stock = defineStore("stock", { actions = { take = function(self, n) return n end } })
--- applyMiddleware(stock, function(call, next) return next() * 2 end)
--- print(stock:take(4))  --> 8
function applyMiddleware(store, middleware) end

--- The functions `composeStores`, `createStoreWithDeps`, `createSecureStore`, `applyMiddleware` and `useComposedStore` as one table.
---@return table<string, function> functions
---@effect pure
---@example
--- local make = useStoreComposition()
--- print(make.composeStores { goods = "products" }.goods.count)  --> 0
function useStoreComposition() end

--- Gives a value of any kind to all scripts of the host, until the script ends or provides another one under the key.
---@param key string
---@param value any Not nil.
---@return Disposer stop
---@effect registers
---@error alreadyProvided Another script or the program provides this key.
---@example
--- provide("clock", { now = function() return 12 end })
--- print(inject("clock").now())  --> 12
function provide(key, value) end

--- Gets what was provided under a key.
---@param key string
---@param default? any What is given where nothing was provided.
---@return any value
---@effect reads
---@error notProvided Nothing was provided, and there is no default.
---@example
--- print(inject("theme", "light"))  --> light
function inject(key, default) end
