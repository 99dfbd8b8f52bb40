import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing
import TestSupport

@Suite struct WaitingTests {
  private func slow(_ seconds: Double = 0.02) throws -> LoopbackServer {
    try LoopbackServer { request, connection in
      connection.pause(seconds)
      connection.answer(200, request.path)
    }
  }

  private func held(by gate: Gate) throws -> LoopbackServer {
    try LoopbackServer { request, connection in
      gate.wait()
      connection.answer(200, request.path)
    }
  }

  private let stores = [
    "stores/page.lua": """
    return defineStore("page", {
      state = function() return { started = 0, body = "" } end,
      getters = { wrong = function(self) return http.get(self.url or "http://127.0.0.1").body end },
      actions = {
        load = function(self, url)
          self.started = self.started + 1
          self.body = http.get(url).body
          return self.body
        end,
        loadAndFail = function(self, url)
          self.started = self.started + 1
          http.get(url)
          self.body = "undone"
          error("too late")
        end,
        safely = function(self, url)
          local ok, message = pcall(self.load, url)
          return ok
        end,
        both = function(self, url)
          local bodies = array()
          for _, path in ipairs { "/a", "/b" } do table.insert(bodies, self:load(url .. path)) end
          return bodies
        end,
        sorted = function(self, url)
          local list = { 2, 1 }
          table.sort(list, function(a, b) http.get(url) return a < b end)
        end,
      },
    })
    """,
    "middleware/around.lua": """
    return function(call, next) return next() end
    """,
  ]

  @Test func `Waiting suspends the action and not the host`() async throws {
    let gate = Gate()
    let server = try held(by: gate)
    let host = try await HTTPHost(stores)
    let page = try await host.host.store("page")
    let url = Value.string(server.url + "/x")
    async let body = page.call("load", url)
    #expect(await eventually { server.requests.count == 1 })
    // The host answers while the action waits, and what was written before is committed.
    #expect(try await page.get("started") == 1)
    #expect(try await page.get("body") == "")
    gate.open()
    #expect(try await body == "/x")
    #expect(try await page.get("body") == "/x")
  }

  @Test func `Waiting works through middleware, nested actions, pcall and iteration`() async throws
  {
    let server = try slow()
    let host = try await HTTPHost(stores)
    let page = try await host.host.store("page")
    #expect(try await page.call("both", .string(server.url)) == ["/a", "/b"])
    #expect(try await page.call("safely", .string(server.url)) == true)
    #expect(try await page.call("safely", "http://elsewhere") == false)
    let result = try await host.run(
      "local co = coroutine.wrap(function() return http.get(url .. '/c').body end) return co()",
      server
    )
    #expect(result == "/c")
  }

