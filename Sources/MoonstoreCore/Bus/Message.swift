public import MoonValue

/// What the bus carries.
public final class Message {
  /// Which of the messages that wait is delivered first.
  public enum Priority: String, Codable, Sendable, CaseIterable {
    /// Before all others.
    case high
    /// In order of sending.
    case normal
    /// When no other waits.
    case low
  }

  /// Counts the messages of a host from 1.
  public let sequence: Int
  /// What it is about, such as `cart:item-added`.
  public package(set) var type: String {
    get { unsafe fields.type }
    set { unsafe fields.type = newValue }
  }
  /// The store or script that sent it; the host says so, not the sender.
  public let from: String
  /// The one store that it is for; nil for all.
  public package(set) var to: String? {
    get { unsafe fields.to }
    set { unsafe fields.to = newValue }
  }
  /// Which waits longer.
  public package(set) var priority: Priority {
    get { unsafe fields.priority }
    set { unsafe fields.priority = newValue }
  }
  /// When it was sent, in seconds since 1970 on the host's clock.
  public let timestamp: Double
  /// Whether a handler has handled it, or a responder answered it.
  public internal(set) var isHandled: Bool {
    get { unsafe fields.isHandled }
    set { unsafe fields.isHandled = newValue }
  }
  /// How many messages led to it, one causing the next.
  package let depth: Int
  package internal(set) var cause: Message? {
    get { unsafe fields.cause }
    set { unsafe fields.cause = newValue }
  }
  /// Whose handler or responder has sent it, while its turn runs.
  var sender: MessageHandler?
  /// The content, frozen: nobody can change it after it was sent.
  package var content: StateSlot {
    get { unsafe fields.content }
    set { unsafe fields.content = newValue }
  }
  /// For a request: where its answer goes.
  package let request: Request?
  /// For a response: the request that it answers.
  var answers: Request?
  /// Handlers of it that wait for the outside.
  var pendingHandlers = 0
  /// Those to whom a request was given, who may answer it.
  var asked = NameSet()
  // Sent by a turn that was undone before it was delivered.
  var isWithdrawn = false
  /// Whether the history holds it.
  var isRetained = false
  /// Whether observers were told that it was sent.
  private(set) var isTold = false
  /// While a turn could still take its delivery back: what that has to put right.
  var delivery: Delivery?

  // Not checked for overlapping access, which each message would pay for dozens of times: each use is one step, and
  // what it lets go of does not come back here.
  @exclusivity(unchecked) private var fields: Fields

  /// What can change of a message.
  private struct Fields {
    var type: String
    var to: String?
    var priority: Priority
    var isHandled = false
    var cause: Message?
    var content: StateSlot
  }

  struct Delivery {
    // The world owns its bus, and the log of its turns.
    unowned(unsafe) let bus: MessageBus
    let requestState: Request.State?
    var replaced = MessageHistory.Replaced.nothing
    /// Whether nobody handled it.
    var isCounted = false
  }

  init(
    sequence: Int,
    type: String,
    from: String,
    to: String?,
    priority: Priority,
    timestamp: Double,
    content: StateSlot,
    cause: Message?,
    request: Request?
  ) {
    self.sequence = sequence
    self.from = from
    self.timestamp = timestamp
    self.request = request
    unsafe fields = Fields(type: type, to: to, priority: priority, cause: cause, content: content)
    depth = (cause?.depth ?? 0) + 1
  }

  /// About what a message takes besides its content, in bytes.
  static let size = 384

  /// The id, unique in its host.
  public var id: String { "msg-\(sequence)" }
  /// The content, copied.
  public var payload: Value { content.value }

  /// Tells observers that it was sent; it stands in the log once more when it is delivered.
  package func tell(_ gist: inout TurnGist, _ details: TurnDetails) {
    guard !isTold, details.contains(.messages) else { return }
    isTold = true
    gist.messages.append(SentMessage(self))
  }

  /// Whether somebody still works on it.
  var isPending: Bool { pendingHandlers > 0 || request?.isOpen == true }

  /// Who handled the messages that led here, the first one first; the last of them has sent this one.
  var causes: [String] {
    var members: [String] = []
    var message: Message? = self
    while let current = message, let cause = current.cause, members.count < LoopTrace.length {
      members.append(current.sender?.label(of: cause.type) ?? "'\(cause.type)'")
      message = cause
    }
    return members.reversed()
  }
}

@available(*, unavailable)
extension Message: Sendable {}

/// A request under way.
package final class Request {
  package enum State {
    case open
    /// Its responder waits for the outside, or those who were asked may still answer.
    case waiting
    case answered(StateSlot)
    case failed(any Error)
  }

  package internal(set) var state = State.open
  /// Hears of the end of a request whose asker was suspended.
  package var onEnd: (() -> Void)?
  /// Hears of the end in any case, also when the asker has gone.
  package var onDone: (() -> Void)?
  let responseType: String
  /// Whether its response is in the queue.
  var hasResponseWaiting = false

  init(type: String) { responseType = type + ":response" }

  /// Goes back to what it was before a delivery that is undone.
  func reopen(_ before: State?) {
    if let before { state = before }
  }

  package var isOpen: Bool {
    switch state {
    case .open, .waiting: true
    case .answered, .failed: false
    }
  }
}
