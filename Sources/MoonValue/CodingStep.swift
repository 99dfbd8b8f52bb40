/// One step on the way to the place that is being encoded or decoded, with a link to the step before.
///
/// The encoder and the decoder make one for each part they go into, and an array of keys only for an
/// error.
final class CodingStep {
  private let parent: CodingStep?
  private let key: any CodingKey

  init(_ parent: CodingStep?, _ key: any CodingKey) {
    self.parent = parent
    self.key = key
  }

  /// The keys from the outermost value to here.
  static func keys(to step: CodingStep?) -> [any CodingKey] {
    var keys: [any CodingKey] = []
    var next = step
    while let step = next {
      keys.append(step.key)
      next = step.parent
    }
    return keys.reversed()
  }
}

/// A key that is no case of anybody's enum: a position in an array, a key of any map, or `super`.
struct PlainCodingKey: CodingKey {
  let stringValue: String
  let intValue: Int?

  static let `super` = PlainCodingKey(stringValue: "super")

  init(stringValue: String) {
    self.stringValue = stringValue
    intValue = nil
  }

  init(intValue: Int) {
    stringValue = "Index \(intValue)"
    self.intValue = intValue
  }

  init(_ key: Value.Key) {
    stringValue = key.description
    if case .integer(let integer) = key { intValue = Int(exactly: integer) } else { intValue = nil }
  }
}

/// A dictionary whose keys are integers and are to stay so; one with strings such as "85123" for keys
/// shows the same coding keys.
protocol IntegerKeyed {}

extension Dictionary: IntegerKeyed where Key == Int {}
