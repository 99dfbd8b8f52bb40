import Foundation
import MoonValue
import Testing
import TestSupport

@Suite(.serialized) struct EvalTests {
  private func project() throws -> TestProject {
    try TestProject([
      "stores/counter.lua": """
      return defineStore("counter", {
        state = { n = 0 },
        actions = {
          add = function(self, by) self.n = self.n + by return self.n end,
          raw = function() return "caf\\xe9" end,
        },
      })
      """
    ])
  }

  private func eval(_ arguments: String..., input: String = "") async throws -> CommandRun {
    let project = try project()
    defer { withExtendedLifetime(project) {} }
    return try await CommandRun(["eval", project.path] + arguments, input: input)
  }

  @Test func `Results go to stdout, and nothing else does`() async throws {
    let run = try await eval(
      "-e",
      "print('to people') log.warn('too') return counter:add(2), { a = 'x' }"
    )
    #expect(run.output == "2\n{ a = \"x\" }\n")
    #expect(run.errors == "to people\nwarning: too\n")
    #expect(run.code == 0)
    let local = try await eval("-e", "local x = 1 return x")
    #expect(local.output == "1\n")
  }

  @Test func `Results come as JSON, one a line`() async throws {
    let run = try await eval(
      "--json",
      "-e",
      "counter:add(2)",
      "-e",
      "{ 1, 'a', null }, counter, 0/0",
      "-e",
      "counter:raw()"
    )
    let lines = run.output.split(separator: "\n").map(String.init)
    #expect(lines == ["2", "[1,\"a\",null]", "{\"n\":2}", "null", "\"caf\u{FFFD}\""])
    #expect(run.code == 0)
    let function = try await eval("--json", "-e", "print")
    #expect(function.code == 1)
    #expect(function.output == "")
  }

  @Test(
    arguments: [
      (["-e", "counter.n"], 0), (["-e", "error('x')"], 1), (["-e", "counter:nope()"], 1),
      (["-e", "x = "], 2),
      (["-e", "if true then"], 2), ([], 64), (["-e", "1", "file"], 64),
      (["-e", "1", "--rights", "some"], 64),
      (["missing.lua"], 66), (["-e", "counter:add(1)", "--rights", "read"], 77),
      (["-e", "counter.n = 1", "--rights", "call"], 77),
      (["-e", "sleep(60)", "--timeout", "0.1"], 124),
      (["-e", "while true do end", "--timeout", "0.1"], 124), (["-e", "while true do end"], 124),
      (["-e", ":nonsense"], 1), (["-e", "1", "--timeout", "-1"], 64),
    ] as [([String], Int32)]
  )
  func `Each kind of end has a code`(arguments: [String], code: Int32) async throws {
    let project = try project()
    let run = try await CommandRun(["eval", project.path] + arguments)
    #expect(run.code == code, "\(run.errors)")
    #expect(code == 0 || run.output == "")
  }

  @Test func `An interrupted one says so`() async throws {
    let project = try project()
    let run = try await CommandRun(
      ["eval", project.path, "-e", "print('here') sleep(60)"],
      interrupt: CommandRun.Interrupt(signal: SIGINT, marker: "here")
    )
    #expect(run.code == 130)
  }

  @Test func `The first error ends it, and what went before stays`() async throws {
    let run = try await eval(
      "-e",
      "counter:add(1)",
      "-e",
      "counter:add(1) error('stop')",
      "-e",
      "counter:add(9)"
    )
    #expect(run.output == "1\n")
    #expect(run.errors.hasPrefix("entry 2:1: error script: stop"))
    #expect(run.code == 1)
  }

  @Test func `A file and stdin are whole chunks, with commands in lines of their own`() async throws
  {
    let text = """
      local total = 0
      for i = 1, 3 do
        total = total + counter:add(i)
      end
      return total
      :dry counter:add(1)
      counter.n
      """
    let expected = "10\n7\nit would change:\ncounter.n: 6 -> 7\n6\n"
    let stdin = try await eval("-", input: text)
    #expect(stdin.output == expected)
    let project = try project()
    try project.write("chunk.lua", text)
    let file = try await CommandRun(["eval", project.path, project.path + "/chunk.lua"])
    #expect(file.output == expected)
    let repl = try await CommandRun(["repl", project.path], input: text)
    #expect(repl.output == expected)
    #expect(repl.code == 0)
    let failing = try await CommandRun(["repl", project.path], input: "x = 1\n\nerror('x')")
    #expect(failing.errors.hasPrefix("entry 1:3: error script: x"))
    #expect(failing.code == 1)
  }

  @Test func `A line after a command counts from the start of the text`() async throws {
    let run = try await eval("-", input: "x = 1\n:stores\nerror('here')")
    #expect(run.errors.hasPrefix("entry 2:3: error script: here"))
  }

  @Test func `Methods on lines of their own are no commands`() async throws {
    let run = try await eval("-", input: "('ab')\n:upper()\n:rep(2)")
    #expect(run.output == "\"ABAB\"\n")
  }

  @Test func `Watches and traces go on until they are over`() async throws {
    let run = try await eval("-e", ":watch counter.n --for 0.2", "-e", "counter.n")
    #expect(run.output == "0\n0\n")
    #expect(run.code == 0)
  }

  @Test func `Nothing is coloured, and what could command a terminal is written out`() async throws
  {
    let run = try await eval("-e", "print('\\27[2J') return '\\27[2J'", "-e", "error('\\27[2J')")
    #expect(!run.output.unicodeScalars.contains("\u{1B}"))
    #expect(!run.errors.unicodeScalars.contains("\u{1B}"))
  }
}
