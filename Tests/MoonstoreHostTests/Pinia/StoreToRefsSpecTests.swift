import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for `storeToRefs` checks: its eight cases, by other means.
///
/// Taking a field off a store loses nothing here: parts stay live, and of a plain value a function over the
/// store, as `watch` takes it, is the reference. There is no `storeToRefs`; the case of a getter that a reload
/// replaces belongs to reloading.
@Suite struct StoreToRefsSpecTests {
  private func run(_ lua: String) async throws -> Value {
    try await TestHost([
      "plugins/p.lua":
        #"return function() return { state = { plugged = 1 }, getters = { pluggedTwice = function(self) return self.plugged * 2 end } } end"#,
      "stores/a.lua": #"""
      return defineStore("a", {
        permissions = { "*" },
        state = { n = 1, list = { 1, 2 }, nested = { deep = { x = 1 } } },
        getters = {
          double = function(self) return self.n * 2 end,
          big = function(self)
            local big = {}
            for _, v in ipairs(self.list) do if v > 1 then big[#big + 1] = v end end
            return big
          end,
        },
      })
      """#,
      "stores/empty.lua": #"return defineStore("empty", {})"#,
      "stores/setup.lua": #"""
      return defineStore("setup", function()
        local n = ref(1)
        return { n = n, double = computed(function() return n.value * 2 end), add = function() n.value = n.value + 1 end }
      end)
      """#,
    ]).run("local a = useStore(\"a\")\n" + lua)
  }

  /// A function over the store that reads and writes one field.
  private let ref = #"""
    local function fieldOf(store, key)
      return function(...)
        if select("#", ...) > 0 then store[key] = (...) end
        return store[key]
      end
    end
    """#

  @Test func `A store without fields has nothing to refer to, besides what plugins added`()
    async throws
  {
    let result = try await run(
      #"""
      local names = array()
      for key in pairs(useStore("empty")) do names[#names + 1] = key end
      return names
      """#
    )
    #expect(result == ["plugged"])
  }

  @Test func `A reference follows its field, and writes it`() async throws {
    let result = try await run(
      ref + "\n" + #"""
        local n = fieldOf(a, "n")
        local before = n()
        a.n = 5
        local after = n()
        n(9)
        return { before, after, a.n, a.double }
        """#
    )
    #expect(result == [1, 5, 9, 18])
  }

  @Test func `A reference to a getter follows it and cannot be written`() async throws {
    let result = try await run(
      ref + "\n" + #"""
        local double = fieldOf(a, "double")
        a.n = 4
        local ok, err = pcall(double, 3)
        return { double(), ok, err.code }
        """#
    )
    #expect(result == [8, false, "readOnly"])
  }

  @Test func `A reference into a setup store follows it`() async throws {
    let result = try await run(
      ref + "\n"
        + #"local s = useStore("setup") local n, double = fieldOf(s, "n"), fieldOf(s, "double") s:add() return { n(), double() }"#
    )
    #expect(result == [2, 4])
  }

  @Test func `A reference to what a plugin added follows it`() async throws {
    let result = try await run(
      ref + "\n"
        + #"local p, twice = fieldOf(a, "plugged"), fieldOf(a, "pluggedTwice") p(3) return { a.plugged, twice() }"#
    )
    #expect(result == [3, 6])
  }

  @Test func `Parts that were taken off the store are live, both ways`() async throws {
    let result = try await run(
      #"""
      local list, deep = a.list, a.nested.deep
      table.insert(list, 3)
      a.nested.deep.x = 7
      deep.y = 8
      return { #a.list, deep.x, a.nested.deep.y, list == a.list }
      """#
    )
    #expect(result == [3, 7, 8, true])
  }

  @Test func `A list of a getter is what it was when it was read`() async throws {
    let result = try await run(
      #"""
      local big = a.big
      table.insert(a.list, 3)
      return { #big, #a.big, big == a.big }
      """#
    )
    #expect(result == [1, 2, false])
  }

  @Test func `A reference can be watched`() async throws {
    let result = try await run(
      ref + "\n" + #"""
        local seen = array()
        watch(fieldOf(a, "double"), function(value, old) seen[#seen + 1] = { old, value } end)
        a.n = 2
        a.list = { 5 }
        a.n = 3
        return seen
        """#
    )
    #expect(result == [[2, 4], [4, 6]])
  }
}
