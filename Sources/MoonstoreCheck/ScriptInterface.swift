/// What scripts are given, by name.
///
/// The one place in the checker that knows it; everything else asks here.
enum ScriptInterface {
  /// The functions of the libraries; nil for globals that are no library.
  static let globals: [String: Set<String>?] = [
    "_G": nil, "_VERSION": nil, "_ENV": nil, "assert": nil, "error": nil, "getmetatable": nil,
    "ipairs": nil, "load": nil, "next": nil, "pairs": nil, "pcall": nil, "print": nil,
    "rawequal": nil, "rawget": nil, "rawlen": nil, "rawset": nil, "require": nil, "select": nil,
    "setmetatable": nil, "tonumber": nil, "tostring": nil, "type": nil, "xpcall": nil, "arg": nil,
    "array": ["is"], "map": ["is"], "null": nil, "settings": nil,
    "string": [
      "byte", "char", "find", "format", "gmatch", "gsub", "len", "lower", "match", "pack",
      "packsize", "rep", "reverse", "sub", "unpack", "upper",
    ],
    "table": ["concat", "insert", "move", "pack", "remove", "sort", "unpack"],
    "math": [
      "abs", "acos", "asin", "atan", "ceil", "cos", "deg", "exp", "floor", "fmod", "huge", "log",
      "max", "maxinteger", "min", "mininteger", "modf", "pi", "rad", "random", "randomseed", "sin",
      "sqrt", "tan", "tointeger", "type", "ult",
    ],
    "utf8": ["char", "charpattern", "codepoint", "codes", "len", "offset"],
    "coroutine": [
      "close", "create", "isyieldable", "resume", "running", "status", "wrap", "yield",
    ],
    "defineStore": nil, "useStore": nil, "ref": nil, "computed": nil, "watch": nil, "secure": nil,
    "createSecureStore": nil, "transaction": nil, "commit": nil, "sleep": nil, "progress": nil,
    "store": ["id", "state", "copy", "reset", "dispose", "patch", "subscribe", "onAction"],
    "registry": [
      "has", "ids", "count", "get", "all", "describe", "record", "dependents", "register",
      "unregister", "resolveDependencies", "validateDependencies", "checkPermission", "emit", "on",
      "off", "recentEvents", "droppedEvents",
    ],
    "bus": [
      "send", "request", "subscribe", "unsubscribe", "answer", "respond", "use", "recentMessages",
      "unhandledMessages", "messageCount", "statistics", "cleanup",
    ],
    "log": ["debug", "info", "warn", "error"], "time": ["now", "iso"],
    "random": ["id", "number", "integer"], "json": ["encode", "decode"],
    "files": ["read", "lines"],
    "http": ["get", "head", "post", "put", "patch", "delete", "request"],
    "effects": ["on", "take", "condition", "clear"], "factories": ["base", "entity"],
    "spawn": nil, "namespace": nil, "composeStores": nil, "createStoreWithDeps": nil,
    "applyMiddleware": nil, "useComposedStore": nil, "useStoreComposition": nil, "provide": nil,
    "inject": nil,
  ]

  /// Functions that the host calls if a script has them.
  static let hooks: Set<String> = ["onLoad", "onUnload"]

  /// What a spec has besides.
  static let specGlobals: Set<String> = [
    "describe", "it", "context", "insulate", "spec", "test", "pending", "before_each", "after_each",
    "setup", "teardown", "finally", "expect", "assert", "spy", "stub", "mock", "match", "clock",
    "snapshot", "eventually", "leaves", "any",
  ]

  /// Functions that suspend the run which calls them.
  static let waiting: Set<String> = [
    "sleep", "http.get", "http.head", "http.post", "http.put", "http.patch", "http.delete",
    "http.request", "effects.take", "effects.condition",
  ]

  /// Functions that send.
  static let sending: Set<String> = ["bus.send", "bus.request", "registry.emit"]

  /// Functions of a store that change it.
  static let writing: Set<String> = ["store.patch", "store.reset", "store.dispose"]

  /// Functions of `table` that change their first argument.
  static let tableWriting: Set<String> = ["table.insert", "table.remove", "table.sort"]

  /// Functions that run another one later, in a turn of its own.
  static let later: Set<String> = [
    "spawn", "effects.on", "bus.subscribe", "bus.answer", "bus.use", "registry.on",
    "store.subscribe", "store.onAction", "watch", "applyMiddleware", "coroutine.create",
    "coroutine.wrap",
  ]

  /// Capabilities, by the globals that they bring.
  static let capabilities = ["files": "files", "http": "http"]

  /// Names that go, and what is said in their place.
  static let deprecated = ["createSecureStore": "secure"]

  /// What the table that a store is made from can say.
  static let definition: Set<String> = [
    "name", "metadata", "dependencies", "permissions", "plugins", "state", "getters", "actions",
    "on", "answers", "options", "version", "migrate",
  ]
}
