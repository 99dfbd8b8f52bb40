import CReference

/// What was found for one side of a row.
struct Figure: Codable {
  /// The median of all samples, for one operation.
  let median: Double
  /// Half of what lies between the quartiles, as a part of the median.
  let spread: Double

  init(_ samples: [Double]) {
    let sorted = samples.sorted()
    func quantile(_ part: Double) -> Double {
      sorted[min(sorted.count - 1, Int((Double(sorted.count - 1) * part).rounded()))]
    }
    median = quantile(0.5)
    spread = median > 0 ? (quantile(0.75) - quantile(0.25)) / 2 / median : 0
  }
}

/// Takes samples of workloads.
struct Sampler {
  /// How many samples of each side.
  var samples = 21
  /// How long one is, in nanoseconds.
  var length = 10_000_000.0

  func measure(_ benchmark: Benchmark) async throws -> Row {
    let workload = try await benchmark.prepare()
    let isTime = benchmark.unit == .nanoseconds
    let count = try await count(for: workload.ours, benchmark)
    var referenceCount = 0
    if let reference = workload.reference {
      referenceCount = try await self.count(for: reference, benchmark)
    }

    // Turn about, so that what the machine does otherwise meets both.
    var ours: [Double] = []
    var references: [Double] = []
    for _ in 0..<(isTime ? samples : min(samples, 3)) {
      ours.append(try await workload.ours(count) / Double(count) / benchmark.scale)
      if let reference = workload.reference {
        references.append(
          try await reference(referenceCount) / Double(referenceCount) / benchmark.scale
        )
      }
    }

    var allocations: Double?
    if isTime {
      allocations_begin()
      _ = try await workload.ours(count)
      let counted = allocations_end()
      if countsAllocations { allocations = Double(counted) / Double(count) / benchmark.scale }
    }
    return Row(
      benchmark,
      ours: Figure(ours),
      reference: references.isEmpty ? nil : Figure(references),
      allocations: allocations
    )
  }

  private var countsAllocations: Bool {
    #if canImport(Glibc)
    true
    #else
    false
    #endif
  }

  /// As many operations as make one sample; finding out is the warm-up.
  private func count(for work: Benchmark.Work, _ benchmark: Benchmark) async throws -> Int {
    if let count = benchmark.count {
      if benchmark.unit == .nanoseconds { _ = try await work(count) }
      return count
    }
    var count = 1
    while true {
      let took = max(try await work(count), 1)
      if took >= length / 2 {
        return max(1, Int(Double(count) * length / took))
      }
      count = min(count * 16, max(count + 1, Int(Double(count) * length / took)))
    }
  }
}
