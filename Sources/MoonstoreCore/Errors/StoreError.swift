public import MoonValue

/// What every throwing function of Moonstore throws: what happened, where, and the way out.
public struct StoreError: Error, Sendable {
  /// The kind of an error; new kinds can be added without breaking anyone.
  public struct Code: RawRepresentable, Hashable, Sendable {
    /// The name of the kind, such as `unknownStore`.
    public let rawValue: String

    /// Makes a kind from its name.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Whether an error is of this kind, so that `catch StoreError.Code.permissionDenied` catches it.
    public static func ~= (code: Code, error: any Error) -> Bool {
      (error as? StoreError)?.code == code
    }

    /// A script is not Lua.
    public static let syntax = Code(rawValue: "syntax")
    /// A script raised an error.
    public static let script = Code(rawValue: "script")
    /// A Swift function raised an error; `underlying` is the one.
    public static let thrown = Code(rawValue: "thrown")
    /// There is no such project, script or file, or it cannot be read.
    public static let unreadable = Code(rawValue: "unreadable")
    /// A store's definition cannot be used.
    public static let invalidDefinition = Code(rawValue: "invalidDefinition")
    /// The state of a live store does not fit a new version of it, and nothing says how it becomes such.
    public static let cannotMigrate = Code(rawValue: "cannotMigrate")
    /// A turn is under way, and this has to wait for its end.
    public static let busy = Code(rawValue: "busy")
    /// Two stores have one id.
    public static let duplicateStore = Code(rawValue: "duplicateStore")
    /// There is no store of this id.
    public static let unknownStore = Code(rawValue: "unknownStore")
    /// The store has no such action.
    public static let unknownAction = Code(rawValue: "unknownAction")
    /// The store has no such field or getter.
    public static let unknownField = Code(rawValue: "unknownField")
    /// A store depends on one that is not there.
    public static let missingDependency = Code(rawValue: "missingDependency")
    /// Stores depend on each other in a circle.
    public static let dependencyCycle = Code(rawValue: "dependencyCycle")
    /// Other stores depend on the one that is to go.
    public static let hasDependents = Code(rawValue: "hasDependents")
    /// The store was disposed.
    public static let disposed = Code(rawValue: "disposed")
    /// The value cannot be state, an argument, a result or a message.
    public static let notData = Code(rawValue: "notData")
    /// The arguments do not fit.
    public static let invalidArgument = Code(rawValue: "invalidArgument")
    /// A part of state was written after it had left the state.
    public static let detached = Code(rawValue: "detached")
    /// What is read-only was written.
    public static let readOnly = Code(rawValue: "readOnly")
    /// The holder of the handle lacks the right.
    public static let permissionDenied = Code(rawValue: "permissionDenied")
    /// A getter wrote, sent or waited.
    public static let getterSideEffect = Code(rawValue: "getterSideEffect")
    /// Getters read each other in a circle.
    public static let getterCycle = Code(rawValue: "getterCycle")
    /// Messages, watchers or subscribers caused each other without end.
    public static let endlessLoop = Code(rawValue: "endlessLoop")
    /// Nobody answers requests of this type.
    public static let noResponder = Code(rawValue: "noResponder")
    /// A request was not answered in time, by a responder or by a server.
    public static let timeout = Code(rawValue: "timeout")
    /// No usable response came from a server; `underlying` says more.
    public static let network = Code(rawValue: "network")
    /// A request or a response is larger than the host allows.
    public static let tooLarge = Code(rawValue: "tooLarge")
    /// More was asked for at once than the host allows.
    public static let overloaded = Code(rawValue: "overloaded")
    /// A task was cancelled before it had ended.
    public static let cancelled = Code(rawValue: "cancelled")
    /// Something tried to wait where nothing can be suspended.
    public static let cannotWait = Code(rawValue: "cannotWait")
    /// A commit would have made final what a caller, or another part of the turn, has not finished.
    public static let cannotCommit = Code(rawValue: "cannotCommit")
    /// A type of request has a responder already.
    public static let duplicateResponder = Code(rawValue: "duplicateResponder")
    /// Nobody has provided what a script injects.
    public static let notProvided = Code(rawValue: "notProvided")
    /// Somebody else provides a value under this key.
    public static let alreadyProvided = Code(rawValue: "alreadyProvided")
    /// The host that a session was attached to has gone.
    public static let disconnected = Code(rawValue: "disconnected")
    /// The host was closed.
    public static let closed = Code(rawValue: "closed")
    /// A script ran for longer than it may; its turn was ended and undone.
    public static let timeLimit = Code(rawValue: "timeLimit")
    /// Scripts held more memory than they may; the turn was ended and undone.
    public static let memoryLimit = Code(rawValue: "memoryLimit")
    /// Calls were nested deeper than the stack allows; what came of it is not kept.
    public static let stackLimit = Code(rawValue: "stackLimit")
    /// A script has run over its limits again and again, and is not run until it is reloaded.
    public static let quarantined = Code(rawValue: "quarantined")
    /// Text is not JSON.
    public static let invalidJSON = Code(rawValue: "invalidJSON")
  }

