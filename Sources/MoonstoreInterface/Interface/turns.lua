---@meta
--- Turns and tasks
---
--- What becomes final together, waiting, and work that goes on beside what began it.

--- Calls a function as one transaction: it succeeds as a whole, or nothing of it has ever been. Nothing in it can wait.
---@param fn fun(...: any): any
---@param ... any What the function is called with.
---@return any ... What it returns.
---@effect writes
---@place load, onLoad, action, driver
---@error cannotWait Something in it would wait.
---@example
--- local ok = pcall(transaction, function()
---   useStore("products"):add("lamp", 5)
---   error("no")
--- end)
--- print(ok, useStore("products").count)  --> false	0
function transaction(fn, ...) end

--- Makes final what the turn has done so far, so that an error behind it does not undo that.
---@effect writes
---@error cannotCommit Another action, a handler or a transaction would have its unfinished work made final.
---@example
--- local job = defineStore("job", { state = { error = null }, actions = {
---   run = function(self)
---     self.error = "no server"
---     commit()
---     error(self.error)
---   end,
--- } })
--- pcall(job.run, job)
--- print(job.error)
function commit() end

--- Waits. What the turn has done so far becomes final.
---@param seconds seconds
---@effect waits
---@error cannotWait Nothing can be suspended here, such as in a getter or in a transaction.
---@example
--- sleep(0.01)
function sleep(seconds) end

--- Work that goes on beside what began it.
---@class Task
---@field id string Such as "task-3".
---@field status "running"|"waiting"|"done"|"failed"|"cancelled" What has become of it.
local task = {}

--- Waits for the end of a task.
---@param timeout? seconds How long at most.
---@return any ... What its function has returned.
---@effect waits
---@error timeout It has not ended in time.
---@error cancelled It was cancelled.
---@example
--- local job = spawn(function(a, b) return a + b end, 2, 3)
--- print(job:wait())  --> 5
function task:wait(timeout) end

--- Ends a task where it waits. What it has committed stays.
---@effect writes
---@place load, onLoad, action, getter, driver
---@example
--- local job = spawn(function() sleep(60) end)
--- job:cancel()
--- print(job.status)  --> cancelled
function task:cancel() end

--- Begins a task when the turn is final, and never if that fails. A task is a turn of its own, which may wait.
---@param body fun(...: any): any
---@param ... any What the function is called with.
---@return Task task
---@effect registers
---@place load, onLoad, action, driver
---@error overloaded Too many tasks wait to begin.
---@example
--- spawn(function(text) print(text) end, "later"):wait()  --> later
function spawn(body, ...) end
