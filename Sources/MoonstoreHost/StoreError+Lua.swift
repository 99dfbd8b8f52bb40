public import MoonLua
public import MoonValue
public import MoonstoreCore

extension StoreError {
  /// What a Lua error means here.
  ///
  /// A `StoreError` that has crossed Lua is itself again, with the place.
  init(lua error: LuaError) {
    if var own = error.underlying as? StoreError {
      if own.script == nil {
        own.script = error.script
        own.line = error.line
      }
      if own.traceback.isEmpty { own.traceback = error.traceback }
      self = own
    } else {
      let code: Code =
        switch error.code {
        case .syntax: .syntax
        case .conversion: .notData
        case .closed: .closed
        case .cannotWait: .cannotWait
        case .thrown: .thrown
        case .timeLimit: .timeLimit
        case .memoryLimit: .memoryLimit
        case .stackLimit: .stackLimit
        case .invalidLimit: .invalidArgument
        default: .script
        }
      self.init(
        code,
        error.message,
        script: error.script,
        line: error.line,
        traceback: error.traceback,
        value: error.value,
        underlying: error.underlying
      )
    }
  }
}

extension StoreError {
  /// What a function of a script has raised, as text; its place is in the text, or that of the function.
  init(_ code: Code, _ text: String, raisedBy function: LuaReference?) {
    self.init(code, text)
    guard let place = function.flatMap({ LuaFunction($0).definition }) else { return }
    script = place.script
    line = place.line
    let prefix = place.script + ":"
    guard text.hasPrefix(prefix) else { return }
    let rest = text.dropFirst(prefix.count)
    guard let end = rest.firstIndex(of: ":"), let line = Int(rest[..<end]) else { return }
    self.line = line
    message = String(rest[end...].dropFirst().drop { $0 == " " })
  }
}

extension LuaError: StoreErrorConvertible {
  package var storeError: StoreError { StoreError(lua: self) }
}

extension StoreError: LuaErrorConvertible {
  /// The name of the code, as scripts read it: the script's own, if it raised a table with one.
  public var luaCode: String { value?["code"]?.stringValue ?? code.rawValue }
  /// The message without its place, which Lua adds.
  public var luaMessage: String { message }
  /// Whether a script raised it, so that scripts get what was raised.
  public var isRaisedInLua: Bool { code == .script && underlying == nil }
  /// The table that the script raised.
  public var luaValue: Value? { value }
  /// Where it happened.
  public var luaPlace: (script: String, line: Int)? {
    guard let script, let line else { return nil }
    return (script, line)
  }
}
