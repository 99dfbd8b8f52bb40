import MoonDiagnostics
import MoonLuaSyntax

/// Stores that depend on each other in a circle, and getters that read each other in one.
struct CircleRules {
  let project: ProjectFacts
  let scripts: [String: AnalyzedScript]

  /// What was found, by script.
  func check(_ add: (_ code: String, _ message: String, _ place: Diagnostic.Place) -> Void) {
    let dependencies = project.stores.mapValues { $0.dependencies.map(\.id) }
    for circle in circles(in: dependencies) {
      guard let first = project.stores[circle[0]],
        let next = circle.dropFirst().first ?? circle.first,
        let place = first.dependencies.first(where: { $0.id == next })?.place
      else { continue }
      let path = (circle + [circle[0]]).joined(separator: " -> ")
      add("M110", "stores depend on each other in a circle: \(path)", place)
    }
    checkGetters(add)
  }

  private func checkGetters(_ add: (String, String, Diagnostic.Place) -> Void) {
    var reads: [String: [String]] = [:]
    var places: [String: [String: Diagnostic.Place]] = [:]
    for store in project.stores.values {
      guard let path = store.script?.path, let analyzed = scripts[path] else { continue }
      for getter in store.getters.values {
        guard let body = getter.body else { continue }
        let name = "\(store.id).\(getter.name)"
        reads[name] = []
        body.walk { node in
          guard node.kind == .member, let base = node.firstChild, let field = node.lastName,
            let id = analyzed.handles.store(of: base), project.stores[id]?.getters[field] != nil
          else { return }
          reads[name, default: []].append("\(id).\(field)")
          if places[name]?["\(id).\(field)"] == nil {
            places[name, default: [:]]["\(id).\(field)"] = node.lastNameToken.map(
              analyzed.script.place(ofToken:)
            )
          }
        }
      }
    }
    for circle in circles(in: reads) {
      let next = circle.count > 1 ? circle[1] : circle[0]
      guard let place = places[circle[0]]?[next] else { continue }
      let path = (circle + [circle[0]]).joined(separator: " -> ")
      add("M111", "getters read each other in a circle: \(path)", place)
    }
  }

  /// The circles of a graph, each once, beginning with the first of its names.
  private func circles(in graph: [String: [String]]) -> [[String]] {
    var found: [[String]] = []
    var done: Set<String> = []
    for start in graph.keys.sorted() where !done.contains(start) {
      // The way from the start, with what is left to try at each step.
      var path: [(name: String, rest: [String])] = [(start, graph[start] ?? [])]
      var places = [start: 0]
      while let last = path.last {
        guard let next = last.rest.first else {
          path.removeLast()
          places[last.name] = nil
          done.insert(last.name)
          continue
        }
        path[path.count - 1].rest.removeFirst()
        if let place = places[next] {
          let circle = path[place...].map(\.name)
          let first = circle.indices.min { circle[$0] < circle[$1] } ?? 0
          found.append(Array(circle[first...] + circle[..<first]))
        } else if !done.contains(next), graph[next] != nil {
          places[next] = path.count
          path.append((next, graph[next] ?? []))
        }
      }
    }
    return Set(found).sorted { $0.joined(separator: "\0") < $1.joined(separator: "\0") }
  }
}
