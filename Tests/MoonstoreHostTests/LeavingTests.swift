import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import TestSupport
import Testing

/// A host that is left goes, whatever it was doing.
@Suite struct LeavingTests {
  private static let scripts = [
    "stores/counter.lua": counterScript,
    "stores/slow.lua": #"""
    return defineStore("slow", {
      permissions = { "*" },
      state = { n = 0 },
      actions = {
        sleep = function(self) sleep(3600) end,
        ask = function(self) return bus.request("slow:ask", nil, { timeout = 3600 }) end,
        work = function(self) spawn(function() sleep(3600) self.n = 1 end) end,
        nested = function(self)
          coroutine.wrap(function() sleep(3600) end)()
        end,
      },
      answers = { ["slow:ask"] = function() sleep(3600) return 1 end },
      on = { ["slow:go"] = function() sleep(3600) end },
    })
    """#,
  ]

  /// Lives as long as what a host holds of it.
  private final class Token: Sendable {
    let gone: Gone
    init(_ gone: Gone) { self.gone = gone }
    deinit { gone.note() }
  }

  private final class Gone: Sendable {
    private let isGone = Mutex(false)
    func note() { isGone.withLock { $0 = true } }
    func wait() async -> Bool {
      for _ in 0..<400 {
        if isGone.withLock({ $0 }) { return true }
        try? await Task.sleep(for: .milliseconds(5))
      }
      return false
    }
  }

  /// Makes a host that waits for a long time in `sleep`, and what tells that all of it has gone.
  private func make() async throws -> (StoreHost, Gone) {
    let gone = Gone()
    let token = Token(gone)
    let project = try TestProject(Self.scripts)
    var configuration = HostConfiguration()
    configuration.report = { _ in _ = token }
    let host = try await StoreHost(scripts: project.path, configuration: configuration)
    try await host.answer("swift:ask") { _ in
      _ = token
      return 1
    }
    return (host, gone)
  }

  private func left(_ closes: Bool, _ use: (StoreHost) async throws -> Void) async throws -> Bool {
    let gone: Gone
    do {
      let (host, ends) = try await make()
      gone = ends
      try await use(host)
      if closes { await host.close() }
    }
    return await gone.wait()
  }

  @Test(
    arguments: [
      #"useStore("counter"):add(1) return useStore("counter").quad"#,
      #"local c = useStore("counter") store.subscribe(c, print) store.onAction(c, print) watch(function() return c.count end, print) c:add(1)"#,
      #"local c = useStore("counter") kept = { c.list, c.plus, c.evens, c, c.add } setmetatable(kept, { __index = c })"#,
      #"bus.subscribe("*", print) bus.answer("x", print) bus.use(function(m) return m end) bus.send("ping", { n = 1 })"#,
      #"spawn(function() sleep(3600) end) useStore("slow"):work() bus.send("slow:go")"#,
      #"pcall(useStore("counter").fail) local ok, err = pcall(function() return useStore("counter").one end) kept = err"#,
      #"local co = coroutine.create(function() coroutine.yield(useStore("counter").list) end) coroutine.resume(co) kept = co"#,
      #"defineStore("more", function() local n = ref({ 1 }) watch(n, print) return { n = n, m = computed(function() return #n.value end) } end) kept = useStore("more").m"#,
      #"bus.request("swift:ask") pcall(bus.request, "nobody")"#,
    ],
    [true, false]
  )
  func `A host that was used goes`(script: String, closes: Bool) async throws {
    let isGone = try await left(closes) { host in _ = try await host.evaluate(script) }
    #expect(isGone)
  }

  @Test(arguments: ["sleep", "ask", "nested"], [true, false])
  func `A host goes while a call waits that was cancelled`(action: String, closes: Bool)
    async throws
  {
    let isGone = try await left(closes) { host in
      let call = Task { _ = try? await host.call("slow", action) }
      try await Task.sleep(for: .milliseconds(30))
      call.cancel()
      await call.value
    }
    #expect(isGone)
  }

  @Test(arguments: [true, false])
  func `A host goes with streams that are read, and they end`(closes: Bool) async throws {
    let isGone = try await left(closes) { host in
      let counter = try await host.store("counter")
      let changes = try await counter.changes()
      let messages = try await host.messages("*")
      let reader = Task {
        for await _ in changes { break }
        for await _ in messages { break }
      }
      try await counter.call("add", 1)
      _ = try await host.send("ping", ["n": 1])
      await reader.value
    }
    #expect(isGone)
  }

  @Test(arguments: [
    ["stores/a.lua": "return defineStore('a', { state = { f = print } })"],
    ["stores/a.lua": "error('broken')"],
    ["stores/a.lua": "local x = = 1"],
    [
      "stores/a.lua":
        "return defineStore('a', function() local n = ref(1) watch(n, print) error('late') end)"
    ],
    ["stores/a.lua": "return defineStore('a', { dependencies = { 'b' } })"],
  ])
  func `A host whose scripts fail to load goes`(files: [String: String]) async throws {
    let gone = Gone()
    do {
      let project = try TestProject(Self.scripts.merging(files) { $1 })
      let token = Token(gone)
      var configuration = HostConfiguration()
      configuration.report = { _ in _ = token }
      await #expect(throws: StoreError.self) {
        _ = try await StoreHost(scripts: project.path, configuration: configuration)
      }
    }
    #expect(await gone.wait())
  }

  @Test
  func `A call that was cancelled closes what waits inside of its coroutines, from the inside out`()
    async throws
  {
    let host = try await TestHost(["stores/counter.lua": counterScript], sleeping: .forReal)
    let call = Task {
      try await host.host.call(
        "counter",
        "run",
        [
          #"""
          local self = ...
          local function closing(name)
            return setmetatable({}, { __close = function() table.insert(self.list, name) end })
          end
          local outer <close> = closing("action")
          coroutine.wrap(function()
            local middle <close> = closing("middle")
            local co = coroutine.create(function()
              local inner <close> = closing("inner")
              local broken <close> = setmetatable({}, { __close = function() error("in close") end })
              pcall(function() sleep(3600) end)
            end)
            coroutine.resume(co)
          end)()
          """#
        ]
      )
    }
    try await Task.sleep(for: .milliseconds(50))
    call.cancel()
    await #expect(throws: StoreError.self) { try await call.value }
    #expect(
      try await host.run(#"return useStore("counter").list"#) == ["inner", "middle", "action"]
    )
  }

  @Test func `The end of what a cancelled call had asked for concerns nobody`() async throws {
    let host = try await TestHost(
      [
        "stores/s.lua": #"""
        return defineStore("s", {
          state = { done = 0 },
          actions = {
            ask = function() return bus.request("slow") end,
            wait = function(self) sleep(0.1) self.done = self.done + 1 end,
          },
          answers = { slow = function(self) sleep(0.1) self.done = self.done + 1 return 1 end },
        })
        """#
      ],
      sleeping: .forReal
    )
    for script in [#"return useStore("s"):ask()"#, #"return useStore("s"):wait()"#] {
      let call = Task { try await host.run(script) }
      try await Task.sleep(for: .milliseconds(30))
      call.cancel()
      await #expect(throws: (any Error).self) { try await call.value }
    }
    try await Task.sleep(for: .milliseconds(200))
    // The responder and the called action were not the ones to be cancelled.
    #expect(try await host.run(#"return useStore("s").done"#).integerValue ?? 0 >= 1)
  }
}
