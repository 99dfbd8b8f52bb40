import MoonLua
import MoonValue
import MoonstoreCore

/// Shows calls of actions, messages and changes as they happen, up to a number and for a time.
///
/// What it listens with goes when either is reached, so that a host pays for no more than was asked for.
final class Trace: ReplStream {
  private unowned let engine: HostEngine
  fileprivate unowned let session: SessionState
  private let width: Int
  private var left: Int
  private(set) var isOver = false
  private var parts: [Subscription] = []
  private var depth = 0
  private var calls: [Int64: (name: String, begin: ContinuousClock.Instant)] = [:]
  private var callCount: Int64 = 0

  init(
    _ engine: HostEngine,
    _ session: SessionState,
    limit: Int,
    width: Int
  ) {
    self.engine = engine
    self.session = session
    self.width = width
    left = limit
  }

  /// Listens to all that a pattern means; tells whether there is anything.
  ///
  /// `cart:*` means actions and messages, `cart.items` changes, and a pattern without both of these everything
  /// of the stores that it names, and the messages of its types.
  func begin(_ pattern: String) throws -> Bool {
    let system = engine.system
    let ids = system.registry.ids
    let isPath = pattern.contains(".") && !pattern.contains(":")
    if !isPath {
      for id in ids {
        let store = try system.registry.live(id)
        let glob = Glob(pattern.contains(":") ? pattern : pattern + ":*")
        guard store.actions.contains(where: { glob.matches("\(id):\($0.name)") }) else { continue }
        parts.append(try engine.trace(actionsOf: store, by: self) { glob.matches("\(id):\($0)") })
      }
      let glob = Glob(pattern)
      parts.append(
        system.bus.use { [weak self] message in
          if glob.matches(message.type) || message.from == pattern { self?.see(message) }
          return true
        }
      )
    }
    guard !pattern.contains(":") else { return true }
    for id in ids {
      let store = try system.store(id)
      if isPath {
        guard let rest = Trace.path(pattern, in: id) else { continue }
        parts.append(try store.subscribe(path: rest == "*" ? nil : rest, seeWhenFinal))
      } else if Glob(pattern).matches(id) {
        parts.append(try store.subscribe(seeWhenFinal))
      }
    }
    return !parts.isEmpty
  }

  private static func path(_ pattern: String, in id: String) -> String? {
    pattern.hasPrefix(id + ".") ? String(pattern.dropFirst(id.count + 1)) : nil
  }

  // MARK: Seeing

  private func tell(_ text: String) {
    guard !isOver else { return }
    let time = Clock.text(of: engine.system.clock.now)
    let line = time + " " + String(repeating: "  ", count: min(depth, 20)) + text
    let shown = Trace.cut(line, max(40, width))
    guard engine.showsTrace(shown, of: session.name) else { return }
    session.options.onEvent(.traced(shown))
    left -= 1
    if left <= 0 { end("as many as were asked for") }
  }

  private static func cut(_ line: String, _ width: Int) -> String {
    line.count <= width ? line : line.prefix(width - 3) + "..."
  }

  func begins(_ name: String, _ arguments: String) -> Int64 {
    tell("\(PrintedText.line(name))(\(arguments))")
    depth += 1
    callCount += 1
    calls[callCount] = (name, .now)
    return callCount
  }

  func ends(_ number: Int64, _ result: () -> String) {
    depth = max(0, depth - 1)
    guard let (name, begin) = calls.removeValue(forKey: number), !isOver else { return }
    tell("\(PrintedText.line(name)) \(result()) in \((ContinuousClock.now - begin).short)")
  }

  private func see(_ message: Message) {
    let to = message.to.map { " to \($0)" } ?? ""
    tell(
      "\(PrintedText.line(message.type)) \(PlainText.flat(message.payload, upTo: width))"
        + PrintedText.line(" from \(message.from)\(to)")
    )
  }

  private func seeWhenFinal(_ change: StoreChange) {
    engine.system.whenFinal { [weak self] in self?.see(change) }
  }

  private func see(_ change: StoreChange) {
    for patch in change.patches where !isOver { tell(ChangeText(width: width).line(patch)) }
  }

  func end(_ reason: String) {
    guard !isOver else { return }
    isOver = true
    session.streams.removeAll { $0 === self }
    session.options.onEvent(.ended(reason))
    if engine.system.isInTurn {
      engine.endLater(parts)
    } else {
      for part in parts { part.cancel() }
    }
    parts = []
  }
}

extension HostEngine {
  /// Ends subscriptions when nothing is half-done: a turn that fails would put them back.
  fileprivate func endLater(_ parts: [Subscription]) {
    system.afterTurn("the end of a trace", .soon, isFinal: true) {
      for part in parts { part.cancel() }
    }
  }

