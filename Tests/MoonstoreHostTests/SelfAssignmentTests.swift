import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// A part of state that is assigned to its own place is what it was: nothing is copied, and no subscriber hears.
struct SelfAssignmentTests {
  private static let store = """
    return defineStore("s", {
      permissions = { "*" },
      state = function() return { box = { a = 1, inner = { list = { { n = 1 }, { n = 2 } } } }, other = { a = 1 } } end,
      actions = { change = function(self, fn) return fn(self) end },
    })
    """

  @Test(arguments: [
    "s.box = s.box", "store.state(s).box = s.box", "store.patch(s, { box = s.box })",
    "store.patch(s, function(self) self.box = self.box end)", "store.patch(s, store.state(s))",
    "store.patch(s, { box = { inner = s.box.inner } })",
    "store.patch(s, { box = { inner = { list = s.box.inner.list } } })",
    "s.box.inner = s.box.inner", "s.box.inner.list[1] = s.box.inner.list[1]",
    "for i, line in ipairs(s.box.inner.list) do s.box.inner.list[i] = line end",
    "transaction(function() s.box = s.box s.box.inner = s.box.inner end)",
    "store.patch(s.box and s, { box = s.box, other = s.other })",
  ])
  func `Nothing happens`(lua: String) async throws {
    let host = try await TestHost(["stores/s.lua": SelfAssignmentTests.store])
    let found = try await host.run(
      """
      local s = useStore("s")
      local heard = 0
      store.subscribe(s, function() heard = heard + 1 end)
      watch(function() return s.box end, function() heard = heard + 1 end)
      local box, inner, list, line = s.box, s.box.inner, s.box.inner.list, s.box.inner.list[1]
      \(lua)
      assert(box == s.box and inner == s.box.inner and list == s.box.inner.list and line == s.box.inner.list[1])
      local told = heard
      box.a = 2
      inner.list[1].n = 3
      assert(s.box.a == 2 and line.n == 3)
      assert(heard > told)
      return told
      """
    )
    #expect(found == 0)
  }

  @Test func `A ref that gets its own value keeps it`() async throws {
    let host = try await TestHost([
      "stores/s.lua": """
      return defineStore("s", function()
        local box = ref({ a = 1 })
        return { box = box, again = function() box.value = box.value end }
      end)
      """
    ])
    let found = try await host.run(
      """
      local s = useStore("s")
      local heard, box = 0, s.box
      store.subscribe(s, function() heard = heard + 1 end)
      s:again()
      return heard == 0 and box == s.box
      """
    )
    #expect(found == true)
  }

  @Test func `A part of another place is copied`() async throws {
    let host = try await TestHost(["stores/s.lua": SelfAssignmentTests.store])
    let found = try await host.run(
      """
      local s = useStore("s")
      s.box = s.other
      s.other.a = 5
      store.patch(s, { box = s.other })
      s.other.a = 6
      return s.box.a
      """
    )
    #expect(found == 5)
  }
}
