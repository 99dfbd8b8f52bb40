import Foundation
import MoonValue
import Synchronization
import TestSupport

/// A small server of products on loopback, as an entity store expects one.
struct ProductServer: Sendable {
  /// What answers a request in place of the products.
  typealias Trick = @Sendable (LoopbackServer.Request, LoopbackServer.Connection) -> Void

  let shelf: Shelf
  let server: LoopbackServer
  var url: String { server.url + "/products" }
  var requests: [LoopbackServer.Request] { server.requests }

  init(_ names: String...) throws {
    let shelf = Shelf(names)
    self.shelf = shelf
    server = try LoopbackServer { request, connection in
      if let trick = shelf.trick(for: request.method) { return trick(request, connection) }
      let (status, body) = shelf.answer(request)
      connection.answer(status, body.flatMap { try? $0.json() } ?? "", type: "application/json")
    }
  }

  /// Lets something else answer the next request of a method that has no trick yet.
  func next(_ method: String, _ trick: @escaping Trick) { shelf.add(trick, for: method) }

  /// Lets the next request of a method be answered so.
  func next(_ method: String, _ status: Int, _ body: String = "", after seconds: Double = 0) {
    next(method) { _, connection in
      connection.pause(seconds)
      connection.answer(status, body, type: "application/json")
    }
  }

  /// The products, and who answers next.
  final class Shelf: Sendable {
    private struct State {
      var products: [Value]
      var lastID: Int64
      var tricks: [String: [Trick]] = [:]
    }

    private let state: Mutex<State>

    var products: [Value] { state.withLock { $0.products } }

    init(_ names: [String]) {
      let products = names.enumerated().map { index, name -> Value in
        [
          "id": .integer(Int64(index + 1)), "name": .string(name),
          "price": .integer(Int64(10 * (index + 1))),
        ]
      }
      state = Mutex(State(products: products, lastID: Int64(names.count)))
    }

    func add(_ trick: @escaping Trick, for method: String) {
      state.withLock { $0.tricks[method, default: []].append(trick) }
    }

    func trick(for method: String) -> Trick? {
      state.withLock { state in
        guard state.tricks[method]?.isEmpty == false else { return nil }
        return state.tricks[method]?.removeFirst()
      }
    }

    func answer(_ request: LoopbackServer.Request) -> (Int, Value?) {
      let id = request.path.split(separator: "/").dropFirst().first.flatMap { Int64($0) }
      let sent = try? Value(json: request.text)
      return state.withLock { state in
        let index = state.products.firstIndex { $0["id"]?.integerValue == id }
        switch (request.method, index) {
        case ("GET", _): return (200, page(of: state.products, request.query))
        case ("POST", _):
          state.lastID += 1
          var product = sent?.mapValue ?? [:]
          product["id"] = .integer(state.lastID)
          state.products.append(.map(product))
          return (201, .map(product))
        case ("PUT", let index?):
          let changed = (state.products[index].mapValue ?? [:]).merging(sent?.mapValue ?? [:]) {
            $1
          }
          state.products[index] = .map(changed)
          return (200, state.products[index])
        case ("DELETE", let index?):
          state.products.remove(at: index)
          return (204, nil)
        default: return (404, ["message": "no such product"])
        }
      }
    }

    private func page(of products: [Value], _ query: String) -> Value {
      var fields: [String: String] = [:]
      for pair in query.split(separator: "&") {
        let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
        fields[parts[0]] = parts.count > 1 ? parts[1].removingPercentEncoding : ""
      }
      let page = fields["page"].flatMap { Int($0) } ?? 1
      let limit = fields["limit"].flatMap { Int($0) } ?? 20
      let name = fields["name"]?.lowercased()
      let found = products.filter { product in
        name.map { product["name"]?.stringValue?.lowercased().contains($0) == true } ?? true
      }
      let items = found.dropFirst((page - 1) * limit).prefix(limit)
      return [
        "items": .array(Array(items)),
        "pagination": [
          "page": .integer(Int64(page)), "limit": .integer(Int64(limit)),
          "total": .integer(Int64(found.count)),
        ],
      ]
    }
  }
}

extension HTTPHost {
  /// A host with a store of products that the server keeps; `more` is more of its configuration.
  static func products(
    _ products: ProductServer,
    _ more: String = "",
    reaching hosts: [String] = ["127.0.0.1"]
  ) async throws -> HTTPHost {
    try await HTTPHost(
      [
        "stores/products.lua": """
        factories.entity():create {
          id = "products", entityName = "product", apiEndpoint = "\(products.url)",
          \(more)
        }
        """
      ],
      reaching: hosts
    )
  }
}
