---@meta
--- The world
---
--- Time, randomness, JSON, logs, modules and files: what a script knows of the outside. All of it comes from the host.

--- The host's clock.
time = {}

--- The time in seconds since 1970.
---@return number seconds
---@effect reads
---@example
--- print(time.now())  --> 1000.0
function time.now() end

--- A time as text, such as "2026-01-31T12:00:00.000Z".
---@param seconds? number Since 1970; now where nothing is said.
---@return string text
---@effect reads
---@error invalidArgument It is no time in the years 0 to 9999.
---@example
--- print(time.iso(0))  --> 1970-01-01T00:00:00.000Z
function time.iso(seconds) end

--- Random numbers and ids, from the host's seed and counters: repeatable.
random = {}

--- An id that no other call gives: the prefix and a number that is counted by the host.
---@param prefix? string "id" where nothing is said.
---@return string id
---@effect outside
---@example
--- print(random.id("order"), random.id("order"))  --> order-1	order-2
function random.id(prefix) end

--- A random number from 0 up to 1, which is left out.
---@return number number
---@effect outside
---@example
--- local chance = random.number()
--- print(chance >= 0 and chance < 1)  --> true
function random.number() end

--- A random whole number.
---@param low integer The least; or the greatest, from 1, where there is only one argument.
---@param high? integer The greatest.
---@return integer number
---@effect outside
---@error invalidArgument The least is greater than the greatest.
---@example
--- local dice = random.integer(6)
--- print(dice >= 1 and dice <= 6)  --> true
function random.integer(low, high) end

--- JSON. Integers stay integers, and lists stay lists.
json = {}

--- The options of `json.encode`.
---@class (exact) EncodeOptions
---@field pretty? boolean With line breaks and indentation.

--- Data as JSON.
---@param value data
---@param options? EncodeOptions
---@return string text
---@effect reads
---@error invalidJSON Something in it has no JSON, such as a number that is not finite.
---@example
--- print(json.encode({ price = 2.5, tags = { "new" } }))  --> {"price":2.5,"tags":["new"]}
function json.encode(value, options) end

--- JSON as data.
---@param text string
---@return data value
---@effect pure
---@error invalidJSON The text is no JSON; the error has the place.
---@example
--- print(json.decode('{"n": 3}').n)  --> 3
function json.decode(text) end

--- Lines of the host's log.
log = {}

--- Logs a line that helps to find errors.
---@param text any What `tostring` gives of it.
---@param fields? table<string, data> Values that follow the text, as name=value.
---@effect logs
---@example
--- log.debug("loaded", { lines = 3 })
function log.debug(text, fields) end

--- Logs a line.
---@param text any What `tostring` gives of it.
---@param fields? table<string, data> Values that follow the text, as name=value.
---@effect logs
---@example
--- log.info("opened")
function log.info(text, fields) end

--- Logs a warning.
---@param text any What `tostring` gives of it.
---@param fields? table<string, data> Values that follow the text, as name=value.
---@effect logs
---@example
--- log.warn("nearly full", { stock = 990 })
function log.warn(text, fields) end

--- Logs an error, and goes on.
---@param text any What `tostring` gives of it.
---@param fields? table<string, data> Values that follow the text, as name=value.
---@effect logs
---@example
--- log.error("no answer")
function log.error(text, fields) end

--- Logs its arguments as one line, with tabs between them.
---@param ... any
---@effect logs
---@example
--- print("a", 1, true)  --> a	1	true
function print(...) end

--- Tells how far a driver is.
---@param done number How much is done.
---@param total? number How much there is.
---@param text? string What is being done.
---@effect outside
---@example
--- for i = 1, 10 do progress(i, 10, "orders") end
function progress(done, total, text) end

--- The settings of `moonstore.lua`, and over them those of the host.
---@example
--- print(settings.currency or "EUR")  --> EUR
---@type table
settings = {}

--- A module of the project, from `lib/`; it runs once for each script.
---@param name string Such as "lib.money".
---@return any module What the module returns; true where that is nothing.
---@effect reads
---@error unreadable There is no such file.
---@example
--- print(require("lib.money").format(250))  --> 2.50
function require(name) end

--- Files that the host grants.
---@capability files
files = {}

--- All of a file.
---@param path string
---@return string text
---@effect outside
---@capability files
---@error unreadable There is no such file, or it is none that may be read.
---@example
--- print(#files.read("data/prices.csv"))  --> 15
function files.read(path) end

--- The lines of a file, for `for`. At most 64 files are open at a time.
---@param path string
---@return fun(): string? next
---@effect outside
---@capability files
---@error unreadable There is no such file, or it is none that may be read.
---@example
--- for line in files.lines("data/prices.csv") do print(line) end
function files.lines(path) end
