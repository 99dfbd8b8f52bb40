import Foundation
import MoonValue
import Testing
import TestSupport

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
    let json = try await CommandRun(["run", TestProject.shop, "--json"])
    let known = try String(contentsOfFile: TestProject.shop + "/data/day.json", encoding: .utf8)
    #expect(json.code == 0)
    #expect(try Value(json: json.output) == Value(json: known))
    #expect(json.errors == "")
    let report = try await CommandRun(["run", TestProject.shop, "trading.lua"])
    #expect(report.output.hasPrefix("The trading day of data/day.csv\n"))
  }

  @Test func `The generator writes the sample day again, byte for byte`() async throws {
    let run = try await CommandRun(["run", TestProject.shop, "generate.lua"])
    let day = try String(contentsOfFile: TestProject.shop + "/data/day.csv", encoding: .utf8)
    #expect(run.code == 0)
    #expect(run.output == day)
  }

  private static let realFile = URL(fileURLWithPath: TestProject.checkout)
    .deletingLastPathComponent().appending(path: "shared/data/online-retail.csv").path

  @Test(.enabled(if: FileManager.default.fileExists(atPath: realFile)))
  func `The real file trades to the figures that an independent count gives`() async throws {
    let run = try await CommandRun([
      "run", TestProject.shop, "trading.lua", Self.realFile, "--json",
    ])
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
    let project = try TestProject(["stores/counter.lua": counter])
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
    let project = try TestProject([
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
      (["stores/a.lua": "return {"], "stores/a.lua:1:9: error E011: ", 2),
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
    let project = try TestProject(files)
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.errors.contains("error"))
    #expect(run.errors.contains(message), "\(run.errors)")
    #expect(run.errors.contains("stores/a.lua"))
    #expect(run.output == "")
    #expect(run.code == code)
  }

  @Test func `What is missing or cannot be read is named`() async throws {
    let project = try TestProject(["stores/counter.lua": counter, "secret.lua": "return 1"])
    let folder = try await CommandRun(["run", "/nonexistent/project"])
    #expect(folder.errors == "error: /nonexistent/project: there is no such project folder\n")
    #expect(folder.code == 66)
    let script = try await CommandRun(["run", project.path, "nope.lua"])
    #expect(script.errors.hasPrefix("error: nope.lua: there is no such script"))
    #expect(script.code == 66)
    let calls = try await CommandRun(["run", project.path, "--calls", "/nonexistent/calls"])
    #expect(calls.errors == "error: /nonexistent/calls: there is no such file\n")
    let data = try await CommandRun([
      "run", TestProject.shop, "trading.lua", "/nonexistent/day.csv",
    ])
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

  @Test func `An empty project is an error that says where scripts belong`() async throws {
    let project = try TestProject([:])
    let run = try await CommandRun(["run", project.path])
    #expect(run.code == 66)
    #expect(run.errors.hasPrefix("error: \(project.path): this project defines no store"))
  }

  @Test func `A broken line of a CSV file is named, and what was committed stays`() async throws {
    let files = try TestProject([
      "day.csv": """
      InvoiceNo,StockCode,Description,Quantity,InvoiceDate,UnitPrice,CustomerID,Country
      1,A,Thing,2,2010-12-01T08:34,1.50,1,France
      2,A,Thing,many,2010-12-01T08:35,1.50,1,France
      """
    ])
    let run = try await CommandRun([
      "run", TestProject.shop, "trading.lua", files.path + "/day.csv",
    ])
    #expect(run.errors.contains("day.csv, line 3: Quantity 'many' is not a whole number"))
    #expect(run.code == 1)
  }

  @Test func `Errors of handlers are reported and make the run fail`() async throws {
    let project = try TestProject([
      "stores/counter.lua": counter,
      "x.lua": #"bus.send("bad") print("on") return useStore("counter").n"#,
    ])
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.output == "0\n")
    #expect(run.errors.contains("stores/counter.lua:10: error script: handler"))
    #expect(run.errors.contains("\nprint x.lua: on\n"))
    #expect(run.code == 1)
    #expect(!run.errors.contains("\u{1B}"))
  }

  @Test(arguments: [("wait", SIGINT, 130), ("spin", SIGINT, 130), ("wait", SIGTERM, 143)])
  func `A signal ends a run with its code`(script: String, signal: Int32, code: Int32) async throws
  {
    let project = try TestProject([
      "stores/counter.lua": counter,
      "wait.lua": #"print("begun") useStore("counter"):wait()"#,
      "spin.lua": #"print("begun") while true do end"#,
    ])
    let run = try await CommandRun(
      ["run", project.path, script + ".lua"],
      interrupt: CommandRun.Interrupt(signal: signal, marker: "begun")
    )
    #expect(run.code == code)
    #expect(run.errors.hasSuffix(signal == SIGINT ? "\ninterrupted\n" : "\nterminated\n"))
  }

  // MARK: Definitions and calls that cannot be

  @Test func `A store that is defined twice names both places`() async throws {
    let text = #"return defineStore("cart", { state = function() return {} end })"#
    let project = try TestProject(["stores/a.lua": text, "stores/b.lua": text])
    let run = try await CommandRun(["run", project.path])
    #expect(
      run.errors
        == "stores/b.lua:1: error duplicateStore: the store 'cart' is defined twice: here and at stores/a.lua:1\n"
    )
    #expect(run.code == 1)
  }

  @Test func `A value that cannot be state is refused with its path`() async throws {
    let project = try TestProject([
      "stores/a.lua":
        #"return defineStore("a", { state = function() return { list = { { f = print } } } end })"#
    ])
    let run = try await CommandRun(["run", project.path])
    #expect(run.errors.hasPrefix("stores/a.lua:1: error notData: "))
    #expect(run.errors.contains("list[1].f: a function cannot be"))
    #expect(run.code == 1)
  }

  @Test(
    arguments: [
      (
        #"return useStore("counter").breaks"#,
        "stores/counter.lua:3: error script: kaput (in counter:breaks)"
      ),
      (#"useStore("counter"):nope()"#, "x.lua:1: error unknownAction: "),
      (#"useStore("counter"):add("x")"#, "stores/counter.lua:5: error script: attempt to "),
      (
        #"useStore("counter"):keep()"#,
        "stores/counter.lua:6: error notData: counter.f: a function cannot be state"
      ),
      (
        #"useStore("counter"):half()"#,
        "stores/counter.lua:7: error script: half way (in counter:half)"
      ),
      (#"useStore("countr")"#, "there is no store 'countr'; did you mean 'counter'?"),
      (#"return json.decode("{")"#, "json.decode: line 1, column 2: "),
      (#"files.read("/etc/passwd")"#, "'/etc/passwd' is neither in the project nor a file"),
      ("return 0 / 0", "x.lua: error invalidJSON: what it returned cannot be JSON: "),
    ]
  )
  func `A script that fails ends with one message, script and line`(
    script: String,
    message: String
  ) async throws {
    let project = try TestProject(["stores/counter.lua": counter, "x.lua": script])
    let run = try await CommandRun(["run", project.path, "x.lua"])
    let lines = run.errors.split(separator: "\n")
    #expect(lines.first?.contains("error") == true)
    #expect(run.errors.contains(message), "\(run.errors)")
    // All that follows is the traceback.
    #expect(lines.dropFirst().allSatisfy { $0.hasPrefix("  ") }, "\(run.errors)")
    #expect(run.output == "")
    #expect(run.code == 1)
  }

  @Test func `A script that is not Lua ends with the code for syntax errors`() async throws {
    let project = try TestProject(["stores/counter.lua": counter, "x.lua": "local x = = 1"])
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.errors == "x.lua:1:11: error E011: unexpected symbol near '='\n")
    #expect(run.code == 2)
  }

  @Test func `What was committed before a failure has been seen by everybody`() async throws {
    let project = try TestProject([
      "stores/counter.lua": counter,
      "x.lua": #"""
      local counter = useStore("counter")
      counter:add(2)
      pcall(counter.half, counter)
      print("n is " .. counter.n)
      counter:half()
      """#,
    ])
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.errors.hasPrefix("print x.lua: n is 2\nstores/counter.lua:"))
  }

  // MARK: What is printed

  @Test(
    arguments: [
      (#"return "text""#, "text\n", "\"text\"\n"),
      (#"return "text\n\n""#, "text\n", "\"text\\n\\n\"\n"),
      ("return nil", "", "null\n"),
      ("return 12", "12\n", "12\n"),
      ("return { a = { 1 } }", "{\n  \"a\": [\n    1\n  ]\n}\n", "{\"a\":[1]}\n"),
      (
        "return setmetatable({ a = 1 }, { __tostring = function() return 'one' end })", "one\n",
        "{\"a\":1}\n"
      ),
    ]
  )
  func `A result is text for people and one line of JSON for programs`(
    script: String,
    text: String,
    json: String
  ) async throws {
    let project = try TestProject(["stores/counter.lua": counter, "x.lua": script])
    #expect(try await CommandRun(["run", project.path, "x.lua"]).output == text)
    #expect(try await CommandRun(["run", project.path, "x.lua", "--json"]).output == json)
  }

  @Test func `Without a script the stores are listed`() async throws {
    let project = try TestProject(["stores/counter.lua": counter])
    #expect(try await CommandRun(["run", project.path]).output == "1 store loaded: counter\n")
    let json = try await CommandRun(["run", project.path, "--json"])
    #expect(json.output == "{\"stores\":[\"counter\"]}\n")
  }

  @Test func `Arguments reach the script, and name the files that it may read`() async throws {
    let files = try TestProject(["data.txt": "hello"])
    let project = try TestProject([
      "stores/counter.lua": counter,
      "x.lua": "local file, flag = ... return files.read(file) .. flag",
    ])
    let data = files.path + "/data.txt"
    let run = try await CommandRun(["run", project.path, "x.lua", "--", data, "--flag"])
    #expect(run.output == "hello--flag\n")
  }

  @Test func `Log lines cannot command a terminal or pass for others`() async throws {
    let project = try TestProject([
      "stores/counter.lua": counter,
      "x.lua": #"log.warn("a\27[31mb\nerror: c")"#,
    ])
    let run = try await CommandRun(["run", project.path, "x.lua"])
    #expect(run.errors == "warning x.lua: a\\u{1b}[31mb\n  error: c\n")
  }

  @Test func `Colours and progress are for terminals, and colours not where NO_COLOR is set`()
    async throws
  {
    let project = try TestProject([
      "stores/counter.lua": counter,
      "x.lua": #"progress(1, 2, "half") error("kaput")"#,
    ])
    let arguments = ["run", project.path, "x.lua"]
    let colored = try await CommandRun(arguments, environment: ["NO_COLOR": ""], terminal: true)
    #expect(colored.errors.contains("\r\u{1B}[K1 of 2 half"))
    #expect(colored.errors.contains("x.lua:1\u{1B}[0m: \u{1B}[1;31merror\u{1B}[0m script: kaput"))
    let plain = try await CommandRun(arguments, environment: ["NO_COLOR": "1"], terminal: true)
    #expect(plain.errors.contains("x.lua:1: error script: kaput"))
    #expect(!plain.errors.contains("[0m"))
    let piped = try await CommandRun(arguments)
    #expect(piped.errors.hasPrefix("x.lua:1: error script: kaput\n"))
  }

  @Test func `Help has an example, and the version names Lua's release`() async throws {
    let help = try await CommandRun(["run", "--help"])
    #expect(help.output.contains("moonstore run Scripts/shop trading.lua"))
    #expect(help.code == 0)
    let version = try await CommandRun(["--version"])
    #expect(version.output.contains("(Lua 5.4."))
    #expect(version.output.contains("scripts are "))
    #expect(version.output.contains("keys that collide can run for seconds"))
    #expect(try await CommandRun(["run"]).code == 64)
    #expect(try await CommandRun(["nope"]).code == 64)
  }
}
