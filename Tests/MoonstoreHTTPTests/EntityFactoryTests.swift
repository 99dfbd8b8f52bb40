import MoonValue
import MoonstoreCore
import MoonstoreHTTP
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

@Suite struct EntityFactoryTests {
  private func products() async throws -> (HTTPHost, StoreHandle) {
    let host = try await HTTPHost([
      "stores/products.lua": """
      factories.entity():create {
        id = "products", entityName = "product", apiEndpoint = "http://127.0.0.1/products",
        initialState = { items = {
          { id = 1, name = "Desk Lamp", price = 20, stock = "20", active = true },
          { id = 2, name = "Chair", price = 120.5, active = false, note = null },
          { id = 3, name = "LAMP", price = 20, active = "true", note = "Old" },
        } },
      }
      """
    ])
    return (host, try await host.host.store("products"))
  }

  private func ids(_ store: StoreHandle) async throws -> [Value] {
    try await store.get("filteredItems").arrayValue?.map { $0["id"] ?? .null } ?? []
  }

  // MARK: E7, E8

  @Test func `E7 filters are merged, and null takes one away`() async throws {
    let (host, store) = try await products()
    try await store.call("setFilters", ["name": "lamp", "price": 20])
    try await store.call("setFilters", ["name": "chair"])
    #expect(try await store.get("filters") == ["name": "chair", "price": 20])
    try await store.call("setFilters", ["price": .null])
    #expect(try await store.get("filters") == ["name": "chair"])
    try await host.run("useStore('products'):setFilters { name = null }")
    #expect(try await ids(store) == [1, 2, 3])
  }

  @Test func `E7 other filters begin at the first page`() async throws {
    let (host, store) = try await products()
    try await host.host.withStores { stores in
      try stores.store("products").patch(["pagination": ["page": 4, "limit": 20, "total": 99]])
    }
    try await store.call("setFilters", ["name": "x"])
    #expect(try await store.get("pagination")["page"] == 1)
  }

  @Test(arguments: [
    ("7", "setFilters takes a table"), ("{ a = {} }", "the filter 'a' must be a text"),
    ("{ 'x' }", "a filter has a name"), ("{ a = 1, b = { 1 } }", "the filter 'b' must be a text"),
  ])
  func `E7 wrong filters are refused whole`(_ filters: String, _ message: String) async throws {
    let (host, store) = try await products()
    let error = await host.error("useStore('products'):setFilters(\(filters))")
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(try await ids(store).count == 3)
  }

  @Test func `E8 clearing takes all filters away`() async throws {
    let (_, store) = try await products()
    try await store.call("setFilters", ["name": "lamp", "price": 1])
    try await store.call("clearFilters")
    #expect(try await ids(store) == [1, 2, 3])
  }

  // MARK: E9

  @Test func `E9 filters are met all: text by its parts, other values by equality`() async throws {
    let (_, store) = try await products()
    let cases: [(Value, [Value])] = [
      (["name": "lamp"], [1, 3]), (["name": ""], [1, 2, 3]), (["name": "LAMP"], [1, 3]),
      (["name": "."], []), (["name": "lamp", "price": 20], [1, 3]), (["price": 120.5], [2]),
      (["price": "120"], [2]), (["stock": 20], [1]), (["stock": "20"], [1]), (["stock": 2], []),
      (["note": "old"], [3]), (["note": "u"], []), (["active": true], [1, 3]),
      (["active": false], [2]),
      (["missing": "x"], []), (["missing": false], []),
    ]
    for (filters, expected) in cases {
      try await store.call("clearFilters")
      try await store.call("setFilters", filters)
      #expect(try await ids(store) == expected, "\(filters)")
    }
  }

