/// One row as it was measured.
struct Row: Codable {
  let id: String
  let title: String
  let unit: Benchmark.Unit
  let ours: Figure
  let reference: Figure?
  /// Ours as a multiple of the reference.
  let ratio: Double?
  /// What it may be: nanoseconds, bytes, or for `isRatio` a multiple of the reference.
  let target: Double?
  let isRatio: Bool
  let isWithin: Bool?
  /// Calls of malloc and its like for one operation.
  let allocations: Double?
  /// Instructions of the processor for one operation, where they were counted.
  var instructions: Double?

  init(_ benchmark: Benchmark, ours: Figure, reference: Figure?, allocations: Double?) {
    id = benchmark.id
    title = benchmark.title
    unit = benchmark.unit
    self.ours = ours
    self.reference = reference
    self.allocations = allocations
    let ratio = reference.flatMap { $0.median > 0 ? ours.median / $0.median : nil }
    self.ratio = ratio
    switch benchmark.target {
    case .atMost(let most):
      target = most
      isRatio = false
      isWithin = ours.median <= most
    case .ratio(let most):
      target = most
      isRatio = true
      isWithin = ratio.map { $0 <= most }
    case nil:
      target = nil
      isRatio = false
      isWithin = nil
    }
  }
}

/// Everything that one run found.
struct Measurement: Codable {
  var machine: Machine
  var rows: [Row] = []
  var growth: [GrowthRow] = []
}
