public import MoonValue
public import MoonstoreCore

/// What there is in a host and how it belongs together.
///
/// `moonstore inspect --json` prints it, and scripts get it from `registry.describe()`, with the names and the order
/// that stand here; what is not known is null.
public struct HostDescription: Codable, Sendable, Hashable {
  /// A place in a script; both parts are nil for code of Swift.
  public struct Place: Codable, Sendable, Hashable {
    /// The script, by its path in the project.
    public let script: String?
    /// The line, from 1.
    public let line: Int?

    private enum CodingKeys: String, CodingKey { case script, line }

    /// Encodes it with nulls for what is not known.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(script, forKey: .script)
      try container.encode(line, forKey: .line)
    }
  }

  /// What surrounds all actions and precedes all messages, in order.
  public struct Middleware: Codable, Sendable, Hashable {
    /// Around actions.
    public let actions: [Place]
    /// Before messages.
    public let messages: [Place]
  }

  /// What the host grants to its scripts.
  public struct Capabilities: Codable, Sendable, Hashable {
    /// The servers that scripts reach.
    public struct HTTP: Codable, Sendable, Hashable {
      /// Patterns of hosts.
      public let hosts: [String]
      /// Schemes, such as `https`.
      public let schemes: [String]
    }

    /// Whether scripts read files of their project.
    public let files: Bool
    /// The files and folders that they read besides those.
    public let readableFiles: [String]
    /// The servers; nil where scripts have no library `http`.
    public let http: HTTP?

    private enum CodingKeys: String, CodingKey { case files, readableFiles, http }

    /// Encodes it with a null where there is no HTTP.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(files, forKey: .files)
      try container.encode(readableFiles, forKey: .readableFiles)
      try container.encode(http, forKey: .http)
    }
  }

  /// The stores, in order of registration.
  public let stores: [Store]
  /// The types of messages, in order of their names; `*` stands for all.
  public let messages: [MessageType]
  /// Types that are sent or asked for, and that nothing handles or answers.
  public let unhandled: [String]
  /// Types that are handled or answered, and that no script sends by this name.
  public let unsent: [String]
  /// Places that send a type which is computed.
  public let computed: [ComputedSender]
  /// Middleware.
  public let middleware: Middleware
  /// The plugins, in order.
  public let plugins: [String]
  /// The effects of scripts, in order.
  public let effects: [Effect]
  /// The scripts whose text was read.
  public let scripts: [String]
  /// What is granted.
  public let capabilities: Capabilities
}

extension HostDescription {
  /// A store, with its relations to others.
  public struct Store: Codable, Sendable, Hashable {
    /// An action.
    public struct Action: Codable, Sendable, Hashable {
      /// Its name.
      public let name: String
      /// The names of its parameters without the store; nil for an action of Swift's.
      public let parameters: [String]?

      private enum CodingKeys: String, CodingKey { case name, parameters }

      /// Encodes it with a null where the parameters are not known.
      public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(parameters, forKey: .parameters)
      }
    }

    /// What it was registered with; as data its fields stand among those of the store.
    public let record: StoreRecord
    /// The line of its definition.
    public let line: Int?
    /// Dependencies, direct or not, that are not there.
    public let missing: [String]
    /// Dependencies, direct or not, each after those that it depends on itself.
    public let allDependencies: [String]
    /// The stores that depend on it, directly or not, nearest first.
    public let allDependents: [String]
    /// The fields of its state, by their types.
    public let state: [Value.Key: StateType]
    /// How many fields were left out.
    public let moreState: Int
    /// The names of its getters.
    public let getters: [String]
    /// Its actions.
    public let actions: [Action]
    /// Middleware of its own, in order.
    public let middleware: [Place]
    /// The types of messages that it handles.
    public let handles: [String]
    /// The types of requests that it answers.
    public let answers: [String]

    /// The store's id.
    public var id: String { record.id }

    private enum CodingKeys: String, CodingKey {
      case line, missing, allDependencies, allDependents, state, moreState, getters, actions
      case middleware, handles, answers
    }

