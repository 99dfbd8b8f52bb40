import Foundation
import MoonLuaSyntax
import MoonstoreCheck

/// What reading Lua costs the tools, beside Lua's own compiler.
enum Syntax {
  /// The size of the text that is read.
  private static let bytes = 2_000_000
  /// How many lines are checked.
  private static let lines = 10_000

  static var all: [Benchmark] {
    [
      Benchmark(
        id: "Y1",
        title: "2 MB of Lua into a tree, beside luac -p",
        target: .atMost(100_000_000),
        count: 1
      ) {
        let text = try text()
        let source = ContiguousArray(text)
        let plain = try PlainLua()
        return Benchmark.Workload(
          ours: { count in
            var problems = 0
            let took = nanoseconds {
              for _ in 0..<count {
                problems += SyntaxTree(parsing: SourceText(bytes: source)).problems.count
              }
            }
            try WrongResult.check(problems, is: 0, "the problems of text that compiles")
            return took
          },
          reference: { count in
            try nanoseconds { for _ in 0..<count { try plain.compile(text) } }
          }
        )
      },
      Benchmark(
        id: "Y2",
        title: "10,000 lines of scripts checked",
        target: .atMost(500_000_000),
        count: 1
      ) {
        let project = try CheckProject(root: Folders.shop)
        var sources = project.sources
        var copy = 0
        while lines(of: sources) < lines {
          copy += 1
          // Scripts that use the shop's stores.
          sources += project.sources.map {
            Checker.Source(path: "copy\(copy)/\($0.path)", bytes: $0.bytes)
          }
        }
        return Benchmark.Workload(ours: { [sources] count in
          var files = 0
          let took = nanoseconds {
            for _ in 0..<count {
              files += Checker(settings: project.settings).check(sources).fileCount
            }
          }
          try WrongResult.check(files, is: count * sources.count, "the scripts that were checked")
          return took
        })
      },
    ]
  }

  private static func lines(of sources: [Checker.Source]) -> Int {
    sources.reduce(0) { sum, source in sum + source.bytes.count { $0 == UInt8(ascii: "\n") } }
  }

  /// The shop's scripts again and again, each as a function of its own.
  private static func text() throws -> [UInt8] {
    let names = ["stores/cart", "stores/order", "stores/products", "trading", "lib/csv"]
    let scripts = try names.map { name in
      let path = "\(Folders.shop)/\(name).lua"
      let script = try String(contentsOfFile: path, encoding: .utf8)
      return "do local _ = function(...)\n\(script)\nend end\n"
    }
    var text: [UInt8] = []
    while text.count < bytes { for script in scripts { text += Array(script.utf8) } }
    return text
  }
}
