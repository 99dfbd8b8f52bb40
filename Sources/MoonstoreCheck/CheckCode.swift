public import MoonDiagnostics

/// The kinds of findings, by code: `E` and `W` with luacheck's numbers for Lua itself, `M` for stores.
public enum CheckCode: Sendable {
  /// Each code, and what it finds.
  public static let all: [(code: String, severity: Diagnostic.Severity, summary: String)] = [
    ("E011", .error, "what is no Lua"),
    ("W111", .warning, "a global variable is set"),
    ("W112", .warning, "a field of an unknown global is set"),
    ("W113", .error, "a global that there is not is read"),
    ("W121", .warning, "a global of the host is set"),
    ("W122", .error, "a field of a library is set"),
    ("W143", .error, "a library has no such function"),
    ("W211", .warning, "a local variable or function is not used"),
    ("W212", .warning, "a parameter is not used"),
    ("W213", .warning, "a variable of a loop is not used"),
    ("W221", .warning, "a local variable is read and never set"),
    ("W231", .warning, "a local variable is set and never read"),
    ("W232", .warning, "a parameter is set and never read"),
    ("W233", .warning, "a variable of a loop is set and never read"),
    ("W241", .warning, "fields of a local variable are set and never read"),
    ("W311", .warning, "a value that is assigned to a variable is never used"),
    ("W312", .warning, "the value of a parameter is never used"),
    ("W313", .warning, "the value of a loop's variable is never used"),
    ("W314", .warning, "a field of a table stands there twice"),
    ("W321", .warning, "a variable is read before it is set"),
    ("W411", .warning, "a local variable is declared again"),
    ("W412", .warning, "a parameter is declared again"),
    ("W413", .warning, "a variable of a loop is declared again"),
    ("W421", .warning, "a local variable hides another one"),
    ("W422", .warning, "a local variable hides a parameter"),
    ("W423", .warning, "a local variable hides a loop's"),
    ("W431", .warning, "a local variable hides one of an outer function"),
    ("W432", .warning, "a local variable hides a parameter of an outer function"),
    ("W433", .warning, "a local variable hides a loop's of an outer function"),
    ("W511", .warning, "code that is never reached"),
    ("W512", .warning, "a loop runs once at most"),
    ("W521", .warning, "a label is not used"),
    ("W531", .warning, "more values than variables"),
    ("W532", .warning, "fewer values than variables"),
    ("W541", .warning, "an empty block"),
    ("W542", .warning, "an empty branch"),
    ("W551", .warning, "an empty statement"),
    ("M101", .error, "a store is defined twice"),
    ("M102", .error, "there is no such store"),
    ("M103", .error, "the store has no such action"),
    ("M104", .error, "the store has no such field or getter"),
    ("M105", .error, "too many or too few arguments of an action"),
    ("M106", .warning, "a message that no script handles"),
    ("M107", .warning, "a message is handled that no script sends"),
    ("M108", .error, "a request that no script answers"),
    ("M109", .warning, "a dependency that is not declared"),
    ("M110", .error, "stores depend on each other in a circle"),
    ("M111", .error, "getters read each other in a circle"),
    ("M112", .error, "a definition has no such field"),
    ("M113", .error, "an action is called with a dot"),
    ("M201", .error, "a getter writes"),
    ("M202", .error, "a getter sends"),
    ("M203", .error, "a getter waits"),
    ("M204", .error, "a transaction waits"),
    ("M205", .error, "what another store does not permit"),
    ("M206", .error, "a script waits while it is loaded"),
    ("M207", .error, "a getter or an action is assigned to"),
    ("M301", .error, "what cannot be state or a message"),
    ("M401", .warning, "the order of `pairs` reaches state or a message"),
    ("M402", .warning, "a variable of a script is used as memory, which a reload loses"),
    ("M501", .warning, "a capability is used and not declared"),
    ("M601", .warning, "a name that is deprecated"),
    ("M901", .warning, "an allow comment without a reason"),
    ("M902", .warning, "an allow comment that nothing needs"),
    ("M903", .warning, "an allow comment with a code that there is not"),
  ]

  private static let severities = Dictionary(
    uniqueKeysWithValues: all.map { ($0.code, $0.severity) }
  )

  /// How bad a finding of a code is.
  static func severity(of code: String) -> Diagnostic.Severity { severities[code] ?? .warning }

  /// Whether there is such a code.
  static func exists(_ code: String) -> Bool { severities[code] != nil }
}
