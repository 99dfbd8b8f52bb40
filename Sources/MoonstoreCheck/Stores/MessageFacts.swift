import MoonDiagnostics
import MoonLuaSyntax

/// The messages that a script sends, asks for, handles and answers, by the types that stand in its text.
struct MessageFacts {
  struct Message {
    let type: String
    let place: Diagnostic.Place
  }

  private(set) var sent: [Message] = []
  private(set) var requested: [Message] = []
  private(set) var handled: [Message] = []
  private(set) var answered: [Message] = []
  /// Sendings whose type is computed.
  private(set) var computedSendings: [Diagnostic.Place] = []
  /// Handlers whose type is computed.
  private(set) var computedHandlers: [Diagnostic.Place] = []
  /// Types of messages that middleware makes out of others.
  private(set) var made: Set<String> = []
  private let script: CheckedScript

  init(_ script: CheckedScript, stores: [StoreFacts]) {
    self.script = script
    for store in stores {
      for member in store.handlers {
        if let place = member.place { handled.append(Message(type: member.name, place: place)) }
      }
      for member in store.answers {
        if let place = member.place { answered.append(Message(type: member.name, place: place)) }
      }
    }
    for node in script.tree.nodes {
      switch node.kind {
      case .member: note(node)
      case .namedField where node.lastName == "type":
        if let type = node.firstChild?.literal { made.insert(type) }
      default: break
      }
    }
  }

  /// `bus.send` and its like, called or handed on with their first argument, as in `pcall(bus.request, "type")`.
  private mutating func note(_ function: SyntaxNode) {
    guard let name = function.globalPath ?? api(function), let around = function.parent else {
      return
    }
    let argument: SyntaxNode?
    if around.kind == .call, around.firstChild?.id == function.id {
      argument = around.arguments.first
    } else if around.kind == .arguments {
      argument = function.nextSibling
    } else {
      return
    }
    guard let argument else { return }
    let type = argument.literal ?? script.variables.resolved(argument).literal
    let message = type.map { Message(type: $0, place: script.place(argument)) }
    let isSending = name == "bus.send" || name == "bus.request"
    guard let message else {
      switch name {
      case "bus.send", "bus.request": computedSendings.append(script.place(argument))
      case "bus.subscribe", "bus.answer": computedHandlers.append(script.place(argument))
      // An effect can hear lists, functions and stores besides.
      case "effects.on", "effects.take", "api.take": readTypes(argument)
      default: break
      }
      return
    }
    switch name {
    case "bus.send": sent.append(message)
    case "bus.request": requested.append(message)
    case "bus.answer": answered.append(message)
    case "bus.subscribe", "effects.on", "effects.take", "api.take": handled.append(message)
    default: assert(!isSending)
    }
  }

  /// `api.take` of an effect, whose library is a parameter.
  private func api(_ function: SyntaxNode) -> String? {
    guard function.lastName == "take", function.firstChild?.kind == .variable else { return nil }
    return "api.take"
  }

  private mutating func readTypes(_ argument: SyntaxNode) {
    let list = script.variables.resolved(argument)
    guard list.kind == .table else {
      if list.body == nil { computedHandlers.append(script.place(argument)) }
      return
    }
    for child in list.children {
      guard let value = child.firstChild, let type = value.literal else { continue }
      handled.append(Message(type: type, place: script.place(value)))
    }
  }
}
