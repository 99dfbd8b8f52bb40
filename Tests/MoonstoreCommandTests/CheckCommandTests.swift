import Foundation
import MoonValue
import TestSupport
import Testing

@Suite struct CheckCommandTests {
  private let good =
    #"return defineStore("a", { state = { n = 0 }, actions = { go = function(self) self.n = 1 end } })"#

  private func project(_ main: String) throws -> TestProject {
    try TestProject(["stores/a.lua": good, "main.lua": main])
  }

  @Test func `Nothing found is 0, a finding is 1, and what cannot be read is 2`() async throws {
    let good = try project("return useStore('a').n")
    let fine = try await CommandRun(["check", good.path])
    #expect(fine.code == 0 && fine.output == "")
    #expect(fine.errors == "nothing found in 2 scripts\n")
    let bad = try project("useStore('a'):goo()")
    let found = try await CommandRun(["check", bad.path])
    #expect(found.code == 1)
    #expect(
      found.output
        == "main.lua:1:15: error M103: the store 'a' has no action 'goo'; did you mean 'go'?\n"
    )
    let missing = try await CommandRun(["check", "/nonexistent/project"])
    #expect(missing.code == 2 && missing.output == "")
    #expect(missing.errors == "error: /nonexistent/project: there is no such project folder\n")
    let file = try await CommandRun(["check", good.path, "nope.lua"])
    #expect(file.code == 2 && file.errors == "error: nope.lua: there is no such file\n")
  }

  @Test func `Only the scripts that are named are reported on, with what the others define`()
    async throws
  {
    let project = try TestProject([
      "stores/a.lua": good, "main.lua": "local x = 1", "other.lua": "useStore('a'):goo()",
    ])
    let run = try await CommandRun(["check", project.path, "other.lua"])
    #expect(run.output.hasPrefix("other.lua:1:15: error M103") && !run.output.contains("main.lua"))
  }

  @Test func `The project around a file is found, and the folder one stands in`() throws {
    let project = try project("useStore('a'):goo()")
    let file = try CommandRun.shell(
      "\"$moonstore\" check main.lua; \"$moonstore\" check",
      in: project
    )
    let lines = file.output.split(separator: "\n")
    #expect(lines.count == 2 && lines.allSatisfy { $0.hasPrefix("main.lua:1:15: error M103") })
  }

  @Test func `A text from stdin stands in the place of its file`() async throws {
    let project = try project("useStore('a'):goo()")
    let run = try await CommandRun(
      ["check", project.path, "--stdin-filename", project.path + "/main.lua"],
      input: "return useStore('a').m"
    )
    #expect(run.code == 1)
    #expect(run.output.hasPrefix("main.lua:1:22: error M104"))
  }

  @Test func `Formats for programs can be read by them`() async throws {
    let project = try project("useStore('a'):goo() local x = 1")
    func text(_ format: String) async throws -> String {
      try await CommandRun(["check", project.path, "--format", format]).output
    }
    let json = try Value(json: try await text("json"))
    #expect(json["diagnostics"]?.arrayValue?.count == 2)
    #expect(json["diagnostics"]?.arrayValue?.first?["column"] == 15)
    #expect(json["summary"]?["errors"] == 1)
    let sarif = try Value(json: try await text("sarif"))
    let run = sarif["runs"]?.arrayValue?.first
    #expect(sarif["version"] == "2.1.0" && run?["results"]?.arrayValue?.count == 2)
    #expect(run?["results"]?.arrayValue?.first?["ruleId"] == "M103")
    let github = try await text("github").split(separator: "\n")
    #expect(
      github.count == 2 && github[0].hasPrefix("::error file=") && github[0].contains("line=1")
    )
    let junit = try await text("junit")
    #expect(junit.contains("<testsuite name=\"moonstore check\" tests=\"2\" failures=\"1\""))
    let pretty = try await text("pretty")
    #expect(pretty.contains("    1 | useStore('a'):goo() local x = 1\n      |               ^^^\n"))
    #expect(pretty.hasSuffix("1 error, 1 warning in 2 scripts\n"))
  }

  @Test func `Fixes are written, and what is left is reported`() async throws {
    let project = try project("for i, v in ipairs({}) do print(v) end\nlocal x = 1\n")
    let run = try await CommandRun(["check", project.path, "--fix"])
    #expect(run.code == 1 && run.output.hasPrefix("main.lua:2:7: warning W211"))
    #expect(run.errors.hasPrefix("1 change made\n"))
    let text = try String(contentsOfFile: project.path + "/main.lua", encoding: .utf8)
    #expect(text == "for _, v in ipairs({}) do print(v) end\nlocal x = 1\n")
  }

  @Test func `A host is asked for what is computed`() async throws {
    let project = try TestProject([
      "stores/shelves.lua": "for i = 1, 2 do defineStore('shelf' .. i, { state = { n = i } }) end",
      "main.lua": "return useStore('shelf1').n, useStore('shelf2').m, useStore('shelf3')",
    ])
    let texts = try await CommandRun(["check", project.path])
    #expect(texts.code == 0)
    #expect(texts.errors == "nothing found in 2 scripts; 1 name is computed and was not checked\n")
    let loaded = try await CommandRun(["check", project.path, "--load"])
    #expect(
      loaded.output.contains(" M104: ") && loaded.output.contains(" M102: the store 'shelf3'")
    )
  }

  @Test func `Errors of a run are data with --json`() async throws {
    let project = try project("local x = = 1")
    let run = try await CommandRun(["run", project.path, "main.lua", "--json"])
    let error = try Value(json: run.errors)
    #expect(error["code"] == "E011" && error["file"] == "main.lua" && error["column"] == 11)
    #expect(run.code == 2)
  }

  @Test func `All mistakes of a script that does not load are told, with its lines on a terminal`()
    async throws
  {
    let project = try TestProject(["stores/a.lua": "local a = = 1\nfor i = 1 2 do end\n"])
    let piped = try await CommandRun(["run", project.path])
    #expect(
      piped.errors
        == "stores/a.lua:1:11: error E011: unexpected symbol near '='\n"
        + "stores/a.lua:2:11: error E011: ',' expected near '2'\n"
    )
    let shown = try await CommandRun(
      ["run", project.path],
      environment: ["NO_COLOR": "1"],
      terminal: true
    )
    #expect(shown.errors.contains("    1 | local a = = 1\n      |           ^\n"))
  }
}
