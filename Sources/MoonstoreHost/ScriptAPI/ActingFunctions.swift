import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// What a function of the host does besides answering, for those who may only look and for code whose script is gone.
  enum Effect {
    /// It reads, or asks for itself what its caller may do.
    case none
    /// It leaves a trace: something is sent, registered, defined, counted or taken from the outside.
    case acts
    /// The same, in the name of the script that is its first argument.
    case actsAsScript

    /// By the names that the prelude knows the functions by; each function is in one place only.
    init(of native: String) {
      self =
        Effect.scripts.contains(native)
        ? .actsAsScript : Effect.others.contains(native) ? .acts : .none
    }

    private static let scripts: Set<String> = [
      "defineStore", "createStore", "configureStore", "destroyStore", "addDependencies",
      "unregister",
      "send", "request", "respond", "onMessage", "onRequest", "useMessages", "onEvent", "emitEvent",
      "subscribe", "onAction", "applyMiddleware", "provide", "watch", "spawn", "listen", "take",
      "endEffects", "secure",
    ]
    private static let others: Set<String> = [
      "nextID", "random", "randomInteger", "cleanup", "commit", "sleep", "progress", "cancel",
      "cancelTask", "waitForTask", "seeTask", "listenAgain", "unlisten", "cancelEffects",
      "condition",
      "http", "reset", "dispose", "patch", "beginPatch", "reorder", "readFile", "openFile",
      "nextLine",
    ]
  }

  /// The effects of the host's functions, each found out when it is called first: most are never called.
  struct NativeEffects {
    private var known: ContiguousArray<Effect?> = []

    /// Makes a place for one more function.
    mutating func add() -> Int {
      known.append(nil)
      return known.count - 1
    }

    mutating func effect(of native: String, at place: Int) -> Effect {
      if let effect = known[place] { return effect }
      let effect = Effect(of: native)
      known[place] = effect
      return effect
    }
  }

  /// Refuses what code may not do that only looks, or whose script is gone; `name` is what scripts call the function.
  func checkActor(_ effect: Effect, _ name: String, _ arguments: inout Arguments) throws {
    if let onlooker = system.onlooker, system.getterDepth <= onlookerDepth {
      throw system.access.refusal(of: onlooker, "use \(name)")
    }
    guard effect == .actsAsScript else { return }
    let unit = unit(namedBy: &arguments)
    if unit != nil, sessions.isEmpty { return }
    guard let script = unit?.name ?? arguments.firstString else { return }
    guard unit != nil else {
      let gone = Principal(.script, script)
      throw StoreError(
        .permissionDenied,
        "permission denied: \(gone) is not there any more, so that its code cannot use \(name)",
        script: script
      )
    }
    if let session = sessions[script], session.options.onlyLooks {
      throw system.access.refusal(of: session.principal, "use \(name)")
    }
  }

  /// Runs code of one who may only look.
  func looking<R>(_ onlooker: Principal, _ body: () throws -> R) rethrows -> R {
    let outer = (system.onlooker, onlookerDepth)
    system.onlooker = onlooker
    system.getterDepth += 1
    onlookerDepth = system.getterDepth
    defer {
      system.getterDepth -= 1
      (system.onlooker, onlookerDepth) = outer
    }
    return try body()
  }
}