  /// The kind.
  public var code: Code
  /// What happened, in one sentence.
  public var message: String
  /// The store in whose code it happened.
  public var store: String?
  /// The action, getter or handler in which it happened.
  public var member: String?
  /// The script, relative to its project.
  public var script: String?
  /// The line in the script, from 1.
  public var line: Int?
  /// The column in the line, in Unicode scalars from 1, where it is known: that of what is no Lua.
  public var column: Int?
  /// Lua's traceback, one level a line; empty when there was none.
  public var traceback: String
  /// The table that the script raised as its error.
  public var value: Value?
  /// The error that caused this one.
  public var underlying: (any Error)?

  /// Makes an error.
  public init(
    _ code: Code,
    _ message: String,
    store: String? = nil,
    member: String? = nil,
    script: String? = nil,
    line: Int? = nil,
    traceback: String = "",
    value: Value? = nil,
    underlying: (any Error)? = nil
  ) {
    self.code = code
    self.message = message
    self.store = store
    self.member = member
    self.script = script
    self.line = line
    self.traceback = traceback
    self.value = value
    self.underlying = underlying
  }

  /// The same error with the place where it was caught, unless it tells of a place itself.
  ///
  /// A member belongs to the store that stands with it, so an error of another store's keeps its own place whole.
  package func located(store: String?, member: @autoclosure () -> String?) -> StoreError {
    var error = self
    if error.store == nil || (error.member == nil && error.store == store) {
      error.store = store
      error.member = member()
    }
    return error
  }

  /// Says once how deep getters were reading each other where the stack ended.
  mutating func nest(_ depth: Int) {
    guard depth > 1, !message.contains("reading each other") else { return }
    message += " (\(depth) getters deep, reading each other)"
  }

  /// The error itself, or one that carries it.
  package init(wrapping error: any Error) {
    self =
      error as? StoreError ?? (error as? any StoreErrorConvertible)?.storeError
      ?? StoreError(.thrown, "\(error)", underlying: error)
  }
}

/// An error of another module that means one of ours.
package protocol StoreErrorConvertible: Error {
  var storeError: StoreError { get }
}

extension WorkEnded: StoreErrorConvertible {
  package var storeError: StoreError { StoreError(.timeLimit, description, underlying: self) }
}

extension StoreError: CustomStringConvertible {
  /// The message with its place in front, the store behind, and the traceback on the lines after it.
  public var description: String {
    var text = summary
    if !traceback.isEmpty { text += "\n" + traceback }
    return text
  }

  /// The description without the traceback.
  public var summary: String {
    var text = message
    if let script, let line, !message.hasPrefix("\(script):") {
      text = "\(script):\(line): \(message)"
    } else if let script, line == nil, !message.contains(script) {
      text = "\(script): \(message)"
    }
    if let store {
      let place = member.map { "\(store):\($0)" } ?? store
      if !text.contains(place) { text += " (in \(place))" }
    }
    return text
  }
}
