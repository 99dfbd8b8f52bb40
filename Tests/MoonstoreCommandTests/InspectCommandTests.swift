import Foundation
import MoonValue
import Testing
import TestSupport

@Suite(.serialized) struct InspectCommandTests {
  private let files = [
    "moonstore.lua": #"return { main = "main.lua" }"#,
    "main.lua": #"error("main scripts do not run")"#,
    "stores/stock.lua": #"""
    return defineStore("stock", {
      state = { levels = { { id = "a", count = 1 } } },
      getters = { total = function(self) error("getters do not run") end },
      actions = { take = function(self, id, count) bus.send("stock:low", { id = id }) end },
    })
    """#,
    "stores/cart.lua": #"""
    return defineStore("cart", {
      name = "Shopping cart", dependencies = { "stock" },
      on = { ["stock:low"] = function() end },
    })
    """#,
  ]

  @Test func `A project is told as text`() async throws {
    let project = try TestProject(files)
    let run = try await CommandRun(["inspect", project.path])
    #expect(run.code == 0)
    #expect(run.errors == "")
    #expect(
      run.output == """
        \(project.path): 2 stores

        STORES
          stock  stores/stock.lua:1
            used by      cart
            state        levels: array of { count: integer, id: string }
            getters      total
            actions      take(id, count)
          cart "Shopping cart"  stores/cart.lua:1
            depends on   stock
            handles      stock:low

        MESSAGES
          stock:low
            sent by      stores/stock.lua:4
            handled by   cart
          (who sends is read in the text of the scripts: types that are computed cannot be told)

        CAPABILITIES
          none granted

        """
    )
  }

  @Test func `A project is told as JSON, the same as a program gets`() async throws {
    let run = try await CommandRun(["inspect", TestProject.shop, "--json"])
    #expect(run.code == 0)
    #expect(run.output.split(separator: "\n").count == 1)
    let description = try Value(json: run.output)
    let stores = description["stores"]?.arrayValue ?? []
    #expect(stores.map { $0["id"] } == ["products", "cart", "order"])
    #expect(
      Set(description.mapValue?.keys.map { "\($0)" } ?? []) == [
        "stores", "messages", "unhandled", "unsent", "computed", "middleware", "plugins", "effects",
        "scripts", "capabilities",
      ]
    )
  }

  @Test func `A graph is one that Graphviz draws, whatever the ids`() async throws {
    var files = files
    files["stores/odd.lua"] = #"""
      defineStore("a \"quoted\" \\ id\\", { dependencies = { "stock" }, on = { ["x\n<y>"] = function() end } })
      bus.send("x\n<y>")
      return defineStore("ärger -> [31m;{}", { dependencies = { "a \"quoted\" \\ id\\" } })
      """#
    let project = try TestProject(files)
    let run = try await CommandRun(["inspect", project.path, "--dot"])
    #expect(run.code == 0)
    #expect(run.output.hasPrefix("digraph moonstore {\n"))
    #expect(run.output.contains(#"n3 [label="a \"quoted\" \\ id\\"];"#))
    #expect(run.output.contains("n2 -> n1;") || run.output.contains("n1 -> n2;"))
    #expect(run.output.contains(#"[label="x\n<y>", style=dashed];"#))
    #expect(run.output.contains(#"[label="stock:low", style=dashed];"#))
    #expect(!run.output.unicodeScalars.contains("\u{1B}"))
    guard let svg = try await Self.draw(run.output) else { return }
    #expect(svg.code == 0, "\(svg.errors)")
    #expect(svg.output.contains("</svg>"))
  }

  /// What Graphviz makes of a graph; nil where it is not installed.
  private static func draw(
    _ graph: String
  ) async throws -> (code: Int32, output: String, errors: String)? {
    let places = ["/usr/bin/dot", "/usr/local/bin/dot", "/opt/homebrew/bin/dot"]
    guard let dot = places.first(where: FileManager.default.isExecutableFile(atPath:)) else {
      return nil
    }
    let folder = try TestProject(["graph.dot": graph, "out": "", "err": ""])
    let process = Process()
    process.executableURL = URL(fileURLWithPath: dot)
    process.arguments = ["-Tsvg", folder.path + "/graph.dot"]
    func file(_ name: String) throws -> FileHandle {
      try FileHandle(forWritingTo: URL(fileURLWithPath: folder.path + "/" + name))
    }
    process.standardOutput = try file("out")
    process.standardError = try file("err")
    try process.run()
    while process.isRunning { try await Task.sleep(for: .milliseconds(5)) }
    func text(_ name: String) throws -> String {
      try String(contentsOfFile: folder.path + "/" + name, encoding: .utf8)
    }
    return (process.terminationStatus, try text("out"), try text("err"))
  }

  @Test func `What is no project fails as run does`() async throws {
    let missing = try await CommandRun(["inspect", "/no/such/project"])
    #expect(missing.code == 66)
    #expect(missing.errors.contains("there is no such project folder"))
    let nothing = try TestProject([:])
    let empty = try await CommandRun(["inspect", nothing.path])
    #expect(empty.code == 66)
    #expect(empty.errors.contains("this project defines no store"))
    #expect(empty.output == "")
    let broken = try TestProject(["stores/a.lua": "return defineStore("])
    let syntax = try await CommandRun(["inspect", broken.path, "--json"])
    #expect(syntax.code == 2)
    #expect(syntax.errors.contains(#""file":"stores/a.lua","line":1,"#))
    let failing = try TestProject(["stores/a.lua": "error('at load')"])
    #expect(try await CommandRun(["inspect", failing.path]).code == 1)
    #expect(try await CommandRun(["inspect"]).code == 64)
    #expect(try await CommandRun(["inspect", TestProject.shop, "--json", "--dot"]).code == 64)
  }

  @Test func `Names cannot command the terminal`() async throws {
    let project = try TestProject([
      "stores/a.lua":
        #"return defineStore("a", { name = "a\27[31m", state = { ["b\27[2J"] = 1 } })"#
    ])
    let run = try await CommandRun(["inspect", project.path])
    #expect(run.code == 0)
    #expect(!run.output.unicodeScalars.contains("\u{1B}"))
    #expect(run.output.contains(#"a\u{1b}[31m"#))
  }
}
