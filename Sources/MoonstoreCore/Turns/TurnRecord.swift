public import MoonValue

/// What one turn did: what began it, what it made final, what it took from the outside, and how it ended.
///
/// Comes from a store system, built only as far as its observers ask for (`TurnDetails`), and goes to them. A turn that
/// waits for the outside ends there, and what goes on afterwards is another turn, whose origin names the run.
public struct TurnRecord: Sendable, Codable {
  /// Counts the turns of a host that were observed, from 1.
  public let number: UInt64
  /// What began it.
  public let origin: TurnOrigin
  /// When it began, in seconds since 1970 on the host's clock.
  public let time: Double
  /// What has become final, in order; most turns have one commit or none.
  public internal(set) var commits: [CommitRecord] = []
  /// What code learned from the outside, in order, also where the turn failed.
  public internal(set) var inputs: [TurnInput] = []
  /// The runs that it has left waiting for the outside.
  public internal(set) var waits: [TurnWait] = []
  /// How it ended.
  public internal(set) var outcome: Outcome = .done

  /// How a turn ends.
  public enum Outcome: Sendable, Hashable, Codable {
    /// What it did is final.
    case done
    /// What it had done since its last commit was undone.
    case failed(TurnFailure)
    /// It was a trial, such as a dry run, and was undone as was meant.
    case undone
  }

  init(number: UInt64, origin: TurnOrigin, time: Double) {
    self.number = number
    self.origin = origin
    self.time = time
  }
}

/// What began a turn.
public struct TurnOrigin: Sendable, Hashable, Codable {
  /// What kind of entry it is.
  public enum Kind: String, Sendable, Codable {
    /// A call of an action from Swift, a session or a driver.
    case action
    /// A driver's assignment to state, or another change by one function of the script interface.
    case write
    /// A transaction, or several calls that Swift groups.
    case transaction
    /// A request that a driver sends.
    case request
    /// What a run waited for has come.
    case answer
    /// A time is over.
    case timer
    /// A task begins.
    case task
    /// An effect, or other work that follows from an earlier turn.
    case followUp
    /// An entry of a session.
    case entry
    /// Scripts are loaded.
    case load
    /// Scripts are reloaded.
    case reload
    /// A run that waited is ended.
    case cancellation
    /// Swift code, with what it does directly.
    case swift
  }

  /// The kind.
  public var kind: Kind
  /// Who has begun it, such as `the script 'main.lua'`; nil for Swift, which has all rights.
  public var principal: String?
  /// The store that is called.
  public var store: String?
  /// The action, the type of the request, or what the work is called.
  public var name: String?
  /// The arguments of the call, or the answer that has come; what is no data is null.
  public var arguments: [Value]
  /// The run that goes on or is ended, counted from 1 in each process.
  public var run: Int?

  /// Makes an origin.
  public init(
    _ kind: Kind,
    principal: String? = nil,
    store: String? = nil,
    name: String? = nil,
    arguments: [Value] = [],
    run: Int? = nil
  ) {
    self.kind = kind
    self.principal = principal
    self.store = store
    self.name = name
    self.arguments = arguments
    self.run = run
  }
}

/// What became final in one step, in all stores together: the unit of durability.
public struct CommitRecord: Sendable, Codable {
  /// Counts the commits of a host over the life of its data, from 1.
  public let number: UInt64
  /// When, in seconds since 1970 on the host's clock.
  public let time: Double
  /// The changes, one for each store and step of settling, in order; what a watcher wrote comes after what it heard of.
  public internal(set) var changes: [StoreChange]
  /// The stores that came, became another version or got their state anew, as they are now.
  ///
  /// `changes` of theirs up to this commit are in it already.
  public internal(set) var stores: [StoreImage]
  /// The ids of the stores that have gone.
  public internal(set) var gone: [String]
  /// The messages that were sent, in order.
  public internal(set) var messages: [SentMessage]
  /// What happened to stores, and what scripts told the registry, in order.
  public internal(set) var events: [StoreEvent]

  /// How many ids were given out by prefix, for those prefixes that were used since the last commit.
  public internal(set) var ids: [String: Int] = [:]
  /// What the next random number is made of.
  public internal(set) var random: UInt64 = 0

  /// Whether nothing of what was asked for has happened.
  public var isEmpty: Bool {
    changes.isEmpty && stores.isEmpty && gone.isEmpty && messages.isEmpty && events.isEmpty
  }
}

/// Something that code learned from the outside.
public struct TurnInput: Sendable, Hashable, Codable {
  /// What it asked for, such as `time.now` or `random.number`.
  public let name: String
  /// What it was told.
  public let value: Value

  /// Makes an input.
  public init(_ name: String, _ value: Value) {
    self.name = name
    self.value = value
  }
}

/// A run that a turn has left waiting for the outside.
public struct TurnWait: Sendable, Hashable, Codable {
  /// Counts the runs that waited, from 1 in each process.
  public let run: Int
  /// What it waits for, such as `sleep(0.5)`.
  public let reason: String

  /// Makes a wait.
  public init(run: Int, reason: String) {
    self.run = run
    self.reason = reason
  }
}

/// Why a turn failed, as data.
public struct TurnFailure: Sendable, Hashable, Codable {
  /// The code of the error, such as `permissionDenied`.
  public let code: String
  /// What happened.
  public let message: String
  /// The store in whose code it happened.
  public let store: String?
  /// The action, getter or handler in which it happened.
  public let member: String?
  /// The script.
  public let script: String?
  /// The line of the script, from 1.
  public let line: Int?

  /// Describes an error.
  public init(_ error: StoreError) {
    code = error.code.rawValue
    message = error.message
    store = error.store
    member = error.member
    script = error.script
    line = error.line
  }
}

/// A message as it was sent.
public struct SentMessage: Sendable, Hashable, Codable {
  /// Counts the messages of a host from 1.
  public let sequence: Int
  /// What it is about, such as `cart:item-added`.
  public let type: String
  /// The store or script that sent it.
  public let from: String
  /// The one store that it is for; nil for all.
  public let to: String?
  /// The content.
  public let payload: Value
  /// The message in whose handling it was sent.
  public let cause: Int?
  /// Whether an answer is asked for.
  public let isRequest: Bool

  init(_ message: Message) {
    sequence = message.sequence
    type = message.type
    from = message.from
    to = message.to
    payload = message.payload
    cause = message.cause?.sequence
    isRequest = message.request != nil
  }
}
