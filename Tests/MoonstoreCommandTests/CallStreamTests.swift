import Foundation
import MoonValue
import Testing
import TestSupport

@Suite(.serialized) struct CallStreamTests {
  private let counter = #"""
    return defineStore("counter", {
      state = { n = 0 },
      actions = {
        add = function(self, by) self.n = self.n + by return self.n end,
        wait = function(self, seconds) sleep(seconds) return "waited" end,
        raw = function(self) self.n = 7 return "caf\xe9" end,
      },
    })
    """#
  private let add = #"{"store":"counter","action":"add","args":[1]}"# + "\n"
  private let read = #"{"store":"counter","get":"n"}"# + "\n"

  private func project(_ files: [String: String] = [:]) throws -> TestProject {
    try TestProject(files.merging(["stores/counter.lua": counter]) { $1 })
  }

  /// Runs a stream of calls on the counter.
  private func stream(
    _ input: String,
    interrupt: CommandRun.Interrupt? = nil
  ) async throws -> CommandRun {
    let project = try project()
    defer { withExtendedLifetime(project) {} }
    return try await CommandRun(
      ["run", project.path, "--calls", "-"],
      input: input,
      interrupt: interrupt
    )
  }

  private func message(of line: String) async throws -> String {
    let run = try await stream("\n" + line)
    #expect(run.code == 1)
    let answers = try run.answers
    #expect(answers.count == 1)
    #expect(answers.first?["error"]?["inputLine"] == 2)
    return answers.first?["error"]?["message"]?.stringValue ?? ""
  }

  @Test(
    arguments: [
      ("nonsense", "line 2, column 1: expected a value, found 'n'"),
      (#"{"store":"counter""#, "line 2, column 19: expected ',' or '}', found the end of the text"),
      ("[1]", #"line 2: a call is an object such as {"store":…,"action":…}"#),
      ("{}", "line 2: 'store' is missing"),
      (#"{"store":1}"#, "line 2: 'store' must be a string"),
      (#"{"store":"a"}"#, "line 2: 'action' is missing (or 'get', to read a field)"),
      (#"{"store":"a","action":null}"#, "line 2: 'action' must be a string"),
      (#"{"store":"a","action":"b","args":{}}"#, "line 2: 'args' must be an array"),
      (
        #"{"store":"a","action":"b","get":"c"}"#,
        "line 2: 'action' and 'get' in one call: one of them is too much"
      ),
      (#"{"store":"a","get":"b","args":[]}"#, "line 2: 'args' belong to an 'action', not to 'get'"),
      (#"{"store":"a","aktion":"b"}"#, "line 2: unknown key 'aktion'; did you mean 'action'?"),
    ]
  )
  func `A line that is no call is answered with its number and what is wrong`(
    line: String,
    expected: String
  ) async throws {
    #expect(try await message(of: line) == expected)
  }

  @Test func `An id comes back with every answer, also of a line that is no call`() async throws {
    let run = try await stream(
      #"""
      {"store":"counter","action":"add","args":[2],"id":[1]}
      {"store":"counter","action":"nope","id":"b"}
      {"store":"counter","id":3}
      """#
    )
    #expect(try run.answers.map { $0["id"] ?? .null } == [[1], "b", 3])
    #expect(run.output.hasPrefix(#"{"ok":true,"id":[1],"result":2}"# + "\n"))
  }

  @Test func `Bytes that are not UTF-8 and endless lines are answered, and the stream goes on`()
    throws
  {
    let folder = try project(["read": read])
    let run = try CommandRun.shell(
      #"""
      { printf '{"store":"\xff","get":"n"}\r\n'; head -c 9000000 /dev/zero | tr '\0' x; echo; \
        cat read; } | "$moonstore" run . --calls -
      """#,
      in: folder
    )
    let answers = try run.answers
    try #require(answers.count == 3)
    #expect(answers[0]["error"]?["message"] == "line 1, column 11: the text is not UTF-8")
    #expect(answers[1]["error"]?["message"] == "line 2: longer than 8 MiB")
    #expect(answers[2] == ["ok": true, "result": 0])
    #expect(run.code == 1)
  }

  @Test func `A result that JSON cannot say is an error that tells that the call went well`()
    async throws
  {
    let run = try await stream(
      #"{"store":"counter","action":"raw"}"# + "\n" + read
    )
    let answers = try run.answers
    try #require(answers.count == 2)
    let message = answers[0]["error"]?["message"]?.stringValue ?? ""
    #expect(message.hasPrefix("counter:raw went well, but its result cannot be JSON: "))
    #expect(answers[1] == ["ok": true, "result": 7])
  }

  @Test func `The summary goes to stderr, unless programs or quiet people ask`() async throws {
    let project = try project()
    let arguments = ["run", project.path, "--calls", "-"]
    let run = try await CommandRun(arguments, input: add + "\n" + "{}")
    #expect(run.errors.hasPrefix("2 calls, 1 failed, "))
    for flag in ["--json", "--quiet"] {
      #expect(try await CommandRun(arguments + [flag], input: add).errors == "")
    }
  }

  @Test(arguments: ["missing", ".", "closed"])
  func `Calls that cannot be read are an error with one message`(calls: String) throws {
    let line =
      calls == "closed"
      ? #""$moonstore" run . --calls - <&-"# : #""$moonstore" run . --calls "# + calls
    let run = try CommandRun.shell(line, in: project())
    let expected = [
      "missing": "missing: there is no such file", ".": ".: this is a folder",
      "closed": "stdin: it is closed",
    ]
    #expect(run.errors == "error: \(expected[calls] ?? "")\n")
    #expect(run.output == "")
    #expect(run.code == 66)
  }

  @Test func `Input that ends at once or in the middle of a line is answered as far as it goes`()
    async throws
  {
    let nothing = try await stream("")
    #expect(nothing.output == "")
    #expect(nothing.code == 0)
    let half = try await stream(add + #"{"store":"coun"#)
    #expect(try half.answers.map { $0["ok"] ?? .null } == [true, false])
    #expect(half.code == 1)
  }

  @Test func `A reader that goes ends the stream quietly`() throws {
    let folder = try project(["calls": String(repeating: add, count: 50_000)])
    let run = try CommandRun.shell(
      #""$moonstore" run . --calls calls | head -1; exit ${PIPESTATUS[0]}"#,
      in: folder
    )
    #expect(run.output == #"{"ok":true,"result":1}"# + "\n")
    #expect(run.errors == "")
    #expect(run.code == 141)
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
  func `Results that cannot be written are an error`() throws {
    let folder = try project(["calls": add])
    for line in ["run .", "run . --calls calls"] {
      let run = try CommandRun.shell("\"$moonstore\" \(line) >/dev/full", in: folder)
      #expect(
        run.errors == "error: stdout: the results cannot be written: No space left on device\n"
      )
      #expect(run.code == 74)
    }
  }

  @Test(arguments: [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)])
  func `A signal ends the wait for calls`(signal: Int32, code: Int32) async throws {
    let run = try await stream(
      add,
      interrupt: CommandRun.Interrupt(signal: signal, marker: #""result":1"#)
    )
    #expect(run.errors.hasPrefix("interrupted: 1 call, 0 failed, "))
    #expect(run.code == code)
  }

  @Test func `The call under way is finished and answered, and no other begun`() async throws {
    let run = try await stream(
      add + #"{"store":"counter","action":"wait","args":[1]}"# + "\n" + add,
      interrupt: CommandRun.Interrupt(signal: SIGINT, marker: #""result":1"#)
    )
    #expect(try run.answers.map { $0["result"] ?? .null } == [1, "waited"])
    #expect(run.errors.contains("interrupted: 2 calls, 0 failed, "))
    #expect(run.code == 130)
  }

  @Test func `A second signal ends a call that does not end, and no answer is lost`() async throws {
    let run = try await stream(
      add + #"{"store":"counter","action":"wait","args":[3600]}"# + "\n",
      interrupt: CommandRun.Interrupt(signal: SIGINT, marker: #""result":1"#, times: 2)
    )
    #expect(try run.answers == [["ok": true, "result": 1]])
    #expect(run.code == 130)
  }
}