    /// Encodes it as one map.
    public func encode(to encoder: any Encoder) throws {
      try record.encode(to: encoder)
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(line, forKey: .line)
      try container.encode(missing, forKey: .missing)
      try container.encode(allDependencies, forKey: .allDependencies)
      try container.encode(allDependents, forKey: .allDependents)
      try container.encode(Value.map(ValueMap(state.mapValues(\.value))), forKey: .state)
      try container.encode(moreState, forKey: .moreState)
      try container.encode(getters, forKey: .getters)
      try container.encode(actions, forKey: .actions)
      try container.encode(middleware, forKey: .middleware)
      try container.encode(handles, forKey: .handles)
      try container.encode(answers, forKey: .answers)
    }

    /// Decodes it from one map.
    public init(from decoder: any Decoder) throws {
      record = try StoreRecord(from: decoder)
      let container = try decoder.container(keyedBy: CodingKeys.self)
      line = try container.decodeIfPresent(Int.self, forKey: .line)
      missing = try container.decode([String].self, forKey: .missing)
      allDependencies = try container.decode([String].self, forKey: .allDependencies)
      allDependents = try container.decode([String].self, forKey: .allDependents)
      let fields = try container.decode(Value.self, forKey: .state).mapValue ?? [:]
      state = fields.compactMapValues(StateType.init)
      moreState = try container.decode(Int.self, forKey: .moreState)
      getters = try container.decode([String].self, forKey: .getters)
      actions = try container.decode([Action].self, forKey: .actions)
      middleware = try container.decode([Place].self, forKey: .middleware)
      handles = try container.decode([String].self, forKey: .handles)
      answers = try container.decode([String].self, forKey: .answers)
    }

    init(
      _ record: StoreRecord,
      line: Int?,
      missing: [String],
      allDependencies: [String],
      allDependents: [String],
      state: (named: [Value.Key: StateType], more: Int),
      getters: [String],
      actions: [Action],
      middleware: [Place],
      handles: [String],
      answers: [String]
    ) {
      self.record = record
      self.line = line
      self.missing = missing
      self.allDependencies = allDependencies
      self.allDependents = allDependents
      self.state = state.named
      moreState = state.more
      self.getters = getters
      self.actions = actions
      self.middleware = middleware
      self.handles = handles
      self.answers = answers
    }
  }
}

extension HostDescription {
  /// A type of message, with who sends it and who hears of it.
  ///
  /// Senders are found in the texts of the scripts, where a type that is computed cannot be told.
  public struct MessageType: Codable, Sendable, Hashable {
    /// A place that sends it.
    public struct Sender: Codable, Sendable, Hashable {
      /// How it is sent.
      public enum Kind: String, Codable, Sendable {
        case send, request
      }

      /// The script.
      public let script: String
      /// The line, from 1.
      public let line: Int
      /// How.
      public let kind: Kind
    }

    /// The type.
    public let type: String
    /// The places that send it.
    public let senders: [Sender]
    /// The stores or scripts that handle it.
    public let handlers: [String]
    /// The store or script that answers it.
    public let responders: [String]
    /// The scripts with effects that listen to it.
    public let effects: [String]
  }

  /// A place that sends messages of a type which is computed.
  public struct ComputedSender: Codable, Sendable, Hashable {
    /// The script.
    public let script: String
    /// The line, from 1.
    public let line: Int
    /// Whether it asks, and does not only send.
    public let request: Bool
  }
}

extension HostDescription {
  /// An effect of a script: what runs as a task when something has happened.
  public struct Effect: Codable, Sendable, Hashable {
    /// What it listens to: a type of message (`*` for all), an action such as `cart:add` (`cart:*` for all), or changes
    /// of a store.
    public struct Trigger: Codable, Sendable, Hashable {
      /// What it is about.
      public enum Subject: Sendable, Hashable {
        case message(String)
        case action(String)
        /// Changes of a store, at or below a path.
        case change(store: String, path: String?)
      }

      /// What it is about.
      public let subject: Subject
      /// Whether a function of the script has to agree.
      public let isConditional: Bool

      private enum CodingKeys: String, CodingKey { case message, action, change, path, conditional }

