---@meta
--- Lua
---
--- What Lua 5.4 itself has; see its manual. There is no `io`, `os`, `debug` or `package`, and no byte code.

--- The version of Lua.
---@standard
---@type string
_VERSION = "Lua 5.4"

--- Raises an error if its first argument is false or nil; gives all of them otherwise.
---@param v any
---@param message? any
---@param ... any
---@return any ...
---@effect pure
---@standard
function assert(v, message, ...) end

--- Raises an error. The level says whose place is told.
---@param message any
---@param level? integer
---@effect pure
---@standard
function error(message, level) end

--- The metatable of a value, unless it is hidden.
---@param object any
---@return table? metatable
---@effect pure
---@standard
function getmetatable(object) end

--- Goes through the elements of a list, for `for`.
---@param t table
---@return function next
---@return table t
---@return integer i
---@effect pure
---@standard
function ipairs(t) end

--- Compiles a text. Only texts: there is no byte code.
---@param chunk string|fun(): string?
---@param name? string
---@param mode? string
---@param env? table
---@return function? chunk
---@return string? err
---@effect pure
---@standard
function load(chunk, name, mode, env) end

--- The pair of a table that follows a key.
---@param t table
---@param index? any
---@return any key
---@return any value
---@effect pure
---@standard
function next(t, index) end

--- Goes through the pairs of a table, for `for`.
---@param t table
---@return function next
---@return table t
---@return any key
---@effect pure
---@standard
function pairs(t) end

--- Calls a function, and catches its error. What failed under it is undone.
---@param f function
---@param ... any
---@return boolean ok
---@return any ...
---@effect pure
---@standard
function pcall(f, ...) end

--- Compares without metamethods.
---@param a any
---@param b any
---@return boolean equal
---@effect pure
---@standard
function rawequal(a, b) end

--- Reads without metamethods.
---@param t table
---@param key any
---@return any value
---@effect pure
---@standard
function rawget(t, key) end

--- The length without metamethods.
---@param t table|string
---@return integer length
---@effect pure
---@standard
function rawlen(t) end

--- Writes without metamethods.
---@param t table
---@param key any
---@param value any
---@return table t
---@effect pure
---@standard
function rawset(t, key, value) end

--- The arguments from a place on, or with "#" their number.
---@param n integer|string
---@param ... any
---@return any ...
---@effect pure
---@standard
function select(n, ...) end

--- Gives a table a metatable.
---@param t table
---@param metatable? table
---@return table t
---@effect pure
---@standard
function setmetatable(t, metatable) end

--- A text as a number; nil where it is none.
---@param e any
---@param base? integer
---@return number? number
---@effect pure
---@standard
function tonumber(e, base) end

--- A value as text.
---@param v any
---@return string text
---@effect pure
---@standard
function tostring(v) end

--- The type of a value; a part of state is a "table".
---@param v any
---@return string type
---@effect pure
---@standard
function type(v) end

--- As `pcall`, with a function that makes the error.
---@param f function
---@param handler function
---@param ... any
---@return boolean ok
---@return any ...
---@effect pure
---@standard
function xpcall(f, handler, ...) end

--- Texts.
---@standard
string = {}

--- The bytes of a text.
---@param s string
---@param i? integer
---@param j? integer
---@return integer ...
---@effect pure
---@standard
function string.byte(s, i, j) end

--- A text of bytes.
---@param ... integer
---@return string s
---@effect pure
---@standard
function string.char(...) end

--- Where a pattern is found first.
---@param s string
---@param pattern string
---@param init? integer
---@param plain? boolean
---@return integer? first
---@return integer? last
---@return any ...
---@effect pure
---@standard
function string.find(s, pattern, init, plain) end

--- A text by a format.
---@param format string
---@param ... any
---@return string s
---@effect pure
---@standard
function string.format(format, ...) end

--- Goes through all matches, for `for`.
---@param s string
---@param pattern string
---@param init? integer
---@return fun(): string next
---@effect pure
---@standard
function string.gmatch(s, pattern, init) end

