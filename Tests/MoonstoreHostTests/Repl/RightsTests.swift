import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct RightsTests {
  @Test(
    arguments: [
      "counter.n = 5", "counter.deep.a = nil", "table.insert(counter.log, 1)", "counter:add(1)",
      "store.patch(counter, { n = 1 })", "store.patch(counter, function(s) s.n = 1 end)",
      "store.reset(counter)", "store.dispose(counter)", "registry.unregister('counter')",
      "bus.send('counter:added', { by = 1 })",
      "bus.send('counter:added', { by = 1 }, { to = 'follower' })",
      "defineStore('new', { state = {} })", "spawn(function() end)", "sleep(0.01)", "commit()",
      "registry.emit('x', {})", "effects.on('x', function() end)",
      "transaction(function() counter.n = 1 end)",
      "pcall(function() counter.n = 1 end) return counter.nope.nope",
    ]
  )
  func `A session that may only read changes nothing`(code: String) async throws {
    let repl = try await TestSession(rights: ["read"])
    let result = await repl.session.submit(code)
    #expect(result.status == .failed, "\(code): \(result.text)")
    #expect(try await repl.get("counter", "n") == 0)
    #expect(try await repl.get("follower", "seen") == 0)
    #expect(await repl("counter.n, counter.double, follower.seen") == "0\n0\n0")
    #expect(await repl.host.storeIDs == ["counter", "follower"])
  }

  @Test func `What is refused says who, what and where, and is an event`() async throws {
    let repl = try await TestSession(rights: ["read"])
    let result = await repl.session.submit("counter.n = 5")
    #expect(result.error?.code == .permissionDenied)
    #expect(
      result.error?.message == "permission denied: the session 'repl' may not write to 'counter.n'"
    )
    let sent = await repl.session.submit("bus.send('x')")
    #expect(sent.error?.code == .permissionDenied)
    #expect(
      sent.error?.message.contains(
        "the session 'repl' may only read, and cannot use bus.send"
      ) == true
    )
    #expect(
      await repl(":events 2").split(separator: "\n").allSatisfy { $0.contains("permission:denied") }
    )
  }

  @Test func `What a session that may only read registers is gone with its entry`() async throws {
    let repl = try await TestSession(rights: ["read"])
    let all = try await repl.another()
    await _ = repl("bus.subscribe('counter:added', function() counter.n = 100 end)")
    await _ = repl("store.subscribe(counter, function() error('heard') end)")
    await _ = repl("bus.use(function() return false end)")
    await _ = repl("store.onAction(counter, function() error('heard') end)")
    await _ = repl("registry.on('*', function() error('heard') end)")
    #expect(await all.submit("counter:add(1)").text == "1")
    #expect(try await repl.get("follower", "seen") == 1)
    #expect(repl.test.record.reports.isEmpty)
  }

  @Test func `A session may only read what it has, whatever it keeps`() async throws {
    let repl = try await TestSession(rights: ["read:deep"])
    #expect(await repl("counter.deep.a.b.c.d") == "1")
    #expect(await repl("counter.n").contains("may not read 'counter.n'"))
    #expect(await repl("counter").contains("n = <not permitted>"))
  }

  @Test func `A session that may call changes nothing directly`() async throws {
    let repl = try await TestSession(rights: ["read", "call"])
    #expect(await repl("counter:add(2)") == "2")
    #expect(await repl("counter.n = 5").contains("may not write to 'counter.n'"))
    #expect(await repl(":undo").contains("may not write to"))
    #expect(try await repl.get("counter", "n") == 2)
  }

  @Test func `A dry run of a session that may only read is refused as well`() async throws {
    let repl = try await TestSession(rights: ["read"])
    #expect(await repl(":dry counter:add(1)").contains("permission denied"))
    #expect(await repl(":dry counter.n") == "0\nit would change nothing")
  }

  @Test func `Rights that are none are refused`() async throws {
    await #expect(throws: StoreError.self) {
      _ = try await TestSession(rights: ["reed"])
    }
  }
}
