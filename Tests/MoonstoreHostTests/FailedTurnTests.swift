import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What a turn that fails must not leave behind besides state.
@Suite struct FailedTurnTests {
  private func host() async throws -> TestHost {
    try await TestHost([
      "stores/work.lua": #"""
      return defineStore("work", {
        state = { n = 0, list = array(), done = array(), runs = 0 },
        getters = {
          double = function(self) return self.n * 2 end,
          evens = function(self)
            local evens = {}
            for _, v in ipairs(self.list) do if v % 2 == 0 then evens[#evens + 1] = v end end
            return evens
          end,
        },
        actions = {
          note = function(self, text) table.insert(self.done, text) end,
          spawnAndFail = function(self)
            spawn(function() self:note("never") end)
            error("no")
          end,
          spawnAndGo = function(self)
            spawn(function() self:note("spawned") end)
            pcall(function()
              spawn(function() self:note("never") end)
              error("inner")
            end)
            self:note("action")
          end,
          commitAndFail = function(self)
            spawn(function() self:note("committed") end)
            commit()
            spawn(function() self:note("never") end)
            error("no")
          end,
          add = function(self, v) self.n = self.n + v table.insert(self.list, v) return self.double end,
          addAndFail = function(self, v) self:add(v) local seen = self.evens, self.double error("no") end,
          addAndCatch = function(self, v)
            pcall(function() self.n = self.n + v error("inner") end)
            self.runs = self.runs + 1
          end,
        },
      })
      """#
    ])
  }

  @Test func `Work that a failed turn had spawned never runs`() async throws {
    let host = try await host()
    let done = try await host.run(
      #"""
      local w = useStore("work")
      pcall(w.spawnAndFail, w)
      return w.done
      """#
    )
    #expect(done == [])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `Work that was spawned under a pcall that failed never runs, the other does`()
    async throws
  {
    let done = try await host().run(
      #"local w = useStore("work") w:spawnAndGo() return w.done"#
    )
    #expect(done == ["action", "spawned"])
  }

  @Test func `Work that was spawned before a commit runs although the turn fails`() async throws {
    let done = try await host().run(
      #"local w = useStore("work") pcall(w.commitAndFail, w) return w.done"#
    )
    #expect(done == ["committed"])
  }

  @Test func `Work of a group that fails never runs, though its call had done it`() async throws {
    let done = try await host().run(
      #"""
      local w = useStore("work")
      pcall(transaction, function()
        w:spawnAndGo()
        assert(#w.done == 2)
        error("the whole group")
      end)
      return w.done
      """#
    )
    #expect(done == [])
  }

  @Test(arguments: [
    "return w.n", "return table.concat(w.list, ',')", "return #w.list", "return w.double",
    "return w.evens",
  ])
  func `A watcher does not run for a turn that fails`(source: String) async throws {
    let result = try await host().run(
      #"""
      local w = useStore("work")
      local asked, heard = 0, 0
      watch(function() asked = asked + 1 \#(source) end, function() heard = heard + 1 end)
      for _ = 1, 3 do pcall(w.addAndFail, w, 2) end
      local afterFailures = { asked, heard }
      w:add(2)
      return { afterFailures, asked, heard }
      """#
    )
    #expect(result == [[1, 0], 2, 1])
  }

  @Test func `A watcher does not run for what was undone within a turn that goes well`()
    async throws
  {
    let result = try await host().run(
      #"""
      local w = useStore("work")
      local asked = 0
      watch(function() asked = asked + 1 return w.n end, function() end)
      w:addAndCatch(5)
      local first = asked
      w:add(1)
      return { first, asked, w.n, w.runs }
      """#
    )
    #expect(result == [1, 2, 1, 1])
  }
}
