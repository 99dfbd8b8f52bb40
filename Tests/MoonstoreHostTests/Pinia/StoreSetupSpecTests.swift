import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for setup stores checks: six of its nine cases; the others concern Vue.
///
/// Departures: refs that are not returned are state as well, only without a name, so that they are undone with
/// a turn; and actions of a setup store take no self, as Pinia's do.
@Suite struct StoreSetupSpecTests {
  private static let files = [
    "stores/s.lua": #"""
    local other = useStore("other")
    return defineStore("s", function()
      local name, n, list = ref("Eduardo"), ref(0), ref({ 1 })
      local hidden = ref(0)
      local double = computed(function() return n.value * 2 end)
      local label = computed(function() return name.value .. double.value .. other.title end)
      local heard = ref(0)
      watch(n, function() heard.value = heard.value + 1 end)
      local function add(by)
        n.value = n.value + (by or 1)
        hidden.value = hidden.value + 1
        return n.value
      end
      return {
        name = name, n = n, list = list, double = double, label = label, heard = heard,
        fixed = { deep = { 1, 2 } },
        add = add,
        addTwice = function() add() return add() end,
        push = function(...) for _, v in ipairs({ ... }) do table.insert(list.value, v) end end,
        hidden = function() return hidden.value end,
        addAndFail = function() add(5) error("no") end,
        later = function(by) sleep(1) return add(by) end,
      }
    end)
    """#,
    "stores/other.lua":
      #"return defineStore("other", { permissions = { "*" }, state = { title = "!" } })"#,
  ]

  @Test func `Refs are state, computeds are getters, functions are actions`() async throws {
    let host = try await TestHost(Self.files)
    let result = try await host.run(
      #"local s = useStore("s") return { s.name, s.n, s.double, s:add(2), s.double, s:addTwice(), s.n }"#
    )
    #expect(result == ["Eduardo", 0, 0, 2, 4, 4, 4])
    #expect(
      try await host.host.store("s").state() == [
        "name": "Eduardo", "n": 4, "list": [1], "heard": 2, "fixed": ["deep": [1, 2]],
      ]
    )
  }

  @Test func `A write to the store is a write to its ref`() async throws {
    var files = Self.files
    files["stores/writer.lua"] = #"""
      return defineStore("w", function()
        local n = ref(1)
        return { n = n, get = function() return n.value end, set = function() useStore("w").n = 5 end }
      end)
      """#
    let result = try await TestHost(files).run(
      #"local w = useStore("w") w:set() return { w.n, w:get() }"#
    )
    #expect(result == [5, 5])
  }

  @Test func `Computeds use other computeds and other stores`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local s, other = useStore("s"), useStore("other")
      local before = s.label
      s:add(1)
      other.title = "?"
      return { before, s.label }
      """#
    )
    #expect(result == ["Eduardo0!", "Eduardo2?"])
  }

  @Test func `Parts of refs work as tables do`() async throws {
    let result = try await TestHost(Self.files).run(
      #"local s = useStore("s") s:push(2, 3) return { #s.list, table.concat(s.list, ","), s.fixed.deep[2] }"#
    )
    #expect(result == [3, "1,2,3", 2])
  }

  @Test func `Watchers inside hear, hooks hear actions, and patches reach refs`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local s, names = useStore("s"), array()
      store.onAction(s, function(call) names[#names + 1] = call.name .. call.args.n end)
      s:add(1)
      s.add(2)
      s:later(4)
      return { names, s.heard, s.n }
      """#
    )
    #expect(result == [["add1", "add1", "later1"], 3, 7])
  }

  @Test func `What is not returned is not seen, and is undone with the turn`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local s = useStore("s")
      s:add()
      local ok = pcall(s.addAndFail)
      return { ok, s.n, s:hidden(), s.heard, s.count == nil, type(s.hidden) }
      """#
    )
    #expect(result == [false, 1, 1, 1, true, "function"])
  }
}
