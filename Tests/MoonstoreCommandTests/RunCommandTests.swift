import Foundation
import MoonValue
import Testing

@Suite(.serialized) struct RunCommandTests {
  private let counter = #"""
    return defineStore("counter", {
      state = { n = 0 },
      getters = { breaks = function(self) error("kaput") end },
      actions = {
        add = function(self, by) self.n = self.n + by return self.n end,
        keep = function(self) self.f = print end,
        half = function(self) self.n = 99 error({ code = "half", message = "half way" }) end,
        wait = function(self) sleep(60) end,
      },
      on = { bad = function() error("handler") end },
    })
    """#

  @Test func `The sample day gives its known result as JSON and as a report`() async throws {
    let json = try await CommandRun(["run", CommandRun.shop, "--json"])
    let known = try String(contentsOfFile: CommandRun.shop + "/data/day.json", encoding: .utf8)
    #expect(json.code == 0)
    #expect(try Value(json: json.output) == Value(json: known))
    #expect(json.errors == "")
    let report = try await CommandRun(["run", CommandRun.shop, "trading.lua"])
    #expect(report.output.hasPrefix("The trading day of data/day.csv\n"))
  }

  @Test func `The generator writes the sample day again, byte for byte`() async throws {
    let run = try await CommandRun(["run", CommandRun.shop, "generate.lua"])
    let day = try String(contentsOfFile: CommandRun.shop + "/data/day.csv", encoding: .utf8)
    #expect(run.code == 0)
    #expect(run.output == day)
  }

  private static let realFile = CommandRun.checkout
    .deletingLastPathComponent().appending(path: "shared/data/online-retail.csv").path

  @Test(.enabled(if: FileManager.default.fileExists(atPath: realFile)))
  func `The real file trades to the figures that an independent count gives`() async throws {
    let run = try await CommandRun(["run", CommandRun.shop, "trading.lua", Self.realFile, "--json"])
    let result = try Value(json: run.output)
    let expected: [String: Value] = [
      "orders": 1051, "linesSold": 19024, "linesRefused": 663, "linesSkipped": 5, "returns": 636,
      "units": 278932, "revenueMinor": 52_141_971, "refundMinor": 10_325_723, "products": 2173,
      "stockUnits": 1_974_077,
    ]
    for (name, value) in expected { #expect(result[name] == value, "\(name)") }
    #expect(result["topProducts"]?[0] == ["POST", 2_166_400])
    #expect(result["topCountries"]?[0] == ["United Kingdom", 17_293_593])
  }

  @Test func `Calls are answered in order, and bad lines do not stop the stream`() async throws {
    let project = try Files(["stores/counter.lua": counter])
    let run = try await CommandRun(
      ["run", project.path, "--calls", "-"],
      input: """
        {"store":"counter","action":"add","args":[2],"id":"a"}
        {"store":"counter","action":"half"}
        no json

