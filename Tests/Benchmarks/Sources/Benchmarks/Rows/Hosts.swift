import MoonValue
import MoonstoreCore
import MoonstoreHost

/// A host over one of the projects of this package.
func host(
  _ project: String = "workloads",
  settings: [String: Value] = [:],
  limits: ScriptLimits = ScriptLimits()
) async throws -> StoreHost {
  var configuration = HostConfiguration()
  configuration.settings = settings
  configuration.scriptLimits = limits
  // What nobody hears would be a benchmark of failures.
  configuration.report = { print("reported: \($0)") }
  return try await StoreHost(
    scripts: "\(Folders.projects)/\(project)",
    configuration: configuration
  )
}

/// A whole number that a store or a script gave.
func integer(_ value: Value) throws -> Int {
  guard let integer = value.integerValue else {
    throw WrongResult(description: "\(value) is no whole number")
  }
  return Int(integer)
}

extension StoreHost {
  /// Calls an action of a store over and over on the synchronous way in, and gives the nanoseconds; `count` in
  /// its state must have risen with each.
  func increment(_ id: String, _ count: Int) throws -> Double {
    try withStores { stores in
      let store = try stores.store(id)
      let before = try integer(store.get("count"))
      let took = try nanoseconds {
        for _ in 0..<count { try store.call("increment") }
      }
      try WrongResult.check(try integer(store.get("count")), is: before + count, "\(id).count")
      return took
    }
  }

  /// The same by an action that is looked up once.
  func incrementPrepared(_ id: String, _ count: Int) throws -> Double {
    try withStores { stores in
      let store = try stores.store(id)
      let before = try integer(store.get("count"))
      let increment = try store.action("increment")
      let took = try nanoseconds {
        for _ in 0..<count { try increment() }
      }
      try WrongResult.check(try integer(store.get("count")), is: before + count, "\(id).count")
      return took
    }
  }

  /// Calls an action once that does something `count` times, and gives the nanoseconds.
  func loop(_ id: String, _ action: String, _ count: Int, is expected: Int) throws -> Double {
    try withStores { stores in
      let store = try stores.store(id)
      var result = Value.null
      let took = try nanoseconds { result = try store.call(action, .integer(Int64(count))) }
      try WrongResult.check(try integer(result), is: expected, "\(id):\(action)")
      return took
    }
  }
}

extension PlainLua {
  /// Steps whose result rises by one with each.
  func counting(_ name: String) throws -> Benchmark.Work {
    { count in
      let before = try self.steps(name, 1)
      var result = 0.0
      let took = try nanoseconds { result = try self.steps(name, count) }
      try WrongResult.check(result, is: before + Double(count), "the reference's \(name)")
      return took
    }
  }

  /// A loop whose result is known.
  func loop(_ name: String, _ count: Int, is expected: Int) throws -> Double {
    var result = 0.0
    let took = try nanoseconds { result = try self.loop(name, count) }
    try WrongResult.check(result, is: Double(expected), "the reference's \(name)")
    return took
  }
}
