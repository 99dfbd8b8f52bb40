import MoonLua
import MoonValue
import MoonstoreCore
import Synchronization

/// Those who want to get at a host while a driver runs in it.
///
/// A driver that never waits, such as a script that trades a day, would keep everybody out until its end; so it
/// makes room between two of its calls, where nothing is half-done, as long as somebody waits at the door.
final class Visitors: Sendable {
  private let count = Atomic<Int>(0)

  func arrive() { count.add(1, ordering: .relaxed) }
  func enter() { count.subtract(1, ordering: .relaxed) }

  var areWaiting: Bool { count.load(ordering: .relaxed) > 0 }
}

extension HostEngine {
  /// Lets a driver wait for its turn behind those who wait already; its call has ended, and its results stay.
  func makeRoom(after run: LuaRun) {
    let parked = ParkedRun(run, isDriver: false, store: nil, member: nil)
    enterLater { parked.finish(.success(run)) }
    wait = .action(parked)
  }
}
