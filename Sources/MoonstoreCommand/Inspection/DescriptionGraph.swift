import MoonstoreCore
import MoonstoreHost

/// The relations of a project as a graph for Graphviz: stores, dependencies (solid) and messages (dashed).
///
/// Takes what `StoreHost.describe` gives.
struct DescriptionGraph {
  /// The nodes by what they stand for; the graph knows them by number, since ids can have any form.
  private var numbers: [String: Int] = [:]
  private var nodes: [String] = []
  private var edges: [String] = []
  private var known: Set<String> = []

  static func text(of description: HostDescription) -> String {
    var graph = DescriptionGraph()
    graph.read(description)
    return """
      digraph moonstore {
        rankdir=LR;
        node [shape=box, style=rounded];
      \((graph.nodes + graph.edges).map { "  \($0)\n" }.joined())}

      """
  }

  private mutating func read(_ description: HostDescription) {
    var owners: [String: [String]] = [:]
    for store in description.stores {
      node(store.id)
      if let script = store.record.script { owners[script, default: []].append(store.id) }
    }
    for store in description.stores {
      for dependency in store.record.dependencies { edge(store.id, dependency, "") }
    }
    for message in description.messages {
      let senders = message.senders.map { actor($0.script, owners) }
      let scripts = message.effects.map { actor($0, owners) }
      let receivers = message.handlers + message.responders + scripts
      for sender in senders {
        for receiver in receivers {
          edge(sender, actor(receiver, owners), " [label=\(quoted(message.type)), style=dashed]")
        }
      }
    }
  }

  /// What stands for a script: its store, if it has just one.
  private func actor(_ script: String, _ owners: [String: [String]]) -> String {
    guard let stores = owners[script], stores.count == 1 else { return script }
    return stores[0]
  }

  @discardableResult
  private mutating func node(_ name: String, _ attributes: String = "") -> String {
    if let number = numbers[name] { return "n\(number)" }
    numbers[name] = numbers.count + 1
    let node = "n\(numbers.count)"
    nodes.append("\(node) [label=\(quoted(name))\(attributes)];")
    return node
  }

  private mutating func edge(_ from: String, _ to: String, _ attributes: String) {
    // What is no store is a script.
    let edge = "\(node(from, ", shape=note")) -> \(node(to, ", shape=note"))\(attributes);"
    if known.insert(edge).inserted { edges.append(edge) }
  }

  /// A text as the language of Graphviz writes it.
  private func quoted(_ text: String) -> String {
    var quoted = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": quoted += "\\\\"
      case "\"": quoted += "\\\""
      case "\n": quoted += "\\n"
      case _ where scalar.properties.generalCategory == .control: quoted += "?"
      default: quoted.unicodeScalars.append(scalar)
      }
    }
    return "\"\(quoted)\""
  }
}
