public import MoonValue

/// What went wrong in Lua, or on the way there and back.
public struct LuaError: Error, Sendable {
  /// The kind of an error; new kinds can be added without breaking anyone.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The name of the kind, such as `syntax`.
    public let rawValue: String

    /// Makes a kind from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// The text is not Lua.
    public static let syntax = Code(rawValue: "syntax")
    /// A script raised an error.
    public static let runtime = Code(rawValue: "runtime")
    /// Lua could get no more memory.
    public static let memory = Code(rawValue: "memory")
    /// A value has no counterpart on the other side.
    public static let conversion = Code(rawValue: "conversion")
    /// The virtual machine was closed before its handle.
    public static let closed = Code(rawValue: "closed")
    /// Something tried to wait where nothing can be suspended.
    public static let cannotWait = Code(rawValue: "cannotWait")
    /// A Swift function that Lua had called threw; `underlying` is what it threw.
    public static let thrown = Code(rawValue: "thrown")
    /// A script ran for longer than it may, and was ended.
    public static let timeLimit = Code(rawValue: "timeLimit")
    /// A script held more memory than it may, and was ended.
    public static let memoryLimit = Code(rawValue: "memoryLimit")
    /// Calls were nested deeper than the stack allows.
    public static let stackLimit = Code(rawValue: "stackLimit")
    /// A limit was set that can be none.
    public static let invalidLimit = Code(rawValue: "invalidLimit")
  }

  /// The kind.
  public var code: Code
  /// What happened, in one sentence, with the place in front where Lua puts it there.
  public var message: String
  /// The chunk in which it happened, such as `stores/cart.lua`.
  public var script: String?
  /// The line in the chunk, from 1.
  public var line: Int?
  /// Lua's traceback, one level a line; empty when there was none.
  public var traceback: String
  /// The error value, when the script raised a table.
  public var value: Value?
  /// The Swift error that crossed Lua, unchanged.
  public var underlying: (any Error)?

  /// Makes an error.
  public init(
    code: Code,
    message: String,
    script: String? = nil,
    line: Int? = nil,
    traceback: String = "",
    value: Value? = nil,
    underlying: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.script = script
    self.line = line
    self.traceback = traceback
    self.value = value
    self.underlying = underlying
  }

  package static let closed = LuaError(
    code: .closed,
    message: "the Lua machine of this handle has been closed"
  )
}

extension LuaError: CustomStringConvertible {
  /// The message, with the traceback on the lines after it.
  public var description: String {
    traceback.isEmpty ? message : message + "\n" + traceback
  }
}

/// An error that tells scripts more than a text: its fields are read as `err.code`, `err.message`.
public protocol LuaErrorConvertible: Error {
  /// What kind of error scripts see.
  var luaCode: String { get }
  /// What scripts see as the message.
  var luaMessage: String { get }
  /// Where it happened, when that is known before a script gets it.
  var luaPlace: (script: String, line: Int)? { get }
  /// The table that a script raised, whose plain fields scripts read as fields of the error.
  var luaValue: Value? { get }
  /// Whether a script has raised it: scripts that catch it get the table or the text that was raised.
  var isRaisedInLua: Bool { get }
}

extension LuaErrorConvertible {
  /// No table.
  public var luaValue: Value? { nil }
  /// An error of the host, which scripts get as an object.
  public var isRaisedInLua: Bool { false }
}

extension LuaError {
  /// What people read of an error that is a table without a text of its own.
  static func text(of value: Value) -> String { value["message"]?.stringValue ?? "\(value)" }
}

/// Holds a Swift error while Lua carries it, so that what comes back is the same error.
package final class CarriedError {
  package let error: any Error
  package let message: String
  package let code: String
  package private(set) var script: String?
  package private(set) var line: Int?
  /// The table that a script raised.
  let value: Value?
  /// What a script raised, and its text where that does not follow from the value.
  var raised: (value: Value, text: String?)? {
    guard (error as? any LuaErrorConvertible)?.isRaisedInLua == true else { return nil }
    guard let value else { return (.string(message), nil) }
    // A table whose text is its `message` says so wherever it is caught, with a `__tostring` of its own or without.
    return (value, message == "\(value)" ? nil : message)
  }

  init(_ error: any Error) {
    self.error = error
    value = (error as? any LuaErrorConvertible)?.luaValue ?? (error as? LuaError)?.value
    if let own = error as? any LuaErrorConvertible {
      message = own.luaMessage
      code = own.luaCode
      if let place = own.luaPlace {
        script = place.script
        line = place.line
      }
    } else if let own = error as? LuaError {
      message = own.message
      code = own.code.rawValue
      if let place = own.script, let number = own.line {
        script = place
        line = number
      }
    } else {
      message = String(describing: error)
      code = LuaError.Code.thrown.rawValue
    }
  }

  func locate(script: String, line: Int) {
    // The first raise tells where it happened; raising it again does not move it.
    guard self.line == nil else { return }
    self.script = script
    self.line = line
  }

  /// The message with the place where it was raised in front, as Lua writes its own.
  package var text: String {
    guard value == nil, let script, let line, !message.hasPrefix("\(script):") else {
      return message
    }
    return "\(script):\(line): \(message)"
  }
}
