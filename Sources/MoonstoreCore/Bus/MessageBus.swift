import MoonValue

/// Carries messages between stores, scripts and Swift: first in, first out, when the stack is quiet.
///
/// Takes messages from whoever sends, queues them, and gives them to handlers when the turn delivers. All
/// that it does in a turn is undone with the turn.
public final class MessageBus {
  // The system owns its bus, which a program can keep beyond it.
  private let presence: WorldPresence
  var system: StoreSystem { presence.system(of: "MessageBus") }
  let handlers: RegistrationTable<String, MessageHandler>
  /// Handlers of messages of every type.
  private let handlersOfAll: Registrations<MessageHandler>
  let responders: RegistrationTable<String, MessageHandler>
  /// What sees each message before it is queued, in order.
  package let middleware: Registrations<MessageMiddleware>
  let queue = MessageQueue()
  /// How many messages were sent, responses included.
  public var sentCount: Int {
    track()
    return unsafe work.sentCount
  }
  // Not checked for overlapping access, which each message would pay for dozens of times: every part is changed in
  // one step that calls nobody.
  @exclusivity(unchecked) private var work = BusWork()
  private var history: MessageHistory {
    get { unsafe work.history }
    _modify {
      yield unsafe &work.history
      noteChange()
    }
  }
  /// The history, for those who follow it.
  private var followedHistory: MessageHistory {
    track()
    return unsafe work.history
  }
  /// Getters and watchers that read what the bus knows follow it, as long as the system is there.
  private func track() {
    if let graph = presence.system?.graph { unsafe work.fact.track(in: graph) }
  }
  /// The number of a message that is sent now; the code that sends it does not follow the count.
  func nextSequence() -> Int {
    unsafe work.sentCount += 1
    noteChange()
    return unsafe work.sentCount
  }
  /// What the bus knows has changed: those who follow it look again.
  @inline(__always)
  func noteChange() { unsafe work.fact.change(in: system.graph) }
  /// What is being delivered: the cause of what is sent meanwhile.
  private var current: Message? {
    get { unsafe work.current }
    set { unsafe work.current = newValue }
  }
  /// Who handles it: the sender of what is sent meanwhile.
  var handling: MessageHandler? {
    get { unsafe work.handling }
    set { unsafe work.handling = newValue }
  }
  /// How many requests wait on the stack for their answers.
  var nestedRequests: Int {
    get { unsafe work.nestedRequests }
    set { unsafe work.nestedRequests = newValue }
  }
  // What turns have delivered; whoever begins the next one lets go of what only undoing would need.
  private var delivered: ContiguousArray<Message> {
    get { unsafe work.delivered }
    _modify { yield unsafe &work.delivered }
  }
  /// See each message as it is delivered, also those for others.
  private let watchers: Registrations<(Message) -> Bool>

  init(system: StoreSystem) {
    presence = system.presence
    handlers = RegistrationTable(in: system)
    handlersOfAll = Registrations(in: system)
    responders = RegistrationTable(in: system)
    middleware = Registrations(in: system)
    watchers = Registrations(in: system)
  }

  /// How many messages were sent over the life of the data, which numbers the next one.
  var sequence: Int {
    get { unsafe work.sentCount }
    set { unsafe work.sentCount = newValue }
  }

  // MARK: Sending

  /// Queues a message for all who subscribe to its type.
  ///
  /// - Returns: The message as it was queued, or nil when middleware has dropped it.
  @discardableResult
  package func send(
    _ type: String,
    _ content: StateSlot,
    from: String,
    to: String? = nil,
    priority: Message.Priority = .normal
  ) throws -> Message? {
    try post(type, content, from: from, to: to, priority: priority, request: nil)
  }

  func post(
    _ type: String,
    _ content: StateSlot,
    from: String,
    to: String?,
    priority: Message.Priority,
    request: Request?
  ) throws -> Message? {
    let system = system
    system.usesBus = true
    try system.forbidInGetter("send the message '\(type)'", isRegistration: true)
    guard !type.isEmpty, type != "*" else {
      throw StoreError(.invalidArgument, "a message type is a text such as 'cart:item-added'")
    }
    let message = Message(
      sequence: nextSequence(),
      type: type,
      from: from,
      to: to,
      priority: priority,
      timestamp: system.clock.now,
      content: content,
      cause: current,
      request: request
    )
    message.sender = handling
    guard message.depth <= system.limits.loopLength else {
      // The handler that sent it fails, and so does the whole turn: undoing a part of a loop would leave state that
      // fits nothing.
      throw system.fail(
        system.loops.error("messages cause each other", system.limits.loopLength, message.causes)
      )
    }
    if !middleware.isEmpty, try !passes(message) { return nil }
    queue.append(message)
    system.tree.note(message)
    system.tree.noteGrowth(Message.size)
    return message
  }

  /// Shows a message to the middleware; false if it is dropped.
  private func passes(_ message: Message) throws -> Bool {
    for each in middleware.all where each.isActive {
      if let layer = each.member, try !layer.body(message) { return false }
    }
    return true
  }

