import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct EntityChangeTests {
  // MARK: E3

  @Test func `E3 creating sends the item, keeps the server's, and counts it`() async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    let created = try await products.call("createItem", ["name": "Desk", "tags": []])
    #expect(created["id"] == 2)
    #expect(try await products.get("items")[1] == created)
    #expect(try await products.get("pagination")["total"] == 2)
    let request = try #require(server.requests.last)
    #expect(request.method == "POST")
    #expect(request.path == "/products")
    #expect(request.text == #"{"name":"Desk","tags":[]}"#)
    #expect(request.headers["content-type"] == "application/json")
  }

  @Test func `E3 loading is true while the server is asked`() async throws {
    let server = try ProductServer()
    server.next("POST", 201, #"{"id":1}"#, after: 0.3)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let task = Task { try await products.call("createItem", ["name": "x"]) }
    #expect(await eventually { server.requests.count == 1 })
    #expect(try await products.get("isLoading") == true)
    _ = try await task.value
    #expect(try await products.get("isLoading") == false)
  }

  @Test func `E3 a failure is kept as the error and raised, and success clears it`() async throws {
    let server = try ProductServer()
    server.next("POST", 409, #"{"message":"the name is taken"}"#)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    let error = await #expect(throws: StoreError.self) {
      try await products.call("createItem", ["name": "Lamp"])
    }
    let message = "POST \(server.url) answered 409: the name is taken"
    #expect(error?.message == message)
    #expect(error?.value?["status"] == 409)
    #expect(error?.value?["reason"] == "the name is taken")
    #expect(try await products.get("error") == .string(message))
    #expect(try await products.get("loading") == false)
    #expect(try await products.get("itemCount") == 0)
    try await products.call("createItem", ["name": "Lamp"])
    #expect(try await products.get("hasError") == false)
  }

  @Test func `E3 scripts can ask a failure for its status`() async throws {
    let server = try ProductServer()
    server.next("POST", 409, #"{"message":"taken"}"#)
    let host = try await HTTPHost.products(server)
    let result = try await host.run(
      """
      local ok, err = pcall(function() useStore("products"):createItem({ name = "x" }) end)
      return { ok, err.status, err.reason, err.code, tostring(err) == err.message }
      """
    )
    #expect(result == [false, 409, "taken", "status", true])
  }

  @Test func `E3 an answer with an id that is there replaces its item`() async throws {
    let server = try ProductServer("Lamp")
    server.next("POST", 200, #"{"id":"1","name":"New lamp"}"#)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    try await products.call("createItem", ["name": "New lamp"])
    #expect(try await products.get("items") == [["id": "1", "name": "New lamp"]])
    #expect(try await products.get("pagination")["total"] == 1)
  }

  @Test func `E3 a server that answers nothing leaves what was sent, if that has an id`()
    async throws
  {
    let server = try ProductServer()
    server.next("POST", 204)
    server.next("POST", 204)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    #expect(try await products.call("createItem", ["id": "a", "n": 1]) == ["id": "a", "n": 1])
    #expect(try await products.get("items") == [["id": "a", "n": 1]])
    let error = await #expect(throws: StoreError.self) {
      try await products.call("createItem", ["n": 1])
    }
    #expect(
      error?.message.contains("answered nothing, and what was sent: product has no 'id'") == true
    )
  }

  @Test(arguments: [
    ("7", "a product must be a table"), ("'x'", "a product must be a table"),
    ("nil", "a product must be a table"), ("{ 1, 2 }", "a product must be a table"),
    ("{ f = print }", "f"),
  ])
  func `E3 what is no item is refused, and nothing is sent`(_ item: String, _ message: String)
    async throws
  {
    let server = try ProductServer()
    let host = try await HTTPHost.products(server)
    let error = await host.error("useStore('products'):createItem(\(item))")
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(server.requests.isEmpty)
    #expect(try await host.host.store("products").get("hasError") == true)
    #expect(try await host.host.store("products").get("loading") == false)
  }

  @Test func `E3 what an action did before it failed after a creation is final`() async throws {
    let server = try ProductServer()
    let host = try await HTTPHost.products(
      server,
      """
      initialState = { note = "" },
      actions = {
        tryTwice = function(self)
          self.note = "before"
          self:createItem { name = "x" }
          self.note = "after"
          error("no")
        end,
      },
      """
    )
    let products = try await host.host.store("products")
    await #expect(throws: StoreError.self) { try await products.call("tryTwice") }
    #expect(try await products.get("note") == "before")
    #expect(try await products.get("itemCount") == 1)
    #expect(try await products.get("loading") == false)
  }

  // MARK: E4

  @Test func `E4 updating sends the changes, and the server's item takes its place`() async throws {
    let server = try ProductServer("Lamp", "Desk")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    let updated = try await products.call("updateItem", 2, ["price": 99])
    #expect(updated == ["id": 2, "name": "Desk", "price": 99])
    #expect(try await products.get("items")[1] == updated)
    #expect(server.requests.last?.method == "PUT")
    #expect(server.requests.last?.path == "/products/2")
    #expect(server.requests.last?.text == #"{"price":99}"#)
  }

  @Test func `E4 the ids 1, 1.0 and "1" are one`() async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    for id: Value in [1, "1", 1.0] {
      try await products.call("updateItem", id, ["price": 5])
      #expect(server.requests.last?.path == "/products/1")
    }
    #expect(try await products.get("itemCount") == 1)
    try await products.call("selectItem", "1")
    #expect(try await products.get("selectedItem")["name"] == "Lamp")
    #expect(try await products.get("selectedId") == 1)
  }

  @Test func `E4 an id is one part of the address, whatever is in it`() async throws {
    let server = try ProductServer()
    let id = "a/b?c=d#e%é .."
    server.next("GET", 200, "[" + (try Value.map(["id": .string(id)]).json()) + "]")
    server.next("PUT", 204)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    #expect(
      try await products.call("updateItem", .string(id), ["n": 1]) == ["id": .string(id), "n": 1]
    )
    #expect(server.requests.last?.target == "/products/a%2Fb%3Fc%3Dd%23e%25%C3%A9%20..")
    let dots = await host.error("useStore('products'):deleteItem('..')")
    #expect(dots?.message.contains("the id of a product is a text or a whole number") == true)
  }

  @Test(arguments: [
    ("updateItem(9, {})", "cannot update the product '9': it is not among the 1 items"),
    ("deleteItem(9)", "cannot delete the product '9': it is not among the 1 items"),
    ("selectItem(9)", "cannot select the product '9': it is not among the 1 items"),
    ("updateItem(nil, {})", "the id of a product is a text or a whole number"),
    ("deleteItem({})", "the id of a product is a text or a whole number"),
    ("selectItem(1.5)", "the id of a product is a text or a whole number"),
    ("updateItem(1, 7)", "a product must be a table"),
    ("updateItem(1, { id = 2 })", "the id of the product '1' cannot be changed"),
  ])
  func `E4 E5 E6 an unknown id and wrong arguments are clear errors, and nothing is sent`(
    _ call: String,
    _ message: String
  ) async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    let before = try await products.get("items")
    let error = await host.error("useStore('products'):\(call)")
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "no error")")
    #expect(server.requests.count == 1)
    #expect(try await products.get("items") == before)
    #expect(try await products.get("loading") == false)
  }

  @Test func `E4 an answer with another id is an error`() async throws {
    let server = try ProductServer("Lamp")
    server.next("PUT", 200, #"{"id":7}"#)
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    let error = await #expect(throws: StoreError.self) {
      try await products.call("updateItem", 1, [:])
    }
    #expect(error?.message.contains("answered with the product '7'") == true)
    #expect(try await products.get("items")[0]?["id"] == 1)
  }

  @Test func `E4 an item that has gone from the page meanwhile does not come back`() async throws {
    let server = try ProductServer("Lamp", "Desk")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    server.next("PUT", 200, #"{"id":1,"name":"Late"}"#, after: 0.3)
    let update = Task { try await products.call("updateItem", 1, ["name": "Late"]) }
    #expect(await eventually { server.requests.count == 2 })
    try await products.call("deleteItem", 1)
    #expect(try await update.value["name"] == "Late")
    #expect(try await products.get("items").arrayValue?.map { $0["name"] ?? .null } == ["Desk"])
  }

  // MARK: E5

  @Test func `E5 deleting takes the item, its selection and its count`() async throws {
    let server = try ProductServer("Lamp", "Desk")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    try await products.call("selectItem", 1)
    try await products.call("deleteItem", 1)
    #expect(try await products.get("items").arrayValue?.map { $0["id"] ?? .null } == [2])
    #expect(try await products.get("selectedId") == .null)
    #expect(try await products.get("pagination")["total"] == 1)
    #expect(server.requests.last?.method == "DELETE")
    #expect(server.shelf.products.count == 1)
  }

  @Test func `E5 an item that the server does not delete stays`() async throws {
    let server = try ProductServer("Lamp")
    server.next("DELETE", 500, "out of order")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    try await products.call("selectItem", 1)
    let error = await #expect(throws: StoreError.self) { try await products.call("deleteItem", 1) }
    #expect(error?.message == "DELETE \(server.url)/1 answered 500: out of order")
    #expect(try await products.get("itemCount") == 1)
    #expect(try await products.get("selectedId") == 1)
    #expect(try await products.get("pagination")["total"] == 1)
    #expect(try await products.get("hasError") == true)
  }

  // MARK: E6

  @Test func `E6 selecting nothing clears the selection`() async throws {
    let server = try ProductServer("Lamp")
    let host = try await HTTPHost.products(server)
    let products = try await host.host.store("products")
    try await products.call("fetchItems")
    for nothing in ["nil", "null", ""] {
      try await products.call("selectItem", 1)
      try await host.run("useStore('products'):selectItem(\(nothing))")
      #expect(try await products.get("selectedId") == .null)
      #expect(try await products.get("selectedItem") == .null)
    }
  }
}
