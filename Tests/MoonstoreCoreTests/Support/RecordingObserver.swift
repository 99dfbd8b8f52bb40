import MoonstoreCore

/// Keeps all that a turn observer is told.
final class RecordingObserver: TurnObserver {
  let details: TurnDetails
  private(set) var turns: [TurnRecord] = []
  private(set) var commits: [CommitRecord] = []
  private(set) var reports: [StoreError] = []
  /// What every commit is refused with; nil to let all pass.
  var refusal: StoreError?

  init(_ details: TurnDetails = .all) { self.details = details }

  var changes: [StoreChange] { commits.flatMap(\.changes) }

  func willCommit(_ commit: CommitRecord, of turn: TurnRecord) throws(StoreError) {
    if let refusal { throw refusal }
  }
  func didCommit(_ commit: CommitRecord, of turn: TurnRecord) { commits.append(commit) }
  func turnDidEnd(_ turn: TurnRecord) { turns.append(turn) }
  func didReport(_ error: StoreError) { reports.append(error) }
}
