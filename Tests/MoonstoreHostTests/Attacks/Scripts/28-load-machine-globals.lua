-- attack: reach the globals of the machine, which no script has, through code that load compiles
-- expect: ok-and-contained
-- also: error
local globals = load("return _ENV")()
if globals.sortParts or globals.collectgarbage then return "ESCAPED" end
pcall(load("string.upper = nil"))
pcall(load("rawset(string, 'lower', nil)"))
if not ("x").upper or not ("X").lower then return "ESCAPED" end
