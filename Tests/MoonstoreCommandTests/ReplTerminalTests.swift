import Foundation
import Testing
import TestSupport

@Suite(.serialized) struct ReplTerminalTests {
  private static let counter = """
    --- Counts.
    return defineStore("counter", {
      state = { n = 0 },
      getters = { double = function(self) return self.n * 2 end },
      actions = {
        add = function(self, by) self.n = self.n + by bus.send("counter:added", { by = by }) end,
        wait = function(self) sleep(3600) end,
      },
    })
    """
  private static let other = """
    return defineStore("größe/maß", { state = { wert = 7 }, on = { ["counter:added"] = function() end } })
    """

  private func project() throws -> TestProject {
    try TestProject(["stores/counter.lua": Self.counter, "stores/other.lua": Self.other])
  }

  private func start(
    _ project: TestProject,
    _ arguments: [String] = [],
    environment: [String: String?] = [:]
  ) async throws -> TerminalRun {
    let run = try TerminalRun(["repl", project.path] + arguments, environment: environment)
    try await run.wait(for: "[1]> ")
    return run
  }

  @Test func `Entries run, and Ctrl-D ends with the terminal as it was found`() async throws {
    let project = try project()
    let run = try await start(project)
    #expect(run.shown.contains("2 stores; :help lists the commands"))
    try run.enter("1 + 1")
    try await run.wait(for: "2\n")
    try await run.wait(for: "[2]> ")
    try run.enter("counter:add(3)")
    try await run.wait(for: "[3]> ")
    try run.enter("counter.n + _1")
    try await run.wait(for: "5\n")
    try run.enter("error('no')")
    try await run.wait(for: "entry 4:1")
    try await run.wait(for: "> ")
    try run.send("\u{04}")
    #expect(try await run.end() == 0)
    #expect(run.isNormal)
  }

  @Test func `What lacks its end goes on in the next line, and is one entry`() async throws {
    let project = try project()
    let history = project.path + "/history"
    let run = try await start(project, environment: ["MOONSTORE_HISTORY": history])
    for line in ["for i = 1, 3 do", "  counter:add(i)", "end"] { try run.enter(line) }
    try await run.wait(for: "[2]> ")
    try run.enter("counter.n")
    try await run.wait(for: "6\n")
    try await run.wait(for: "> ")
    // Up, to the entry with three lines, and again.
    try run.send("\u{1B}[A\u{1B}[A")
    try await run.wait(for: "for i = 1, 3 do")
    try run.send("\r")
    try await run.wait(for: "> ")
    try run.enter("counter.n")
    try await run.wait(for: "12\n")
    let lines = try String(contentsOfFile: history, encoding: .utf8).split(separator: "\n")
    #expect(lines.first == #""for i = 1, 3 do\n  counter:add(i)\nend""#)
    #expect(lines.count == 4)
  }

  @Test func `Entries are remembered from one run to the next, for nobody else to read`()
    async throws
  {
    let project = try project()
    let state = project.path + "/state"
    func run(_ body: (TerminalRun) async throws -> Void) async throws {
      let run = try TerminalRun(
        ["repl", project.path],
        environment: ["MOONSTORE_HISTORY": state + "/history"]
      )
      try await run.wait(for: "> ")
      try await body(run)
      try run.send("\u{04}")
      #expect(try await run.end() == 0)
    }
    try FileManager.default.createDirectory(atPath: state, withIntermediateDirectories: true)
    try await run { run in
      try run.enter("6 * 7")
      try await run.wait(for: "42\n")
      try await run.wait(for: "> ")
      try run.enter(" secret = 'not kept'")
      try await run.wait(for: "> ")
    }
    try await run { run in
      try run.send("\u{1B}[A")
      try await run.wait(for: "6 * 7")
      try run.send("\r")
      try await run.wait(for: "42\n")
      try await run.wait(for: "> ")
    }
    let attributes = try FileManager.default.attributesOfItem(atPath: state + "/history")
    #expect(attributes[.posixPermissions] as? Int == 0o600)
    let text = try String(contentsOfFile: state + "/history", encoding: .utf8)
    #expect(!text.contains("secret"))
  }

