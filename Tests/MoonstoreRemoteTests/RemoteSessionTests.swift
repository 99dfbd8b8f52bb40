import Dispatch
import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import MoonstoreRemote
import Synchronization
import Testing
import TestSupport

@Suite struct RemoteSessionTests {
  @Test func `A session from elsewhere does what one from here does`() async throws {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    #expect(session.rights == .all)
    #expect(session.storeCount == 1)
    #expect(session.project?.contains("moonstore-") == true)
    #expect(await session("counter:add(2)") == "2")
    #expect(try await attached.get("n") == 2)
    #expect(await session("print('a') return counter.n + _") == "4")
    #expect(attached.told.printed == ["a"])
    #expect(await session(":diff") == "the last entry changed nothing")
    #expect(await session(":undo").contains("nothing that could be taken back"))
    #expect(await session(":dry counter:add(1)").contains("counter.n: 2 -> 3"))
    #expect(await session("if true then") == "incomplete: ")
    let failed = await session.submit("local x = 1\nerror('no')", ReplView())
    #expect(failed.error?.code == .script)
    #expect(failed.error?.line == 2)
    #expect(failed.error?.traceback.contains("entry") == true)
    #expect(failed.notes.isEmpty)
    let completions = await session.completions(for: "counter:a")
    #expect(completions == ReplCompletions(replacing: 1, [ReplCompletion("add", "action", "(by)")]))
    await session.close()
    #expect(await eventually { await attached.host.sessionNames.isEmpty })
    #expect(try await attached.get("n") == 2)
  }

  @Test func `What a session registered goes when it leaves`() async throws {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    await _ = session("bus.subscribe('counter:added', function() counter.n = 1000 end)")
    await _ = session(":trace counter")
    await session.close()
    #expect(await eventually { attached.server.sessionCount == 0 })
    #expect(await eventually { await attached.host.sessionNames.isEmpty })
    #expect(try await attached.host.call("counter", "add", [1]) == 1)
    #expect(try await attached.get("n") == 1)
  }

  @Test func `A wait and a loop are cancelled in the host`() async throws {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    async let waiting = session.submit("counter:long()", ReplView())
    #expect(await eventually { attached.told.waiting == ["counter:long"] })
    session.cancel()
    #expect(await waiting.status == .cancelled)
    // It is asked for until it works: on a busy machine the loop may not have begun.
    let isOver = Flag()
    let asking = DispatchQueue(label: "cancel")
    asking.async {
      while !isOver.value.load(ordering: .acquiring) {
        usleep(100_000)
        session.cancel()
      }
    }
    let result = await session.submit("counter:add(1) while true do end", ReplView())
    isOver.value.store(true, ordering: .releasing)
    #expect(result.status == .cancelled)
    await withCheckedContinuation { ended in asking.async { ended.resume() } }
    #expect(await session("counter.n") == "0")
  }

  @Test func `Whoever goes in the middle of an entry ends it`() async throws {
    let attached = try await AttachedHost()
    do {
      let session = try await attached.attach()
      let told = attached.told
      let task = Task { await session.submit("counter:add(1) counter:long()", ReplView()) }
      #expect(await eventually { !told.waiting.isEmpty })
      await session.close()
      _ = await task.value
    }
    #expect(await eventually { await attached.host.sessionNames.isEmpty })
    #expect(try await attached.host.call("counter", "add", [1]) == 2)
  }

  @Test func `Two sessions have variables and results of their own`() async throws {
    let attached = try await AttachedHost()
    let first = try await attached.attach()
    let second = try await attached.attach()
    #expect(first.name == "ada")
    #expect(second.name == "ada-1")
    await _ = first("x = 'first'")
    #expect(await second("x") == "nil")
    async let one: String = first("for i = 1, 100 do counter:add(1) end return 'one'")
    async let two: String = second("for i = 1, 100 do counter:add(1) end return 'two'")
    #expect(await one == "\"one\"")
    #expect(await two == "\"two\"")
    #expect(try await attached.get("n") == 200)
    await first.close()
    #expect(await second("counter.n") == "200")
  }