--- Replaces matches.
---@param s string
---@param pattern string
---@param repl string|table|function
---@param n? integer
---@return string s
---@return integer count
---@effect pure
---@standard
function string.gsub(s, pattern, repl, n) end

--- The number of bytes.
---@param s string
---@return integer length
---@effect pure
---@standard
function string.len(s) end

--- In small letters, of ASCII.
---@param s string
---@return string s
---@effect pure
---@standard
function string.lower(s) end

--- The captures of the first match.
---@param s string
---@param pattern string
---@param init? integer
---@return any ...
---@effect pure
---@standard
function string.match(s, pattern, init) end

--- Values as bytes.
---@param format string
---@param ... any
---@return string s
---@effect pure
---@standard
function string.pack(format, ...) end

--- The size of what `string.pack` makes.
---@param format string
---@return integer size
---@effect pure
---@standard
function string.packsize(format) end

--- A text so many times.
---@param s string
---@param n integer
---@param sep? string
---@return string s
---@effect pure
---@standard
function string.rep(s, n, sep) end

--- A text backwards, by bytes.
---@param s string
---@return string s
---@effect pure
---@standard
function string.reverse(s) end

--- A part of a text.
---@param s string
---@param i integer
---@param j? integer
---@return string s
---@effect pure
---@standard
function string.sub(s, i, j) end

--- Bytes as values.
---@param format string
---@param s string
---@param pos? integer
---@return any ...
---@effect pure
---@standard
function string.unpack(format, s, pos) end

--- In capital letters, of ASCII.
---@param s string
---@return string s
---@effect pure
---@standard
function string.upper(s) end

--- Lists. The functions work on parts of state as on tables.
---@standard
table = {}

--- Joins the elements of a list.
---@param list table
---@param sep? string
---@param i? integer
---@param j? integer
---@return string s
---@effect pure
---@standard
function table.concat(list, sep, i, j) end

--- Inserts an element.
---@param list table
---@param pos any
---@param value? any
---@effect pure
---@standard
function table.insert(list, pos, value) end

--- Copies elements to another place.
---@param a1 table
---@param f integer
---@param e integer
---@param t integer
---@param a2? table
---@return table a2
---@effect pure
---@standard
function table.move(a1, f, e, t, a2) end

--- Its arguments as a table, with their number as `n`.
---@param ... any
---@return table t
---@effect pure
---@standard
function table.pack(...) end

--- Takes an element out, and gives it.
---@param list table
---@param pos? integer
---@return any value
---@effect pure
---@standard
function table.remove(list, pos) end

--- Sorts a list in place.
---@param list table
---@param comp? fun(a: any, b: any): boolean
---@effect pure
---@standard
function table.sort(list, comp) end

--- The elements of a list.
---@param list table
---@param i? integer
---@param j? integer
---@return any ...
---@effect pure
---@standard
function table.unpack(list, i, j) end

--- Numbers.
---@standard
math = {}

--- Without its sign.
---@param x number
---@return number y
---@effect pure
---@standard
function math.abs(x) end

--- The arc cosine.
---@param x number
---@return number y
---@effect pure
---@standard
function math.acos(x) end

--- The arc sine.
---@param x number
---@return number y
---@effect pure
---@standard
function math.asin(x) end

--- The arc tangent.
---@param y number
---@param x? number
---@return number a
---@effect pure
---@standard
function math.atan(y, x) end

--- Rounded up.
---@param x number
---@return integer n
---@effect pure
---@standard
function math.ceil(x) end

--- The cosine.
---@param x number
---@return number y
---@effect pure
---@standard
function math.cos(x) end

--- Radians in degrees.
---@param x number
---@return number y
---@effect pure
---@standard
function math.deg(x) end

--- e to a power.
---@param x number
---@return number y
---@effect pure
---@standard
function math.exp(x) end

--- Rounded down.
---@param x number
---@return integer n
---@effect pure
---@standard
function math.floor(x) end

--- The remainder, with the sign of x.
---@param x number
---@param y number
---@return number r
---@effect pure
---@standard
function math.fmod(x, y) end

--- The logarithm.
---@param x number
---@param base? number
---@return number y
---@effect pure
---@standard
function math.log(x, base) end

