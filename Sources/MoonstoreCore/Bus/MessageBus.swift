/// Carries messages between stores, scripts and Swift: first in, first out, when the stack is quiet.
///
/// Takes messages from whoever sends, queues them, and gives them to handlers when the turn delivers. All
/// that it does in a turn is undone with the turn.
public final class MessageBus {
  // The world owns its bus.
  private unowned(unsafe) let world: StoreSystem
  var system: StoreSystem { unsafe world }
  var handlers: [String: [BusMember]] = [:] {
    // Asked for with each message.
    didSet { unsafe work.handlersOfAll = handlers["*"] }
  }
  var responders: [String: [BusMember]] = [:]
  private var middleware: [Middleware] = []
  let queue = MessageQueue()
  /// How many messages were sent, responses included.
  public internal(set) var sentCount = 0
  // Not checked for overlapping access, which each message would pay for dozens of times: every part is changed in
  // one step that calls nobody.
  @exclusivity(unchecked) private var work = BusWork()
  private var history: MessageHistory {
    get { unsafe work.history }
    _modify { yield unsafe &work.history }
  }
  /// What is being delivered: the cause of what is sent meanwhile.
  private var current: Message? {
    get { unsafe work.current }
    set { unsafe work.current = newValue }
  }
  // What turns have delivered; whoever begins the next one lets go of what only undoing would need.
  private var delivered: ContiguousArray<Message> {
    get { unsafe work.delivered }
    _modify { yield unsafe &work.delivered }
  }
  /// The loop that was found; the turn cannot end well any more.
  private(set) var endless: StoreError? {
    get { unsafe work.endless }
    set { unsafe work.endless = newValue }
  }
  /// Sees each message as it is delivered, also those for others; tells whether that handles it.
  package var observer: ((Message) -> Bool)?

  /// Changes a message before it is queued; returns whether to keep it.
  package typealias MiddlewareBody = (Message) throws -> Bool

  private struct Middleware {
    let rank: Int
    let body: MiddlewareBody
  }

