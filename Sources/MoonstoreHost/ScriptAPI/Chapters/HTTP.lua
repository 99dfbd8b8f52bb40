-- Requests to servers: a chapter of the script API, made when a script first names `http`. Scripts have it
-- only where the host grants it.
local tools = ...
local native = tools.native
local makers = {}

local methods = {}
-- luacheck: globals markData
local Response = markData { __index = methods, __name = "response", __metatable = false }

-- The body as a value.
function methods.json(response)
  if type(response) ~= "table" or not response.status then
    error("call it as response:json() on what http.get and its like return", 2)
  end
  return native.responseJSON(response.body, response.status, response.url)
end

function makers.http(script)
  if not script.grants.http then return nil end
  local id = script.id

  local function send(name, method)
    local label = "http." .. name
    return function(url, options)
      return setmetatable(native.http(id, label, method, url, options), Response)
    end
  end

  local library = {
    request = function(options)
      return setmetatable(native.http(id, "http.request", nil, nil, options), Response)
    end,
  }
  for _, name in ipairs { "get", "head", "post", "put", "patch", "delete" } do
    library[name] = send(name, name:upper())
  end
  return tools.view(library, "http")
end

return makers
