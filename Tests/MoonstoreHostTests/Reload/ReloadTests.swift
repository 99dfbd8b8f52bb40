import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What becomes of code, and of all who hold or hear of it, when scripts are reloaded.
struct ReloadTests {
  private let counter = #"""
    return defineStore("counter", {
      permissions = { "*" },
      state = function() return { n = 0 } end,
      getters = { double = function(self) return self.n * 2 end },
      actions = { add = function(self, by) self.n = self.n + (by or 1) return "one" end },
    })
    """#

  /// The counter with other code.
  private func counter(
    getters: String = "double = function(self) return self.n * 2 end",
    actions: String = "add = function(self, by) self.n = self.n + (by or 1) return 'one' end",
    rest: String = ""
  ) -> String {
    """
    return defineStore("counter", {
      permissions = { "*" },
      state = function() return { n = 0 } end,
      getters = { \(getters) },
      actions = { \(actions) },
      \(rest)
    })
    """
  }

  // MARK: Getters and actions

  @Test func `Actions are replaced for all who hold them, and added and removed`() async throws {
    let test = try await TestHost([
      "stores/counter.lua": counter,
      "stores/holder.lua": #"""
      local add
      return defineStore("holder", { actions = {
        hold = function() add = useStore("counter").add end,
        use = function() return add(2) end,
      } })
      """#,
    ])
    try await test.run("useStore('holder'):hold()")
    let swift = try await test.host.store("counter")
    try await test.reload([
      "stores/counter.lua": counter(
        actions:
          "add = function(self, by) self.n = self.n + 10 * by return 'two' end, more = function() return 'more' end"
      )
    ])
    #expect(try await test.run("return useStore('holder'):use()") == "two")
    #expect(try await swift.call("more") == "more")
    #expect(try await swift.get("n") == 20)
    try await test.reload([
      "stores/counter.lua": counter(actions: "less = function() return 'less' end")
    ])
    let refused = try await test.run(
      "local ok, err = pcall(function() return useStore('holder'):use() end) return { ok, tostring(err) }"
    )
    #expect(refused[0] == false)
    #expect(refused[1]?.stringValue?.contains("gone") == true)
    await #expect(throws: StoreError.self) { try await swift.call("add", 1) }
    #expect(
      try await test.run(
        "local ok, err = pcall(function() useStore('counter'):add(1) end) return tostring(err)"
      ).stringValue?.contains("no action 'add' any more") == true
    )
    // It comes back for those who held it all the time.
    try await test.reload(["stores/counter.lua": counter])
    #expect(try await test.run("return useStore('holder'):use()") == "one")
    #expect(try await swift.get("n") == 22)
  }

  @Test func `Getters are replaced, added and removed, and watchers of them watch on`() async throws
  {
    let test = try await TestHost([
      "stores/counter.lua": counter,
      "stores/watcher.lua": #"""
      local seen = {}
      function onLoad()
        watch(function() return useStore("counter").double end, function(new, old) seen[#seen + 1] = new end)
      end
      return defineStore("watcher", { actions = { seen = function() return seen end } })
      """#,
    ])
    try await test.run("useStore('counter'):add()")
    let same = counter(
      getters:
        "double = function(self) return self.n + self.n end, triple = function(self) return self.n * 3 end"
    )
    try await test.reload(["stores/counter.lua": same])
    // The value is the same, so nobody is told.
    #expect(try await test.run("return useStore('watcher'):seen()") == [2])
    try await test.run("useStore('counter'):add()")
    #expect(
      try await test.run("return { useStore('counter').triple, useStore('watcher'):seen() }") == [
        6, [2, 4],
      ]
    )
    try await test.reload([
      "stores/counter.lua": counter(getters: "double = function(self) return self.n * 20 end")
    ])
    #expect(try await test.run("return useStore('watcher'):seen()") == [2, 4, 40])
    #expect(try await test.run("return useStore('counter').triple == nil") == true)
    #expect(test.record.reports.isEmpty)
  }

  @Test func `A name becomes another kind of thing`() async throws {
    let test = try await TestHost(["stores/counter.lua": counter])
    try await test.run("useStore('counter'):add(3)")
    let moved = #"""
      return defineStore("counter", {
        permissions = { "*" },
        state = function() return { double = "a field" } end,
        getters = { add = function(self) return "a getter" end },
        actions = { n = function(self) return "an action" end },
      })
      """#
    #expect(try await test.reload(["stores/counter.lua": moved]).failures.map(\.message) == [])
    #expect(
      try await test.run("local c = useStore('counter') return { c.double, c.add, c:n() }")
        == ["a field", "a getter", "an action"]
    )
    let refused = try await test.run(
      "local c = useStore('counter') return { pcall(function() c.add = 1 end), pcall(function() c.n = 1 end) }"
    )
    #expect(refused[0] == false)
    #expect(try await test.reload(["stores/counter.lua": counter]).failures.map(\.message) == [])
    #expect(
      try await test.run("local c = useStore('counter') c:add(2) return { c.n, c.double }") == [
        2, 4,
      ]
    )
  }

  @Test func `A field that was added while it ran does not become an action unnoticed`()
    async throws
  {
    let test = try await TestHost(["stores/counter.lua": counter])
    try await test.run("useStore('counter').extra = 1")
    let report = try await test.reload([
      "stores/counter.lua": counter(actions: "extra = function() end")
    ])
    #expect(report.failures.first?.message.contains("'extra' is a field of the live state") == true)
    #expect(try await test.run("return useStore('counter').extra") == 1)
  }

  // MARK: Those who hear

  @Test func `Subscriptions and hooks of others survive and reach the new code`() async throws {
    let test = try await TestHost([
      "stores/counter.lua": counter,
      "stores/other.lua": #"""
      local seen = array()
      local counter = useStore("counter")
      return defineStore("other", { permissions = { "*" }, actions = {
        begin = function()
          store.subscribe(counter, function(change) seen[#seen + 1] = "change" end)
          store.onAction(counter, function(call) call.after(function(result) seen[#seen + 1] = result end) end)
        end,
        seen = function() return seen end,
      } })
      """#,
    ])
    try await test.run("useStore('other'):begin()")
    let swift = try await test.host.store("counter").changes()
    try await test.reload([
      "stores/counter.lua": counter(
        actions: "add = function(self) self.n = self.n + 1 return 'two' end"
      )
    ])
    try await test.run("useStore('counter'):add()")
    #expect(try await test.run("return useStore('other'):seen()") == ["two", "change"])
    var iterator = swift.makeAsyncIterator()
    #expect(await iterator.next()?.new == 1)
  }

  @Test
  func `What a script registers is there once, and in its place, however often it is reloaded`()
    async throws
  {
    func script(_ name: String, _ version: Int) -> String {
      """
      bus.subscribe("ping", function() log.info("\(name) handler \(version)") end)
      bus.use(function(message) log.info("\(name) message \(version)") end)
      registry.on("shop:event", function() log.info("\(name) event \(version)") end)
      effects.on("ping", function() log.info("\(name) effect \(version)") end)
      bus.answer("ask-\(name)", function() return "\(name) answer \(version)" end)
      provide("\(name)", \(version))
      local value = \(version)
      return defineStore("\(name)", {
        on = { ping = function() log.info("\(name) store \(version)") end },
        answers = { ["store-\(name)"] = function() return value end },
        actions = { go = function() log.info("\(name) go \(version)") end },
      })
      """
    }
    func surround(_ name: String, _ version: Int) -> String {
      """
      return { action = function(call, next) log.info("\(name) around \(version)") return next() end }
      """
    }
    let test = try await TestHost([
      "stores/a.lua": script("a", 1), "stores/b.lua": script("b", 1),
      "stores/c.lua": script("c", 1),
      "middleware/x.lua": surround("x", 1), "middleware/y.lua": surround("y", 1),
      "middleware/z.lua": surround("z", 1),
    ]) { $0.messageMiddleware = ["stores/a.lua", "stores/b.lua", "stores/c.lua"] }
    func hear() async throws -> [String] {
      let start = test.record.log.count
      let result = try await test.run(
        "bus.send('ping') registry.emit('shop:event') useStore('b'):go() "
          + "return { bus.request('ask-b'), bus.request('store-b'), inject('b') }"
      )
      return Array(test.record.log[start...]) + ["\(result)"]
    }
    let before = try await hear()
    for version in 2...5 {
      try await test.reload([
        "stores/b.lua": script("b", version), "middleware/y.lua": surround("y", version),
      ])
      let now = try await hear()
      let expected = before.map { line in
        line.hasPrefix("b ") || line.hasPrefix("y ")
          ? line.replacingOccurrences(of: "1", with: "\(version)") : line
      }
      #expect(now.dropLast() == expected.dropLast())
      #expect(now.last?.contains("b answer \(version)") == true)
    }
  }

  @Test func `A reloaded host is described as one that was started with the new scripts`()
    async throws
  {
    let old = [
      "stores/a.lua": counter,
      "stores/b.lua":
        "return defineStore('b', { dependencies = { 'counter' }, on = { x = function() end, y = function() end } })",
      "plugins/p.lua":
        "return function(c) return { getters = { id2 = function() return c.id end } } end",
      "middleware/m.lua": "return function(call, next) return next() end",
    ]
    var new = old
    new["stores/a.lua"] = counter(
      getters: "half = function(self) return self.n / 2 end",
      actions: "sub = function(self) end",
      rest: "on = { z = function(self) end }, metadata = { team = 'x' }"
    )
    new["stores/b.lua"] =
      "return defineStore('b', { on = { y = function() end, w = function() end }, permissions = { 'read' } })"
    new["plugins/p.lua"] =
      "return function(c) return { state = { added = 1 }, actions = { twice = function() end } } end"
    new["middleware/m.lua"] = "\nreturn function(call, next) return next() end"
    let test = try await TestHost(old)
    let fresh = try await TestHost(new)
    let report = try await test.reload(new)
    #expect(report.failures.map(\.message) == [])
    func described(_ host: TestHost) async throws -> Value { try await host.host.described() }
    #expect(try await described(test) == described(fresh))
  }

  // MARK: Plugins, modules, settings

  @Test
  func
    `A plugin that is reloaded adds anew to all stores, also those of Swift, and no more than once`()
    async throws
  {
    func plugin(_ version: Int, _ extra: String = "") -> String {
      """
      return function(context)
        bus.subscribe("ping", function() log.info(context.id .. " \(version)") end)
        return {
          state = { stamp = \(version)\(extra) },
          getters = { version = function() return \(version) end },
          actions = { hello\(version) = function(self) return self.stamp end },
        }
      end
      """
    }
    let test = try await TestHost(["stores/counter.lua": counter, "plugins/p.lua": plugin(1)])
    try await test.host.define(StoreDefinition("native", state: ["x": 1]))
    try await test.run("useStore('counter').stamp = 50")
    for version in 2...4 {
      let report = try await test.reload(["plugins/p.lua": plugin(version, ", also = true")])
      #expect(report.failures.map(\.message) == [])
    }
    let result = try await test.run(
      "local c, s = useStore('counter'), useStore('native') "
        + "return { c.stamp, s.stamp, c.version, s.version, c:hello4(), c.also, c.n, c.double }"
    )
    #expect(result == [50, 4, 4, 4, 50, true, 0, 0])
    try await test.run("bus.send('ping')")
    #expect(test.record.log == ["counter 4", "native 4"])
    // The plugin still adds to a store whose own script is reloaded.
    try await test.reload(["stores/counter.lua": counter + "\n"])
    #expect(
      try await test.run("local c = useStore('counter') return { c.version, c.stamp }") == [4, 50]
    )
    try test.remove("plugins/p.lua")
    try await test.reload()
    #expect(
      try await test.run(
        "local c = useStore('counter') return { c.version == nil, c.stamp == nil, c.n }"
      )
        == [true, true, 0]
    )
    try await test.run("bus.send('ping')")
    #expect(test.record.log.count == 2)
  }

  @Test func `Scripts that require a module are reloaded with it, and others are not`() async throws
  {
    let user =
      "local m = require('lib.money') return defineStore('a', { actions = { get = function() return m.unit() end } })"
    let test = try await TestHost([
      "lib/money.lua":
        "local unit = require('lib.unit') return { unit = function() return unit end }",
      "lib/unit.lua": "return 'GBP'", "stores/a.lua": user,
      "stores/b.lua": "return defineStore('b', {})",
    ])
    let report = try await test.reload(["lib/unit.lua": "return 'EUR'"])
    #expect(report.scripts.map(\.name) == ["stores/a.lua"])
    #expect(try await test.run("return useStore('a'):get()") == "EUR")
    let refused = try await test.reload(["lib/unit.lua": "return }"])
    #expect(refused.failures.first?.script == "lib/unit.lua")
    #expect(refused.failures.first?.line == 1)
    #expect(try await test.run("return useStore('a'):get()") == "EUR")
  }

  @Test func `New settings reach all scripts`() async throws {
    let test = try await TestHost([
      "moonstore.lua": "return { settings = { rate = 1 } }",
      "stores/a.lua":
        "return defineStore('a', { actions = { rate = function() return settings.rate end } })",
    ])
    let report = try await test.reload(["moonstore.lua": "return { settings = { rate = 2 } }"])
    #expect(report.scripts.map(\.name) == ["stores/a.lua"])
    #expect(try await test.run("return useStore('a'):rate()") == 2)
    #expect(try await test.reload(["moonstore.lua": "return 5"]).isRefused)
    #expect(try await test.run("return useStore('a'):rate()") == 2)
  }

  // MARK: Coming and going

  @Test func `New scripts are loaded, and the stores of scripts that are gone go`() async throws {
    let test = try await TestHost(["stores/counter.lua": counter])
    let report = try await test.reload([
      "stores/b.lua": "return defineStore('b', { dependencies = { 'counter' } })",
      "stores/c.lua": "return defineStore('c', { dependencies = { 'b' } })",
    ])
    #expect(report.stores.map(\.change) == [.added, .added])
    #expect(await test.host.storeIDs == ["counter", "b", "c"])
    try test.remove("stores/b.lua")
    let refused = try await test.reload()
    #expect(refused.failures.first?.code == .hasDependents)
    #expect(refused.failures.first?.message.contains("stores/b.lua") == true)
    #expect(await test.host.storeIDs == ["counter", "b", "c"])
    try test.remove("stores/c.lua")
    let removed = try await test.reload()
    #expect(removed.stores.map(\.id) == ["b", "c"])
    #expect(removed.scripts.map(\.new) == [nil, nil])
    #expect(await test.host.storeIDs == ["counter"])
  }

  @Test func `A script that moves to another file takes its store and the state along`()
    async throws
  {
    let test = try await TestHost(["stores/counter.lua": counter])
    try await test.run("useStore('counter'):add(5)")
    try test.remove("stores/counter.lua")
    let report = try await test.reload(["stores/deep/count.lua": counter])
    #expect(report.failures.map(\.message) == [])
    #expect(try await test.run("return useStore('counter').n") == 5)
    #expect(try await test.host.described()["stores"]?[0]?["script"] == "stores/deep/count.lua")
  }

  @Test func `Nothing happens when nothing has changed`() async throws {
    let test = try await TestHost(["stores/counter.lua": counter])
    #expect(try await test.reload(["stores/counter.lua": counter]).isEmpty)
    let forced = try await test.host.reload(["stores/counter.lua"])
    #expect(forced.scripts.map(\.new) == [2])
    await #expect(throws: StoreError.self) { try await test.host.reload(["stores/conter.lua"]) }
  }

  @Test func `onUnload and onLoad pass on what is no state`() async throws {
    func script(_ version: Int) -> String {
      """
      local cache = {}
      function onLoad(carry)
        cache = carry.cache or { made = \(version) }
        log.info("load \(version) " .. cache.made)
      end
      function onUnload(carry) carry.cache = cache log.info("unload \(version)") end
      return defineStore("a", { actions = { made = function() return cache.made end } })
      """
    }
    let test = try await TestHost(["stores/a.lua": script(1)])
    try await test.reload(["stores/a.lua": script(2)])
    try await test.reload(["stores/a.lua": script(3)])
    #expect(try await test.run("return useStore('a'):made()") == 1)
    #expect(test.record.log == ["load 1 1", "unload 1", "load 2 1", "unload 2", "load 3 1"])
  }

  @Test
  func
    `A store that was made while its script ran keeps its state, and gets new code when it is defined again`()
    async throws
  {
    func script(_ version: Int, _ onLoad: String = "") -> String {
      """
      local function make(id)
        return defineStore(id, {
          permissions = { "*" },
          state = function() return { n = 0 } end,
          actions = { add = function(self) self.n = self.n + \(version) return self.n end },
        })
      end
      \(onLoad)
      return defineStore("maker", { actions = { make = function(self, id) make(id) end } })
      """
    }
    let test = try await TestHost(["stores/maker.lua": script(1)])
    try await test.run("useStore('maker'):make('player/1') useStore('player/1'):add()")
    let report = try await test.reload(["stores/maker.lua": script(10)])
    #expect(report.inherited == ["player/1"])
    #expect(try await test.run("return useStore('player/1'):add()") == 2)
    try await test.run("useStore('maker'):make('player/1')")
    #expect(try await test.run("return useStore('player/1'):add()") == 12)
    await #expect(throws: StoreError.self) {
      try await test.run("useStore('maker'):make('player/1')")
    }
    let last = try await test.reload([
      "stores/maker.lua": script(100, "function onLoad() make('player/1') end")
    ])
    #expect(last.inherited == [])
    #expect(try await test.run("return useStore('player/1'):add()") == 112)
    try test.remove("stores/maker.lua")
    try await test.reload()
    #expect(await test.host.storeIDs == [])
  }

  @Test func `Stores of factories are reloaded like others`() async throws {
    func script(_ step: Int) -> String {
      """
      local factory = factories.base()
      factory:create {
        id = "made", initialState = { n = 0 }, permissions = { "*" },
        actions = { add = function(self) self.n = self.n + \(step) return self.n end },
      }
      factory:configure("made", { getters = { twice = function(self) return self.n * 2 end } })
      """
    }
    let test = try await TestHost(["stores/made.lua": script(1)])
    try await test.run("useStore('made'):add()")
    #expect(try await test.reload(["stores/made.lua": script(10)]).failures.map(\.message) == [])
    #expect(
      try await test.run("local m = useStore('made') return { m:add(), m.twice }") == [11, 22]
    )
  }
}