  @Test func `A host that ends is noticed, whatever goes on`() async throws {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    async let waiting = session.submit("counter:long()", ReplView())
    #expect(await eventually { !attached.told.waiting.isEmpty })
    attached.server.stop()
    let result = await waiting
    #expect(result.error?.code == .disconnected || result.status == .cancelled)
    #expect(await eventually { attached.told.isOver.load(ordering: .acquiring) })
    #expect(await session.submit("1", ReplView()).error?.code == .disconnected)
    #expect(await session.completions(for: "coun").items.isEmpty)
    await session.stop()
    await session.close()
    #expect(!FileManager.default.fileExists(atPath: attached.server.path))
  }

  @Test func `A session that floods costs its host little, and knows what it missed`() async throws
  {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    let text = String(repeating: "x", count: 1_000)
    #expect(await session("for i = 1, 50000 do print('\(text)') end return 'done'") == "\"done\"")
    #expect(await eventually { !attached.told.warnings.isEmpty })
    let missed = attached.told.warnings.compactMap { Int($0.prefix { $0.isNumber }) }.reduce(0, +)
    #expect(attached.told.printed.count + missed == 50_000)
    #expect(await session("counter:add(1)") == "1")
  }

  @Test func `Ten megabytes are cut for people and whole for programs`() async throws {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    #expect(await session("('x'):rep(10 * 1024 * 1024)").utf8.count < 3_000)
    var view = ReplView()
    view.wantsData = true
    let result = await session.submit("('x'):rep(10 * 1024 * 1024)", view)
    #expect(result.values.first?.stringValue?.utf8.count == 10 << 20)
    // And on the way to the host.
    let long = String(repeating: "y", count: 1 << 20)
    #expect(await session("#'\(long)'") == "1048576")
  }

  @Test func `Nothing that comes through commands a terminal, except for colours`() async throws {
    let attached = try await AttachedHost()
    let session = try await attached.attach()
    #expect(await session("'\\27[2J\\27]0;x\\7'") == #""\x1b[2J\x1b]0;x\x07""#)
    var view = ReplView()
    view.hasColor = true
    #expect(await session.submit("'\\27[2J'", view).text == "\u{1B}[32m\"\\x1b[2J\"\u{1B}[0m")
  }

  @Test func `A session has no more rights than the host gives`() async throws {
    var options = SessionServer.Options()
    options.rights = .call
    let attached = try await AttachedHost(
      ["stores/counter.lua": AttachedHost.counter],
      options
    )
    let session = try await attached.attach()
    #expect(session.rights == .call)
    #expect(await session("counter:add(1)") == "1")
    #expect(
      await session("counter.n = 5").contains("the session 'ada' may not write to 'counter.n'")
    )
    #expect(await session(":reload").contains("may not reload"))
    let reader = try await attached.attach(.read, name: "eve")
    #expect(reader.rights == .read)
    #expect(await reader("counter:add(1)").contains("permission denied: the session 'eve'"))
    #expect(await reader("counter.n") == "1")
  }

  @Test func `Entries are told to whoever logs them`() async throws {
    let log = RecordLog()
    var options = SessionServer.Options()
    options.onEntry = { log.add($0) }
    let attached = try await AttachedHost(["stores/counter.lua": AttachedHost.counter], options)
    let session = try await attached.attach()
    await _ = session("counter:add(1)")
    await _ = session("error('x')")
    #expect(log.all.map(\.code) == ["counter:add(1)", "error('x')"])
    #expect(log.all.map(\.session) == ["ada", "ada"])
    #expect(log.all.map(\.status) == [.ok, .failed])
  }

  private final class RecordLog: Sendable {
    private let records = Mutex<[ReplRecord]>([])
    func add(_ record: ReplRecord) { records.withLock { $0.append(record) } }
    var all: [ReplRecord] { records.withLock { $0 } }
  }
}

private final class Flag: Sendable {
  let value = Atomic(false)
}
