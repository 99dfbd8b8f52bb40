/// A store that the tests of single features share.
let counterScript = #"""
  return defineStore("counter", {
    state = function()
      return { count = 0, list = array(), nested = { a = { b = 1 } }, note = null }
    end,
    getters = {
      double = function(self) return self.count * 2 end,
      quad = function(self) return self.double * 2 end,
      evens = function(self)
        local evens = {}
        for _, value in ipairs(self.list) do
          if value % 2 == 0 then evens[#evens + 1] = value end
        end
        return evens
      end,
      plus = function(self) return function(n) return self.count + n end end,
      writes = function(self) self.count = 5 end,
      sends = function(self) bus.send("x") end,
      waits = function(self) sleep(1) end,
      breaks = function(self) error("kaput") end,
      one = function(self) return self.other end,
      other = function(self) return self.one end,
    },
    actions = {
      add = function(self, by) self.count = self.count + (by or 1) return self.count end,
      fail = function(self) self.count = 99 bus.send("ping", { n = 1 }) error("no way") end,
      partly = function(self)
        self.count = 1
        local ok = pcall(function() self.count = 50 bus.send("ping", { n = 100 }) error("inner") end)
        return ok, self.count
      end,
      push = function(self, ...) for _, value in ipairs({ ... }) do table.insert(self.list, value) end end,
      run = function(self, code, ...) return load(code)(self, ...) end,
      wait = function(self) self.count = 7 sleep(1) self.count = 8 return "slept" end,
      waitAndFail = function(self) self.count = 7 sleep(1) self.count = 8 error("late") end,
      note_ = function(self, text) self.note = text commit() error("rethrown") end,
    },
    on = { ping = function(self, message) self.count = self.count + message.payload.n end },
    answers = {
      twice = function(self, request) return { result = request.payload.n * 2 } end,
      later = function(self, request) sleep(1) return "late" end,
      broken = function(self) self.count = 1000 error("cannot answer") end,
    },
  })
  """#

/// A host with the counter alone.
func counterHost() async throws -> TestHost {
  try await TestHost(["stores/counter.lua": counterScript])
}
