import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct CommandTests {
  @Test func `Help lists every command, and one`() async throws {
    let repl = try await TestSession()
    let help = await repl(":help")
    for command in ReplCommand.all { #expect(help.contains(command.name)) }
    let same = await repl(":help :undo")
    #expect(await repl(":help undo") == same)
    #expect(await repl(":help undo").contains("takes back"))
    #expect(
      await repl(":helb") == "error: there is no command ':helb'; did you mean ':help'?; see :help"
    )
    #expect(await repl(":help nothing").hasPrefix("error: "))
    #expect(await repl.session.submit(":quit").status == .quit)
  }

  @Test func `Stores are listed and looked into`() async throws {
    let repl = try await TestSession()
    let listed = await repl(":stores")
    #expect(
      listed == """
        counter   stores/counter.lua:2   3 fields  1 getters  5 actions
        follower  stores/follower.lua:1  1 fields  0 getters  0 actions
        """
    )
    let text = await repl(":inspect counter")
    for part in [
      "defined       stores/counter.lua:2",
      "state         deep: { a: { b: { c: { d: integer } } } }",
      "getters       double", "add(by)", "used by       follower", "permits       read, call",
      "this session  read, call, write", "subscribers   0", "version       1 of its state",
      "script        version 1",
    ] {
      #expect(text.contains(part), "\(part) in\n\(text)")
    }
    #expect(await repl(":inspect countr").contains("did you mean 'counter'?"))
    #expect(await repl(":inspect").contains("which store?"))
    await _ = repl("store.subscribe(counter, function() end)")
    #expect(await repl(":inspect counter").contains("subscribers   1"))
  }

  @Test func `Comments and code of stores, actions and getters are shown`() async throws {
    let repl = try await TestSession()
    #expect(await repl(":doc counter") == "counter  stores/counter.lua:2\nCounts.")
    #expect(
      await repl(":doc counter:add") == """
        counter:add(by)  stores/counter.lua:12
        Adds to it.
        Any number will do.
        """
    )
    #expect(await repl(":doc counter.double").hasSuffix("Twice as much."))
    #expect(await repl(":doc counter:fail").hasSuffix("there is no comment above it"))
    let source = await repl(":source counter:add")
    #expect(source.hasPrefix("stores/counter.lua:12\n12      add = function(self, by)\n"))
    #expect(source.hasSuffix("\n17      end,"))
    #expect(await repl(":source counter").split(separator: "\n").count == 23)
    #expect(await repl(":source counter:nothing").contains("has no action 'nothing'"))
  }

  @Test func `Who depends on whom and who tells whom is shown`() async throws {
    let repl = try await TestSession()
    let all = await repl(":deps")
    #expect(all.contains("counter        used by follower"))
    #expect(all.contains("follower       depends on counter"))
    #expect(all.contains("counter:added  stores/counter.lua -> follower"))
    #expect(await repl(":deps follower").contains("depends on counter"))
  }

  @Test func `A dry run shows what would change, and changes nothing`() async throws {
    let repl = try await TestSession()
    #expect(
      await repl(":dry counter:add(3)") == """
        3
        it would change:
        counter.n: 0 -> 3
        counter.log[1]: + 3
        follower.seen: 0 -> 3
        """
    )
    #expect(await repl("counter.n, #counter.log, follower.seen") == "0\n0\n0")
    #expect(await repl(":dry 1 + 1") == "2\nit would change nothing")
    #expect(await repl(":dry counter:wait()").contains("a dry run cannot wait"))
    #expect(await repl(":dry counter:add(1) commit()").contains("a dry run cannot commit"))
    #expect(await repl(":dry counter:fail()").contains("no"))
    #expect(try await repl.get("counter", "n") == 0)
    await _ = repl("heard = 0 store.subscribe(counter, function() heard = heard + 1 end)")
    let dry = await repl.session.submit(":dry counter:add(1)")
    #expect(dry.notes == ["watchers and subscribers would hear of it, and were not run"])
    #expect(await repl("heard") == "0")
    #expect(
      await repl(":dry spawn(function() counter:add(1) end) return counter.n")
        == "0\nit would change nothing"
    )
    #expect(await repl("counter.n") == "0")
  }

  @Test func `What an entry changed is shown and taken back`() async throws {
    let repl = try await TestSession()
    await _ = repl("counter:add(3) counter.deep.a = { z = 1 } counter.extra = 'x'")
    let diff = await repl(":diff")
    #expect(diff.contains("counter.n: 0 -> 3"))
    #expect(diff.contains("counter.extra: + \"x\""))
    #expect(diff.contains("counter.deep.a: { b = { c = { d = 1 } } } -> { z = 1 }"))
    #expect(await repl(":undo") == "took back 5 changes")
    #expect(
      await repl("counter.n, #counter.log, counter.deep.a.b.c.d, counter.extra, follower.seen")
        == "0\n0\n1\nnil\n0"
    )
    #expect(await repl(":undo").contains("nothing that could be taken back"))
    #expect(await repl(":diff") == "the last entry changed nothing")
  }

  @Test func `Arrays are put back as they were`() async throws {
    let repl = try await TestSession()
    await _ = repl("counter.log = { 5, 3, 9, 1 }")
    for change in [
      "table.sort(counter.log)", "table.remove(counter.log, 2)", "table.insert(counter.log, 1, 7)",
      "table.remove(counter.log, 1) table.sort(counter.log) table.insert(counter.log, 2) counter.log[1] = 8",
      "counter.log = { 1 }", "while #counter.log > 0 do table.remove(counter.log) end",
    ] {
      await _ = repl(change)
      #expect(await repl(":undo").hasPrefix("took back"), "\(change)")
      #expect(await repl("{ table.unpack(counter.log) }") == "{ 5, 3, 9, 1 }", "\(change)")
    }
  }

  @Test func `What was touched since is not taken back`() async throws {
    let repl = try await TestSession()
    await _ = repl("counter:add(3)")
    try await repl.host.call("counter", "add", [1])
    #expect(await repl(":undo").contains("was changed since"))
    #expect(try await repl.get("counter", "n") == 4)
    // Also between the parts of an entry that waits.
    async let waiting = repl.session.submit("counter.n = 10 sleep(0.3) counter.n = counter.n + 1")
    #expect(try await eventually { !repl.told.waiting.isEmpty })
    try await repl.host.call("counter", "add", [5])
    _ = await waiting
    #expect(await repl(":undo").contains("was changed since"))
    #expect(try await repl.get("counter", "n") == 16)
  }

  @Test func `Watchers hear of what is taken back`() async throws {
    let repl = try await TestSession()
    await _ = repl(
      "heard = {} store.subscribe(counter, function(change) heard[#heard + 1] = #change.changes end)"
    )
    await _ = repl("counter:add(3)")
    await _ = repl(":undo")
    #expect(await repl("heard") == "{ 2, 2 }")
  }

  @Test func `Time and memory of an entry are told`() async throws {
    let repl = try await TestSession()
    let result = await repl.session.submit(":time counter:add(2)")
    #expect(result.text == "2")
    #expect(result.notes.last?.contains("s, Lua's memory ") == true)
    #expect(await repl(":time error('x')").contains("x"))
  }

  @Test func `Messages and events are shown`() async throws {
    let repl = try await TestSession()
    #expect(await repl(":messages") == "no such messages are remembered")
    await _ = repl("counter:add(1) counter:add(2) bus.send('other', { a = 'b' })")
    let messages = await repl(":messages")
    #expect(messages.split(separator: "\n").count == 3)
    #expect(messages.contains("counter:added  counter  "))
    #expect(messages.contains("other          repl     not handled  { a = \"b\" }"))
    #expect(await repl(":messages counter:* 1").contains("{ by = 2 }"))
    #expect(await repl(":messages nothing") == "no such messages are remembered")
    #expect(await repl(":messages x y").contains("this is too much"))
    #expect(await repl(":events").contains("store:registered"))
    #expect(await repl(":events 1").split(separator: "\n").count == 1)
  }

  @Test func `Commands answer with data where it is asked for`() async throws {
    let repl = try await TestSession()
    var view = ReplView()
    view.wantsData = true
    await _ = repl("counter:add(1)")
    for (command, path) in [
      (":stores", "id"), (":messages", "type"), (":events", "type"), (":diff", "path"),
      (":help", "name"),
    ] {
      let values = await repl.session.submit(command, view).values
      #expect(values.first?.arrayValue?.first?[.string(path)]?.stringValue != nil, "\(command)")
    }
    #expect(await repl.session.submit(":inspect counter", view).values.first?["subscribers"] == 0)
    #expect(
      await repl.session.submit(":deps", view).values.first?["stores"]?.arrayValue?.count == 2
    )
    #expect(await repl.session.submit(":source counter", view).values.first?["line"] == 2)
    #expect(await repl.session.submit(":undo", view).values == [3])
  }

  @Test func `Scripts are reloaded, and taken back`() async throws {
    let repl = try await TestSession()
    #expect(await repl(":reload") == "nothing has changed")
    await _ = repl("counter:add(1)")
    try repl.write(
      "stores/follower.lua",
      TestSession.follower.replacing("seen +", with: "seen + 10 +")
    )
    #expect(await repl(":reload").hasPrefix("stores/follower.lua: version 1 -> 2"))
    await _ = repl("counter:add(1)")
    #expect(await repl("follower.seen") == "12")
    #expect(await repl(":inspect follower").contains("version 2; kept: 1"))
    #expect(await repl(":reload --to 1").hasPrefix("stores/follower.lua: version 2 -> "))
    await _ = repl("counter:add(1)")
    #expect(await repl("follower.seen") == "13")
    try repl.write("stores/follower.lua", "return defineStore(")
    let refused = await repl.session.submit(":reload")
    #expect(refused.error?.code == .syntax)
    #expect(refused.error?.message.contains("stores/follower.lua:1:") == true)
    #expect(await repl("follower.seen") == "13")
    let reader = try await repl.another(rights: ["read"])
    #expect(await reader.submit(":reload").error?.code == .permissionDenied)
  }
}
