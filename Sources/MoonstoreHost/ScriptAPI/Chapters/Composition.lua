-- Putting stores together: a chapter of the script API, made when a script first names one of its globals.
local tools = ...
local makers = {}

-- namespace("shop") sees the stores `shop/…` by their short names.
function makers.namespace(script)
  local env = script.env
  return function(name)
    if type(name) ~= "string" or name == "" then
      error('namespace(name) takes a text such as "shop"', 2)
    end
    local prefix = name .. "/"
    return tools.view({
      name = name,
      defineStore = function(id, definition) return env.defineStore(prefix .. id, definition) end,
      useStore = function(id) return env.useStore(prefix .. id) end,
      ids = function()
        local ids = array()
        for _, id in ipairs(tools.native.storeIDs()) do
          if id:sub(1, #prefix) == prefix then ids[#ids + 1] = id:sub(#prefix + 1) end
        end
        return ids
      end,
      namespace = function(inner) return env.namespace(prefix .. inner) end,
    }, "namespace")
  end
end

return makers
