import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What the chapter `effects` is made from.
  ///
  /// Matchers come as data, `{ kind, type | store, name | path, predicate }`, where `predicate` counts the
  /// functions that follow as arguments.
  func addEffectFunctions(_ natives: Natives) throws {
    natives.add("openEffects", within: "effects") { [unowned self] arguments in
      effects.open(actionHook: try arguments.function())
      return arguments.none()
    }
    try addListenerFunctions(natives)
    try addWaitFunctions(natives)
    // noteAction(store, name, record)
    natives.add("noteAction", within: "effects") { [unowned self] arguments in
      let store = try arguments.string()
      let name = try arguments.string()
      effects.noteAction(name, of: store, try arguments.value())
      return arguments.none()
    }
    natives.add("wantsOriginal", within: "effects") { [unowned self] arguments in
      let store = try arguments.string()
      return arguments.answer(.bool(effects.wantsOriginal(ofActionsOf: store)))
    }
    // The id of a store, also of one that is not there yet, and the rights of the handle; nil for what is none.
    natives.add("heldStore", within: "effects") { arguments in
      guard let object = arguments.object(ObjectKind.store) else {
        return arguments.answer(slot: .empty)
      }
      arguments.call.dropArguments()
      arguments.engine.machine.append(object.instance(as: StoreEntry.self).id)
      arguments.engine.machine.append(Int64(object.grant))
      return .results(2)
    }
  }

  private func addListenerFunctions(_ natives: Natives) throws {
    // listen(script, label, matchers, options, effect, predicates...) -> number
    natives.add("listen", as: .effectsOn, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let label = try arguments.string()
      let specs = try arguments.value()
      let options = try arguments.value()
      let effect = try arguments.function()
      try system.forbidInGetter("listen to events", isRegistration: true)
      let matchers = try matchers(specs, &arguments)
      let wantsOriginal = options["original"]?.boolValue ?? false
      for matcher in matchers { matcher.wantsOriginal = wantsOriginal }
      let listener = EffectListener(
        number: effects.nextNumber(),
        script: script,
        label: label,
        matchers: matchers,
        effect: effect,
        options: EffectListener.Options(options),
        engine: self
      )
      adopt(tasksOf: script)
      try effects.listen(listener)
      return arguments.answer(.integer(Int64(listener.number)))
    }
    natives.add("listenAgain", as: .apiSubscribe, hidden: 1) { [unowned self] arguments in
      if let listener = try listener(&arguments) { try effects.listen(listener) }
      return arguments.none()
    }
    // unlisten(number, whether its effects end too) -> whether it listened
    natives.add("unlisten", within: "a disposer", acts: true) { [unowned self] arguments in
      guard let listener = try listener(&arguments) else { return arguments.answer(false) }
      let listened = listener.end()
      if arguments.bool() { listener.cancelRunning() }
      return arguments.answer(.bool(listened))
    }
    natives.add("effectOptions", as: .effectsOn) { arguments in
      _ = try arguments.options(at: 3)
      return arguments.none()
    }
    // cancelEffects(number, the task that goes on)
    natives.add("cancelEffects", as: .apiCancelActive, hidden: 1) { [unowned self] arguments in
      let listener = try listener(&arguments)
      listener?.cancelRunning(except: try arguments.integer())
      return arguments.none()
    }
    natives.add("endEffects", as: .effectsClear, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      for listener in effects.listeners(of: script) {
        listener.end()
        listener.cancelRunning()
      }
      return arguments.none()
    }
  }

  private func addWaitFunctions(_ natives: Natives) throws {
    // take(script, label, matchers, timeout, predicates...) -> event or nil
    natives.add("take", as: .effectsTake, hidden: 2) { [unowned self] arguments in
      let script = try arguments.string()
      let label = try arguments.string()
      let specs = try arguments.value()
      if label.hasPrefix("api.") { arguments.speak(as: .apiTake) }
      let timeout = try arguments.optionalSeconds()
      try arguments.checkWait(arguments.name)
      let taker = EffectTaker(
        number: effects.nextNumber(),
        script: script,
        label: label,
        matchers: try matchers(specs, &arguments)
      )
      try effects.add(taker)
      let awaited = Awaited(label, engine: self, timeout: timeout)
      taker.awaited = awaited
      awaited.onEnd = { taker.end() }
      return arguments.wait(for: awaited)
    }
    // condition(script, label, function, timeout) -> whether it came true in time
    natives.add("condition", as: .effectsCondition, hidden: 2) { [unowned self] arguments in
      arguments.skip()
      let label = try arguments.string()
      if label.hasPrefix("api.") { arguments.speak(as: .apiCondition) }
      let function = try arguments.function()
      let timeout = try arguments.optionalSeconds()
      try arguments.checkWait(arguments.name)
      let awaited = Awaited(label, engine: self, timeout: timeout) { $0.append(false) }
      let test = ConditionTest(label, of: function, engine: self) { answer in
        awaited.end { $0.append(try answer.get()) }
      }
      if let answer = test.begin() { return arguments.answer(.bool(try answer.get())) }
      awaited.onEnd = { test.end() }
      return arguments.wait(for: awaited)
    }
  }

  private func listener(_ arguments: inout Arguments) throws -> EffectListener? {
    effects.listeners[try arguments.integer()]
  }

  private func matchers(
    _ specs: Value,
    _ arguments: inout Arguments
  ) throws -> [EffectMatcher] {
    var predicates: [LuaReference] = []
    while arguments.hasMore { predicates.append(try arguments.function()) }
    return (specs.arrayValue ?? []).map { spec in
      let store = spec["store"]?.stringValue ?? ""
      let subject: EffectMatcher.Subject =
        switch spec["kind"]?.stringValue {
        case "action": .action(store: store, name: spec["name"]?.stringValue)
        case "change": .change(store: store, path: spec["path"]?.stringValue)
        default: spec["type"]?.stringValue.map { .message($0) } ?? .anyMessage
        }
      let predicate = spec["predicate"]?.integerValue.map { predicates[Int($0) - 1] }
      let grant = spec["grant"]?.integerValue.map { UInt16(truncatingIfNeeded: $0) }
      return EffectMatcher(subject, predicate: predicate, hold: grant.map(system.access.hold))
    }
  }
}

