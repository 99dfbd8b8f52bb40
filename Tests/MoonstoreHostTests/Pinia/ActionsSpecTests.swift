import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What Pinia's suite for actions checks, nine cases, in our terms.
///
/// | case | here |
/// |---|---|
/// | the store is the action's self, also when it is called without it | first two tests |
/// | actions call actions of their store and of others | third |
/// | two worlds with the same stores, without and with waiting | fourth and fifth |
/// | errors reach the caller at once, after a wait, and can be caught | sixth to eighth |
/// | an action that was taken off keeps its store | ninth, and `ActionTests` |
@Suite struct ActionsSpecTests {
  private static let files = [
    "stores/a.lua": #"""
    local b = useStore("b")
    return defineStore("a", {
      permissions = { "*" },
      state = { on = true, n = 0, trace = array() },
      getters = { nonA = function(self) return not self.on end },
      actions = {
        toggle = function(self) self.on = not self.on return self end,
        isSelf = function(self, other) return self == useStore("a"), other end,
        set = function(self, n) self.n = n return n end,
        both = function(self, n) return self:set(n) + b:double(n) end,
        later = function(self, n) sleep(1) self:set(n) b:keep(n) return self.n end,
        fail = function(self) self.n = 99 error("fail") end,
        failLater = function(self) sleep(1) self.n = 99 error("late") end,
        catch = function(self)
          local ok, err = pcall(self.failLater, self)
          return { ok, tostring(err):match("late"), self.n }
        end,
      },
    })
    """#,
    "stores/b.lua": #"""
    return defineStore("b", {
      state = { kept = 0 },
      actions = {
        double = function(self, n) return n * 2 end,
        keep = function(self, n) self.kept = n end,
      },
    })
    """#,
  ]

  @Test func `Self is the store, with its state and getters`() async throws {
    let result = try await TestHost(Self.files).run(
      #"local a = useStore("a") a:toggle() return { a.on, a.nonA, a:toggle() == a }"#
    )
    #expect(result == [false, true, true])
  }

  @Test func `An action has its own store whoever stands before the dot`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local a, b = useStore("a"), useStore("b")
      local t = { isSelf = a.isSelf }
      local plain = { a.isSelf() }
      local other, argument = a.isSelf(b)
      return { plain[1], other, argument == b, (t.isSelf("x")) }
      """#
    )
    #expect(result == [true, true, true, true])
  }

  @Test func `Actions call actions of their own store and of others`() async throws {
    let result = try await TestHost(Self.files).run(
      #"local a = useStore("a") return { a:both(3), a.n }"#
    )
    #expect(result == [9, 3])
  }

  @Test func `Two hosts with the same stores do not mix`() async throws {
    let one = try await TestHost(Self.files)
    let two = try await TestHost(Self.files)
    for (host, n) in [(one, 1), (two, 2), (one, 3)] {
      try await host.host.call("a", "set", [.integer(Int64(n))])
    }
    #expect(try await one.run(#"return useStore("a").n"#) == 3)
    #expect(try await two.run(#"return useStore("a").n"#) == 2)
  }

  @Test func `Actions that wait in two hosts go on in their own`() async throws {
    let one = try await TestHost(Self.files)
    let two = try await TestHost(Self.files)
    async let first = one.host.call("a", "later", [1])
    async let second = two.host.call("a", "later", [2])
    #expect(try await [first, second] == [1, 2])
    #expect(try await one.run(#"return useStore("b").kept"#) == 1)
    #expect(try await two.run(#"return useStore("b").kept"#) == 2)
  }

  @Test func `An error reaches the caller, and what was done is undone`() async throws {
    let a = try await TestHost(Self.files).host.store("a")
    let error = await #expect(throws: StoreError.self) { try await a.call("fail") }
    #expect(error?.message.hasSuffix("fail") == true)
    #expect(try await a.get("n") == 0)
  }

  @Test func `An error after a wait reaches the caller`() async throws {
    let a = try await TestHost(Self.files).host.store("a")
    let error = await #expect(throws: StoreError.self) { try await a.call("failLater") }
    #expect(error?.message.hasSuffix("late") == true)
    #expect(error?.member == "failLater")
    #expect(try await a.get("n") == 0)
  }

  @Test func `An error after a wait can be caught by another action`() async throws {
    let a = try await TestHost(Self.files).host.store("a")
    #expect(try await a.call("catch") == [false, "late", 0])
  }

  @Test func `Actions that were taken off the store work, alone and from a table`() async throws {
    let result = try await TestHost(Self.files).run(
      #"""
      local a = useStore("a")
      local set, actions = a.set, { both = a.both }
      return { set(4), a.n, actions.both(5), a.n, a.set == set }
      """#
    )
    #expect(result == [4, 4, 15, 5, true])
  }
}
