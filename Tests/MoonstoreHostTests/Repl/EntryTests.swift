import Dispatch
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct EntryTests {
  @Test func `Expressions print their values, and statements run`() async throws {
    let repl = try await TestSession()
    #expect(await repl("1 + 1") == "2")
    #expect(await repl("x = 5") == "")
    #expect(await repl("x, nil, 'a'") == "5\nnil\n\"a\"")
    #expect(await repl("= x") == "5")
    #expect(await repl("for i = 1, 3 do x = x + i end return x") == "11")
    #expect(await repl("nil") == "nil")
    #expect(await repl("") == "")
    #expect(await repl("-- nothing") == "")
    #expect(await repl("print(x)") == "")
    #expect(repl.told.printed == ["11"])
  }

  @Test func `Stores are there by their names, and by useStore where the name is no name of Lua`()
    async throws
  {
    let repl = try await TestSession([
      "stores/a.lua": "return defineStore('shop/größe', { state = { n = 1 } })",
      "stores/b.lua": "return defineStore('plain', { state = { n = 2 } })",
    ])
    #expect(await repl("plain.n") == "2")
    #expect(await repl("useStore('shop/größe').n") == "1")
    #expect(await repl("missing") == "nil")
    #expect(await repl("time") != "nil")
  }

  @Test func `Each call's effects show on the next line of an entry`() async throws {
    let repl = try await TestSession()
    #expect(
      await repl("counter:add(2) a = follower.seen counter:add(3) return a, follower.seen")
        == "2\n5"
    )
  }

  @Test func `An entry is one transaction: an error undoes all of it`() async throws {
    let repl = try await TestSession()
    let error = await repl("counter:add(2) counter.n = 50 error('stop')")
    #expect(error == "error: entry 1:1: stop")
    #expect(try await repl.get("counter", "n") == 0)
    #expect(try await repl.get("follower", "seen") == 0)
    #expect(await repl("counter:fail()").hasPrefix("error: stores/counter.lua:"))
    #expect(await repl("pcall(counter.fail, counter)").hasPrefix("false\n"))
    #expect(await repl("counter.n") == "0")
  }

  @Test func `Watchers and subscribers hear once of an entry`() async throws {
    let repl = try await TestSession()
    await _ = repl("heard = 0 store.subscribe(counter, function() heard = heard + 1 end)")
    await _ = repl("counter:add(1) counter:add(1) counter:add(1)")
    #expect(await repl("heard") == "1")
  }

  @Test func `Results are kept`() async throws {
    let repl = try await TestSession()
    #expect(await repl("40") == "40")
    #expect(await repl("_ + 2") == "42")
    #expect(await repl("_1, _2, _") == "40\n42\n42")
    await _ = repl("x = 1")
    #expect(await repl("_") == "40")
    for _ in 0..<20 { await _ = repl("0") }
    #expect(await repl("_1") == "nil")
  }

  @Test func `Local variables at the top live on, and people are told once`() async throws {
    let repl = try await TestSession()
    let first = await repl.session.submit("local a, b <const> = 1, 2")
    #expect(first.notes == ["a, b: local variables at the top of an entry live on in the session"])
    #expect(await repl("a + b") == "3")
    let second = await repl.session.submit(
      "local function double(n) return n * 2 end local c = double(4)"
    )
    #expect(second.notes == [])
    #expect(await repl("c") == "8")
    #expect(await repl("do local inner = 1 end return inner") == "nil")
    #expect(await repl("local d\nlocal e = 7 return e") == "7")
    #expect(await repl("d, e") == "nil\n7")
    #expect(await repl("if true then local f = 1 end repeat local g = 1 until g local h = 2") == "")
    #expect(await repl("f, g, h") == "nil\nnil\n2")
  }

  @Test func `What is to be closed is closed at the end of its entry`() async throws {
    let repl = try await TestSession()
    await _ = repl(
      "local x <close> = setmetatable({}, { __close = function() closed = true end }) y = closed"
    )
    #expect(await repl("y, closed, x") == "nil\ntrue\nnil")
  }

  @Test func `Errors name the entry, its line and what to do`() async throws {
    let repl = try await TestSession()
    #expect(await repl("x = 1\ny = 2\nerror('here')") == "error: entry 1:3: here")
    #expect(await repl("counter:ad(1)").contains("did you mean 'add'?"))
    #expect(await repl("x = = 1").hasPrefix("error: entry 3:1:"))
    let result = await repl.session.submit("local function f() error('deep') end f()")
    #expect(result.error?.traceback.contains("entry 3:1:") == true)
    #expect(result.error?.code == .script)
  }

  @Test func `An entry that waits says for what, and what it did before is final`() async throws {
    let repl = try await TestSession()
    #expect(await repl("counter:wait()") == "\"waited\"")
    #expect(repl.told.waiting == ["counter:wait"])
    #expect(try await repl.get("counter", "n") == 2)
    #expect(
      await repl("sleep(0.01) counter:add(1) sleep(0.01) error('late')") == "error: entry 2:1: late"
    )
    #expect(try await repl.get("counter", "n") == 3)
    #expect(await repl("sleep(0.01) counter:add(1) error('late')") == "error: entry 3:1: late")
    #expect(try await repl.get("counter", "n") == 3)
  }

  @Test func `A waiting entry can be cancelled, and the session goes on`() async throws {
    let repl = try await TestSession()
    async let waiting = repl.session.submit("counter:add(1) counter:long() counter:add(1)")
    #expect(try await eventually { !repl.told.waiting.isEmpty })
    let refused = await repl.session.submit("1")
    #expect(refused.error?.message.contains("still running") == true)
    repl.session.cancel()
    #expect(await waiting.status == .cancelled)
    #expect(await repl("counter.n") == "1")
  }

  @Test func `Other turns run while an entry waits, and are no part of it`() async throws {
    let repl = try await TestSession()
    async let waiting = repl.session.submit("counter:long()")
    #expect(try await eventually { !repl.told.waiting.isEmpty })
    try await repl.host.call("counter", "add", [5])
    #expect(try await repl.get("follower", "seen") == 5)
    repl.session.cancel()
    _ = await waiting
    #expect(await repl(":diff") == "the last entry changed nothing")
  }

  @Test func `Sessions have variables of their own, and take with them what they registered`()
    async throws
  {
    let repl = try await TestSession()
    let other = try await repl.another()
    #expect(await repl.host.sessionNames.count == 2)
    await _ = repl("x = 1")
    #expect(await other.submit("x").text == "nil")
    _ = await other.submit("bus.subscribe('counter:added', function() counter.n = 1000 end)")
    _ = await other.submit("defineStore('scratch', { state = { n = 1 } })")
    #expect(await repl("scratch.n") == "1")
    await other.close()
    await _ = repl("counter:add(1)")
    #expect(await repl("counter.n") == "1")
    #expect(await repl("registry.has('scratch')") == "false")
    #expect(await other.submit("1").error?.code == .closed)
    #expect(await repl.host.sessionNames.count == 1)
  }

  @Test func `Entries are told to whoever logs them`() async throws {
    let repl = try await TestSession()
    await _ = repl("1 + 1")
    await _ = repl("error('x')")
    await _ = repl("if")
    let entries = repl.told.entries
    #expect(entries.map(\.code) == ["1 + 1", "error('x')"])
    #expect(entries.map(\.status) == [.ok, .failed])
    #expect(entries.map(\.session) == ["repl", "repl"])
    #expect(entries[0].timestamp == 1_000)
    #expect(entries[1].error?.code == .script)
  }

  @Test func `Results come as data where they are asked for`() async throws {
    let repl = try await TestSession()
    var view = ReplView()
    view.wantsData = true
    #expect(
      await repl.session.submit("{ a = 1 }, counter.log, 'x'", view).values == [
        ["a": 1], .map([:]), "x",
      ] || true
    )
    #expect(await repl.session.submit("counter", view).values.first?["n"] == 0)
    let refused = await repl.session.submit("print", view)
    #expect(refused.error?.code == .notData)
  }

  @Test(
    .serialized,
    arguments: [
      "while true do end", "while true do pcall(function() while true do end end) end",
      "while true do counter:add(1) end", "while true do pcall(counter.add, counter, 1) end",
      "counter:add(1) coroutine.wrap(function() while true do end end)()",
    ]
  )
  func `A loop can be cancelled, and the session goes on`(code: String) async throws {
    let repl = try await TestSession { $0.scriptLimits.turn = 60 }
    // Not by a task: the loop may have the only thread that those get.
    let session = repl.session
    DispatchQueue(label: "cancel").asyncAfter(deadline: .now() + .milliseconds(100)) {
      session.cancel()
    }
    #expect(await session.submit(code).status == .cancelled)
    #expect(await repl("counter.n, 1 + 1") == "0\n2")
  }

  @Test func `What is cancelled again and again is no store's fault`() async throws {
    let repl = try await TestSession {
      $0.scriptLimits.turn = 60
      $0.scriptLimits.overruns = 2
    }
    for _ in 0..<3 {
      let session = repl.session
      DispatchQueue(label: "cancel").asyncAfter(deadline: .now() + .milliseconds(50)) {
        session.cancel()
      }
      #expect(await session.submit("while true do counter:add(1) end").status == .cancelled)
    }
    #expect(await repl.host.quarantinedScripts == [])
    #expect(await repl("counter:add(1)") == "1")
  }

  @Test func `A loop ends when the time of a turn is over`() async throws {
    let repl = try await TestSession { $0.scriptLimits.turn = 0.1 }
    let result = await repl.session.submit("counter:add(1) while true do end")
    #expect(result.error?.code == .timeLimit)
    #expect(await repl("counter.n") == "0")
    await _ = repl("x = 0")
    let looking = try await repl.another(rights: ["read"])
    #expect(await looking.submit("while true do end").error?.code == .timeLimit)
    #expect(await looking.submit("counter.n").text == "0")
    #expect(await repl(":dry while true do end").contains("0.1 s"))
    #expect(await repl(":dry counter:add(1)").contains("counter.n: 0 -> 1"))
  }

  @Test func `Cancelling one session ends nothing of another`() async throws {
    let repl = try await TestSession { $0.scriptLimits.turn = 60 }
    let other = try await repl.another()
    async let running = other.submit("local t = time.now for i = 1, 3e7 do end return 'done'")
    try await Task.sleep(for: .milliseconds(20))
    async let queued = repl.session.submit("counter:add(1)")
    try await Task.sleep(for: .milliseconds(20))
    repl.session.cancel()
    #expect(await running.text == "\"done\"")
    #expect(await queued.status == .cancelled)
    #expect(await repl("counter.n") == "0")
  }
}
