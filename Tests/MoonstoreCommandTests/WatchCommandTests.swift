import Foundation
import MoonValue
import TestSupport
import Testing

/// `moonstore run --watch`, and SIGHUP, as people and programs use them.
struct WatchCommandTests {
  private static func store(_ step: Int) -> String {
    """
    local STEP = \(step)
    return defineStore("a", {
      state = function() return { n = 0 } end,
      actions = {
        add = function(self) self.n = self.n + 1 return { self.n, STEP } end,
        step = function() return STEP end,
      },
    })
    """
  }

  /// Shell that waits until a file has a text, 20 s at the most.
  private static let until = """
    wait_for() { for _ in $(seq 2000); do grep -q "$1" "$2" && return; sleep 0.01; done; echo "never: $1"; }
    """

  @Test
  func
    `Calls go on while scripts are changed, broken and mended, and the command stays until it is ended`()
    async throws
  {
    let folder = try TestProject([
      "p/stores/a.lua": WatchCommandTests.store(1), "two.lua": WatchCommandTests.store(2),
    ])
    let run = try CommandRun.shell(
      """
      \(WatchCommandTests.until)
      mkfifo in
      "$moonstore" run p --calls - --watch < in > out 2> err &
      exec 3> in
      call='{"store":"a","action":"add"}'
      echo "$call" >&3; wait_for 'result.:.1,1' out
      cp two.lua p/stores/a.lua; wait_for 'version 1 -> 2' err
      echo "$call" >&3; wait_for 'result.:.2,2' out
      echo 'return }' > p/stores/a.lua; wait_for 'version 2 of stores/a.lua goes on' err
      echo "$call" >&3; wait_for 'result.:.3,2' out
      exec 3>&-
      wait_for 'interrupt to end' err
      sed 's/STEP = 2/STEP = 7/' two.lua > seven.lua; mv seven.lua p/stores/a.lua; wait_for 'version 2 -> 3' err
      kill -INT $!
      wait $!
      echo "code $?"
      """,
      in: folder
    )
    #expect(run.output == "code 130\n")
    let errors = try String(contentsOfFile: folder.path + "/err", encoding: .utf8)
    #expect(errors.contains("error E011: unexpected symbol near '}'"))
    #expect(errors.components(separatedBy: " E011:").count == 2)
    #expect(errors.contains("reload: stores/a.lua: version 1 -> 2"))
  }

  @Test func `SIGHUP reloads without a watch, and says so when there is nothing to do`()
    async throws
  {
    let folder = try TestProject([
      "p/stores/a.lua": WatchCommandTests.store(1), "two.lua": WatchCommandTests.store(2),
    ])
    let run = try CommandRun.shell(
      """
      \(WatchCommandTests.until)
      mkfifo in
      "$moonstore" run p --calls - < in > out 2> err &
      exec 3> in
      call='{"store":"a","action":"step"}'
      echo "$call" >&3; wait_for 'result.:1' out
      kill -HUP $!; wait_for 'nothing has changed' err
      cp two.lua p/stores/a.lua; kill -HUP $!; wait_for 'version 1 -> 2' err
      echo "$call" >&3; wait_for 'result.:2' out
      exec 3>&-
      wait $!
      echo "code $?"
      """,
      in: folder
    )
    #expect(run.output == "code 0\n")
  }

  @Test func `Of calls at full speed none is lost or answered twice while a script is rewritten`()
    async throws
  {
    let folder = try TestProject([
      "p/stores/a.lua": WatchCommandTests.store(1), "1.lua": WatchCommandTests.store(1),
      "2.lua": WatchCommandTests.store(2), "3.lua": "return }",
    ])
    let run = try CommandRun.shell(
      """
      \(WatchCommandTests.until)
      (yes '{"store":"a","action":"add"}' | head -100000) |
        "$moonstore" run p --calls - --watch --quiet > out 2> err &
      # A start with a broken script would be refused.
      wait_for '"ok":true' out
      while kill -0 $! && ! [ "$(wc -l < out)" -ge 100000 ]; do
        for version in 2 3 1; do cp $version.lua p/stores/a.lua; sleep 0.06; done
      done
      sleep 0.3
      kill -INT $!
      wait
      wc -l < out
      grep -c '"ok":true' out
      """,
      in: folder
    )
    #expect(
      run.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) } == [
        "100000", "100000",
      ]
    )
    let answers = try String(contentsOfFile: folder.path + "/out", encoding: .utf8)
      .split(separator: "\n").map { try Value(json: String($0))["result"] ?? .null }
    #expect(answers.enumerated().allSatisfy { $0.element[0] == .integer(Int64($0.offset + 1)) })
    #expect(Set(answers.compactMap { $0[1]?.integerValue }) == [1, 2])
  }

  @Test func `Bad use of the options is told`() async throws {
    let folder = try TestProject(["stores/a.lua": WatchCommandTests.store(1)])
    for (arguments, words) in [
      (["--poll", "1"], "--poll says how to --watch"), (["--watch", "--poll", "0"], "more than 0"),
    ] {
      let run = try await CommandRun(["run", folder.path] + arguments)
      #expect(run.code == 64)
      #expect(run.errors.contains(words))
    }
  }

  @Test func `That the script which is run has changed is said, since it does not run again`()
    async throws
  {
    let folder = try TestProject([
      "p/stores/a.lua": WatchCommandTests.store(1),
      "p/drive.lua": "useStore('a'):add()", "outside.lua": "useStore('a'):add()",
    ])
    for script in ["drive.lua", "outside.lua"] {
      let path = script == "drive.lua" ? "p/drive.lua" : script
      let run = try CommandRun.shell(
        """
        \(WatchCommandTests.until)
        "$moonstore" run p \(script) --watch --poll 0.05 > out 2> err &
        wait_for 'interrupt to end' err
        echo "error('never run')" > \(path)
        wait_for '\(script) has changed and is not run again' err
        kill -INT $!
        wait $!
        echo "code $?"
        """,
        in: folder
      )
      #expect(run.output == "code 130\n")
    }
  }
}