  @Test func `Each project has a history of its own`() async throws {
    let project = try project()
    let run = try TerminalRun(
      ["repl", project.path],
      environment: ["XDG_STATE_HOME": project.path + "/state", "MOONSTORE_HISTORY": nil]
    )
    try await run.wait(for: "> ")
    try run.enter("1")
    try await run.wait(for: "[2]> ")
    let files = try FileManager.default.contentsOfDirectory(
      atPath: project.path + "/state/moonstore/history"
    )
    #expect(files.count == 1)
    #expect(files[0].hasPrefix("moonstore-"))
  }

  @Test func `Tab completes stores, actions with their parameters, and texts`() async throws {
    let project = try project()
    let run = try await start(project)
    try run.send("coun\t")
    try await run.wait(for: "counter")
    try run.send(":ad\t")
    try await run.wait(for: "add(by)")
    try run.enter("(4)")
    try await run.wait(for: "[2]> ")
    try run.send("counter.\t")
    try await run.wait(for: "double")
    try run.send("d\t\r")
    try await run.wait(for: "8\n")
    try await run.wait(for: "> ")
    try run.send("useStore(\"grö\t\").wert\r")
    try await run.wait(for: "7\n")
    try await run.wait(for: "> ")
    try run.send(":und\t\r")
    try await run.wait(for: "nothing that could be taken back")
  }

  @Test func `A paste of 200 lines is one entry`() async throws {
    let project = try project()
    let history = project.path + "/history"
    let run = try await start(project, environment: ["MOONSTORE_HISTORY": history])
    let lines = (1...200).map { "total = (total or 0) + \($0)" }
    try run.paste(lines.joined(separator: "\n"))
    try await run.wait(for: "(200 lines pasted)")
    try run.send("\r")
    try await run.wait(for: "[2]> ")
    try run.enter("total")
    try await run.wait(for: "20100\n")
    try await run.wait(for: "[3]> ")
    // A short one can be edited before it runs; a tab in it completes nothing.
    try run.paste("x = {\n\tcounter\t= 'größe',\n}")
    try await run.wait(for: "größe")
    #expect(!run.shown.contains("add(by)"))
    try run.send("\r")
    try await run.wait(for: "[4]> ")
    try run.enter("x")
    try await run.wait(for: "{ counter = \"größe\" }")
    let kept = try String(contentsOfFile: history, encoding: .utf8)
    #expect(kept.split(separator: "\n").count == 4)
    // And one can be dropped.
    try await run.wait(for: "> ")
    try run.paste(lines.joined(separator: "\n"))
    try await run.wait(for: "(200 lines pasted)")
    try run.send("\u{03}")
    try await run.wait(for: "[5]> ")
    try run.enter("total")
    try await run.wait(for: "20100\n")
  }

  @Test func `Ctrl-C cancels a loop, a wait and a line, and the session goes on`() async throws {
    let project = try project()
    let run = try await start(project)
    try run.enter("counter:add(1) counter:wait()")
    try await run.wait(for: "waiting for counter:wait; Ctrl-C cancels")
    try run.send("\u{03}")
    try await run.wait(for: "cancelled")
    try await run.wait(for: "> ")
    var isCancelled = false
    // A machine that is busy elsewhere may let the entry's own time pass first.
    for _ in 0..<20 where !isCancelled {
      try run.enter("counter:add(1) while true do pcall(error) end")
      try await run.wait(for: "end\n")
      try run.send("\u{03}")
      isCancelled = try await run.wait(for: "> ").contains("cancelled")
    }
    #expect(isCancelled)
    try run.send("some text that is dropped\u{03}")
    try await run.wait(for: "^C")
    try await run.wait(for: "> ")
    try run.enter("counter.n")
    try await run.wait(for: "1\n")
    try await run.wait(for: "> ")
    try run.send("\u{04}")
    #expect(try await run.end() == 0)
  }

  @Test func `A window of another size is filled`() async throws {
    let project = try project()
    let run = try await start(project)
    try run.enter("{ first = 'some text', second = 'some more' }")
    try await run.wait(for: "{ first = \"some text\", second = \"some more\" }")
    try await run.wait(for: "> ")
    try run.send("{ first = 'some text', ")
    run.resize(rows: 24, columns: 40)
    try await Task.sleep(for: .milliseconds(300))
    try run.enter("second = 'some more' }")
    try await run.wait(for: "{\n  first = \"some text\",\n  second = \"some more\",\n}")
    try await run.wait(for: "> ")
    // A line that is longer than the terminal is wide.
    try run.enter("#'" + String(repeating: "x", count: 100) + "'")
    try await run.wait(for: "100\n")
  }

