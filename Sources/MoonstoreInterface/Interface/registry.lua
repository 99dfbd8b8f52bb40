---@meta
--- Registry
---
--- The stores of a host, what depends on what, and what happens to stores and scripts.

--- The stores of the host, and their events.
registry = {}

--- Whether there is a store.
---@param id StoreID
---@return boolean has
---@effect reads
---@example
--- print(registry.has("cart"), registry.has("card"))  --> true	false
function registry.has(id) end

--- The ids of all stores.
---@return StoreID[] ids
---@effect reads
---@example
--- print(table.concat(registry.ids(), " "))  --> products cart
function registry.ids() end

--- How many stores there are.
---@return integer count
---@effect reads
---@example
--- print(registry.count())  --> 2
function registry.count() end

--- A handle of a store; nil where there is none.
---@param id StoreID
---@return Store? store
---@effect reads
---@example
--- print(registry.get("cart").itemCount, registry.get("card"))  --> 0	nil
function registry.get(id) end

--- Handles of all stores, by their ids.
---@return table<StoreID, Store> stores
---@effect reads
---@example
--- for id, store in pairs(registry.all()) do log.debug(id) end
function registry.all() end

--- What there is: stores, scripts, messages and who listens, as data.
---@return table description
---@effect reads
---@example
--- print(#registry.describe().stores)  --> 2
function registry.describe() end

--- What is registered of a store: its name, metadata, dependencies and version, as data.
---@param id StoreID
---@return table record
---@effect reads
---@error unknownStore There is no such store.
---@example
--- print(registry.record("cart").dependencies[1])  --> products
function registry.record(id) end

--- The stores that depend on a store.
---@param id StoreID
---@return StoreID[] ids
---@effect reads
---@error unknownStore There is no such store.
---@example
--- print(registry.dependents("products")[1])  --> cart
function registry.dependents(id) end

--- What `registry.register` takes first: the id of a store, and what is said of it.
---@class (exact) StoreModule
---@field id StoreID The id.
---@field name? string What people call it.
---@field metadata? table Any data.
---@field dependencies? StoreID[] Stores that must be there before this one.
---@field permissions? (string|table)[] What others may do with it.
---@field version? integer The version of the form of its state.

--- Makes a store, as `defineStore` does; what is said of it stands first.
---@param module StoreModule
---@param definition StoreDefinition|fun(): table
---@return Store store
---@effect registers
---@place load, onLoad, action, driver
---@error invalidDefinition A field is unknown, or has a wrong value.
---@example
--- registry.register({ id = "lamp", name = "Lamp" }, { state = { isOn = false } })
--- print(registry.record("lamp").name)  --> Lamp
function registry.register(module, definition) end

--- The options of `registry.unregister`.
---@class (exact) UnregisterOptions
---@field cascade? boolean Takes along the stores that depend on it.
---@field force? boolean Leaves those without it.

--- Takes a store out, unless others depend on it.
---@param id StoreID
---@param options? UnregisterOptions
---@return StoreID[] ids What was taken out.
---@effect writes
---@right dispose
---@error unknownStore There is no such store.
---@error hasDependents Other stores depend on it.
---@error permissionDenied The script may not take the store out.
---@example
--- defineStore("note", { state = { text = "" } })
--- print(registry.unregister("note")[1])  --> note
function registry.unregister(id, options) end

--- All that a store depends on, in an order in which each comes after what it needs.
---@param id StoreID
---@return StoreID[] ids
---@effect reads
---@error unknownStore There is no such store.
---@error missingDependency Something that it needs is not there.
---@example
--- print(table.concat(registry.resolveDependencies("cart"), " "))  --> products
function registry.resolveDependencies(id) end

--- Whether all that a store depends on is there, and what is missing.
---@param id StoreID
---@return boolean isComplete
---@return StoreID[] missing
---@effect reads
---@example
--- local isComplete, missing = registry.validateDependencies("cart")
--- print(isComplete, #missing)  --> true	0
function registry.validateDependencies(id) end

--- Whether the script has a right on a store.
---@param id StoreID
---@param permission string Such as "read", "call:addItem" or "write:settings.theme".
---@return boolean allowed
---@effect reads
---@error invalidDefinition The permission is none.
---@example
--- print(registry.checkPermission("cart", "call:addItem"))  --> true
function registry.checkPermission(id, permission) end

--- What happened to a store or a script.
---@class RegistryEvent
---@field type string Such as "store:registered" or "permission:denied".
---@field source string The store, script or session it came from.
---@field target? string The store or script it is about.
---@field payload? data More about it.
---@field timestamp number When, in seconds since 1970.
---@field sequence integer Its place among all events; a gap shows that some were dropped.

--- Calls a function for each event of a type, or of every type with "*".
---@param type string
---@param listener fun(event: RegistryEvent)
---@return Disposer stop
---@effect registers
---@example
--- registry.on("store:registered", function(event) print(event.target) end)
--- defineStore("lamp", { state = { isOn = false } })  --> lamp
function registry.on(type, listener) end

--- Ends a registration by the function that was given to `registry.on`.
---@param type string
---@param listener fun(event: RegistryEvent)
---@return boolean ended Whether it was there.
---@effect registers
---@place load, onLoad, action, getter, driver
---@example
--- local function hear(event) end
--- registry.on("shop:opened", hear)
--- print(registry.off("shop:opened", hear))  --> true
function registry.off(type, listener) end

--- The options of `registry.emit`.
---@class (exact) EmitOptions
---@field target? string The store or script that the event is about.

--- Emits an event.
---@param type string
---@param payload? data
---@param options? EmitOptions
---@effect sends
---@error invalidArgument The type is one that the host itself emits.
---@example
--- registry.on("shop:opened", function(event) print(event.target) end)
--- registry.emit("shop:opened", { at = "nine" }, { target = "cart" })  --> cart
function registry.emit(type, payload, options) end

--- The last events, newest first.
---@param count? integer How many; 10 where nothing is said.
---@return RegistryEvent[] events
---@effect reads
---@example
--- registry.emit("shop:opened")
--- print(registry.recentEvents(1)[1].type)  --> shop:opened
function registry.recentEvents(count) end

--- How many events the registry no longer has.
---@return integer count
---@effect reads
---@example
--- print(registry.droppedEvents())  --> 0
function registry.droppedEvents() end