  // MARK: Delivery

  func beginTurn() {
    unsafe work.deliveries = 0
    system.endless = nil
    guard !delivered.isEmpty else { return }
    for message in delivered {
      message.delivery = nil
      // What led to it is told by loops only; a chain that is let go of at once would take as much stack as it is long.
      message.cause = nil
    }
    delivered.removeAll(keepingCapacity: delivered.count < 256)
  }

  var isQuiet: Bool { queue.isEmpty && !system.isEndless }

  /// Delivers the next message; false when none waits.
  func deliverNext() throws -> Bool {
    let system = system
    // The error is large: looked at first, and copied only then.
    if system.isEndless, let error = system.endless { throw error }
    guard let message = queue.popFirst() else { return false }
    if message.isWithdrawn { return true }
    message.answers?.hasResponseWaiting = false
    try countDelivery { LoopTrace.path(message.causes) }
    if let age = system.limits.messageAge { history.age(age, now: message.timestamp) }
    message.delivery = Message.Delivery(
      bus: self,
      requestState: message.request?.state,
      replaced: history.append(message, limit: system.limits.messageHistory)
    )
    delivered.append(message)
    system.tree.note(message)
    let outer = current
    current = message
    defer { current = outer }

    // The lists as they are now: who subscribes meanwhile hears from the next message on.
    let ofType = handlers[message.type]?.all
    let ofAll = handlersOfAll.isEmpty ? nil : handlersOfAll.all
    let isAnswered = message.request.map { answer(message, $0) } ?? true
    let failure = deliver(message, to: ofType, asks: !isAnswered)
    deliver(message, to: ofAll, asks: false)
    if !isAnswered, let request = message.request { awaitAnswer(request, of: message, failure) }
    if !watchers.isEmpty {
      for each in watchers.all where each.isActive {
        if each.member?(message) == true { message.isHandled = true }
      }
    }
    if !message.isHandled, message.pendingHandlers == 0 {
      history.unhandled += 1
      message.delivery?.isCounted = true
    }
    noteChange()
    return true
  }

  /// Counts what a turn delivers, messages and events, against its limit.
  func countDelivery(_ what: () -> String) throws {
    system.usesBus = true
    unsafe work.deliveries += 1
    guard unsafe work.deliveries <= system.limits.deliveriesPerTurn else {
      throw StoreError(
        .endlessLoop,
        "one turn caused more than \(system.limits.deliveriesPerTurn) messages, the last by "
          + what()
      )
    }
  }

  /// Gives a message to its handlers; with `asks` they are asked for an answer, and the first failure is
  /// returned for the asker instead of being reported.
  @discardableResult
  private func deliver(
    _ message: Message,
    to registrations: ContiguousArray<Registration<MessageHandler>>?,
    asks: Bool
  ) -> StoreError? {
    guard let registrations else { return nil }
    let system = system
    var failure: StoreError?
    // One that is ended meanwhile is passed over.
    for each in registrations where each.isActive {
      guard let member = each.member else { continue }
      if let to = message.to, !member.owner.name.hasSameBytes(as: to) { continue }
      let asks = asks && mayAnswer(message.type, member)
      if asks { message.asked.insert(member.owner.name) }
      let outer = handling
      handling = member
      defer { handling = outer }
      if system.loops.isOn { system.loops.note(member.label(of: message.type)) }
      let savepoint = system.savepoint()
      do {
        switch try member.body(message) {
        case .done: message.isHandled = true
        case .waiting: message.pendingHandlers += 1
        }
      } catch {
        system.rollBack(to: savepoint)
        let own = StoreError(wrapping: error)
          .located(store: member.owner.name, member: "handling '\(message.type)'")
        if asks, failure == nil { failure = own } else { system.report(own) }
      }
    }
    return failure
  }

  /// A handler that waited for the outside has ended; its failure is reported, or is the answer of a request
  /// that nobody else can answer.
  package func finishHandling(_ message: Message, _ failure: StoreError?) {
    message.pendingHandlers -= 1
    // The run that waited is over, and its turn with it.
    defer {
      noteChange()
      system.settleDueEffects()
    }
    guard let failure else {
      message.isHandled = true
      return
    }
    if let request = message.request, request.isOpen, message.pendingHandlers == 0 {
      let by = failure.store ?? "bus"
      do {
        return try system.turn { finish(request, of: message, by: by, .failure(failure)) }
      } catch {
        return system.report(error)
      }
    }
    if !message.isHandled, message.pendingHandlers == 0 { history.unhandled += 1 }
    system.report(failure)
  }

  fileprivate func takeBack(_ message: Message, _ delivered: Message.Delivery) {
    if delivered.isCounted { history.unhandled -= 1 }
    history.takeBack(message, delivered.replaced)
    message.asked = NameSet()
    if message.answers == nil { message.isHandled = false }
    // The answer is undone as well, so its asker waits for another.
    message.request?.reopen(delivered.requestState)
    queue.prepend(message)
    message.answers?.hasResponseWaiting = true
  }

