/// What a function of a script is run as where it stands for neither an action nor a getter, such as a predicate: it may
/// do less than they, and errors call it by this name.
package struct CodeRole {
  private let what: String
  private let subject: String
  /// How many getters and effects were being evaluated when it began; one that begins later is further inside.
  let depth: Int

  fileprivate init(_ what: String, of subject: String, depth: Int) {
    self.what = what
    self.subject = subject
    self.depth = depth
  }

  /// As a part of a sentence, such as `the state function of 'cart'`.
  package var name: String { what + subject }
}

extension StoreSystem {
  /// Runs a function of a script as something that errors name; actions that it calls are parts of it.
  ///
  /// - Parameters:
  ///   - what: What it is, such as "message middleware".
  ///   - subject: What comes after it in the name.
  ///   - body: What runs it.
  /// - Returns: What `body` returns.
  package func acting<R>(
    as what: String,
    of subject: String = "",
    _ body: () throws -> R
  ) rethrows -> R {
    let outer = role
    role = CodeRole(what, of: subject, depth: graph.runDepth)
    defer { role = outer }
    return try body()
  }
}
