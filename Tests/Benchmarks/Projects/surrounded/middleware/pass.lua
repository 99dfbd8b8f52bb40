-- One layer around every action.
return function(call, next)
  local result = next()
  return result
end
