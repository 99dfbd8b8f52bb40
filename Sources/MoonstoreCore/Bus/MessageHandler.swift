/// The name under which one party sends and receives: a store's id, or a script's store or path.
///
/// A script's name changes when it defines its store, so registrations keep the address and ask it for the name
/// when a message is delivered.
package final class BusAddress {
  /// What stays the same: the store's id, or the script's path.
  package let id: String
  /// What messages are addressed to.
  package var name: String

  package init(_ id: String) {
    self.id = id
    name = id
  }

  /// What errors about a loop call code of this party that hears of a type.
  func label(of type: String, at place: (() -> String?)?) -> String {
    "'\(type)' at \(place?() ?? "'\(name)' in Swift")"
  }
}

/// A handler or responder, with the store or script that it belongs to.
package final class MessageHandler {
  /// What it says when it returns.
  package enum Outcome {
    case done(StateSlot)
    /// It waits for the outside, and will call `finish` on the request.
    case waiting
  }

  package typealias Body = (Message) throws -> Outcome

  package let owner: BusAddress
  package let body: Body
  /// Whether it may answer its type, and for which set of stores that was found out.
  var standing: (stores: Int, mayAnswer: Bool)?
  /// Where its code stands, for errors.
  private let place: (() -> String?)?

  init(owner: BusAddress, place: (() -> String?)?, body: @escaping Body) {
    self.owner = owner
    self.place = place
    self.body = body
  }

  /// What errors about a loop call it while it handles a message of a type.
  func label(of type: String) -> String { owner.label(of: type, at: place) }
}

/// Changes messages before they are queued, or drops them.
package final class MessageMiddleware {
  package let owner: String
  /// Where it comes from, for descriptions of the host; nil for Swift.
  package let origin: AnyObject?
  /// Returns whether the message is kept.
  package let body: (Message) throws -> Bool

  package init(
    owner: String = "swift",
    origin: AnyObject? = nil,
    _ body: @escaping (Message) throws -> Bool
  ) {
    self.owner = owner
    self.origin = origin
    self.body = body
  }
}
