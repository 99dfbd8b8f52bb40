/// Where a part of a value stands, as Lua would write it: `cart.items[3].callback`.
///
/// Made where values are built or changed, and shown in errors, changes and journals. Reads back from its
/// own text.
public struct StatePath: Sendable, Hashable {
  /// One step: a field of a map, or an element of an array.
  ///
  /// An element and the field of an integer key look the same in text, as they do in Lua; what is read
  /// from text is an element.
  public enum Component: Sendable, Hashable {
    /// The value under a key.
    case field(Value.Key)
    /// The element at a position, counted from 1.
    case index(Int)
  }

  /// The steps, from the outside in.
  public var components: [Component]

  /// Makes a path from its steps.
  public init(_ components: [Component] = []) {
    self.components = components
  }

  /// The path of a part of what stands here.
  public func appending(_ component: Component) -> StatePath {
    StatePath(components + [component])
  }

  /// Whether what stands at the other path is this part, or a part of it.
  public func contains(_ other: StatePath) -> Bool { other.components.starts(with: components) }
}

extension StatePath: ExpressibleByArrayLiteral {
  /// A path from its steps.
  public init(arrayLiteral elements: Component...) { self.init(elements) }
}

extension StatePath.Component {
  /// The step as a key of a map; a position is an integer key, as it is in Lua.
  public var key: Value.Key {
    switch self {
    case .field(let key): key
    case .index(let index): .integer(Int64(index))
    }
  }

  /// The step as a position in an array; `nil` for strings, and for integers that are none.
  public var position: Int? {
    switch self {
    case .index(let index): index > 0 ? index : nil
    case .field(.integer(let integer)): integer > 0 ? Int(exactly: integer) : nil
    case .field: nil
    }
  }
}

extension StatePath.Component: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
  /// A field.
  public init(stringLiteral value: String) { self = .field(.string(value)) }

  /// A position, counted from 1.
  public init(integerLiteral value: Int) { self = .index(value) }
}

extension StatePath: CustomStringConvertible {
  /// The path as Lua would write it.
  public var description: String {
    var text = ""
    for component in components {
      if case .field(.string(let name)) = component, name.isName {
        text += text.isEmpty ? name : "." + name
      } else {
        text += "[" + component.key.quoted + "]"
      }
    }
    return text
  }
}

extension String {
  /// Whether the text can stand behind a dot.
  fileprivate var isName: Bool {
    guard let first = utf8.first, first.beginsName else { return false }
    return utf8.allSatisfy(\.continuesName)
  }
}