extension EffectListener.Options {
  /// The options as the chapter has checked them.
  fileprivate init(_ value: Value) {
    latest = value["latest"]?.boolValue ?? false
    leading = value["leading"]?.boolValue ?? false
    once = value["once"]?.boolValue ?? false
    delay = value["delay"]?.doubleValue
    debounce = value["debounce"]?.doubleValue
    throttle = value["throttle"]?.doubleValue
  }
}

/// Asks a function again whenever something that it has read has changed, until it says yes.
private final class ConditionTest {
  private let label: String
  private let function: LuaReference
  private unowned let engine: HostEngine
  private let onEnd: (Result<Bool, StoreError>) -> Void
  private var effect: Effect?
  private var isWaiting = false
  private var first: Result<Bool, StoreError>?

  init(
    _ label: String,
    of function: LuaReference,
    engine: HostEngine,
    onEnd: @escaping (Result<Bool, StoreError>) -> Void
  ) {
    self.label = label
    self.function = function
    self.engine = engine
    self.onEnd = onEnd
  }

  /// Asks for the first time; nil if it is not yet true.
  func begin() -> Result<Bool, StoreError>? {
    // Not owned by what happens to run now, such as a watcher.
    engine.conditionScope.run {
      effect = Effect(in: engine.system.graph, label: label) { [unowned self] in ask() }
    }
    isWaiting = true
    if first != nil { end() }
    return first
  }

  private func ask() {
    let answer: Result<Bool, StoreError>
    do {
      guard try engine.isTrue(function, as: "the function of ", of: label, {}) else { return }
      answer = .success(true)
    } catch {
      answer = .failure(StoreError(wrapping: error))
    }
    if isWaiting { onEnd(answer) } else { first = answer }
  }

  func end() {
    effect?.dispose()
    effect = nil
  }
}