  @Test func `What fails after the wait undoes only what came after it`() async throws {
    let server = try slow()
    let host = try await HTTPHost(stores)
    let page = try await host.host.store("page")
    await #expect(throws: StoreError.self) {
      try await page.call("loadAndFail", .string(server.url))
    }
    #expect(try await page.get("started") == 1)
    #expect(try await page.get("body") == "")
  }

  @Test func `A getter that sends is the usual error`() async throws {
    let host = try await HTTPHost(stores)
    let page = try await host.host.store("page")
    let error = await #expect(throws: StoreError.self) { try await page.get("wrong") }
    #expect(error?.code == .getterSideEffect)
    #expect(error?.message.contains("wait (http.get)") == true)
  }

  @Test func `Where nothing can be suspended it says so, and takes no place in the queue`()
    async throws
  {
    let server = try slow()
    let host = try await HTTPHost(stores) {
      $0.maximumConcurrent = 1
      $0.maximumQueued = 0
    }
    let page = try await host.host.store("page")
    for _ in 0..<3 {
      let error = await #expect(throws: StoreError.self) {
        try await page.call("sorted", .string(server.url))
      }
      #expect(error?.code == .cannotWait)
    }
    #expect(try await page.call("load", .string(server.url + "/x")) == "/x")
  }

  // MARK: How many at a time

  @Test func `No more requests are under way than the host allows, and all are answered`()
    async throws
  {
    let arrived = Mutex(0)
    let three = Gate()
    let server = try LoopbackServer { request, connection in
      arrived.withLock { count in
        count += 1
        if count == 3 { three.open() }
      }
      // None is answered before as many are under way as may be, and then there is time for one too many.
      three.wait()
      connection.pause(0.01)
      connection.answer(200, request.path)
    }
    let host = try await HTTPHost(stores) { $0.maximumConcurrent = 3 }
    let page = try await host.host.store("page")
    try await withThrowingTaskGroup(of: Void.self) { group in
      for index in 0..<40 {
        group.addTask {
          let body = try await page.call("load", .string("\(server.url)/\(index)"))
          #expect(body == .string("/\(index)"))
        }
      }
      try await group.waitForAll()
    }
    #expect(server.requests.count == 40)
    #expect(server.mostUnderway == 3)
  }

  @Test func `Requests that wait are sent in the order in which they were made`() async throws {
    let server = try slow(0.002)
    let host = try await HTTPHost(stores) { $0.maximumConcurrent = 1 }
    try await host.run(
      """
      for index = 1, 30 do spawn(function() http.get(url .. "/" .. index) end) end
      """,
      server
    )
    #expect(await eventually { server.requests.count == 30 })
    #expect(server.requests.map(\.path) == (1...30).map { "/\($0)" })
  }

  @Test func `A full queue is an error at once, and the queue works on`() async throws {
    let server = try slow(0.1)
    let host = try await HTTPHost(stores) {
      $0.maximumConcurrent = 1
      $0.maximumQueued = 2
    }
    try await host.run("for _ = 1, 5 do spawn(function() http.get(url) end) end", server)
    #expect(await eventually { host.reports.all.count == 2 })
    for error in host.reports.all {
      #expect(error.code == .overloaded)
      #expect(error.message.contains("http.get: 1 requests are under way and 2 wait"))
    }
    #expect(await eventually { server.requests.count == 3 })
    #expect(try await host.run("return http.get(url .. '/x').body", server) == "/x")
  }

  @Test func `Time in the queue counts`() async throws {
    let gate = Gate()
    let server = try held(by: gate)
    let host = try await HTTPHost(stores) { $0.maximumConcurrent = 1 }
    try await host.run("spawn(function() http.get(url) end)", server)
    let error = await host.error("http.get(url .. '/late', { timeout = 0.1 })", server)
    #expect(error?.code == .timeout)
    #expect(await eventually { server.requests.count == 1 })
    gate.open()
    #expect(try await host.run("return http.get(url .. '/x').body", server) == "/x")
    #expect(server.requests.map(\.path) == ["/", "/x"])
  }

  // MARK: Endings

  private func silent() throws -> LoopbackServer {
    try LoopbackServer(connections: { connection in
      _ = connection.read()
      connection.waitForClose()
    })
  }

  @Test func `Cancelling the task that called an action closes its connection`() async throws {
    let server = try silent()
    let host = try await HTTPHost(stores)
    let page = try await host.host.store("page")
    let url = Value.string(server.url)
    let task = Task { try await page.call("load", url) }
    #expect(await eventually { server.requests.count == 1 })
    task.cancel()
    let error = await #expect(throws: StoreError.self) { try await task.value }
    #expect(error?.underlying is CancellationError)
    #expect(await eventually { server.closedByClient == 1 })
    // Its place is free again, and the host goes on.
    let good = try slow()
    #expect(try await page.call("load", .string(good.url + "/x")) == "/x")
  }

  @Test func `Cancelling a driver ends the action that it waits for, after earlier waits too`()
    async throws
  {
    let server = try silent()
    let good = try slow()
    let host = try await HTTPHost(stores)
    let lua = """
      useStore("page"):load("\(good.url)/first")
      useStore("page"):load(url)
      """
    let url = server.url
    let task = Task { try await host.run(lua, url) }
    #expect(await eventually { server.requests.count == 1 })
    task.cancel()
    await #expect(throws: StoreError.self) { try await task.value }
    #expect(await eventually { server.closedByClient == 1 })
  }

  @Test func `Cancelling a request that still waits in the queue takes it out`() async throws {
    let gate = Gate()
    let server = try held(by: gate)
    let host = try await HTTPHost(stores) { $0.maximumConcurrent = 1 }
    let page = try await host.host.store("page")
    let url = server.url
    let first = Task { try await page.call("load", .string(url + "/first")) }
    #expect(await eventually { server.requests.count == 1 })
    let second = Task { try await page.call("load", .string(url + "/second")) }
    #expect(await eventually { (try? await page.get("started")) == 2 })
    second.cancel()
    await #expect(throws: StoreError.self) { try await second.value }
    gate.open()
    #expect(try await first.value == "/first")
    #expect(try await page.call("load", .string(url + "/third")) == "/third")
    #expect(server.requests.map(\.path) == ["/first", "/third"])
  }

  @Test func `Closing the host ends what waits, and its callers hear of it`() async throws {
    let server = try silent()
    let host = try await HTTPHost(stores)
    let page = try await host.host.store("page")
    let url = server.url
    let call = Task { try await page.call("load", .string(url)) }
    let driver = Task { try await host.run("useStore('page'):load(url)", url) }
    #expect(await eventually { server.requests.count == 2 })
    await host.host.close()
    let error = await #expect(throws: StoreError.self) { try await call.value }
    #expect(error?.code == .closed)
    await #expect(throws: StoreError.self) { try await driver.value }
    #expect(await eventually { server.closedByClient == 2 })
  }
}
