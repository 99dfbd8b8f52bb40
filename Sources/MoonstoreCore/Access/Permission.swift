public import MoonValue
import Synchronization

/// One thing that holders of a handle may do with a store: a right, perhaps for a part of the store only, for
/// one holder only, or under a condition.
///
/// ```swift
/// definition.permissions = [
///   "read", "call:addItem", "write:settings.theme",
///   Permission("write", for: Principal(.script, "stores/order.lua")),
///   Permission("call", when: { $0.action != "clear" }),
/// ]
/// ```
public struct Permission: Sendable {
  /// What somebody asks for, as conditions see it.
  public struct Request: Sendable {
    /// Who asks.
    public let principal: Principal
    /// The store's id.
    public let store: String
    /// The right, such as `read`, `write`, `call` or `$patch`.
    public let right: String
    /// The action, or the type of the message that is addressed to the store.
    public let action: String?
    /// What is read or written, below the store.
    public let path: StatePath?
  }

  enum Condition: Sendable {
    case swift(@Sendable (Request) throws -> Bool, id: Int)
    /// A function of a script, which the host knows by number.
    case script(ScriptCondition)
  }

  /// The right with the part that it is for: `read`, `write:items`, `call:addItem`, `$patch`, `admin`, `*`.
  public let text: String
  /// The one who has it; nil for all.
  public let principal: Principal?
  let condition: Condition?

  /// Whether it is asked each time.
  package var isConditional: Bool { condition != nil }

  /// Makes a permission.
  ///
  /// - Parameters:
  ///   - text: The right, and behind a colon the action or the path that it is for.
  ///   - principal: The one who has it; nil for all.
  ///   - condition: Asked each time; an error of it is reported and means no.
  public init(
    _ text: String,
    for principal: Principal? = nil,
    when condition: (@Sendable (Request) throws -> Bool)? = nil
  ) {
    self.text = text
    self.principal = principal
    self.condition = condition.map {
      .swift($0, id: conditionCount.add(1, ordering: .relaxed).newValue)
    }
  }

  /// A permission whose condition is a function of a script.
  package init(_ text: String, for principal: Principal?, condition: ScriptCondition?) {
    self.text = text
    self.principal = principal
    self.condition = condition.map(Condition.script)
  }

  /// The same for the same permission, so that equal handles share their grant; not a text, in which one permission
  /// could be worded like two.
  var key: Key {
    switch condition {
    case .swift(_, let id): Key(text: ExactName(text), principal: principal, swift: id)
    case .script(let condition):
      Key(text: ExactName(text), principal: principal, script: condition.number)
    case nil: Key(text: ExactName(text), principal: principal)
    }
  }

  struct Key: Hashable {
    let text: ExactName
    let principal: Principal?
    var swift: Int?
    var script: Int?
  }
}

/// A function of a script that decides on a permission, for as long as a list names it.
package final class ScriptCondition: Sendable {
  package let number: Int
  private let released: ReleasedConditions

  package init(_ number: Int, releasing released: ReleasedConditions) {
    self.number = number
    self.released = released
  }

  deinit { released.append(number) }
}

/// The conditions that no list names any more, until their host takes note.
package final class ReleasedConditions: Sendable {
  private let numbers = Mutex<[Int]>([])
  // Each turn asks, and there are hardly ever any.
  private let count = Atomic<Int>(0)

  package init() {}

  fileprivate func append(_ number: Int) {
    numbers.withLock { numbers in
      numbers.append(number)
      count.store(numbers.count, ordering: .relaxed)
    }
  }

  package var isEmpty: Bool { count.load(ordering: .relaxed) == 0 }

  package func takeAll() -> [Int] {
    guard count.load(ordering: .relaxed) > 0 else { return [] }
    return numbers.withLock { numbers in
      defer {
        numbers = []
        count.store(0, ordering: .relaxed)
      }
      return numbers
    }
  }
}

// Tells conditions apart, since closures cannot be compared.
private let conditionCount = Atomic<Int>(0)

extension Permission: ExpressibleByStringLiteral {
  /// A permission without a condition.
  public init(stringLiteral value: String) { self.init(value) }
}