  @Test func `E9 the getters follow the state`() async throws {
    let (_, store) = try await products()
    #expect(try await store.get("itemCount") == 3)
    #expect(try await store.get("selectedItem") == .null)
    try await store.call("selectItem", 2)
    #expect(try await store.get("selectedItem")["name"] == "Chair")
    #expect(try await store.get("isLoading") == false)
    #expect(try await store.get("hasError") == false)
    try await store.patch(["error": "x", "loading": true])
    #expect(try await store.get("isLoading") == true)
    #expect(try await store.get("hasError") == true)
  }

  // MARK: E10

  @Test func `E10 a member that takes a default's name must say so`() async throws {
    let host = try await HTTPHost()
    let error = await host.error(
      """
      factories.entity():create {
        id = "a", apiEndpoint = "http://127.0.0.1/a", actions = { fetchItems = function() return "mine" end },
      }
      """
    )
    #expect(error?.code == .invalidDefinition)
    #expect(
      error?.message.contains(
        #"actions.fetchItems has the name of a member that the entity factory gives; with  override = { "fetchItems" }  it takes its place"#
      ) == true
    )
    #expect(await host.host.storeIDs == [])
    let result = try await host.run(
      """
      local made = {}
      for id, override in pairs { a = { "fetchItems", "itemCount" }, b = true } do
        local store = factories.entity():create {
          id = id, apiEndpoint = "http://127.0.0.1/a", override = override,
          actions = { fetchItems = function() return "mine" end, more = function(self) return self.itemCount end },
          getters = { itemCount = function(self) return -1 end },
        }
        made[#made + 1] = { store:fetchItems(), store.itemCount, store:more(), store.isLoading }
      end
      return made
      """
    )
    #expect(result == [["mine", -1, -1, false], ["mine", -1, -1, false]])
  }

  @Test(arguments: [
    ("actions = { itemCount = print }, override = true", "another kind of member"),
    ("getters = { fetchItems = print }, override = true", "another kind of member"),
    ("override = { 'fetchItem' }", "override must be true, or a list"),
    ("override = 'fetchItems'", "override must be true, or a list"),
    ("apiEndpoint = 7", "the apiEndpoint must be an address"),
    ("apiEndpoint = '/api/products'", "the apiEndpoint must be an address"),
    ("apiEndpoint = 'http://x/?a=b'", "the apiEndpoint must be an address"),
    ("entityName = 7", "the entityName must be a text"),
    ("idField = ''", "the idField must be the name of a field"),
    ("headers = 'x'", "the headers must be a table"),
    ("schema = 'string'", "the schema must be a table"),
    ("schema = { price = 'money' }", "schema.price: there is no type 'money'"),
    ("schema = { size = { 'integer', 'string' } }", "schema.size: a list has one type"),
    ("initialState = 7", "initialState must be a table"),
    ("initialState = { items = { a = 1 } }", "initialState.items must be a list"),
    ("initialState = { items = { { name = 'x' } } }", "initialState.items[1] has no 'id'"),
    ("initialState = { requests = {} }", "initialState.requests is kept by the factory"),
    ("initialState = { itemCount = 1 }", "itemCount"),
    ("actions = { price = print }, initialState = { price = 1 }", "price"),
  ])
  func `E10 a wrong configuration is an error, and no store is there`(
    _ config: String,
    _ message: String
  ) async throws {
    let host = try await HTTPHost()
    let endpoint = config.contains("apiEndpoint") ? "" : "apiEndpoint = 'http://127.0.0.1/a',"
    let error = await host.error("factories.entity():create { id = 'a', \(endpoint) \(config) }")
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(error?.script == "driver")
    #expect(await host.host.storeIDs == [])
  }

  @Test func `E10 a factory's store is configured without losing its state`() async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost()
    let result = try await host.run(
      """
      local entities = factories.entity()
      local store = entities:create {
        id = "products", apiEndpoint = "http://127.0.0.1:1/old", headers = { ["x-key"] = "1" },
        actions = { mine = function() return "mine" end },
      }
      store:fetchItems()
      local failed = store.hasError
      entities:configure(store, { apiEndpoint = url .. "/products", headers = { ["x-key"] = "2" } })
      store:fetchItems()
      return { failed, store.hasError, store.itemCount, store:mine(), entities:get("products") == store }
      """,
      server.server
    )
    #expect(result == [true, false, 1, "mine", true])
    #expect(server.requests.first?.headers["x-key"] == "2")
  }

  // MARK: Schemas

  private let schema = """
    schema = {
      id = "integer", name = "string", price = "number", ["note?"] = "string", ["tags?"] = { "string" },
      ["size?"] = { width = "integer", ["depth?"] = "any" }, ["extra?"] = "map", ["list?"] = "array",
      ["sold?"] = "boolean",
      ["code?"] = function(value) return #value == 3, "must have three letters" end,
    },
    """

  @Test(
    arguments: [
      (#"{"id":1,"name":"x","price":1.5}"#, nil),
      (#"{"id":1,"name":"x","price":1,"note":null,"tags":[],"extra":{},"list":[],"more":1}"#, nil),
      (
        #"{"id":1,"name":"x","price":1,"size":{"width":2},"tags":["a"],"code":"abc","sold":true}"#,
        nil
      ),
      (#"{"id":1,"name":"x"}"#, "items[1].price is missing"),
      (#"{"id":1,"name":"x","price":null}"#, "items[1].price is missing"),
      (
        #"{"id":1,"name":"x","price":"12"}"#,
        #"items[1].price must be a number, found the text "12""#
      ),
      (#"{"id":1.5,"name":"x","price":1}"#, "items[1]"),
      (#"{"id":"1","name":"x","price":1}"#, "items[1].id must be a whole number"),
      (#"{"id":1,"name":7,"price":1}"#, "items[1].name must be a text, found the number 7"),
      (#"{"id":1,"name":"x","price":1,"tags":["a",2]}"#, "items[1].tags[2] must be a text"),
      (#"{"id":1,"name":"x","price":1,"tags":{"a":1}}"#, "items[1].tags must be a list"),
      (#"{"id":1,"name":"x","price":1,"size":{}}"#, "items[1].size.width is missing"),
      (#"{"id":1,"name":"x","price":1,"size":[1]}"#, "items[1].size must be a table of fields"),
      (#"{"id":1,"name":"x","price":1,"extra":[1]}"#, "items[1].extra must be a table of fields"),
      (#"{"id":1,"name":"x","price":1,"list":{"a":1}}"#, "items[1].list must be a list"),
      (#"{"id":1,"name":"x","price":1,"sold":0}"#, "items[1].sold must be a boolean"),
      (#"{"id":1,"name":"x","price":1,"code":"ab"}"#, "items[1].code must have three letters"),
    ] as [(String, String?)]
  )
  func `E2 what comes in is checked against the schema`(_ item: String, _ message: String?)
    async throws
  {
    let server = try ProductServer()
    server.next("GET", 200, "{\"items\":[\(item)]}")
    let host = try await HTTPHost.products(server, schema)
    let products = try await host.host.store("products")
    #expect(try await products.call("fetchItems") == .bool(message == nil))
    let error = try await products.get("error").stringValue
    #expect((error == nil) == (message == nil), "\(error ?? "no error")")
    if let message { #expect(error?.contains(message) == true, "\(error ?? "no error")") }
  }

  @Test func `E3 E4 what goes out is checked against the schema, changes only where they are`()
    async throws
  {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server, schema)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    let missing = await #expect(throws: StoreError.self) {
      try await products.call("createItem", ["name": "x"])
    }
    #expect(missing?.message.contains("product.price is missing") == true)
    let wrong = await #expect(throws: StoreError.self) {
      try await products.call("updateItem", 1, ["price": "12"])
    }
    #expect(wrong?.message.contains("product.price must be a number") == true)
    #expect(server.requests.count == 1)
    // The server gives the id, and an update need not be whole.
    try await products.call("createItem", ["name": "x", "price": 1])
    try await products.call("updateItem", 1, ["price": 12])
    #expect(try await products.get("hasError") == false)
  }

  @Test func `An idField of another name works throughout`() async throws {
    let server = try ProductServer()
    server.next("GET", 200, #"[{"sku":"a"},{"sku":"b"}]"#)
    server.next("DELETE", 204)
    let host = try await HTTPHost.products(server, "idField = 'sku',")
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    try await products.call("selectItem", "b")
    try await products.call("deleteItem", "a")
    #expect(try await products.get("items") == [["sku": "b"]])
    #expect(server.requests.last?.path == "/products/a")
  }

  @Test func `Headers are sent with each request, also those that a function gives`() async throws {
    let server = try ProductServer()
    let host = try await HTTPHost.products(
      server,
      "headers = function() return { Authorization = 'Bearer ' .. random.id('t'), Accept = 'a/b' } end,"
    )
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    try await products.call("createItem", ["name": "x"])
    let sent = server.requests.compactMap { $0.headers["authorization"] }
    #expect(sent.count == 2 && sent[0] != sent[1])
    #expect(server.requests.first?.headers["accept"] == "a/b")
  }

  // MARK: E11

  @Test func `E11 without the capability the error says how it is granted`() async throws {
    let host = try await StoreHost()
    let result = try await host.evaluate(
      """
      local store = factories.entity():create { id = "a", apiEndpoint = "https://api.example.com:8443/a" }
      store:fetchItems()
      local ok, err = pcall(function() store:createItem { name = "x" } end)
      return { store.error, err.code, store.loading }
      """
    ).value
    let message = result[0]?.stringValue ?? ""
    #expect(
      message
        == "a: this host lets scripts reach no servers; whoever runs it can grant 'api.example.com:8443' "
        + "(moonstore run --allow-http api.example.com:8443, or HostConfiguration.http)"
    )
    #expect(result[1] == "permissionDenied")
    #expect(result[2] == false)
  }

  @Test func `E11 what a transport records can be played again, and be denied`() async throws {
    /// Keeps every exchange.
    final class Recorder: HTTPTransport {
      let exchanges = Mutex<[(HTTPRequest, HTTPResponse)]>([])
      func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse {
        let response = try await HTTPHost.transport.send(request, limits: limits)
        exchanges.withLock { $0.append((request, response)) }
        return response
      }
    }
    /// Answers as it was recorded, in that order.
    final class Player: HTTPTransport {
      struct Unexpected: Error {}
      let exchanges: Mutex<[(HTTPRequest, HTTPResponse)]>
      init(_ exchanges: [(HTTPRequest, HTTPResponse)]) { self.exchanges = Mutex(exchanges) }
      func send(_ request: HTTPRequest, limits: HTTPLimits) async throws -> HTTPResponse {
        try exchanges.withLock { exchanges in
          guard let (known, response) = exchanges.first, known == request else {
            throw Unexpected()
          }
          exchanges.removeFirst()
          return response
        }
      }
    }
    let server = try ProductServer("Lamp", "Desk")
    let script = """
      local store = factories.entity():create { id = "products", apiEndpoint = url .. "/products" }
      store:fetchItems()
      store:createItem { name = "Chair" }
      store:updateItem(1, { price = 7 })
      store:deleteItem(2)
      return { store.items, store.pagination, store.hasError }
      """
    let recorder = Recorder()
    let live = try await HTTPHost(transport: recorder)
    let result = try await live.run(script, server.server)
    #expect(result[0]?.arrayValue?.count == 2)
    let recorded = recorder.exchanges.withLock { $0 }
    #expect(recorded.count == 4)

    let player = Player(recorded)
    let replayed = try await HTTPHost(transport: player)
    #expect(try await replayed.run(script, server.server) == result)
    #expect(player.exchanges.withLock { $0.isEmpty })
    #expect(server.requests.count == 4)

    let denied = try await HTTPHost(reaching: [], transport: Player(recorded))
    let error = await denied.error(script, server.server)
    #expect(error?.code == .permissionDenied)
  }
}