        [1]
        {"store":"counter","action":"add","args":5}
        {"store":"counter","action":"ad","args":[1]}
        {"store":"countr","action":"add"}
        {"store":"counter","aktion":"add"}
        {"store":"counter","action":"keep"}
        {"store":"counter","action":"add","args":["x"]}
        {"store":"counter","get":"breaks"}
        {"store":"counter","get":"n"}
        """
    )
    let answers = try run.answers
    #expect(run.code == 1)
    #expect(answers.count == 12)
    #expect(answers[0] == ["ok": true, "result": 2, "id": "a"])
    #expect(answers[1]["error"]?["value"]?["code"] == "half")
    #expect(answers[1]["error"]?["message"] == "half way")
    #expect(answers[1]["error"]?["script"] == "stores/counter.lua")
    #expect(answers[1]["error"]?["line"] == 7)
    let messages = answers.map { $0["error"]?["message"]?.stringValue ?? "" }
    #expect(messages[2].hasPrefix("line 3, column 1: "))
    #expect(messages[3].hasPrefix("line 5: a call is an object"))
    #expect(messages[4] == "line 6: 'args' must be an array")
    #expect(messages[5].contains("did you mean 'add'?"))
    #expect(messages[6].contains("did you mean 'counter'?"))
    #expect(messages[7].contains("line 9: unknown key 'aktion'"))
    #expect(messages[8].contains("counter.f: a function cannot be state"))
    #expect(messages[9].hasPrefix("stores/counter.lua:5: attempt to"))
    #expect(messages[10] == "stores/counter.lua:3: kaput")
    #expect(answers[11] == ["ok": true, "result": 2])
    #expect(run.errors.contains("12 calls, 10 failed"))
  }

  @Test func `Calls from a file that all go well end with success`() async throws {
    let project = try Files([
      "stores/counter.lua": counter,
      "calls": String(
        repeating: #"{"store":"counter","action":"add","args":[1]}"# + "\n",
        count: 2_000
      ),
    ])
    let run = try await CommandRun(["run", project.path, "--calls", project.path + "/calls"])
    #expect(run.code == 0)
    #expect(try run.answers.last == ["ok": true, "result": 2_000])
  }

  @Test(
    arguments: [
      (["stores/a.lua": "return {"], "stores/a.lua:1: ", 2),
      (
        ["stores/a.lua": #"return defineStore("a", { dependencies = { "b" } })"#],
        "'b', which is not there", 1
      ),
      (["stores/a.lua": #"return defineStore("a", { dependencies = { "a" } })"#], "a -> a", 1),
    ] as [([String: String], String, Int32)]
  )
  func `A broken project ends with one message and its code`(
    files: [String: String],
    message: String,
    code: Int32
  ) async throws {
    let project = try Files(files)
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.errors.hasPrefix("error: "))
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.errors.contains("stores/a.lua"))
    #expect(run.output == "")
    #expect(run.code == code)
  }

  @Test func `What is missing or cannot be read is named`() async throws {
    let project = try Files(["stores/counter.lua": counter, "secret.lua": "return 1"])
    let folder = try await CommandRun(["run", "/nonexistent/project"])
    #expect(folder.errors == "error: /nonexistent/project: there is no such project folder\n")
    #expect(folder.code == 66)
    let script = try await CommandRun(["run", project.path, "nope.lua"])
    #expect(script.errors.hasPrefix("error: nope.lua: there is no such script"))
    #expect(script.code == 66)
    let calls = try await CommandRun(["run", project.path, "--calls", "/nonexistent/calls"])
    #expect(calls.errors == "error: /nonexistent/calls: there is no such file\n")
    let data = try await CommandRun(["run", CommandRun.shop, "trading.lua", "/nonexistent/day.csv"])
    #expect(data.errors.contains("/nonexistent/day.csv: there is no such file"))
    #expect(data.code == 66)
    if getuid() != 0 {
      try FileManager.default.setAttributes(
        [.posixPermissions: 0],
        ofItemAtPath: project.path + "/secret.lua"
      )
      let secret = try await CommandRun(["run", project.path, "secret.lua"])
      #expect(secret.errors.contains("no permission to read it"))
    }
    let usage = try await CommandRun(["run", project.path, "x.lua", "--calls", "-"])
    #expect(usage.code == 64)
  }

  @Test func `An empty project has nothing to run and says so`() async throws {
    let project = try Files([:])
    let run = try await CommandRun(["run", project.path])
    #expect(run.code == 0)
    #expect(run.errors.contains("0 stores"))
  }

  @Test func `A broken line of a CSV file is named, and what was committed stays`() async throws {
    let files = try Files([
      "day.csv": """
      InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
      1,A,Thing,2,2010-12-01T08:34,1.50,1,France
      2,A,Thing,many,2010-12-01T08:35,1.50,1,France
      """
    ])
    let run = try await CommandRun(["run", CommandRun.shop, "trading.lua", files.path + "/day.csv"])
    #expect(run.errors.contains("day.csv, line 3: Quantity 'many' is not a whole number"))
    #expect(run.code == 1)
  }

  @Test func `Errors of handlers are reported and make the run fail`() async throws {
    let project = try Files([
      "stores/counter.lua": counter,
      "x.lua": #"bus.send("bad") print("on") return useStore("counter").n"#,
    ])
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.output == "0\n")
    #expect(run.errors.contains("error: stores/counter.lua:10: handler"))
    #expect(run.errors.contains("\non\n"))
    #expect(run.code == 1)
    #expect(!run.errors.contains("\u{1B}"))
  }

  @Test(arguments: [("wait", SIGINT, 130), ("spin", SIGINT, 130), ("wait", SIGTERM, 143)])
  func `A signal ends a run with its code`(script: String, signal: Int32, code: Int32) async throws
  {
    let project = try Files([
      "stores/counter.lua": counter,
      "wait.lua": #"useStore("counter"):wait()"#,
      "spin.lua": "while true do end",
    ])
    let run = try await CommandRun(["run", project.path, script + ".lua"], signal: signal)
    #expect(run.code == code)
  }
}
