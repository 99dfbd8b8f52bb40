---@meta
--- Values
---
--- What a table is in state, in messages and in JSON.

---@alias data any Plain data: booleans, integers, doubles, texts, null, and lists and maps of such, nested.
---@alias StoreID string The id of a store, such as "cart" or "shop/cart".
---@alias MessageType string The type of a message, such as "cart:item-added".
---@alias seconds number A time in seconds, 0 or more.

--- Ends what was registered, and tells whether it was still there. A turn that fails puts it back.
---@alias Disposer fun(): boolean

--- Declares that a table is a list, also while it is empty: `[]` in JSON. `array.is` tells.
---@param t? table The table; a new one where there is none.
---@return table t The same table.
---@effect pure
---@example
--- print(json.encode({ items = array(), names = array { "a" } }))  --> {"items":[],"names":["a"]}
function array(t) end

--- Whether something is a list, in state or elsewhere.
---@param value any
---@return boolean is
---@effect reads
---@example
--- print(array.is { 1, 2 }, array.is(map()), array.is("text"))  --> true	false	false
function array.is(value) end

--- Declares that a table is a map, also while it is empty or has whole numbers for keys: `{}` in JSON. `map.is` tells.
---@param t? table The table; a new one where there is none.
---@return table t The same table.
---@effect pure
---@example
--- print(json.encode(map { [1] = "one" }))  --> {"1":"one"}
function map(t) end

--- Whether something is a map, in state or elsewhere.
---@param value any
---@return boolean is
---@effect reads
---@example
--- print(map.is { a = 1 }, map.is { 1 })  --> true	false
function map.is(value) end

--- The value that is there and says nothing, where Lua's nil would remove a key. Compare with `==`.
---@example
--- print(json.encode({ error = null }))  --> {"error":null}
---@type null
null = nil
