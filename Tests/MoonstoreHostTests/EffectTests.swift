import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What effects listen to, and when they run.
@Suite struct EffectTests {
  @Test func `An effect runs after each message of its type, before the driver's next line`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      local stop = effects.on("a", function(event) seen[#seen + 1] = event.payload.n end)
      bus.send("a", { n = 1 }) bus.send("b", { n = 2 }) bus.send("a", { n = 3 })
      local first, again = stop(), stop()
      bus.send("a", { n = 4 })
      return { seen, first, again }
      """#
    )
    #expect(result == [[1, 3], true, false])
  }

  @Test func `A matcher is a type, a list, a table or a function, and each event counts once`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = map()
      local function note(name)
        return function(event) seen[name] = (seen[name] or "") .. event.type end
      end
      effects.on("a", note("type"))
      effects.on({ "a", "b" }, note("list"))
      effects.on({ message = "b" }, note("message"))
      effects.on({ message = { "b", "c" }, where = function(m) return m.payload.n > 2 end }, note("where"))
      effects.on(function(m) return m.payload.n == 2 end, note("predicate"))
      effects.on("*", note("all"))
      effects.on({ "a", "*", { message = "a" } }, note("once"))
      for n, type in ipairs({ "a", "b", "c" }) do bus.send(type, { n = n }) end
      return seen
      """#
    )
    #expect(
      result == [
        "type": "a", "list": "ab", "message": "b", "where": "c", "predicate": "b", "all": "abc",
        "once": "abc",
      ]
    )
  }

  @Test func `An effect on an action runs when it has succeeded and its turn is final`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, seen = useStore("counter"), array()
      effects.on({ action = "counter:add" }, function(event)
        seen[#seen + 1] = { event.kind, event.store, event.action, event.args[1], event.result, c.count }
      end)
      local any = 0
      effects.on({ action = "counter:*" }, function() any = any + 1 end)
      c:add(2)
      pcall(c.fail, c)
      pcall(transaction, function() c:add(5) error("undone") end)
      c:run("local self = ... pcall(function() self:add(7) error('inner') end)")
      transaction(function() c:add(1) c:add(1) end)
      return { seen, any }
      """#
    )
    #expect(
      result == [
        [
          ["action", "counter", "add", 2, 2, 2], ["action", "counter", "add", 1, 3, 4],
          ["action", "counter", "add", 1, 4, 4],
        ], 4,
      ]
    )
  }

  @Test func `Events of actions are copies, with null for what is no data`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, seen, other = useStore("counter")
      effects.on({ action = "counter:run" }, function(event) event.args[2].x = 5 seen = event.args end)
      effects.on({ action = "counter:run" }, function(event) other = event.args[2].x end)
      local mine = { x = 1 }
      c:run("return 1", mine, print)
      return { seen[3] == null, mine.x, other }
      """#
    )
    #expect(result == [true, 1, 1])
  }

  @Test func `An effect on a change hears what changed at its path`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, seen = useStore("counter"), array()
      effects.on({ change = c, path = "nested.a" }, function(event)
        seen[#seen + 1] = { event.kind, event.store, event.changes[1].path, event.changes[1].new }
      end)
      local all = 0
      effects.on({ change = "counter" }, function() all = all + 1 end)
      c:add(1)
      c:run("local self = ... self.nested.a.b = 2 self.count = 9")
      pcall(c.run, c, "local self = ... self.nested.a.b = 3 error('no')")
      return { seen, all }
      """#
    )
    #expect(result == [[["change", "counter", "counter.nested.a.b", 2]], 2])
  }

  @Test func `The state from before comes with the event where it is asked for`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, before, early, none = useStore("counter")
      effects.on({ change = c, path = "list" }, function(event) before = event.original end, { original = true })
      effects.on({ action = "counter:push" }, function(event) early = event.original.list end, { original = true })
      effects.on({ change = c }, function(event) none = event.original end)
      c:push(1, 2)
      c:run("local self = ... self.count = 5 table.insert(self.list, 1, 0) table.remove(self.list)")
      return { before.list, before.count, early, none == nil, c.list }
      """#
    )
    #expect(result == [[1, 2], 0, [], true, [0, 1]])
  }

  @Test func `Nobody hears of what was undone`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      effects.on("*", function(event) seen[#seen + 1] = event.type end)
      pcall(transaction, function() bus.send("undone") error("no") end)
      useStore("counter"):run([[
        pcall(function() bus.send("inner") error("no") end)
        bus.send("outer")
      ]])
      return seen
      """#
    )
    #expect(result == ["outer"])
  }

  @Test
  func `A listener is undone with the turn that added it, and comes back with one that fails`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen, stop = array()
      pcall(transaction, function()
        effects.on("a", function() seen[#seen + 1] = "never" end)
        error("no")
      end)
      stop = effects.on("a", function() seen[#seen + 1] = "first" end)
      effects.on("a", function() seen[#seen + 1] = "second" end)
      pcall(transaction, function() stop() error("no") end)
      bus.send("a")
      return { seen, stop(), stop() }
      """#
    )
    #expect(result == [["first", "second"], true, false])
  }

  @Test func `A listener to changes and actions that comes back hears each of them once`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, changes, actions = useStore("counter"), 0, 0
      local stop = effects.on({ change = c }, function() changes = changes + 1 end)
      local stopToo = effects.on({ action = "counter:add" }, function() actions = actions + 1 end)
      pcall(transaction, function() stop() stopToo() error("no") end)
      c:add(1)
      local heard = { changes, actions }
      stop() stopToo()
      c:add(1)
      return { heard, { changes, actions } }
      """#
    )
    #expect(result == [[1, 1], [1, 1]])
  }

  @Test func `What one effect or predicate does wrong is reported and concerns nobody else`()
    async throws
  {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c, reached = useStore("counter"), 0
      effects.on(function() error("predicate") end, print)
      effects.on(function() bus.send("x") end, print)
      effects.on("a", function() c:add(100) error("effect") end)
      effects.on("a", function() reached = reached + 1 end)
      bus.send("a") bus.send("a")
      return { reached, c.count }
      """#
    )
    #expect(result == [2, 0])
    let reports = host.record.reports
    #expect(reports.count == 6)
    #expect(reports[0].summary.contains("driver:2: predicate"))
    #expect(reports[0].member == "the predicate of the effect on a predicate")
    #expect(reports[1].code == .getterSideEffect)
    let failed = reports.filter { $0.member == "the effect on 'a'" }
    #expect(failed.count == 2)
    #expect(failed.allSatisfy { $0.summary.contains("driver:4: effect") })
  }

  @Test func `Effects see messages in order, and causes before what they cause`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local seen = array()
      effects.on("a", function(event) bus.send("b") end)
      effects.on("*", function(event) seen[#seen + 1] = event.type end)
      transaction(function() bus.send("a") bus.send("c") end)
      return seen
      """#
    )
    #expect(result == ["a", "c", "b"])
  }

  @Test func `A message for one store is for its script's effects alone`() async throws {
    let host = try await TestHost([
      "stores/counter.lua": counterScript,
      "stores/mail.lua": #"""
      effects.on("letter", function(event) useStore("mail"):note("mail " .. event.payload) end)
      return defineStore("mail", {
        state = function() return { letters = array() } end,
        actions = { note = function(self, text) table.insert(self.letters, text) end },
      })
      """#,
      "stores/other.lua": #"""
      effects.on("letter", function(event) useStore("mail"):note("other " .. event.payload) end)
      return defineStore("other", {})
      """#,
    ])
    let result = try await host.run(
      #"""
      bus.send("letter", "for all")
      bus.send("letter", "for one", { to = "mail" })
      return useStore("mail").letters
      """#
    )
    #expect(result == ["mail for all", "other for all", "mail for one"])
  }

  @Test func `A message that an effect listens to counts as handled`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      effects.on("heard", function() end)
      bus.send("heard") bus.send("unheard")
      local handled = map()
      for _, message in ipairs(bus.recentMessages()) do handled[message.type] = message.handled end
      return handled
      """#
    )
    #expect(result == ["heard": true, "unheard": false])
  }

  @Test func `A script can listen to stores that are made after it, and made again`() async throws {
    let host = try await TestHost([
      "stores/audit.lua": #"""
      local counter = useStore("counter")
      effects.on({ action = "counter:add" }, function(e) log.info("add " .. e.args[1]) end)
      effects.on({ change = counter, path = "count" }, function(e) log.info("count " .. e.changes[1].new) end)
      return defineStore("audit", {})
      """#,
      "stores/counter.lua": counterScript.replacing(
        #"defineStore("counter", {"#,
        with: #"defineStore("counter", { permissions = { "*" },"#
      ),
    ])
    try await host.run(#"useStore("counter"):add(3)"#)
    #expect(host.record.log.sorted() == ["add 3", "count 3"])
    try await host.run(
      #"""
      registry.unregister("counter")
      defineStore("counter", {
        state = { count = 0 },
        actions = { add = function(self, by) self.count = self.count + by end },
      })
      useStore("counter"):add(4)
      """#
    )
    #expect(host.record.log.sorted() == ["add 3", "add 4", "count 3", "count 4"])
  }

  @Test func `A listener follows a store that comes back when its turn fails`() async throws {
    let host = try await TestHost([
      "stores/counter.lua": counterScript.replacing(
        #"defineStore("counter", {"#,
        with: #"defineStore("counter", { permissions = { "*" },"#
      )
    ])
    let result = try await host.run(
      #"""
      local c, changes, actions = useStore("counter"), 0, 0
      local stop = effects.on({ change = "counter" }, function() changes = changes + 1 end)
      local stopToo = effects.on({ action = "counter:add" }, function() actions = actions + 1 end)
      pcall(transaction, function()
        registry.unregister("counter")
        defineStore("counter", { state = { count = 0 } })
        error("no")
      end)
      c:add(1)
      local heard = { changes, actions }
      stop() stopToo()
      c:add(1)
      return { heard, { changes, actions } }
      """#
    )
    #expect(result == [[1, 1], [1, 1]])
  }

  @Test func `Whoever may not read a store may not listen to it`() async throws {
    let host = try await TestHost([
      "stores/secret.lua": #"""
      return defineStore("secret", { permissions = { "call" }, state = { key = 1 } })
      """#
    ])
    let result = try await host.run(
      #"""
      local ok, err = pcall(effects.on, { change = "secret" }, print)
      local ok2, err2 = pcall(effects.on, { action = "secret:open" }, print)
      return { ok, err.code, ok2, err2.code }
      """#
    )
    #expect(result == [false, "permissionDenied", false, "permissionDenied"])
  }

  @Test func `What is no matcher, effect or option is refused with what there is`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local function message(...)
        local ok, err = pcall(effects.on, ...)
        if ok then return "accepted" end
        return type(err) == "string" and err or err.message
      end
      local function none() end
      return {
        message(nil, none), message(5, none), message({}, none), message("", none),
        message({ mesage = "a" }, none), message({ message = "a", action = "c:d" }, none),
        message({ action = "add" }, none), message({ change = 5 }, none),
        message({ change = "counter", path = "a[" }, none), message({ message = "a", where = 5 }, none),
        message("a"), message("a", none, 5), message("a", none, { lates = true }),
        message("a", none, { latest = 1 }), message("a", none, { delay = -1 }),
        message("a", none, { latest = true, leading = true }), message("a", none, { debounce = 0 / 0 }),
      }
      """#
    )
    let messages = result.arrayValue?.compactMap(\.stringValue) ?? []
    let expected = [
      "must be a string, a table or a function, not nil", "not a number",
      "the list of events is empty",
      "a message type is a text", "there is no field 'mesage'", "are two events: use a list",
      #"such as "cart:addItem""#, "'change' is a store or its id", "at byte 3 of the path",
      "'where' is no function",
      "argument 2 must be a function, not nil", "argument 3 must be a table, not a number",
      "there is no option 'lates'", "'latest' must be a boolean",
      "'delay' must be a number of seconds",
      "either 'latest' or 'leading'", "'debounce' must be a number of seconds",
    ]
    try #require(messages.count == expected.count)
    for (message, part) in zip(messages, expected) {
      #expect(message.contains(part), "\(message)")
    }
    #expect(try await host.run(#"bus.send("a") return bus.recentMessages(1)[1].handled"#) == false)
  }

  @Test func `Effects that cause each other without end are stopped with the chain`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local count = 0
      effects.on("a", function() count = count + 1 bus.send("b") end)
      effects.on("b", function() bus.send("a") end)
      bus.send("a")
      return count > 100
      """#
    )
    #expect(result == true)
    #expect(host.record.reports.map(\.code) == [.endlessLoop])
    let message = host.record.reports.first?.message ?? ""
    #expect(message.contains("the effect on 'a'") && message.contains("message 'b'"), "\(message)")
  }
}
