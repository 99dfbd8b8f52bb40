---@meta
--- Factories
---
--- Making stores while the host runs, from configurations.

--- Factories of the script; only they may configure and destroy what they have made.
factories = {}

--- The factory of plain stores.
---@return Factory factory
---@effect pure
---@example
--- local clicks = factories.base():create { id = "clicks", initialState = { n = 0 } }
--- print(clicks.n)  --> 0
function factories.base() end

--- The factory of lists that a server keeps.
---@return Factory factory
---@effect pure
---@example
--- local lamps = factories.entity():create { id = "lamps", apiEndpoint = "https://api.example.com/lamps" }
--- print(lamps.itemCount)  --> 0
function factories.entity() end

--- What a factory makes a store from: a definition whose `state` is called `initialState`.
---@class FactoryConfiguration: StoreDefinition
---@field id StoreID The id.
---@field initialState? table|fun(): table What its state begins with.

--- What the entity factory makes a store from.
---@class EntityConfiguration: FactoryConfiguration
---@field apiEndpoint string The address of the list.
---@field entityName? string What one item is called.
---@field idField? string The field with an item's id; "id" where nothing is said.
---@field schema? table What an item must look like.
---@field headers? table|fun(): table What goes along with each request.
---@field override? boolean|string[] The members of the factory that the configuration replaces.

--- Makes stores, changes them and takes them back.
---@class Factory
local factory = {}

--- Makes a store. The same configuration again gives the same store.
---@param config FactoryConfiguration
---@return Store store
---@effect registers
---@place load, onLoad, action, driver
---@error duplicateStore There is such a store already, made from something else.
---@error invalidDefinition The configuration has an unknown field, or a wrong value.
---@example
--- local clicks = factories.base():create {
---   id = "clicks", initialState = { n = 0 },
---   actions = { add = function(self) self.n = self.n + 1 end },
--- }
--- clicks:add()
--- print(clicks.n)  --> 1
function factory:create(config) end

--- Adds to a store, and replaces what has the same name; or changes nothing where anything is wrong.
---@param store Store|StoreID
---@param partial FactoryConfiguration
---@return Store store
---@effect writes
---@place load, onLoad, action, driver
---@error permissionDenied The factory has not made the store.
---@example
--- local clicks = factories.base():create { id = "clicks", initialState = { n = 0 } }
--- factories.base():configure(clicks, { getters = { double = function(self) return self.n * 2 end } })
--- print(clicks.double)  --> 0
function factory:configure(store, partial) end

--- Takes out a store that the factory has made.
---@param store Store|StoreID
---@effect writes
---@place load, onLoad, action, driver
---@error permissionDenied The factory has not made the store.
---@example
--- local clicks = factories.base():create { id = "clicks" }
--- factories.base():destroy(clicks)
--- print(registry.has("clicks"))  --> false
function factory:destroy(store) end

--- The store of an id that the factory has made; nil where there is none.
---@param id StoreID
---@return Store? store
---@effect reads
---@example
--- print(factories.base():get("clicks"))  --> nil
function factory:get(id) end

--- All stores that the factory has made.
---@return Store[] stores
---@effect reads
---@example
--- print(#factories.base():all())  --> 0
function factory:all() end
