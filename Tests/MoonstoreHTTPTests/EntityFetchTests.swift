import Dispatch
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct EntityFetchTests {
  // MARK: E1

  @Test func `E1 an entity store begins empty, and its configuration is laid over that`()
    async throws
  {
    let server = try ProductServer()
    let host = try await HTTPHost.products(
      server,
      "initialState = { pagination = { limit = 50 }, brand = 'acme', items = { { id = 1 } } }"
    )
    let products = try await host.host.store("products")
    let state = try await products.state()
    #expect(state["items"] == [["id": 1]])
    #expect(state["loading"] == false)
    #expect(state["error"] == .null)
    #expect(state["selectedId"] == .null)
    #expect(state["filters"]?.mapValue?.isEmpty != false)
    #expect(state["pagination"] == ["page": 1, "limit": 50, "total": 0])
    #expect(state["brand"] == "acme")
  }

  @Test func `E1 two stores made from one table share nothing with it or each other`() async throws
  {
    let host = try await HTTPHost()
    let result = try await host.run(
      """
      local initial = { items = { { id = 1 } }, extra = { 1 } }
      local config = { id = "a", apiEndpoint = "http://127.0.0.1/a", initialState = initial }
      local a = factories.entity():create(config)
      config.id = "b"
      local b = factories.entity():create(config)
      table.insert(initial.items, { id = 2 })
      table.insert(initial.extra, 2)
      a:setFilters { name = "x" }
      return { a.itemCount, b.itemCount, #a.extra, #b.extra, b.filters.name == nil }
      """
    )
    #expect(result == [1, 1, 1, 1, true])
  }

  // MARK: E2

  @Test func `E2 fetching asks for the page and shows items and pagination`() async throws {
    let server = try ProductServer("Lamp", "Desk", "Chair")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    #expect(try await products.call("fetchItems", ["limit": 2]) == true)
    #expect(try await products.get("itemCount") == 2)
    #expect(try await products.get("pagination") == ["page": 1, "limit": 2, "total": 3])
    #expect(try await products.call("fetchItems", ["page": 2]) == true)
    #expect(try await products.get("items")[0]?["name"] == "Chair")
    #expect(server.requests.map(\.query) == ["limit=2&page=1", "limit=2&page=2"])
    #expect(server.requests.first?.headers["accept"] == "application/json")
    #expect(try await products.get("isLoading") == false)
    #expect(try await products.get("hasError") == false)
  }

  @Test func `E2 filters are sent with a fetch, and parameters win over them`() async throws {
    let server = try ProductServer("Lamp", "Desk lamp", "Chair")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("setFilters", ["name": "lamp", "empty": ""])
    try await products.call("fetchItems")
    #expect(try await products.get("itemCount") == 2)
    try await products.call("fetchItems", ["name": "chair"])
    #expect(try await products.get("items")[0]?["name"] == "Chair")
    #expect(
      server.requests.map(\.query) == ["limit=20&name=lamp&page=1", "limit=20&name=chair&page=1"]
    )
  }

  @Test func `E2 a plain list is an answer too, and its end tells the total`() async throws {
    let server = try ProductServer()
    server.next("GET", 200, #"[{"id":1},{"id":2}]"#)
    server.next("GET", 200, "[]")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    #expect(try await products.get("itemCount") == 2)
    #expect(try await products.get("pagination")["total"] == 2)
    try await products.call("fetchItems")
    #expect(try await products.get("itemCount") == 0)
  }

  @Test(arguments: [
    (500, #"{"message":"the cellar is flooded"}"#, "answered 500: the cellar is flooded"),
    (404, #"{"error":"no such thing"}"#, "answered 404: no such thing"),
    (422, #"{"error":{"message":"name is missing"}}"#, "answered 422: name is missing"),
    (
      403, #"{"type":"about:blank","title":"Forbidden","detail":"not you"}"#,
      "answered 403: not you"
    ),
    (502, "<html> bad gateway </html>", "answered 502: <html> bad gateway </html>"),
    (503, "", "answered 503"),
    (304, "", "answered 304"),
  ])
  func `E2 an answer that is no success is an error with its status and the server's words`(
    _ status: Int,
    _ body: String,
    _ message: String
  ) async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    server.next("GET", status, status == 304 ? "" : body)
    #expect(try await products.call("fetchItems") == false)
    #expect(try await products.get("error") == .string("GET \(server.url) \(message)"))
    #expect(try await products.get("hasError") == true)
    #expect(try await products.get("isLoading") == false)
    #expect(try await products.get("itemCount") == 1)
    // Success clears it.
    #expect(try await products.call("fetchItems") == true)
    #expect(try await products.get("error") == .null)
  }

  @Test(arguments: [
    (#"{"products":[]}"#, "neither a list nor a table with 'items'"),
    (#"{"items":{"a":1}}"#, "neither a list nor a table with 'items'"),
    (#"{}"#, "neither a list nor a table with 'items'"),
    (#""text""#, "neither a list nor a table with 'items'"),
    ("null", "neither a list nor a table with 'items'"),
    (#"{"items":[{"id":1},7]}"#, "items[2] where a product should be"),
    (#"{"items":[{"id":1},{"name":"x"}]}"#, "items[2] has no 'id'"),
    (#"[{"id":true}]"#, "[1] has no 'id'"),
    (#"{"items":[],"pagination":{"total":"many"}}"#, "pagination.total is no number"),
    ("<html>", "is no JSON"),
    ("", "has no body"),
  ])
  func `E2 an answer of another form is an error, and leaves the items`(
    _ body: String,
    _ message: String
  ) async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    server.next("GET", 200, body)
    #expect(try await products.call("fetchItems") == false)
    let error = try await products.get("error").stringValue ?? "no error"
    #expect(error.contains(message), "\(error)")
    #expect(error.contains(server.url))
    #expect(try await products.get("itemCount") == 1)
    #expect(try await products.get("loading") == false)
  }

  @Test func `E2 an earlier fetch that ends later does not overwrite a later one`() async throws {
    let server = try ProductServer()
    let gate = DispatchSemaphore(value: 0)
    server.next("GET") { _, connection in
      _ = gate.wait(timeout: .now() + 60)
      connection.answer(200, #"[{"id":1,"name":"old"}]"#, type: "application/json")
    }
    server.next("GET", 200, #"[{"id":2,"name":"new"}]"#)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let first = Task { try await products.call("fetchItems") }
    #expect(await eventually { server.requests.count == 1 })
    #expect(try await products.get("loading") == true)
    #expect(try await products.call("fetchItems") == true)
    #expect(try await products.get("items")[0]?["name"] == "new")
    // The first is still under way.
    #expect(try await products.get("loading") == true)
    gate.signal()
    #expect(try await first.value == false)
    #expect(try await products.get("items")[0]?["name"] == "new")
    #expect(try await products.get("loading") == false)
  }

  @Test func `E2 an earlier fetch that fails later says nothing`() async throws {
    let server = try ProductServer()
    server.next("GET", 500, "", after: 0.3)
    server.next("GET", 200, #"[{"id":2}]"#)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let first = Task { try await products.call("fetchItems") }
    #expect(await eventually { server.requests.count == 1 })
    try await products.call("fetchItems")
    _ = try await first.value
    #expect(try await products.get("error") == .null)
    #expect(try await products.get("loading") == false)
  }

  @Test func `E2 what was created and deleted during a fetch is not taken back by its answer`()
    async throws
  {
    let server = try ProductServer("Lamp", "Desk")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    let old = #"[{"id":1,"name":"Lamp"},{"id":2,"name":"Desk"}]"#
    server.next("GET", 200, old, after: 0.4)
    let fetch = Task { try await products.call("fetchItems") }
    #expect(await eventually { server.requests.count == 2 })
    try await products.call("createItem", ["name": "Chair"])
    try await products.call("deleteItem", 1)
    try await products.call("updateItem", 2, ["name": "Table"])
    #expect(try await fetch.value == true)
    #expect(
      try await products.get("items").arrayValue?.map { $0["name"] ?? .null } == ["Table", "Chair"]
    )
  }

  @Test func `E2 a fetch that is cancelled, and one whose host refuses it, end the loading`()
    async throws
  {
    let server = try ProductServer()
    server.next("GET") { _, connection in connection.waitForClose() }
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let task = Task { try await products.call("fetchItems") }
    #expect(await eventually { server.requests.count == 1 })
    #expect(try await products.get("loading") == true)
    task.cancel()
    await #expect(throws: StoreError.self) { try await task.value }
    #expect(await eventually { (try? await products.get("loading")) == false })
    #expect(try await products.get("requests") == [])
    let refused = try await HTTPHost.products(server, reaching: ["example.com"])
    let others = try await refused.host.store("products")
    #expect(try await others.call("fetchItems") == false)
    #expect(try await others.get("error").stringValue?.contains("permission denied") == true)
    #expect(try await others.get("loading") == false)
  }

  @Test func `E2 an action that fails after its fetch does not bring the loading back`()
    async throws
  {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(
      server,
      "actions = { fetchAndFail = function(self) self:fetchItems() error('no') end }"
    )
    let products = try await host.host.store("products")
    await #expect(throws: StoreError.self) { try await products.call("fetchAndFail") }
    #expect(try await products.get("loading") == false)
    #expect(try await products.get("itemCount") == 1)
  }

  @Test func `E2 a fetch that began before a reset shows nothing`() async throws {
    let server = try ProductServer()
    server.next("GET", 200, #"[{"id":1}]"#, after: 0.2)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let fetch = Task { try await products.call("fetchItems") }
    #expect(await eventually { server.requests.count == 1 })
    try await products.reset()
    #expect(try await products.get("loading") == false)
    #expect(try await fetch.value == false)
    #expect(try await products.get("itemCount") == 0)
    #expect(try await products.get("loading") == false)
  }

  @Test func `E2 an id that stands twice in an answer is one item, as it came last`() async throws {
    let server = try ProductServer()
    server.next("GET", 200, #"[{"id":1,"n":1},{"id":2,"n":2},{"id":"1","n":3}]"#)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    #expect(try await products.get("items") == [["id": "1", "n": 3], ["id": 2, "n": 2]])
  }

  @Test func `E2 wrong parameters are an error of the caller`() async throws {
    let server = try ProductServer()
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let error = await #expect(throws: StoreError.self) {
      try await products.call("fetchItems", "x")
    }
    #expect(error?.message.contains("fetchItems takes a table") == true)
    #expect(server.requests.isEmpty)
  }

  @Test func `E2 ten thousand items are shown at once`() async throws {
    let server = try ProductServer()
    let items = (1...10_000).map { #"{"id":\#($0),"name":"Product \#($0)"}"# }.joined(
      separator: ","
    )
    server.next("GET", 200, "[\(items)]")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    #expect(try await products.get("itemCount") == 10_000)
    try await products.call("setFilters", ["name": "product 999"])
    #expect(try await products.get("filteredItems").arrayValue?.count == 11)
  }
}