  init(system: StoreSystem) { unsafe world = system }

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
    system.usesBus = true
    try system.forbidInGetter("send the message '\(type)'", isRegistration: true)
    guard !type.isEmpty, type != "*" else {
      throw StoreError(.invalidArgument, "a message type is a text such as 'cart:item-added'")
    }
    sentCount += 1
    let message = Message(
      sequence: sentCount,
      type: type,
      from: from,
      to: to,
      priority: priority,
      timestamp: system.clock.now,
      content: content,
      cause: current,
      request: request
    )
    guard message.depth <= system.limits.messageDepth else {
      let causes = message.causes.joined(separator: " -> ")
      let error = StoreError(
        .endlessLoop,
        "messages cause each other without end (\(system.limits.messageDepth) deep): ... \(causes)"
      )
      // The handler that sent it fails, and so does the whole turn: half a loop is nobody's wish.
      endless = error
      throw error
    }
    for each in middleware where try !each.body(message) { return nil }
    queue.append(message)
    system.tree.note(message)
    return message
  }

  // MARK: Delivery

  func beginTurn() {
    unsafe work.deliveries = 0
    endless = nil
    guard !delivered.isEmpty else { return }
    for message in delivered { message.delivery = nil }
    delivered.removeAll(keepingCapacity: delivered.count < 256)
  }

  var isQuiet: Bool { queue.isEmpty && (unsafe work.endless == nil) }

  /// Delivers the next message; false when none waits.
  func deliverNext() throws -> Bool {
    // The error is large: looked at first, and copied only then.
    if (unsafe work.endless != nil), let error = endless { throw error }
    guard let message = queue.popFirst() else { return false }
    if message.isWithdrawn { return true }
    try countDelivery { message.causes.joined(separator: " -> ") }
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
    let ofType = handlers[message.type]
    let ofAll = unsafe work.handlersOfAll
    let isAnswered = message.request.map { answer(message, $0) } ?? true
    let failure = deliver(message, to: ofType, asks: !isAnswered)
    deliver(message, to: ofAll, asks: false)
    if !isAnswered, let request = message.request { awaitAnswer(request, of: message, failure) }
    if observer?(message) == true { message.isHandled = true }
    if !message.isHandled, message.pendingHandlers == 0 {
      history.unhandled += 1
      message.delivery?.isCounted = true
    }
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
    to members: [BusMember]?,
    asks: Bool
  ) -> StoreError? {
    guard let members else { return nil }
    var failure: StoreError?
    // One that is ended meanwhile is passed over.
    for member in members where member.isActive {
      if let to = message.to, member.owner != to { continue }
      if asks { message.asked.insert(member.owner) }
      let savepoint = system.savepoint()
      do {
        switch try member.body(message) {
        case .done: message.isHandled = true
        case .waiting: message.pendingHandlers += 1
        }
      } catch {
        system.rollBack(to: savepoint)
        var own = StoreError(wrapping: error)
        if own.store == nil { own.store = member.owner }
        if own.member == nil { own.member = "handling '\(message.type)'" }
        if asks, failure == nil { failure = own } else { system.report(own) }
      }
    }
    return failure
  }

  /// A handler that waited for the outside has ended; its failure is reported, or is the answer of a request
  /// that nobody else can answer.
  package func finishHandling(_ message: Message, _ failure: StoreError?) {
    message.pendingHandlers -= 1
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
    message.asked = []
    if message.answers == nil { message.isHandled = false }
    // The answer is undone as well, so its asker waits for another.
    message.request?.reopen(delivered.requestState)
    queue.prepend(message)
  }

  // MARK: Members

  /// Adds a handler for a type, or for all with `*`.
  ///
  /// Undone with the turn that it is added in.
  package func subscribe(
    _ type: String,
    owner: String,
    _ body: @escaping BusMember.Body
  ) throws(StoreError) -> Subscription {
    try add(BusMember(owner: owner, body: body), of: type, to: \.handlers)
  }

  /// Adds a responder for a type of request.
  ///
  /// The first one answers.
  package func answer(
    _ type: String,
    owner: String,
    _ body: @escaping BusMember.Body
  ) throws(StoreError) -> Subscription {
    try add(BusMember(owner: owner, body: body), of: type, to: \.responders)
  }

  private func add(
    _ member: BusMember,
    of type: String,
    to lists: ReferenceWritableKeyPath<MessageBus, [String: [BusMember]]>
  ) throws(StoreError) -> Subscription {
    try checkType(type)
    let line = "\(lists == \.handlers ? "on" : "answer") \(member.owner) \(type)"
    member.rank = system.ranks.next(in: line)
    self[keyPath: lists][type, default: []].insert(member, by: \.rank)
    return system.registration { [unowned self] in
      member.end()
      self[keyPath: lists][type]?.removeAll { $0 === member }
      if self[keyPath: lists][type]?.isEmpty == true { self[keyPath: lists][type] = nil }
      system.ranks.giveUp(member.rank, in: line)
      return { [unowned self] in
        member.revive()
        self[keyPath: lists][type, default: []].insert(member, by: \.rank)
      }
    }
  }

  /// Adds middleware behind those that are there.
  package func use(owner: String = "swift", _ body: @escaping MiddlewareBody) -> Subscription {
    let line = "message middleware \(owner)"
    let member = Middleware(rank: system.ranks.next(in: line), body: body)
    middleware.insert(member, by: \.rank)
    return system.registration { [unowned self] in
      middleware.removeAll { $0.rank == member.rank }
      system.ranks.giveUp(member.rank, in: line)
      return { [unowned self] in middleware.insert(member, by: \.rank) }
    }
  }

  /// Who handles and who answers each type, in order.
  package var members: (handlers: [String: [String]], responders: [String: [String]]) {
    (handlers.mapValues { $0.map(\.owner) }, responders.mapValues { $0.map(\.owner) })
  }

  private func checkType(_ type: String) throws(StoreError) {
    guard !type.isEmpty else {
      throw StoreError(.invalidArgument, "a message type is a text such as 'cart:item-added'")
    }
  }

  // MARK: Looking back

  /// How many messages the history holds.
  public var messageCount: Int { history.count }
  /// How many delivered messages nobody has handled.
  public var unhandledCount: Int { history.unhandled }
  /// How many delivered messages the history has dropped.
  public var droppedCount: Int { history.dropped }
  /// The last messages that were delivered, newest first.
  public func recentMessages(_ count: Int = 20) -> [Message] { history.recent(count) }
  /// The messages in the history that nobody has handled, newest first.
  ///
  /// Those that somebody still works on are not among them.
  public var unhandledMessages: [Message] {
    history.recent(.max).filter { !$0.isHandled && !$0.isPending }
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
    return history.removeAll(before: system.clock.now - age)
  }
}

/// What the bus has under way.
private struct BusWork {
  var history = MessageHistory()
  var current: Message?
  var deliveries = 0
  var delivered: ContiguousArray<Message> = []
  var endless: StoreError?
  var handlersOfAll: [BusMember]?
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
      return
    }
    delivery = nil
    unsafe delivered.bus.takeBack(self, delivered)
  }
}