  // MARK: Members

  /// Adds a handler for a type, or for all with `*`.
  ///
  /// Undone with the turn that it is added in.
  package func subscribe(
    _ type: String,
    owner: BusAddress,
    place: (() -> String?)? = nil,
    _ body: @escaping MessageHandler.Body
  ) throws(StoreError) -> Subscription {
    try checkType(type)
    let handler = MessageHandler(owner: owner, place: place, body: body)
    if type == "*" { return handlersOfAll.add(handler, line(.handler, owner, type)) }
    return handlers.add(handler, for: type, line(.handler, owner, type))
  }

  /// Adds the responder for a type of request.
  ///
  /// - Throws: `permissionDenied` for a type that is another store's, `duplicateResponder` where there is one.
  package func answer(
    _ type: String,
    owner: BusAddress,
    place: (() -> String?)? = nil,
    _ body: @escaping MessageHandler.Body
  ) throws(StoreError) -> Subscription {
    try checkType(type)
    try checkAnswers(type, by: owner)
    let responder = MessageHandler(owner: owner, place: place, body: body)
    return responders.add(responder, for: type, line(.responder, owner, type))
  }

  /// Adds middleware behind what is there.
  package func use(_ layer: MessageMiddleware) -> Subscription {
    middleware.add(layer, Ranks.Line(.messageMiddleware, owner: layer.owner))
  }

  /// Sees each message as it is delivered, also those for others, behind those who do; no turn that fails
  /// undoes it.
  ///
  /// - Parameters:
  ///   - owner: Who does, for its place among the others.
  ///   - body: Gets a message, and tells whether that handles it.
  /// - Returns: What ends it.
  package func watch(owner: String, _ body: @escaping (Message) -> Bool) -> Subscription {
    watchers.add(body, Ranks.Line(.watcher, owner: owner), isUndoable: false)
  }

  package func use(
    owner: String = "swift",
    _ body: @escaping (Message) throws -> Bool
  ) -> Subscription {
    use(MessageMiddleware(owner: owner, body))
  }

  private func line(_ kind: Ranks.Line.Kind, _ owner: BusAddress, _ type: String) -> Ranks.Line {
    Ranks.Line(kind, owner: owner.id, type)
  }

  /// Who handles and who answers each type, in order.
  package var members: (handlers: [String: [String]], responders: [String: [String]]) {
    var handling = handlers.members.mapValues { $0.map(\.owner.name) }
    if !handlersOfAll.isEmpty { handling["*"] = handlersOfAll.members.map(\.owner.name) }
    return (handling, responders.members.mapValues { $0.map(\.owner.name) })
  }

  private func checkType(_ type: String) throws(StoreError) {
    guard !type.isEmpty else {
      throw StoreError(.invalidArgument, "a message type is a text such as 'cart:item-added'")
    }
  }

  // MARK: Looking back

  /// How many messages the history holds.
  public var messageCount: Int { followedHistory.count }
  /// How many delivered messages nobody has handled.
  public var unhandledCount: Int { followedHistory.unhandled }
  /// How many delivered messages the history has dropped.
  public var droppedCount: Int { followedHistory.dropped }
  /// The last messages that were delivered, newest first.
  public func recentMessages(_ count: Int = 20) -> [Message] { followedHistory.recent(count) }
  /// The messages in the history that nobody has handled, newest first.
  ///
  /// Those that somebody still works on are not among them.
  public var unhandledMessages: [Message] {
    followedHistory.recent(.max).filter { !$0.isHandled && !$0.isPending }
  }

  /// Drops messages from the history that were sent longer ago; those that nobody has handled, or that
  /// somebody still works on, stay.
  ///
  /// - Parameter age: In seconds.
  /// - Returns: How many there were.
  /// - Throws: `invalidArgument` for what is no age.
  @discardableResult
  public func cleanUp(olderThan age: Double) throws(StoreError) -> Int {
    guard age >= 0, age.isFinite else {
      throw StoreError(.invalidArgument, "an age is 0 or more seconds, not \(age)")
    }
    let time = system.clock.now - age
    return try system.turn { history.removeAll(before: time) }
  }
}

/// What the bus has under way.
private struct BusWork {
  var history = MessageHistory()
  var sentCount = 0
  var fact = FollowedFact()
  var current: Message?
  var handling: MessageHandler?
  var deliveries = 0
  var nestedRequests = 0
  var delivered: ContiguousArray<Message> = []
}

@available(*, unavailable)
extension MessageBus: Sendable {}

// MARK: - What a turn undoes

/// It stands in the log of its turn twice: as sent, without which it never was, and as delivered, without which it
/// waits again.
extension Message: UndoableEvent {
  package func undo() {
    // What came last is undone first.
    guard let delivered = delivery else {
      isWithdrawn = true
      answers?.hasResponseWaiting = false
      return
    }
    delivery = nil
    unsafe delivered.bus.takeBack(self, delivered)
  }
}