  /// Follows the actions of a store.
  fileprivate func trace(
    actionsOf store: LiveStore,
    by trace: Trace,
    _ isMeant: @escaping (String) -> Bool
  ) throws -> Subscription {
    traceCount += 1
    let number = traceCount
    traces[number] = (trace, isMeant)
    let hook = try preludeFunction("tracer").call(.data(.integer(Int64(number))))
    guard case .function(let function) = hook.first else {
      throw StoreError(.closed, "the prelude made no tracer")
    }
    let subscription = surround(
      store,
      with: ScriptHook(function.reference, hold: nil),
      of: trace.session.name,
      as: .hook
    )
    return CustomSubscription { [unowned self] in
      traces[number] = nil
      subscription.cancel()
    }
  }

  /// What the prelude's tracer tells.
  func addTraceFunctions(_ natives: Natives) throws {
    // traceBegin(tracer, store, action, ...) -> call, or nothing
    natives.add("traceBegin", within: "a trace", byReference: true) { [unowned self] arguments in
      let number = try arguments.integer()
      let (store, _) = try arguments.store()
      let action = try arguments.string()
      guard let (trace, isMeant) = traces[number], !trace.isOver, isMeant(action) else {
        return arguments.none()
      }
      var texts: [String] = []
      while arguments.hasMore { texts.append(brief(try arguments.luaValue())) }
      let call = trace.begins("\(store.id):\(action)", texts.joined(separator: ", "))
      return arguments.answer(.integer(call))
    }
    // traceEnd(tracer, call, succeeded, ...)
    natives.add("traceEnd", within: "a trace", byReference: true) { [unowned self] arguments in
      let number = try arguments.integer()
      let call = Int64(try arguments.integer())
      let succeeded = arguments.bool()
      var values: [LuaValue] = []
      while arguments.hasMore { values.append(try arguments.luaValue()) }
      traces[number]?.trace.ends(call) {
        let text = values.map(brief).joined(separator: ", ")
        return succeeded ? text.isEmpty ? "done" : "-> \(text)" : "failed: \(text)"
      }
      return arguments.none()
    }
  }

  /// A value in one short line.
  private func brief(_ value: LuaValue) -> String {
    switch value {
    case .nil: return "nil"
    case .data(let data): return PlainText.flat(data, upTo: 60)
    case .table(let table):
      guard let (pairs, isAll) = try? table.pairs(upTo: 6) else { return "{ ... }" }
      var parts = pairs.map { pair in
        guard case .data(let key) = pair.key, key.integerValue == nil else {
          return nested(pair.value)
        }
        return
          "\(key.stringValue.map { PrintedText.key(.string($0)) } ?? "?") = \(nested(pair.value))"
      }
      if !isAll { parts.append("...") }
      return parts.isEmpty ? "{}" : "{ \(parts.joined(separator: ", ")) }"
    case .function: return "<function>"
    case .opaque(let opaque):
      if let entry = opaque.instance(kind: ObjectKind.store, as: StoreEntry.self) {
        return "<store \(PrintedText.line(entry.id))>"
      }
      if let node = opaque.instance(kind: ObjectKind.part, as: StateNode.self) {
        return PlainText.flat(node.count > 20 ? .string("... \(node.count)") : node.value, upTo: 60)
      }
      if let error = opaque.instance(kind: ObjectKind.error, as: CarriedError.self) {
        return PrintedText.line(error.text)
      }
      return "<object>"
    }
  }

  private func nested(_ value: LuaValue) -> String {
    if case .table = value { return "{ ... }" }
    return brief(value)
  }
}

extension StoreHost {
  /// `:trace`.
  func trace(
    _ call: ReplCommand.Call,
    _ view: ReplView,
    _ session: SessionState
  ) throws(StoreError) -> ReplResult {
    let (pattern, numbers, _) = try call.options(["--for", "--limit"])
    if pattern.isEmpty { throw call.wrong("what is to be traced?") }
    if pattern.contains(" ") { throw call.wrong("a pattern has no spaces") }
    session.streamCount += 1
    let number = session.streamCount
    let trace = Trace(
      engine,
      session,
      limit: numbers["--limit"].map { Int($0) } ?? 100,
      width: view.width
    )
    do {
      guard try trace.begin(pattern) else {
        throw StoreError(
          .invalidArgument,
          ":trace: '\(pattern)' means no action, message or field"
            + Suggestion.text(for: pattern, among: engine.system.registry.ids)
        )
      }
    } catch {
      throw StoreError(wrapping: error)
    }
    session.add(trace, number)
    end(number, in: session.name, after: numbers["--for"] ?? 30)
    var result = ReplResult(.ok)
    result.isStreaming = true
    return result
  }
}
