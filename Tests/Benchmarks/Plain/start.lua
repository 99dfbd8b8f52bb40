-- The first action after a start.
local counter = { count = 0 }
function counter:increment()
  self.count = self.count + 1
  return self.count
end
print(counter:increment())