  @Test func `A watch goes on until a key, and a trace until it is over`() async throws {
    let project = try project()
    let run = try await start(project)
    try run.enter(":watch counter.n")
    try await run.wait(for: "any key ends it")
    #expect(run.shown.contains("0\n"))
    try run.send("x")
    try await run.wait(for: "ended: stopped")
    try await run.wait(for: "[2]> ")
    try run.enter(":watch counter.n")
    try await run.wait(for: "any key ends it")
    try run.send("\u{03}")
    try await run.wait(for: "ended: stopped")
    try await run.wait(for: "> ")
    try run.enter(":trace counter --for 0.2")
    try await run.wait(for: "ended: its time is over")
    try await run.wait(for: "> ")
    try run.enter("spawn(function() for i = 1, 100 do sleep(0.2) counter:add(5) end end)")
    try await run.wait(for: "> ")
    try run.enter(":trace counter --limit 3")
    try await run.wait(for: "counter:add(5)")
    try await run.wait(for: "ended: as many as were asked for")
    try await run.wait(for: "> ")
    try run.enter("1 + 1")
    try await run.wait(for: "2\n")
  }

  @Test func `Every command answers`() async throws {
    let project = try project()
    let file = project.path + "/saved.lua"
    let run = try await start(project)
    try run.enter("counter:add(2)")
    try await run.wait(for: "> ")
    for (command, answer) in [
      (":diff", "counter.n: 0 -> 2"), (":help", ":stores"), (":stores", "stores/counter.lua:2"),
      (":inspect counter", "add(by)"), (":doc counter", "Counts."),
      (":source counter:add", "self.n + by"),
      (":deps", "counter:added"), (":print counter --getters", "double = 4"),
      (":dry counter:add(1)", "counter.n: 2 -> 3"), (":time counter.n", "Lua's memory"),
      (":messages", "counter:added"), (":events", "store:registered"),
      (":reload", "nothing has changed"),
      (":undo", "nothing that could be taken back"), (":save \(file)", "1 entry written"),
      (":load \(file)", "> "), (":nonsense", "there is no command"),
    ] {
      try run.enter(command)
      try await run.wait(for: answer)
      if answer != "> " { try await run.wait(for: "> ") }
    }
    try run.enter("counter.n")
    try await run.wait(for: "4\n")
    #expect(try String(contentsOfFile: file, encoding: .utf8) == "counter:add(2)\n")
    try await run.wait(for: "> ")
    try run.enter(":quit")
    #expect(try await run.end() == 0)
  }

  @Test func `Lines of others appear above what is being typed`() async throws {
    let project = try project()
    let run = try await start(project)
    try run.enter("spawn(function() sleep(0.5) log.info('from a task') end)")
    try await run.wait(for: "[2]> ")
    try run.send("40 + ")
    try await run.wait(for: "from a task")
    try await run.wait(for: "[2]> 40 + ")
    try run.enter("2")
    try await run.wait(for: "42\n")
  }

  @Test func `A signal ends it with the terminal as it was found`() async throws {
    let project = try project()
    let run = try await start(project)
    #expect(!run.isNormal)
    kill(run.process, SIGTERM)
    #expect(try await run.end() == 143)
    #expect(run.isNormal)
  }

  @Test func `Colours go where they are wanted`() async throws {
    let project = try project()
    let coloured = try await start(project)
    try coloured.enter("'a'")
    try await coloured.wait(for: "\"a\"\n")
    #expect(coloured.raw.contains("\u{1B}[32m\"a\"\u{1B}[0m"))
    let plain = try await start(project, environment: ["NO_COLOR": "1"])
    try plain.enter("'a'")
    try await plain.wait(for: "\"a\"\n")
    #expect(!plain.raw.contains("\u{1B}[32m"))
  }

  @Test func `A session that may only read says so`() async throws {
    let project = try project()
    let run = try await start(project, ["--rights", "read"])
    #expect(run.shown.contains("(read)[1]> "))
    try run.enter("counter:add(1)")
    try await run.wait(for: "permission denied: the session 'repl' may not call 'counter:add'")
  }
}
