import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// A session that may only read leaves no trace, whatever it calls.
@Suite struct ReadSessionTests {
  private static let files = [
    "stores/counter.lua": TestSession.counter, "stores/follower.lua": TestSession.follower,
    "stores/giver.lua": """
    local shared = { limit = 5, nested = { x = 1 } }
    provide("shared", shared)
    provide("code", { run = function() return 1 end })
    return defineStore("giver", {
      state = function() return {} end,
      actions = { limit = function() return shared.limit + shared.nested.x end, id = function() return random.id("a") end,
        number = function() return random.number() end },
    })
    """,
  ]

  /// What the host is, to the last counter.
  private func look(_ host: StoreHost) async throws -> String {
    var parts = ["\(try await host.described())"]
    parts.append(
      "\(try await host.evaluate("return { bus.statistics(), registry.ids() }", name: "look").value)"
    )
    for id in ["counter", "follower"] { parts.append("\(try await host.store(id).state())") }
    return parts.joined(separator: "\n")
  }

  static let entries = [
    "bus.cleanup(0)", "random.id('a')", "math.random()", "math.randomseed(42)", "random.number()",
    "random.integer(1, 6)", "bus.send('x')",
    "bus.request('x')", "bus.subscribe('x', print)", "bus.answer('x', print)", "bus.use(print)",
    "registry.on('*', print)", "registry.emit('x')", "registry.unregister('counter')",
    "registry.register({ id = 'n' }, {})", "defineStore('n', {})", "spawn(print)",
    "watch(function() return 1 end, print)",
    "store.subscribe(counter, print)", "store.onAction(counter, print)", "store.reset(counter)",
    "store.dispose(counter)", "store.patch(counter, { n = 1 })",
    "store.patch(counter, function() end)",
    "applyMiddleware(counter, print)", "provide('k', 1)", "inject('shared').limit = 6",
    "inject('shared').nested.x = 6", "inject('code').run()", "effects.on('x', print)",
    "effects.take('x')",
    "effects.condition(function() return true end)", "effects.clear()", "commit()", "sleep(0)",
    "progress(1)",
    "counter:add(1)", "counter.n = 1", "table.insert(counter.log, 1)", "table.sort(counter.log)",
    "factories.base():create { id = 'n' }", "composeStores { a = 'counter' }",
    "createStoreWithDeps({ 'counter' }, function() return defineStore('n', {}) end)",
    "secure(counter, { '*' }).n = 1",
    "coroutine.wrap(function() bus.cleanup(0) random.id('a') end)()", "pcall(random.id, 'a')",
    "load('random.id(\"a\")')()", "transaction(function() random.id('a') end)",
    "setmetatable({}, { __index = function() return random.id('a') end }).x",
  ]

  @Test func `No entry, watch or command of one leaves a trace`() async throws {
    let repl = try await TestSession(Self.files, rights: ["read"])
    let untouched = try await TestSession(Self.files, rights: ["read"])
    // Who looks is known to the host from its first look on.
    _ = try await look(repl.host)
    let before = try await look(repl.host)
    for entry in Self.entries {
      for form in [
        "\(entry)", ":watch --limit 1 (function() return \(entry) end)()", ":dry \(entry)",
        ":time \(entry)",
        ":print \(entry)", ":trace \(entry)",
      ] {
        if form.hasPrefix(":watch"), entry.contains(" = ") { continue }
        _ = await repl.session.submit(form)
      }
    }
    for command in [
      ":reload", ":undo", ":diff", ":stores", ":messages", ":events", ":state counter",
      ":doc counter",
    ] {
      _ = await repl.session.submit(command)
    }
    await repl.session.stop()
    let after = try await look(repl.host)
    let place = zip(before, after).enumerated().first { $0.element.0 != $0.element.1 }?.offset ?? 0
    #expect(
      after == before,
      "\(before.dropFirst(place - 60).prefix(120)) became \(after.dropFirst(place - 60).prefix(120))"
    )
    #expect(try await repl.host.call("giver", "limit") == 6)
    // Ids and random numbers go on as if nothing had been asked.
    for action in ["id", "number"] {
      let one = try await repl.host.call("giver", action)
      #expect(try await untouched.host.call("giver", action) == one, "\(action)")
    }
    #expect(repl.test.record.log.isEmpty)
  }

  @Test func `Refusals push no other event out of the history`() async throws {
    let repl = try await TestSession(Self.files, rights: ["read"])
    _ = try await repl.host.evaluate("registry.emit('shop:opened', {})", name: "look")
    _ = await repl.session.submit("for i = 1, 3000 do pcall(bus.cleanup, 0) end")
    let found = try await repl.host.evaluate(
      """
      for _, event in ipairs(registry.recentEvents(5000)) do if event.type == "shop:opened" then return true end end
      return false
      """,
      name: "look"
    )
    #expect(found.value == true)
  }

  @Test func `The numbers of math.random are not for it, and all else of math is`() async throws {
    let repl = try await TestSession(Self.files, rights: ["read"])
    for entry in ["math.random()", "math.randomseed(42)", "rawget(math, 'random')()"] {
      #expect(await repl.session.submit(entry).status == .failed, "\(entry)")
    }
    #expect(await repl("math.max(1, math.floor(2.5))") == "2")
  }

  @Test func `What it can read it still reads`() async throws {
    let repl = try await TestSession(Self.files, rights: ["read"])
    #expect(await repl("counter.n + #counter.log") == "0")
    #expect(await repl("inject('shared').limit") == "5")
    #expect(await repl("json.encode(store.state(counter).deep.a.b)") == #""{\"c\":{\"d\":1}}""#)
    #expect(await repl("#registry.ids()") == "3")
  }
}
