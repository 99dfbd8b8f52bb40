public import MoonValue
public import MoonstoreCore

/// What became of an entry.
public struct ReplResult: Sendable {
  /// How it ended.
  public enum Status: String, Sendable {
    /// It has run.
    case ok
    /// It lacks its end: nothing has run, and the next lines belong to it.
    case incomplete
    /// It failed, and has changed nothing.
    case failed
    /// It was cancelled.
    case cancelled
    /// The session is to end.
    case quit
  }

  /// How it ended.
  public var status: Status
  /// What people get to see of its results, laid out for the asked width; empty where there is nothing to see.
  public var text = ""
  /// The results as data, where they were asked for.
  public var values: [Value] = []
  /// Why it failed.
  public var error: StoreError?
  /// What people should know besides.
  public var notes: [String] = []
  /// The number of the last entry that was Lua, which its result is kept under: `_3`.
  public var entry = 0
  /// How many changes of state it has made final.
  public var changes = 0
  /// How long it took.
  public var seconds = 0.0
  /// Whether a watch or a trace goes on, until it ends itself or `stop` ends it.
  public var isStreaming = false

  init(_ status: Status, text: String = "") {
    self.status = status
    self.text = text
  }

  init(failed error: StoreError) {
    status = .failed
    self.error = error
  }

  /// Makes a result that came from elsewhere, such as another process.
  public init(status: Status, text: String, error: StoreError?) {
    self.status = status
    self.text = text
    self.error = error
  }
}

/// How the results of an entry are to be shown.
public struct ReplView: Sendable, Hashable {
  /// Columns of the terminal.
  public var width = 80
  /// Whether texts may be coloured.
  public var hasColor = false
  /// Whether results are wanted as data as well; one that is none is an error then.
  public var wantsData = false
  /// Whether the text is a whole chunk, so that a missing end is an error.
  public var isWhole = false

  /// A plain view, 80 columns wide.
  public init() {}
}

/// Something that a session tells while or between its entries.
public enum ReplEvent: Sendable {
  /// Its code has printed this line.
  case printed(String)
  /// Its code has logged a line.
  case logged(level: String, text: String)
  /// The entry waits, and for what.
  case waiting(String)
  /// A watch shows its value, laid out.
  case watched(String)
  /// A trace has seen something.
  case traced(String)
  /// A watch or a trace has ended, and why.
  case ended(String)
}

/// Something that could stand where the cursor is.
public struct ReplCompletion: Sendable, Hashable {
  /// What would be put in place of what is there.
  public let text: String
  /// Such as `action`, `field`, `getter`, `store`, `keyword`, `command`, `message`.
  public let kind: String
  /// The parameters of an action, the type of a field, what a command does; empty where there is nothing to say.
  public let detail: String

  /// Makes a completion.
  public init(_ text: String, _ kind: String, _ detail: String = "") {
    self.text = text
    self.kind = kind
    self.detail = detail
  }
}

/// What could stand at the end of a text, and how much of the text it replaces.
public struct ReplCompletions: Sendable, Hashable {
  /// How many characters before the cursor are replaced.
  public var replaced: Int
  /// At most 200, sorted.
  public var items: [ReplCompletion]
  /// The function whose arguments are being typed, with its parameters; empty where there is none.
  public var hint = ""

  /// Makes a list.
  public init(replacing replaced: Int, _ items: [ReplCompletion]) {
    self.replaced = replaced
    self.items = items
  }
}
