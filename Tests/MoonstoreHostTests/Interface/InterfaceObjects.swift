import MoonstoreInterface

/// Lua that makes the objects whose methods and fields the interface describes, under the names that it uses.
enum InterfaceObjects {
  private static let makers: [(variable: String, lua: String)] = [
    ("task", "local task = spawn(function() sleep(60) end)"),
    ("factory", "local factory = factories.base()"),
    ("namespaced", "local namespaced = namespace('ns')"),
    ("composition", "local composition = composeStores { goods = 'products' }"),
    ("response", "local response = http.get('https://api.example.com/price')"),
    (
      "message",
      "local message; local hear = bus.subscribe('m', function(m) message = m end); bus.send('m', 1, { to = 'cart' }); "
        + "bus.send('m', 1); hear()"
    ),
    (
      "call",
      "local call; local stop = store.onAction(useStore('cart'), function(c) call = c end); useStore('cart'):clear(); "
        + "stop()"
    ),
    (
      "api",
      "local api; local off = effects.on('go', function(event, a) api = a end); bus.send('go'); sleep(0); sleep(1); off()"
    ),
  ]

  /// What is to run before an expression that begins with one of them.
  static func lua(for name: String) -> String {
    let variable = String(name.prefix { $0 != "." && $0 != ":" })
    return makers.first { $0.variable == variable }?.lua ?? ""
  }

  /// A value that a type takes.
  static func sample(_ kinds: [InterfaceKind]) -> String {
    switch kinds.first {
    case .string: "'cart'"
    case .number, .integer, .seconds: "1"
    case .boolean: "true"
    case .table: "{}"
    case .function: "function() return {} end"
    case .thread: "coroutine.create(function() end)"
    case .literal(let text): "'\(text)'"
    case .object("Store"): "useStore('cart')"
    case .object("Message"): "message"
    case .object("Task"): "spawn(function() end)"
    case .object: "function() end"
    case .any: "1"
    case .nil, nil: "nil"
    }
  }
}