      /// Encodes it under the name of its kind.
      public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        switch subject {
        case .message(let type): try container.encode(type, forKey: .message)
        case .action(let name): try container.encode(name, forKey: .action)
        case .change(let store, let path):
          try container.encode(store, forKey: .change)
          try container.encode(path, forKey: .path)
        }
        if isConditional { try container.encode(true, forKey: .conditional) }
      }

      /// Decodes it.
      public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        if let type = try container.decodeIfPresent(String.self, forKey: .message) {
          subject = .message(type)
        } else if let name = try container.decodeIfPresent(String.self, forKey: .action) {
          subject = .action(name)
        } else {
          subject = .change(
            store: try container.decode(String.self, forKey: .change),
            path: try container.decodeIfPresent(String.self, forKey: .path)
          )
        }
        isConditional = try container.decodeIfPresent(Bool.self, forKey: .conditional) ?? false
      }

      init(_ subject: Subject, isConditional: Bool) {
        self.subject = subject
        self.isConditional = isConditional
      }
    }

    /// The script.
    public let script: String
    /// What errors call it.
    public let listener: String
    /// What it listens to.
    public let on: [Trigger]
    /// How many of its tasks have not ended.
    public let running: Int
    /// Whether a new event cancels the tasks that run.
    public let latest: Bool
    /// Whether events are ignored while a task runs.
    public let leading: Bool
    /// Whether it ends with its first event.
    public let once: Bool
    /// How long each task waits before it begins.
    public let delay: Duration?
    /// How long there must be no other event before a task begins.
    public let debounce: Duration?
    /// How long after an event others are ignored.
    public let throttle: Duration?

    private enum CodingKeys: String, CodingKey {
      case script, listener, on, running, latest, leading, once, delay, debounce, throttle
    }

    /// Encodes it with the options that it has; times are seconds.
    public func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: CodingKeys.self)
      try container.encode(script, forKey: .script)
      try container.encode(listener, forKey: .listener)
      try container.encode(on, forKey: .on)
      try container.encode(running, forKey: .running)
      for (isSet, key) in [(latest, CodingKeys.latest), (leading, .leading), (once, .once)]
      where isSet {
        try container.encode(true, forKey: key)
      }
      for (time, key) in [(delay, CodingKeys.delay), (debounce, .debounce), (throttle, .throttle)] {
        if let time { try container.encode(time.inSeconds, forKey: key) }
      }
    }

    /// Decodes it; times are seconds.
    public init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      func has(_ key: CodingKeys) throws -> Bool {
        try container.decodeIfPresent(Bool.self, forKey: key) ?? false
      }
      func time(_ key: CodingKeys) throws -> Duration? {
        try container.decodeIfPresent(Double.self, forKey: key).map { .seconds($0) }
      }
      script = try container.decode(String.self, forKey: .script)
      listener = try container.decode(String.self, forKey: .listener)
      on = try container.decode([Trigger].self, forKey: .on)
      running = try container.decode(Int.self, forKey: .running)
      latest = try has(.latest)
      leading = try has(.leading)
      once = try has(.once)
      delay = try time(.delay)
      debounce = try time(.debounce)
      throttle = try time(.throttle)
    }

    init(_ listener: EffectListener) {
      let options = listener.options
      script = listener.script
      self.listener = listener.label
      on = listener.matchers.map(\.trigger)
      running = listener.running.count
      latest = options.latest
      leading = options.leading
      once = options.once
      delay = options.delay.map { .seconds($0) }
      debounce = options.debounce.map { .seconds($0) }
      throttle = options.throttle.map { .seconds($0) }
    }
  }
}

extension Duration {
  /// The time in seconds.
  package var inSeconds: Double {
    Double(components.seconds) + Double(components.attoseconds) * 1e-18
  }
}

extension EffectMatcher {
  fileprivate var trigger: HostDescription.Effect.Trigger {
    let subject: HostDescription.Effect.Trigger.Subject =
      switch self.subject {
      case .message(let type): .message(type)
      case .anyMessage: .message("*")
      case .action(let store, let name): .action("\(store):\(name ?? "*")")
      case .change(let store, let path): .change(store: store, path: path)
      }
    return HostDescription.Effect.Trigger(subject, isConditional: predicate != nil)
  }
}
