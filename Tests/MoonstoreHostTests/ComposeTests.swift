import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

private let shop = [
  "stores/products.lua": #"""
  return defineStore("products", {
    state = { price = 5 }, actions = { setPrice = function(self, p) self.price = p end },
  })
  """#,
  "stores/cart.lua": #"""
  return defineStore("cart", {
    permissions = { "read", "write", "call" },
    state = { n = 0, log = array() },
    actions = {
      add = function(self, by) self.n = self.n + (by or 1) return self.n end,
      twice = function(self) self:add() return self:add() end,
      fail = function(self) self.n = 99 error("no way") end,
      slow = function(self) sleep(1) return self:add() end,
      slowFail = function(self) sleep(1) error("late") end,
      give = function(self, ...) return ... end,
    },
  })
  """#,
]

extension TestHost {
  /// The error that a driver ends in.
  fileprivate func refusal(_ lua: String) async -> StoreError? {
    do {
      _ = try await run(lua)
      return nil
    } catch {
      return error as? StoreError
    }
  }

  fileprivate func inventory() async throws -> Value {
    try await run(
      #"""
      local events = 0
      for _, event in ipairs(registry.recentEvents(1000)) do
        if event.type:match("^store:") then events = events + 1 end
      end
      return { registry.ids(), events }
      """#
    )
  }
}

@Suite struct ComposeTests {
  // MARK: composeStores

  @Test
  func `U1 Composing takes handles, ids and functions, and gives the stores under their keys`()
    async throws
  {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local c = composeStores {
        cart = useStore("cart"), goods = "products",
        orders = function() return defineStore("orders", { state = { n = 3 } }) end,
      }
      c.cart:add(2)
      local keys = {}
      for key in pairs(c) do keys[#keys + 1] = key end
      table.sort(keys)
      return { c.cart == useStore("cart"), c.goods.price, c.orders.n, keys, c.nobody == nil, useStore("cart").n }
      """#
    )
    #expect(result == [true, 5, 3, ["cart", "goods", "orders"], true, 2])
  }

  @Test func `T5 What is composed has modules, events, registry and dispose`() async throws {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local c = composeStores {
        cart = "cart", a = function() return defineStore("a", {}) end,
        b = function() return defineStore("b", { dependencies = { "a" } }) end,
      }
      local events = array()
      for _, event in ipairs(c.events) do events[#events + 1] = event.type .. " " .. event.target end
      local modules = {}
      for key in pairs(c.modules) do modules[#modules + 1] = key end
      table.sort(modules)
      local first = { events, modules, c.modules.cart == c.cart, c.registry.has("b") }
      local done, again = c.dispose(), c.dispose()
      return { first, done, again, registry.ids(), #c.events }
      """#
    )
    #expect(
      result[0] == [
        ["store:registered cart", "store:registered a", "store:registered b"], ["a", "b", "cart"],
        true, true,
      ]
    )
    #expect(result[1] == true)
    #expect(result[2] == false)
    #expect(result[3] == ["cart", "products"])
    #expect(result[4] == 5)
  }

  @Test func `U1 Functions are called so that each finds the stores that it needs`() async throws {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local calls = 0
      local c = composeStores {
        a = function() calls = calls + 1 return defineStore("a", { dependencies = { "b" } }) end,
        b = function() local c = useStore("c") return defineStore("b", { state = { n = c.n + 1 } }) end,
        c = function() return defineStore("c", { state = { n = 1 } }) end,
      }
      return { registry.ids(), c.b.n, calls }
      """#
    )
    #expect(result == [["c", "b", "a"], 2, 3])
  }

  @Test func `U1 If one fails nothing of the others stays`() async throws {
    let host = try await TestHost(shop)
    let before = try await host.inventory()
    for (third, words) in [
      ("function() error('the third fails') end", "the third fails"),
      ("function() return defineStore('x', { dependencies = { 'nobody' } }) end", "'nobody'"),
      ("function() return 5 end", "'third' must be a store"),
      ("function() return defineStore('cart', {}) end", "already a store 'cart'"),
    ] {
      let error = await host.refusal(
        #"""
        local heard = 0
        composeStores {
          first = function()
            useStore("cart"):add()
            return defineStore("one", { on = { ping = function() heard = heard + 1 end } })
          end,
          second = function() return factories.base():create { id = "two" } end,
          third = \#(third),
        }
        """#
      )
      #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
      #expect(error?.script == "driver")
    }
    #expect(try await host.inventory() == before)
    #expect(try await host.run("return useStore('cart').n") == 0)
  }

  @Test
  func `U1 What fails while a project is loaded leaves nothing either, if the script goes on`()
    async throws
  {
    let host = try await TestHost([
      "factories/a.lua": #"""
      local ok, err = pcall(composeStores, {
        one = function() return defineStore("one", {}) end,
        two = function() return factories.base():create { id = "two" } end,
        x = function() error("no") end,
      })
      provide("outcome", { ok, tostring(err):match("no$") ~= nil, factories.base():get("two") == nil })
      """#,
      "stores/one.lua": #"return defineStore("one", { state = { n = 5 } })"#,
    ])
    #expect(await host.host.storeIDs == ["one"])
    #expect(
      try await host.run("return { inject('outcome'), useStore('one').n }")
        == [[false, true, true], 5]
    )
  }

  @Test func `T11 Scripts need no imports, and what they catch has a code and a message`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local c = defineStore("c", function()
        local n = ref(1)
        local double = computed(function() return n.value * 2 end)
        local seen = ref(0)
        watch(n, function(new) seen.value = new end)
        return { n = n, double = double, seen = seen, set = function(x) n.value = x end }
      end)
      c.set(4)
      local _, missing = pcall(useStore, "nobody")
      local _, text = pcall(error, "plain")
      local _, value = pcall(error, { reason = "table" })
      return { c.double, c.seen, missing.code, missing.message, text, value.reason }
      """#
    )
    #expect(
      result == [8, 4, "unknownStore", "there is no store 'nobody'", "plain", "table"]
    )
  }

  @Test func `U1 Stores that need each other are refused with the first that is missing`()
    async throws
  {
    let host = try await TestHost([:])
    let error = await host.refusal(
      #"""
      composeStores {
        a = function() return defineStore("a", { dependencies = { "b" } }) end,
        b = function() return defineStore("b", { dependencies = { "a" } }) end,
      }
      """#
    )
    #expect(error?.code == .missingDependency)
    #expect(await host.host.storeIDs.isEmpty)
  }

  @Test func `U1 Dispose refuses while others depend on what was made, and can be tried again`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local c = composeStores { a = function() return defineStore("a", {}) end,
        b = function() return defineStore("b", {}) end }
      local other = defineStore("other", { dependencies = { "a" } })
      local ok, err = pcall(c.dispose)
      local ids = registry.ids()
      store.dispose(other)
      return { ok, err.code, ids, c.dispose(), registry.ids() }
      """#
    )
    #expect(result == [false, "hasDependents", ["a", "b", "other"], true, []])
  }

  @Test(
    arguments: [
      ("composeStores()", "argument 1 must be a table"),
      ("composeStores({})", "takes a table of stores"),
      ("composeStores({ useStore('cart') })", "the keys are names"),
      ("composeStores({ x = 5 })", "'x' must be a store"),
      ("composeStores({ x = 'nobody' })", "there is no store 'nobody'"),
      ("composeStores({ events = 'cart' })", "'events' is a part of every composition"),
      ("local c = composeStores({ x = 'cart' }) c.x = 1", "cannot be changed"),
      ("local c = composeStores({ x = 'cart' }) c.modules.x = 1", "cannot be changed"),
      ("createStoreWithDeps()", "argument 1 must be a function"),
      ("createStoreWithDeps(function() end)", "argument 2 must be a table"),
      ("createStoreWithDeps(function() end, { 5 })", "is no id"),
      ("createStoreWithDeps(function() end, {})", "it returned a nil"),
      (
        "createStoreWithDeps(function() return useStore('cart') end, {})",
        "belongs to stores/cart.lua"
      ),
      ("createStoreWithDeps(function() end, { 'prodcts' })", "did you mean 'products'?"),
      ("useComposedStore()", "argument 1 must be a function"),
      ("useComposedStore(function() end)", "it returned a nil"),
      ("useComposedStore(function() return { a = 5 } end)", "'a' is no store"),
      (
        "useComposedStore(function() return {} end, { onChange = 5 })",
        "the option 'onChange' must be"
      ),
      ("applyMiddleware()", "argument 1 must be a store, not nil"),
      ("applyMiddleware(5, print)", "must be a store"),
      ("applyMiddleware(useStore('cart'), 5)", "argument 2 must be a function or a table"),
      ("applyMiddleware(useStore('cart'), {})", "must be a function(call, next)"),
      ("applyMiddleware(useStore('cart'), { befor = print })", "'befor', which is no function"),
      ("applyMiddleware(useStore('cart'), { before = 5 })", "'before', which is no function"),
      ("applyMiddleware(useStore('cart'), { print, 5 })", "middleware 2 must be"),
      ("applyMiddleware(useStore('cart'), { print, x = 1 })", "the list has a key 'x'"),
      ("applyMiddleware(useStore('products'), print)", "permission denied"),
    ]
  )
  func `U1 to U6 say how they are used, and leave nothing`(lua: String, words: String) async throws
  {
    let host = try await TestHost(shop)
    let before = try await host.inventory()
    let error = await host.refusal(lua)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing was thrown")")
    #expect(error?.script == "driver")
    #expect(try await host.inventory() == before)
    #expect(try await host.run("return useStore('cart'):add()") == 1)
  }

  // MARK: createStoreWithDeps

  @Test func `U2 A store gets what it depends on injected, and the registry knows it`() async throws
  {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local made = createStoreWithDeps(function(deps)
        return defineStore("orders", {
          dependencies = { "cart" },
          getters = { total = function(self) return deps.products.price * deps.basket.n end },
        })
      end, { "products", basket = "cart" })
      useStore("cart"):add(3)
      local resolved = registry.resolveDependencies("orders")
      table.sort(resolved)
      local ok, err = pcall(registry.unregister, "products")
      return { made.total, resolved, ok, err.message }
      """#
    )
    let refusal: Value = "the store 'products' cannot go: orders depends on it"
    #expect(result == [15, ["cart", "products"], false, refusal])
    let known = try await host.host.withStores {
      try $0.registry.definition(of: "orders").dependencies
    }
    #expect(known == ["cart", "products"])
  }

  @Test
  func `U2 A dependency that is missing is refused in the registry's words, and nothing is made`()
    async throws
  {
    let host = try await TestHost(shop)
    let error = await host.refusal(
      #"createStoreWithDeps(function() return defineStore("x", {}) end, { "nobody" })"#
    )
    #expect(error?.code == .missingDependency)
    #expect(error?.message.contains("depends on 'nobody', which is not there") == true)
    #expect(await host.host.storeIDs == ["cart", "products"])
  }

  @Test func `U2 A circle that the dependencies would close is refused, and nothing is made`()
    async throws
  {
    let host = try await TestHost(shop)
    let error = await host.refusal(
      #"""
      defineStore("a", {})
      createStoreWithDeps(function(deps) return useStore("a") end, { "cart" })
      defineStore("b", { dependencies = { "a" } })
      createStoreWithDeps(function(deps) return useStore("a") end, { "b" })
      """#
    )
    #expect(error?.code == .dependencyCycle)
    #expect(error?.message.contains("a -> b -> a") == true)
    #expect(
      try await host.host.withStores { try $0.registry.definition(of: "a").dependencies } == [
        "cart"
      ]
    )
  }

  @Test func `U2 While a project is loaded, dependencies may come later`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      return createStoreWithDeps(function(deps)
        return defineStore("a", { getters = { n = function() return deps.late.n end } })
      end, { late = "z" })
      """#,
      "stores/z.lua": #"return defineStore("z", { state = { n = 4 } })"#,
    ])
    #expect(await host.host.storeIDs == ["z", "a"])
    #expect(try await host.run("return useStore('a').n") == 4)
    let broken = try TestProject([
      "stores/a.lua":
        #"return createStoreWithDeps(function() return defineStore("a", {}) end, { "zed" })"#
    ])
    let error = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: broken.path)
    }
    #expect(error?.summary.contains("stores/a.lua") == true)
    #expect(error?.message.contains("'zed'") == true)
  }

  // MARK: applyMiddleware

  @Test
  func `U4 Middleware surrounds each call of one store: arguments, result, order, nested calls`()
    async throws
  {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local cart, log = useStore("cart"), array()
      local add = cart.add
      local dispose = applyMiddleware(cart, {
        function(call, next)
          log[#log + 1] = "a " .. call.action
          local result = next()
          log[#log + 1] = "a end " .. call.action
          return result
        end,
        { before = function(call)
            log[#log + 1] = "b " .. call.action
            if call.action == "add" then call.args[1] = 10 end
          end,
          after = function(call, result) return result + 1 end },
      })
      local twice = cart:twice()
      local same = cart.add == add and cart.add == cart.add
      local seen = #log
      useStore("products"):setPrice(1)
      return { twice, cart.n, same, seen == #log, log, dispose(), dispose(), add(1) }
      """#
    )
    #expect(result[0] == 22)
    #expect(result[1] == 20)
    #expect(result[2] == true)
    #expect(result[3] == true)
    #expect(
      result[4] == [
        "a twice", "b twice", "a add", "b add", "a end add", "a add", "b add", "a end add",
        "a end twice",
      ]
    )
    #expect(result[5] == true)
    #expect(result[6] == false)
    #expect(result[7] == 21)
  }

  @Test func `U4 Middleware can refuse a call, and answer in its place`() async throws {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local cart = useStore("cart")
      applyMiddleware(cart, function(call, next)
        if call.args[1] == 0 then error("nothing to add") end
        if call.args[1] == 1 then return "answered" end
        return next()
      end)
      local ok, err = pcall(cart.add, cart, 0)
      return { ok, tostring(err):match("nothing to add") ~= nil, cart:add(1), cart.n, cart:add(5) }
      """#
    )
    #expect(result == [false, true, "answered", 0, 5])
  }

  @Test
  func
    `U4 Failures are seen at once and after waiting, and the first error is the one that counts`()
    async throws
  {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local cart, seen = useStore("cart"), array()
      applyMiddleware(cart, { error = function(call, err)
        seen[#seen + 1] = call.action .. " " .. tostring(err):gsub("^.*: ", "")
        error("the middleware fails too")
      end })
      local ok1, err1 = pcall(cart.fail)
      local ok2, err2 = pcall(cart.slowFail)
      local slow = cart:slow()
      return { ok1, tostring(err1):match("no way") ~= nil, ok2, tostring(err2):match("late") ~= nil, slow, seen, cart.n }
      """#
    )
    #expect(result == [false, true, false, true, 1, ["fail no way", "slowFail late"], 1])
    #expect(host.record.reports.count == 2)
    #expect(host.record.reports.first?.message.contains("the middleware fails too") == true)
  }

  @Test
  func
    `U4 Middleware of the project is outside of that of one store, and Swift's is outside of both`()
    async throws
  {
    var files = shop
    files["middleware/m.lua"] = #"return function(call, next) return "project " .. next() end"#
    let host = try await TestHost(files)
    try await host.host.use(
      ActionMiddleware(after: { _, result in result = .string("swift \(result.stringValue ?? "")") }
      )
    )
    let result = try await host.run(
      #"""
      local cart = useStore("cart")
      applyMiddleware(cart, function(call, next) return "store " .. next() end)
      return { cart:give("x"), cart:give() or "none" }
      """#.replacing(", cart:give() or \"none\"", with: "")
    )
    #expect(result == ["swift project store x"])
    #expect(try await host.host.store("cart").call("give", "y") == "swift project store y")
  }

  @Test func `U4 Several results and nils pass through middleware`() async throws {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local cart = useStore("cart")
      applyMiddleware(cart, {
        { before = function() end, after = function() end, error = function() end },
        function(call, next) return next() end,
      })
      local results = table.pack(cart:give(1, nil, 3, nil))
      return { results.n, results[1], results[3], select("#", cart:give()) }
      """#
    )
    #expect(result == [4, 1, 3, 0])
  }

  @Test func `U4 Middleware goes with its store, and with the turn that fails`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local a = defineStore("a", { state = { n = 0 }, actions = {
        go = function() return "plain" end,
        wrapAndFail = function(self)
          applyMiddleware(useStore("a"), function(call, next) return "wrapped" end)
          error("no")
        end,
      } })
      return a
      """#
    ])
    let result = try await host.run(
      #"""
      local a = useStore("a")
      pcall(a.wrapAndFail)
      local first = a:go()
      local f = factories.base()
      local b = f:create { id = "b", actions = { go = function() return "plain" end } }
      local dispose = applyMiddleware(b, function(call, next) return "wrapped" end)
      local second = b:go()
      f:destroy(b)
      f:create { id = "b", actions = { go = function() return "plain" end } }
      return { first, second, b:go(), dispose(), b:go() }
      """#
    )
    // It ended with its store.
    #expect(result == ["plain", "wrapped", "plain", false, "plain"])
  }

  @Test func `U4 Calls through handles of others are surrounded as well`() async throws {
    let host = try await TestHost(shop)
    try await host.run(
      "applyMiddleware(useStore('cart'), function(call, next) return next() * 100 end)"
    )
    #expect(try await host.host.store("cart").call("add") == 100)
    #expect(try await host.run("return useStore('cart'):add()") == 200)
    #expect(try await host.host.withStores { try $0.store("cart").call("add") } == 300)
  }

  // MARK: useComposedStore and useStoreComposition

  @Test func `U6 Each store is heard once, under its first key, until it is disposed`() async throws
  {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local seen = array()
      local c = useComposedStore(function()
        return { cart = useStore("cart"), basket = useStore("cart"), goods = useStore("products") }
      end, { onChange = function(key, change) seen[#seen + 1] = key .. " " .. change.changes[1].path end })
      c.cart:add()
      c.goods:setPrice(9)
      local first = c.dispose()
      c.cart:add()
      return { seen, first, c.dispose(), c.basket == c.cart }
      """#
    )
    #expect(result == [["basket cart.n", "goods products.price"], true, false, true])
  }

  @Test func `U6 It takes what composeStores gives, and a failing turn undoes it`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local heard = 0
      local function watchAll()
        return useComposedStore(
          function() return composeStores { a = "a", b = function() return defineStore("b", { state = { n = 0 } }) end } end,
          { onChange = function() heard = heard + 1 end }
        )
      end
      return defineStore("a", { state = { n = 0 }, actions = {
        bump = function(self) self.n = self.n + 1 return heard end,
        watchAndFail = function(self) watchAll() error("no") end,
        watch = function(self) watchAll() return useStore("b").n end,
      } })
      """#
    ])
    let result = try await host.run(
      #"""
      local a = useStore("a")
      pcall(a.watchAndFail)
      a:bump()
      local ids, before = registry.ids(), a:bump()
      a:watch()
      a:bump()
      return { ids, before, a:bump(), registry.ids() }
      """#
    )
    #expect(result == [["a"], 0, 1, ["a", "b"]])
  }

  @Test func `U5 useStoreComposition gives all of them`() async throws {
    let host = try await TestHost(shop)
    let result = try await host.run(
      #"""
      local c = useStoreComposition()
      return {
        c.composeStores == composeStores, c.createStoreWithDeps == createStoreWithDeps,
        c.applyMiddleware == applyMiddleware, c.useComposedStore == useComposedStore,
        c.createSecureStore == createSecureStore,
      }
      """#
    )
    #expect(result == [true, true, true, true, true])
  }

  // MARK: From Swift

  @Test
  func `U1 Swift defines several stores together, all or none, in the order of their dependencies`()
    async throws
  {
    let host = try await TestHost([:]).host
    func definition(_ id: String, _ dependencies: [String], fails: Bool = false) -> StoreDefinition
    {
      var definition = StoreDefinition(
        id,
        state: try fails ? { throw StoreError(.script, "no state") }() : ["n": 1]
      )
      definition.dependencies = dependencies
      return definition
    }
    let handles = try await host.define([definition("a", ["b"]), definition("b", [])])
    #expect(handles.map(\.id) == ["a", "b"])
    #expect(await host.storeIDs == ["b", "a"])
    let error = await #expect(throws: StoreError.self) {
      try await host.define([definition("c", []), definition("d", ["c"], fails: true)])
    }
    #expect(error?.message == "no state")
    await #expect(throws: StoreError.self) {
      try await host.define([definition("e", ["f"]), definition("f", ["e"])])
    }
    await #expect(throws: StoreError.self) {
      try await host.define([definition("e", []), definition("e", [])])
    }
    #expect(await host.storeIDs == ["b", "a"])
  }

  @Test func `U6 Swift composes stores of a host, and hears of all of them in one stream`()
    async throws
  {
    let host = try await TestHost(shop).host
    let group = try await host.compose(["cart": "cart", "basket": "cart", "goods": "products"])
    let changes = try await group.changes()
    try await group["cart"]?.call("add", 2)
    try await group["goods"]?.call("setPrice", 7)
    var seen: [String] = []
    for await change in changes {
      seen.append("\(change.name) \(change.patch.path)")
      if seen.count == 2 { break }
    }
    #expect(seen == ["basket cart.n", "goods products.price"])
    let states = try await group.states()
    #expect(states["cart"]?["n"] == 2)
    #expect(states["goods"] == ["price": 7])
    let error = await #expect(throws: StoreError.self) {
      try await host.compose(["x": "nobody"])
    }
    #expect(error?.code == .unknownStore)
  }
}
