import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What errors say to people who have used the wrong thing: each names what it is.
@Suite struct HintTests {
  private static let scripts = [
    "stores/s.lua": """
    return defineStore("s", {
      permissions = { "read", "call", "write" },
      state = { n = 1, list = array { 1 } },
      getters = { double = function(self) return self.n * 2 end },
      actions = { inc = function(self) self.n = self.n + 1 end },
    })
    """
  ]

  @Test(arguments: [
    ("s:n()", "'n' is a field of the store 's', which is read without a call: s.n"),
    ("s:list()", "'list' is a field of the store 's', which is read without a call: s.list"),
    ("s:double()", "'double' is a getter of the store 's', which is read without a call: s.double"),
    ("s:incc()", "the store 's' has no action 'incc'; did you mean 'inc'?"),
    ("s.n()", "attempt to call a number value (field 'n')"),
    (
      "effects.condition(function() s.n = 2 return true end)",
      "the function of effects.condition cannot write to 's': it only looks, and may be asked at any time; do this in "
        + "an action"
    ),
    (
      "effects.condition(function() sleep(1) return true end)",
      "the function of effects.condition cannot wait (sleep): it only looks, and may be asked at any time; do this in an "
        + "action"
    ),
    (
      "bus.use(function(message) sleep(1) return message end) bus.send('x')",
      "sleep: cannot wait inside message middleware; do this in an action, a subscriber or a task (spawn)"
    ),
    (
      "defineStore('t', { state = function() sleep(1) return {} end })",
      "sleep: cannot wait inside the state function of t; do this in an action, a subscriber or a task (spawn)"
    ),
  ])
  func `What was used the wrong way is named`(lua: String, message: String) async throws {
    let test = try await TestHost(Self.scripts)
    let error = await #expect(throws: StoreError.self) {
      try await test.run("local s = useStore('s')\n\(lua)")
    }
    #expect(error?.message.replacing("driver:2: ", with: "") == message)
  }

  @Test func `A predicate that writes is called a predicate`() async throws {
    let test = try await TestHost(Self.scripts)
    try await test.run(
      """
      local s = useStore('s')
      effects.on({ message = 'x', where = function() s.n = s.double return true end }, function() end)
      bus.send('x')
      """
    )
    #expect(
      test.record.reports.map(\.message).contains {
        $0.contains("the predicate of the effect on 'x' cannot write to 's'")
      }
    )
    // A getter that a predicate reads is a getter still.
    let getter = await #expect(throws: StoreError.self) {
      try await test.run(
        """
        local g = defineStore('g', { getters = { bad = function(self) useStore('s').n = 5 end } })
        effects.condition(function() return g.bad end)
        """
      )
    }
    #expect(getter?.message.contains("the getter 'g.bad' cannot write to") == true)
  }

  @Test func `A name is not proposed to the one who typed it`() async throws {
    let test = try await TestHost(Self.scripts)
    let store = try await test.host.store("s")
    let read = await #expect(throws: StoreError.self) { _ = try await store.get("inc") }
    #expect(read?.message == "'inc' is an action of the store 's', which is called, not read")
    let called = await #expect(throws: StoreError.self) { try await store.call("n") }
    #expect(called?.message == "'n' is a field of the store 's', which is read without a call: s.n")
    let missing = await #expect(throws: StoreError.self) { _ = try await store.get("doubel") }
    #expect(missing?.message.hasSuffix("did you mean 'double'?") == true)
  }

  @Test func `A store that is not there yet was not disposed of`() async throws {
    let test = try await TestHost([
      "stores/a.lua": """
      local z = useStore("z")
      local ok, early = pcall(function() return z.n end)
      local waits, waiting = pcall(sleep, 1)
      function onLoad()
        local ok, hook = pcall(sleep, 1)
        useStore("a"):note(tostring(early), tostring(waiting), tostring(hook))
      end
      return defineStore("a", {
        state = { early = "", waiting = "", hook = "" },
        actions = {
          note = function(self, early, waiting, hook)
            self.early, self.waiting, self.hook = early, waiting, hook
          end,
        },
      })
      """,
      "stores/z.lua": "return defineStore('z', { state = { n = 1 } })",
    ])
    let store = try await test.host.store("a")
    let early = try await store.get("early", as: String.self)
    #expect(
      early.contains("the store 'z' is not there yet: a project's stores are made when all of")
    )
    let waiting = try await store.get("waiting", as: String.self)
    #expect(waiting.contains("sleep: a script that is being loaded cannot wait"))
    #expect(try await store.get("hook", as: String.self).contains("cannot wait inside onLoad"))
    try await test.host.store("z").dispose()
    let gone = await #expect(throws: StoreError.self) {
      try await test.run("return useStore('z').n")
    }
    #expect(gone?.message.contains("not there yet") == false)
  }

  @Test func `Looking for a name that was meant takes a bounded time`() async throws {
    let test = try await TestHost(Self.scripts)
    try await test.run(
      """
      local long = ('x'):rep(50)
      for n = 1, 2000 do defineStore(long .. n, {}) end
      """
    )
    let clock = ContinuousClock()
    let time = await clock.measure {
      for _ in 0..<20 {
        _ = await code { try await test.run("return useStore(('x'):rep(48) .. 'yy')") }
      }
    }
    #expect(time < .seconds(10))
  }
}
