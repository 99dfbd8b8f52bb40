import Foundation
import MoonLua
import StandardLua
import Testing

/// Our own library functions against those of the system's Lua.
struct LuaDifferentialTests {
  @Test(arguments: RandomUse.allCases, [1, 2, 3])
  func `Results and errors are those of the standard functions`(use: RandomUse, seed: Int) throws {
    let chunk = use.chunk(seed: seed)
    let standard = standardResult(chunk).split(separator: "\n")
    let vm = try LuaVM()
    let ours = try vm.text(chunk).split(separator: "\n")
    #expect(ours.count == standard.count)
    // A chunk that failed has returned its error only.
    #expect(standard.count > 1000)
    let differences = zip(ours, standard).enumerated().filter { $0.element.0 != $0.element.1 }
    for (line, pair) in differences.prefix(5) {
      Issue.record("line \(line): \(pair.0), and standard \(pair.1)")
    }
    #expect(differences.isEmpty)
  }

  private func standardResult(_ chunk: String) -> String {
    guard let text = unsafe standard_lua_run(chunk) else { return "" }
    // The text is copied before it is freed.
    defer { unsafe free(text) }
    return unsafe String(cString: text)
  }
}
