import MoonLua
import MoonValue
import MoonstoreCore

/// Something that has happened and is final, as effects hear of it.
final class EffectEvent {
  enum Content {
    /// A message that was delivered.
    case message(Message)
    /// An action that succeeded, or a change of a store's state: a table of its own for each who hears.
    case record(Value)
  }

  let content: Content
  /// What errors call it.
  let what: String

  init(_ message: Message) {
    content = .message(message)
    what = "message '\(message.type)'"
  }

  init(_ record: Value, what: String) {
    content = .record(record)
    self.what = what
  }

  /// An action as those hear of it who may not read its store: that it was called, without its values.
  var withoutValues: EffectEvent {
    guard case .record(let value) = content, var record = value.mapValue else { return self }
    record["args"] = .array([])
    record["result"] = .null
    record["original"] = nil
    return EffectEvent(.map(record), what: what)
  }

  /// Appends it as scripts see it.
  func append(to machine: LuaMachine) {
    switch content {
    case .message(let message):
      machine.append(LuaObject(kind: ObjectKind.message, grant: 0, instance: message))
    case .record(let value): machine.append(value)
    }
  }
}
