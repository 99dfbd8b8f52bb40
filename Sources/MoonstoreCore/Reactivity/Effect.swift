/// Code that runs now, and again after each change of what it has read.
///
/// Takes its first run at once; the graph then gives it a run for each change, at the end of the
/// batch in which it happened. Writes in its body are batched. What it throws goes to the graph's
/// `onEffectFailure`, and it stays subscribed to what it had read.
///
/// An effect that is created in the run of another effect, of a computed or of an ``EffectScope``
/// belongs to it and lives until that runs again or is disposed, with or without this handle. Any
/// other effect stops when its handle is dropped.
public final class Effect {
  private let graph: ReactiveGraph
  private let tag: OwnerTag

  /// Creates an effect and runs it.
  /// - Parameters:
  ///   - graph: The graph that it belongs to.
  ///   - label: What reports call it.
  ///   - body: What to run; it registers cleanups with ``ReactiveGraph/onCleanup(_:)``.
  @discardableResult
  public init(
    in graph: ReactiveGraph,
    label: String = "effect",
    _ body: @escaping () throws -> Void
  ) {
    self.graph = graph
    let tag = OwnerTag()
    self.tag = tag
    graph.makeEffect(EffectCore(label: label, tag: tag, body: body)) { tag.node = $0 }
  }

  /// The same; `onEnd` hears that it has ended: by its handle, or with what it belongs to.
  package init(
    in graph: ReactiveGraph,
    label: String,
    _ body: @escaping () throws -> Void,
    onEnd: @escaping () -> Void
  ) {
    self.graph = graph
    let tag = OwnerTag()
    tag.onEnd = onEnd
    self.tag = tag
    graph.makeEffect(EffectCore(label: label, tag: tag, body: body)) { tag.node = $0 }
  }

  deinit {
    if tag.node != .none, graph.isUnowned(tag.node) { graph.free(tag.node) }
  }

  /// Whether it will never run again.
  public var isDisposed: Bool { tag.node == .none }

  /// Makes it due, as a change of what it has read does.
  package func schedule() {
    if tag.node != .none { graph.schedule(tag.node) }
  }

  /// Stops it: disposes what it owns, then runs its cleanups; again, it does nothing.
  public func dispose() {
    graph.free(tag.node)
  }
}

@available(*, unavailable)
extension Effect: Sendable {}

extension ReactiveGraph {
  /// Registers what to undo before the running effect runs again, or when it or the entered scope
  /// is disposed.
  ///
  /// Cleanups run untracked, in the order of registration, after those of owned effects. An effect
  /// that was disposed by its own run does them at once.
  /// - Parameter cleanup: What to run, once.
  /// - Returns: Whether an effect or scope took it; false outside of both.
  @discardableResult
  public func onCleanup(_ cleanup: @escaping () -> Void) -> Bool {
    var wasTaken = false
    withOwner { owner in
      guard let owner = owner as? OwnerCore else { return }
      wasTaken = true
      owner.add(cleanup, in: self)
    }
    return wasTaken
  }
}

/// Tells the handle of an effect or scope whether it still lives, without keeping its body.
final class OwnerTag {
  var node = NodeID.none
  /// Hears, once, that it lives no more.
  var onEnd: (() -> Void)?
}

/// What the graph knows of an effect or scope: its cleanups, and the tag that its handle shares.
class OwnerCore: GraphObserver {
  let tag: OwnerTag
  private var cleanups: [() -> Void] = []
  /// A plain flag beside the array, since looking at the array in each run costs more.
  final var hasCleanups = false
  private let name: String

  init(label: String, tag: OwnerTag) {
    name = label
    self.tag = tag
  }

  final override var label: String { name }

  final func add(_ cleanup: @escaping () -> Void, in graph: ReactiveGraph) {
    if tag.node == .none {
      graph.untracked(cleanup)
    } else {
      cleanups.append(cleanup)
      hasCleanups = true
    }
  }

  @inline(never)
  final func cleanUp(in graph: ReactiveGraph) {
    let due = cleanups
    cleanups = []
    hasCleanups = false
    graph.untracked {
      for cleanup in due { cleanup() }
    }
  }

  final override func disposed(in graph: ReactiveGraph) {
    tag.node = .none
    if hasCleanups { cleanUp(in: graph) }
    guard let onEnd = tag.onEnd else { return }
    tag.onEnd = nil
    onEnd()
  }
}

/// What the graph runs for an effect: its cleanups, then its body.
final class EffectCore: OwnerCore {
  private let body: () throws -> Void

  init(label: String, tag: OwnerTag, body: @escaping () throws -> Void) {
    self.body = body
    super.init(label: label, tag: tag)
  }

  override func run(in graph: ReactiveGraph) throws {
    if hasCleanups {
      cleanUp(in: graph)
      // A cleanup may have disposed the effect.
      guard tag.node != .none else { return }
    }
    try body()
  }
}