--- The greatest.
---@param x number
---@param ... number
---@return number y
---@effect pure
---@standard
function math.max(x, ...) end

--- The least.
---@param x number
---@param ... number
---@return number y
---@effect pure
---@standard
function math.min(x, ...) end

--- The whole and the fractional part.
---@param x number
---@return number whole
---@return number fraction
---@effect pure
---@standard
function math.modf(x) end

--- Degrees in radians.
---@param x number
---@return number y
---@effect pure
---@standard
function math.rad(x) end

--- A random number; `random` has those of the host, which can be repeated.
---@param m? integer
---@param n? integer
---@return number y
---@effect pure
---@standard
function math.random(m, n) end

--- Seeds `math.random`.
---@param x? number
---@param y? number
---@return integer a
---@return integer b
---@effect pure
---@standard
function math.randomseed(x, y) end

--- The sine.
---@param x number
---@return number y
---@effect pure
---@standard
function math.sin(x) end

--- The square root.
---@param x number
---@return number y
---@effect pure
---@standard
function math.sqrt(x) end

--- The tangent.
---@param x number
---@return number y
---@effect pure
---@standard
function math.tan(x) end

--- A number as an integer; nil where it is none.
---@param x any
---@return integer? n
---@effect pure
---@standard
function math.tointeger(x) end

--- "integer", "float", or nil.
---@param x any
---@return string? type
---@effect pure
---@standard
function math.type(x) end

--- Compares without signs.
---@param m integer
---@param n integer
---@return boolean less
---@effect pure
---@standard
function math.ult(m, n) end

--- More than all numbers.
---@standard
---@type number
math.huge = nil

--- The greatest integer.
---@standard
---@type integer
math.maxinteger = nil

--- The least integer.
---@standard
---@type integer
math.mininteger = nil

--- The number pi.
---@standard
---@type number
math.pi = nil

--- Texts of UTF-8.
---@standard
utf8 = {}

--- A text of code points.
---@param ... integer
---@return string s
---@effect pure
---@standard
function utf8.char(...) end

--- The code points of a text.
---@param s string
---@param i? integer
---@param j? integer
---@param lax? boolean
---@return integer ...
---@effect pure
---@standard
function utf8.codepoint(s, i, j, lax) end

--- Goes through the code points, for `for`.
---@param s string
---@param lax? boolean
---@return function next
---@effect pure
---@standard
function utf8.codes(s, lax) end

--- The number of characters.
---@param s string
---@param i? integer
---@param j? integer
---@param lax? boolean
---@return integer? length
---@return integer? place
---@effect pure
---@standard
function utf8.len(s, i, j, lax) end

--- Where a character begins.
---@param s string
---@param n integer
---@param i? integer
---@return integer? byte
---@effect pure
---@standard
function utf8.offset(s, n, i) end

--- A pattern for one character.
---@standard
---@type string
utf8.charpattern = nil

--- Coroutines. They wait inside of them, and not with `yield`: `sleep` works everywhere.
---@standard
coroutine = {}

--- Ends a coroutine.
---@param co thread
---@return boolean ok
---@return any err
---@effect pure
---@standard
function coroutine.close(co) end

--- Makes a coroutine.
---@param f function
---@return thread co
---@effect pure
---@standard
function coroutine.create(f) end

--- Whether it can yield.
---@param co? thread
---@return boolean is
---@effect pure
---@standard
function coroutine.isyieldable(co) end

--- Goes on with a coroutine.
---@param co thread
---@param ... any
---@return boolean ok
---@return any ...
---@effect pure
---@standard
function coroutine.resume(co, ...) end

--- The coroutine that runs.
---@return thread co
---@return boolean isMain
---@effect pure
---@standard
function coroutine.running() end

--- What has become of a coroutine.
---@param co thread
---@return string status
---@effect pure
---@standard
function coroutine.status(co) end

--- A coroutine as a function.
---@param f function
---@return function f
---@effect pure
---@standard
function coroutine.wrap(f) end

--- Leaves a coroutine.
---@param ... any
---@return any ...
---@effect pure
---@standard
function coroutine.yield(...) end
