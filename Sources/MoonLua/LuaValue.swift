public import MoonValue

/// A value of a script as Swift sees it: plain data, or a handle to what stays in Lua.
public enum LuaValue {
  /// Lua's nil.
  case `nil`
  /// Data: a scalar, or on the way into Lua also an array or a map, which becomes a new table.
  case data(Value)
  /// A table that stays in Lua.
  case table(LuaTable)
  /// A function.
  case function(LuaFunction)
  /// Something that Swift can hold and hand back but not look into, such as a coroutine.
  case opaque(LuaOpaque)

  /// The data, copied out of a table where it is one; `nil` for Lua's nil.
  ///
  /// - Throws: `LuaError` with the code `conversion` when the value, or a part of it, is no data.
  public func value() throws(LuaError) -> Value? {
    switch self {
    case .nil: return nil
    case .data(let value): return value
    case .table(let table): return try table.value()
    case .function:
      throw LuaError(code: .conversion, message: "a function cannot be data")
    case .opaque:
      throw LuaError(
        code: .conversion,
        message: "a coroutine or an object of the host cannot be data"
      )
    }
  }

  /// The value as a Swift type.
  ///
  /// Lua's nil decodes as `nil` and as nothing else.
  ///
  /// - Throws: `LuaError` with the code `conversion`; `underlying` is the `DecodingError`.
  public func decode<T: Decodable>(as type: T.Type) throws(LuaError) -> T {
    let value = try value() ?? .null
    do {
      return try ValueDecoder().decode(type, from: value)
    } catch {
      throw LuaError(code: .conversion, message: "\(error)", underlying: error)
    }
  }

  /// A Swift value as data for Lua.
  ///
  /// - Throws: `LuaError` with the code `conversion`; `underlying` is the `EncodingError`.
  public static func encoding(_ value: some Encodable) throws(LuaError) -> LuaValue {
    do {
      return .data(try ValueEncoder().encode(value))
    } catch {
      throw LuaError(code: .conversion, message: "\(error)", underlying: error)
    }
  }
}

// Handles belong to the isolation domain of their machine.
@available(*, unavailable)
extension LuaValue: Sendable {}

extension LuaValue: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByStringLiteral
{
  /// Lua's nil.
  public init(nilLiteral: ()) { self = .nil }
  /// A boolean.
  public init(booleanLiteral value: Bool) { self = .data(.bool(value)) }
  /// An integer.
  public init(integerLiteral value: Int64) { self = .data(.integer(value)) }
  /// A number.
  public init(floatLiteral value: Double) { self = .data(.number(value)) }
  /// A string.
  public init(stringLiteral value: String) { self = .data(.string(value)) }
}

/// A Lua value that Swift can only keep and hand back.
public final class LuaOpaque {
  enum Content {
    case reference(LuaReference)
    /// An object of the host; it is kept alive here.
    case object(kind: UInt16, grant: UInt16, instance: AnyObject)
  }

  let content: Content

  init(_ content: Content) { self.content = content }

  /// The host's object, if it is one of this kind.
  package func instance<T: AnyObject>(kind: UInt16, as type: T.Type) -> T? {
    guard case .object(kind, _, let instance) = content else { return nil }
    return instance as? T
  }
}

@available(*, unavailable)
extension LuaOpaque: Sendable {}

extension LuaValue {
  /// An object of the host, as scripts hold it.
  package static func object(kind: UInt16, grant: UInt16 = 0, _ instance: AnyObject) -> LuaValue {
    .opaque(LuaOpaque(.object(kind: kind, grant: grant, instance: instance)))
  }
}

extension LuaMachine {
  /// Appends the tokens of a value.
  package func append(_ value: LuaValue) throws(LuaError) {
    switch value {
    case .nil: appendNil()
    case .data(let value): append(value)
    case .table(let table): append(try own(table.reference))
    case .function(let function): append(try own(function.reference))
    case .opaque(let opaque):
      switch opaque.content {
      case .reference(let reference): append(try own(reference))
      case .object(let kind, let grant, let instance):
        append(LuaObject(kind: kind, grant: grant, instance: instance))
      }
    }
  }

  private func own(_ reference: LuaReference) throws(LuaError) -> LuaReference {
    _ = try number(of: reference)
    return reference
  }

  // A reference is a number in one machine's registry; in another's it would mean something else.
  func number(of reference: LuaReference) throws(LuaError) -> Int32 {
    guard reference.machine === self else {
      throw LuaError(code: .conversion, message: "this handle belongs to another Lua machine")
    }
    return reference.number
  }

  /// Reads the value that begins at a token, and goes behind it.
  package func take(_ token: inout LuaToken) throws -> LuaValue {
    switch token.kind {
    case .nil:
      token.advance()
      return .nil
    case .reference:
      let reference = LuaReference(adopting: token, machine: self)
      token.advance()
      if reference.isTable { return .table(LuaTable(reference)) }
      if reference.isFunction { return .function(LuaFunction(reference)) }
      return .opaque(LuaOpaque(.reference(reference)))
    case .object:
      let object = token.object
      token.advance()
      let instance = object.instance(as: AnyObject.self)
      return .opaque(
        LuaOpaque(.object(kind: object.kind, grant: object.grant, instance: instance))
      )
    default:
      return .data(
        try token.takeValue { _ in
          throw LuaError(code: .conversion, message: "an object of the host cannot be data")
        }
      )
    }
  }

  /// Reads the tokens from `base` to the end of the buffer, and drops them.
  func takeAll(from base: Int) throws(LuaError) -> [LuaValue] {
    defer { truncateTokens(to: base) }
    var values: [LuaValue] = []
    var token = try token(at: base)
    do {
      while token.position < tokenCount { values.append(try take(&token)) }
    } catch let error as LuaError {
      throw error
    } catch {
      throw LuaError(code: .conversion, message: "\(error)", underlying: error)
    }
    return values
  }
}

extension LuaValue {
  /// Whether it is nil.
  package var isNil: Bool {
    if case .nil = self { return true }
    return false
  }
}
