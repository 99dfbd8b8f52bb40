import MoonValue
import MoonstoreHost
import Testing

/// What Pinia's suite for stores that use each other checks: both cases.
@Suite struct CombinedStoresSpecTests {
  private static let files = [
    "stores/a.lua": #"""
    local b = useStore("b")
    return defineStore("a", {
      state = { name = "a" },
      getters = {
        both = function(self) return self.name .. b.name end,
        twice = function(self) return b.both .. b.both end,
      },
      actions = { rename = function(self, text) self.name = text return b:seen() end, b = function() return b end },
    })
    """#,
    "stores/b.lua": #"""
    local a = useStore("a")
    return defineStore("b", {
      state = { name = "b" },
      getters = { both = function(self) return a.name .. self.name end },
      actions = { seen = function(self) return a.both end, a = function() return a end },
    })
    """#,
  ]

  @Test func `Two stores use each other, in files and definitions of any order`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local a, b = useStore("a"), useStore("b")
      local before = { a.both, b.both, a.twice }
      return { before, a:rename("x"), b.both, a.twice }
      """#
    )
    #expect(result == [["ab", "ab", "abab"], "xb", "xb", "xbxb"])
  }

  @Test func `Each of them holds the same store that everybody gets`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local a, b = useStore("a"), useStore("b")
      return { a:b() == b, b:a() == a, a == b, a:b():a() == useStore("a") }
      """#
    )
    #expect(result == [true, true, false, true])
  }
}
