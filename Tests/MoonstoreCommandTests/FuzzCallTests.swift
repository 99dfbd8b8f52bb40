import Dispatch
import Foundation
import MoonValue
import Testing
import TestSupport

/// Mutated streams of calls: each line has its answer, whatever is in it, and the command goes on.
@Suite(.serialized) struct FuzzCallTests {
  private static let project = [
    "moonstore.lua": "return { limits = { turn = 0.2, memory = 33554432 } }",
    "stores/counter.lua": """
    return defineStore("counter", {
      state = { n = 0, list = { 1, 2 }, kept = null },
      getters = { twice = function(self) return self.n * 2 end },
      actions = {
        add = function(self, by) self.n = self.n + by return self.n end,
        echo = function(self, ...) return ... end,
        keep = function(self, value) self.kept = value return self.kept end,
        fail = function(self, value) error(value) end,
        raw = function(self) return "caf\\xe9" end,
      },
    })
    """,
  ]

  private static let lines = [
    #"{"store":"counter","action":"add","args":[1],"id":1}"#,
    #"{"id":"a","store":"counter","get":"n"}"#,
    #"{"store":"counter","get":"twice","id":{"a":[1,2]}}"#,
    #"{"store":"counter","action":"echo","args":[{"a":[1,2.5,null,true,"x"]}],"id":-7}"#,
    #"{"store":"counter","action":"keep","args":[["a",{"b":"\u00e9"}]],"id":[3]}"#,
    #"{"store":"counter","action":"fail","args":[{"code":"no"}],"id":0.5}"#,
    #"{"store":"counter","action":"raw","id":true}"#,
    #"{"store":"nobody","action":"add","args":[],"id":null}"#,
    #"{"store":"counter","action":"add","args":["x"]}"#, #"{"store":"counter","get":"list"}"#,
  ]

  /// The lines that are to be answered, and the ids that the answers are to have.
  private func ids(in input: [UInt8]) -> [Value?] {
    input.split(separator: UInt8(ascii: "\n"))
      .filter { line in
        !line.allSatisfy {
          $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") || $0 == UInt8(ascii: "\r")
        }
      }
      .map { (try? Value(json: $0))?.mapValue?["id"] }
  }

  /// Runs the command on a thread of its own: those of tasks are few, and others need them.
  private static func run(in project: TestProject) async throws -> CommandRun {
    try await withCheckedThrowingContinuation { continuation in
      DispatchQueue(label: "fuzz.calls").async {
        continuation.resume(
          with: Result { try CommandRun.shell(#""$moonstore" run . --calls input"#, in: project) }
        )
      }
    }
  }

  @Test func `Whatever stands in a line, it has one answer`() async throws {
    let project = try TestProject(FuzzCallTests.project)
    var mutator = LineMutator(seed: Fuzzing.seed)
    var fuzzing = Fuzzing("calls", rounds: 4)
    var lines = 0
    while fuzzing.next() {
      let input = mutator.conversation(from: [], FuzzCallTests.lines, count: 1_500, oneIn: 3)
      fuzzing.leave(input)
      try Data(input).write(to: URL(fileURLWithPath: project.path + "/input"))
      let run = try await FuzzCallTests.run(in: project)
      let place = "round \(fuzzing.round), seed \(Fuzzing.seed)"
      // What is no call is a failure, and no crash.
      #expect(run.code == 0 || run.code == 1, "\(place): \(run.code) \(run.errors.suffix(500))")
      let answers = try run.answers
      let expected = ids(in: input)
      #expect(answers.count == expected.count, "\(place)")
      for (index, (answer, id)) in zip(answers, expected).enumerated() where answer["id"] != id {
        Issue.record(
          "\(place): answer \(index) is \(answer), for the id \(id.map { "\($0)" } ?? "none")"
        )
        break
      }
      #expect(answers.allSatisfy { ($0["result"] == nil) != ($0["error"] == nil) }, "\(place)")
      lines += expected.count
    }
    fuzzing.tell(lines, "lines of calls")
    // A mutator that spoils everything would find nothing.
    #expect(lines > fuzzing.round * 500)
  }
}
