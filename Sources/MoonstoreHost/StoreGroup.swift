public import MoonValue
public import MoonstoreCore

/// Stores of a host under names of their own, read and observed together.
///
/// ```swift
/// let shop = try await host.compose(["cart": "shop/cart", "products": "shop/products"])
/// for await change in try await shop.changes() { print(change.name, change.patch.path) }
/// ```
public struct StoreGroup: Sendable {
  /// One change in one of the stores.
  public struct Change: Sendable {
    /// The store's name in the group.
    public let name: String
    /// What has changed.
    public let patch: StatePatch
  }

  /// The host.
  public let host: StoreHost
  /// The stores by name.
  public let stores: [String: StoreHandle]

  /// The store of a name; nil when the group has none.
  public subscript(_ name: String) -> StoreHandle? { stores[name] }

  /// The states of all stores at one moment, by name.
  public func states() async throws(StoreError) -> [String: Value] {
    let ids = stores.mapValues(\.id)
    return try await host.withStores { stores in
      try ids.mapValues { try stores.store($0).state }
    }
  }

  /// The changes of all stores from now on, in order.
  ///
  /// A store that has two names in the group is told of once, by the first of them. The stream ends with its
  /// reader.
  public func changes() async throws(StoreError) -> AsyncStream<Change> {
    try await host.changes(of: stores.mapValues(\.id))
  }
}
