import MoonLua
import MoonValue
import MoonstoreCore

/// What a suspended script waits for.
enum Wait {
  /// Something of the outside: time, a server, Swift code. The text is what scripts call it.
  case operation(String, @Sendable () async throws -> Value)
  /// A request whose responder waits.
  case request(Request)
  /// An action that the driver has called, and that waits.
  case action(ParkedRun)
  /// Something inside the host: a message, a condition, the end of a task.
  case inside(Awaited)
}

/// A run that waits, and what hears how it ends.
final class ParkedRun {
  let run: LuaRun
  /// Whether it is a driver's, whose calls are turns of their own.
  let isDriver: Bool
  let store: String?
  let member: String?
  /// Called with the run while its results are there, or with its error.
  private var hear: ((Result<LuaRun, StoreError>) -> Void)?
  /// How it has ended before anything could hear of it: the end of the turn in which a run begins to wait may bring
  /// what it waits for.
  private var earlyEnd: Result<LuaRun, StoreError>?
  /// A new number for each wait.
  var id = 0
  /// Leaves what it waits for, when it ends without it.
  var leave: (() -> Void)?
  /// The task that it is, if it is one.
  weak var task: ScriptTask?
  /// The version of the script that it was started for.
  var unit: ScriptUnit?
  /// The versions of scripts that were replaced while code of theirs was on its stack.
  var replacedUnits: [ScriptUnit] = []
  /// What a driver's calls belong to together, where they are one transaction.
  var entry: EntryRun?
  /// What it waits for, in words.
  var waitsFor = ""
  /// What a driver waited for, until it goes on.
  var answer: Awaited.Answer?
  /// Whether it handles a message, so that its end is not told once the message was undone.
  var isDelivery = false
  /// Whether a driver that goes on later still has to take its results.
  var isHandedOver = false

  init(_ run: LuaRun, isDriver: Bool, store: String?, member: String?) {
    self.run = run
    self.isDriver = isDriver
    self.store = store
    self.member = member
  }

  /// Whether it has ended, and nothing has heard of it.
  var endedEarly: Bool { earlyEnd != nil }

  /// Says what hears how it ends; one that has ended already says so at once.
  func onEnd(_ hear: @escaping (Result<LuaRun, StoreError>) -> Void) {
    self.hear = hear
    guard let end = earlyEnd else { return }
    earlyEnd = nil
    hear(end)
    if case .success(let run) = end, !isHandedOver { run.release() }
  }

  /// It has ended; a run that has results keeps them until they were heard of.
  func finish(_ end: Result<LuaRun, StoreError>) {
    guard let hear else {
      earlyEnd = end
      return
    }
    hear(end)
    if case .success(let run) = end, !isHandedOver { run.release() }
  }
}
