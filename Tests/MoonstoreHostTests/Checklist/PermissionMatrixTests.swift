import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Every principal against every operation, directly and by every way round that Lua offers.
@Suite struct PermissionMatrixTests {
  /// A store with these permissions, and a second script that tries things with it.
  private func host(_ permissions: String) async throws -> TestHost {
    try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        \(permissions)
        state = function() return { n = 1, list = { 1, 2, 3 }, nested = { deep = { x = 1 } } } end,
        getters = {
          double = function(self) return self.n * 2 end,
          parts = function(self) return { self.list, self.nested } end,
          inner = function(self) return self.nested end,
        },
        actions = {
          bump = function(self) self.n = self.n + 1 return self.n end,
          give = function(self) return self.nested end,
          giveSelf = function(self) return self end,
          giveAll = function(self) return { part = self.list, inner = { self, [self.nested] = 1 } } end,
          raise = function(self) error({ part = self.nested, store = self }) end,
          raisePart = function(self) error(self.nested) end,
          coroutine = function(self) return coroutine.wrap(function() coroutine.yield(self.nested) end)() end,
          lend = function(self, f) return f(self.n) end,
        },
        on = { poke = function(self) self.n = 99 end },
      })
      """,
      "stores/other.lua": """
      return defineStore("other", {
        state = function() return { copy = null } end,
        getters = {
          part = function() return useStore("vault").list end,
          parts = function() return { useStore("vault").nested } end,
        },
        actions = { run = function(self, code, ...) return assert(load(code))(...) end },
      })
      """,
    ])
  }

  /// Runs an operation as the script 'stores/other.lua', and tells whether it was allowed.
  private func attempt(_ host: TestHost, _ code: String) async throws -> Value {
    try await host.run(
      #"""
      local ok, err = pcall(useStore("other").run, useStore("other"), [==[local v = useStore("vault") \#(code)]==])
      if ok then return "allowed" end
      local message = tostring(err)
      if message:find("permission denied", 1, true) then return "denied" end
      return message
      """#
    )
  }

  static let reads = [
    "return v.n", "return v.list", "return v.list[1]", "return v.nested.deep.x", "return #v.list",
    "return v.double", "for _ in pairs(v) do end", "for _ in pairs(v.nested) do end",
    "for _ in ipairs(v.list) do end", "return next(v.nested)", "return store.state(v)",
    "return store.copy(v)", "return json.encode(v.nested)", "return table.concat(v.list)",
    "return table.unpack(v.list)", "store.subscribe(v, function() end)",
    "store.onAction(v, function() end)", "useStore('other').copy = v.nested",
    "return select('#', v.n)",
    "local f = coroutine.wrap(function() return v.nested.deep.x end) return f()",
  ]
  static let calls = [
    "v:bump()", "v.bump()", "v.bump(v)", "local f = v.bump f()",
    "local f = coroutine.wrap(v.bump) f(v)", "pcall(error) return assert(v.bump)(v)",
  ]
  static let writes = [
    "v.n = 5", "v.list[1] = 5", "v.nested.deep.x = 5", "table.insert(v.list, 4)",
    "table.remove(v.list)", "table.sort(v.list)", "store.patch(v, { n = 2 })", "store.reset(v)",
    "store.patch(v, function(s) s.n = 2 end)", "store.state(v).n = 4", "v.new = 1", "v.n = nil",
    "local list = v.list coroutine.wrap(function() list[1] = 9 end)()",
    "local part = v.inner part.deep.x = 3", "local part = v.parts[1] part[1] = 3",
    "local f = function(t, k, x) t[k] = x end f(v.nested, 'y', 1)",
  ]
  static let ends = ["store.dispose(v)", "registry.unregister('vault')"]

  static let lists: [(declaration: String, read: Bool, call: Bool, write: Bool, end: Bool)] = [
    ("", true, true, false, false),
    ("permissions = {},", false, false, false, false),
    ("permissions = { 'read' },", true, false, false, false),
    ("permissions = { 'call' },", false, true, false, false),
    ("permissions = { 'read', 'write' },", true, false, true, false),
    ("permissions = { 'read', 'call', 'write' },", true, true, true, false),
    ("permissions = { 'admin' },", true, true, true, true),
    ("permissions = { '*' },", true, true, true, true),
    (
      "permissions = { { action = '*', principal = 'stores/other.lua' } },", true, true, true, true
    ),
    (
      "permissions = { { action = '*', principal = 'stores/nobody.lua' } },", false, false, false,
      false
    ),
    (
      "permissions = { 'read', { action = 'write', condition = function(r) return r.store == 'vault' end } },",
      true, false, true, false
    ),
    (
      "permissions = { 'read', { action = 'write', condition = function(r) return false end } },",
      true, false, false, false
    ),
    (
      "permissions = { 'read', { action = 'write', condition = function(r) error('broken') end } },",
      true, false, false, false
    ),
  ]

  @Test(arguments: lists.indices)
  func `Each list of permissions allows what it says and nothing else`(index: Int) async throws {
    let list = Self.lists[index]
    let host = try await host(list.declaration)
    for (operations, allowed) in [
      (Self.reads, list.read), (Self.calls, list.call), (Self.writes, list.write),
    ] {
      for operation in operations {
        // Where a script may not read, it cannot reach the parts that it would write to.
        let expected = allowed ? "allowed" : "denied"
        let result = try await attempt(host, operation)
        if !list.read, allowed, operation.contains("v.list") || operation.contains("v.nested") {
          continue
        }
        #expect(result == .string(expected), "\(list.declaration) \(operation)")
      }
    }
    // These end the store, so each has a host of its own.
    for operation in Self.ends {
      let host = try await self.host(list.declaration)
      let result = try await attempt(host, operation)
      #expect(
        result == .string(list.end ? "allowed" : "denied"),
        "\(list.declaration) \(operation)"
      )
    }
  }

  /// Ways to more rights than a handle has: none may change the store.
  static let tricks = [
    "rawset(v, 'n', 5)", "rawset(v.list, 1, 5)", "setmetatable(v, {})",
    "getmetatable(v).__newindex(v, 'n', 5)",
    "getmetatable(v.list).__index = nil", "debug.setmetatable(v, nil)", "v:give().deep.x = 5",
    "v:giveSelf().n = 5", "v:giveAll().part[1] = 5", "v:giveAll().inner[1].n = 5",
    "for key in pairs(v:giveAll().inner) do if type(key) == 'table' then key.deep.x = 5 end end",
    "v:coroutine().deep.x = 5", "store.state(v:giveSelf()).n = 5",
    "local _, e = pcall(v.raise, v) e.part.deep.x = 5",
    "local _, e = pcall(v.raise, v) e.store.n = 5",
    "local _, e = pcall(v.raisePart, v) e.deep.x = 5",
    "local ok, e = xpcall(v.raise, function(e) e.part.deep.x = 5 return e end, v) error(e)",
    "local s = secure(v, { 'write', 'admin', '*' }) s.n = 5", "secure(v:giveSelf(), { '*' }).n = 5",
    "createSecureStore(v, { 'write' }).n = 5", "secure(secure(v, { 'read' }), { 'write' }).n = 5",
    "registry.get('vault').n = 5", "registry.all().vault.n = 5",
    "store.subscribe(v, function(change, s) s.n = 5 end) v:bump() error('tried')",
    "store.onAction(v, function(call) call.store.n = 5 end) v:bump() error('tried')",
    "local seen store.onAction(v, function(call) seen = { pcall(function() call.store.n = 5 end) } end) v:bump() assert(table.unpack(seen))",
    "store.onAction(v, function(call) call.after(function(r) r.deep.x = 5 end) end) v:give() error('tried')",
    "next(v.nested.deep) v.nested.deep.x = 5", "local t = { v } t[1].n = 5",
    "v:lend(function() v.n = 5 end)", "load('useStore(\"vault\").n = 5', '@stores/vault.lua')()",
    "load('useStore(\"vault\").n = 5', 'stores/vault.lua', 't', _G)()",
    "defineStore('vault', {})", "registry.register({ id = 'vault' }, {})",
    "table.move({ 5 }, 1, 1, 1, v.list)", "table.insert(v.inner, 1)", "v.parts[2].deep.x = 5",
    "store.patch(v.nested, { deep = 1 })", "bus.request('nothing', v)",
    "bus.subscribe('x', function(m) m.payload[1][1] = 5 end) bus.send('x', v.parts) error('tried')",
    "bus.answer('x', function() return v.parts end) bus.request('x')[1][1] = 5",
    "useStore('other').part[1] = 5", "useStore('other').parts[1].deep.x = 5",
    "watch(function() return v.list end, function(l) l[1] = 5 end, { immediate = true }) error('tried')",
    "local _, e = pcall(error, { v.parts }) e[1][1][1] = 5",
    "string.format('%s', v).n = 5", "v.list.n = 5", "(v.n).x = 5",
  ]

  @Test(arguments: tricks)
  func `No trick makes more of a handle that may read and call`(trick: String) async throws {
    let host = try await host("permissions = { 'read', 'call' },")
    let result = try await attempt(host, trick)
    #expect(result != "allowed", "\(trick)")
    let state = try await host.run(
      "local v = useStore('vault') return { v.n < 3, v.list[1], v.nested.deep.x }"
    )
    #expect(state == [true, 1, 1], "\(trick)")
  }

  @Test func `The owner's own script keeps all rights, also with what comes back to it`()
    async throws
  {
    let host = try await TestHost([
      "stores/vault.lua": """
      local vault = defineStore("vault", {
        permissions = {},
        state = function() return { n = 1, list = { 1 } } end,
        actions = {
          set = function(self) self.n = 2 store.patch(self, { n = 3 }) return self.list end,
          write = function(self) self:set()[1] = 7 useStore("vault").list[1] = 8 return self.list[1] end,
        },
      })
      return vault
      """,
      "middleware/plain.lua": "return function(call, next) return next() end",
    ])
    let vault = try await host.host.store("vault")
    #expect(try await vault.call("write") == 8)
    #expect(try await vault.get("n") == 3)
  }

  @Test func `Middleware sees a store with the rights of its own script`() async throws {
    let host = try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        permissions = { "read", "call" },
        state = function() return { n = 1, nested = { x = 1 } } end,
        actions = { give = function(self) return self.nested end },
      })
      """,
      "middleware/nosy.lua": """
      return function(call, next)
        local result = next()
        local ok = pcall(function() result.x = 5 end)
        local ok2 = pcall(function() call.store.n = 5 end)
        local ok3 = pcall(store.patch, call.store, { n = 5 })
        log.info(tostring(ok) .. tostring(ok2) .. tostring(ok3) .. result.x)
        return result
      end
      """,
    ])
    let vault = try await host.host.store("vault")
    #expect(try await vault.call("give") == ["x": 1])
    #expect(host.record.log == ["falsefalsefalse1"])
    #expect(try await vault.get("n") == 1)
  }
}
