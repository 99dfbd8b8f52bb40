---@meta
--- Scripts
---
--- What the host calls in a script, what files in certain folders return, and errors.

--- The globals of the script, which other scripts do not see.
---@example
--- answer = 42
--- print(_G.answer)  --> 42
---@type table
_G = {}

--- An error of the host. `tostring` and the methods of texts take it as its text.
---@class Error
---@field message string What is wrong.
---@field code string Such as "unknownStore".
---@field script? string The script.
---@field line? integer The line.

--- Called when a version of the script begins. It may change state, and may not wait.
---@class LoadHook
---@field onLoad? fun(carry: any) A global function of the script; it gets what `onUnload` of the version before returned.
---@field onUnload? fun(carry: any): any A global function of the script, called when this version ends.

--- What a plugin is told about a store.
---@class PluginContext
---@field id StoreID The store's id.
---@field name string What people call it.
---@field metadata table Its metadata.
---@field options table What the definition says to plugins.
---@field store Store A handle with all rights.

--- What a plugin may return.
---@class (exact) PluginParts
---@field state? table Fields that are added to the state.
---@field getters? table<string, fun(self: Store): any> Getters that are added.
---@field actions? table<string, fun(self: Store, ...: any): any> Actions that are added.
---@field on? table<MessageType, fun(self: Store, message: Message)> Handlers.
---@field answers? table<MessageType, fun(self: Store, request: Message): any> Responders.
---@field reset? fun(self: Store, reset: function) Runs in place of a reset.
