import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Makes a counter by a factory; drivers begin with it.
private let counterFactory = #"""
  local f = factories.base()
  local config = {
    id = "counter",
    name = "A counter",
    metadata = { team = "core" },
    initialState = { count = 1, items = { "a" }, nested = { deep = { n = 1 } } },
    getters = {
      double = function(self) return self.count * 2 end,
      quad = function(self) return self.double * 2 end,
    },
    actions = {
      add = function(self, by) self.count = self.count + (by or 1) return self.count end,
      twice = function(self) self:add() return self:add() end,
      fail = function(self) self.count = 99 error("no way") end,
    },
  }

  """#

extension TestHost {
  /// Runs a driver after the one that makes a counter by a factory.
  @discardableResult
  fileprivate func withCounter(_ lua: String) async throws -> Value {
    try await run(counterFactory + lua)
  }

  /// The error that a driver ends in.
  fileprivate func refusal(_ lua: String) async -> StoreError? {
    do {
      _ = try await withCounter(lua)
      return nil
    } catch {
      return error as? StoreError
    }
  }

  /// What a failed attempt must not change.
  fileprivate func inventory() async throws -> Value {
    try await run(
      #"""
      local all = {}
      for _, id in ipairs(registry.ids()) do all[#all + 1] = { id, store.copy(useStore(id)) } end
      return { all, #registry.recentEvents(1000) }
      """#
    )
  }
}

@Suite struct FactoryTests {
  @Test func `F1 Creating again from the same configuration gives the same store`() async throws {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      a:add(4)
      local b = f:create(config)
      -- The same text, run again, makes other functions that are the same.
      local function make(step)
        return factories.base():create { id = "step", actions = { go = function(self) return step end } }
      end
      local c, d = make(2), make(2)
      return { a == b, b.count, c == d, d:go(), factories.base() == f }
      """#
    )
    #expect(result == [true, 5, true, 2, true])
  }

  @Test(
    arguments: [
      ("config.initialState.nested.deep.n = 2", "initialState.nested.deep.n"),
      ("config.initialState.count = 1.0", "initialState.count"),
      ("config.initialState.items[2] = 'b'", "initialState.items.2"),
      ("config.actions.more = function() end", "actions.more"),
      ("config.actions.add = nil", "actions.add"),
      ("config.actions.add = function(self) return 1 end", "actions.add"),
      ("config.getters.double = config.getters.quad", "getters.double"),
      ("config.name = 'Another'", "name"),
      ("config.initialState = function() return {} end", "initialState"),
      ("config.plugins = { function() end }", "plugins"),
    ]
  )
  func `F1 Creating again from another configuration is an error that names the difference`(
    change: String,
    place: String
  ) async throws {
    let host = try await TestHost([:])
    let error = await host.refusal("f:create(config) \(change) f:create(config)")
    #expect(error?.code == .duplicateStore)
    #expect(
      error?.message.contains("which differs in \(place);") == true,
      "\(error?.message ?? "")"
    )
    #expect(error?.script == "driver")
  }

  @Test func `F1 What a function has captured is a part of the configuration`() async throws {
    let host = try await TestHost([:])
    let error = await host.refusal(
      #"""
      local function make(step)
        return f:create { id = "step", actions = { go = function(self) return step end } }
      end
      make(2)
      make(3)
      """#
    )
    #expect(
      error?.message.contains("differs in actions.go (it has captured another 'step')") == true
    )
  }

  @Test func `F2 Two stores from one table share nothing, and the table stays as it was`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      config.id = "other"
      local b = f:create(config)
      local before = json.encode({ config.initialState, config.metadata })
      store.patch(a, function(state) state.nested.deep.n = 7 table.insert(state.items, "x") end)
      config.initialState.nested.deep.n = 50
      table.insert(config.initialState.items, "late")
      config.actions.add = function() return "replaced" end
      store.reset(b)
      return {
        a.nested.deep.n, #a.items, b.nested.deep.n, #b.items, b:add(),
        before == '[{"count":1,"items":["a"],"nested":{"deep":{"n":1}}},{"team":"core"}]',
      }
      """#
    )
    #expect(result == [7, 2, 1, 1, 2, true])
  }

  @Test func `F3 Getters see other getters and other stores, and take parameters by a function`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      local b = f:create {
        id = "b", dependencies = { "counter" }, initialState = { rate = 10 },
        getters = {
          total = function(self) return useStore("counter").quad * self.rate end,
          plus = function(self) return function(n) return self.total + n end end,
        },
      }
      local first = b.total
      a:add()
      return { first, b.total, b.plus(1) }
      """#
    )
    #expect(result == [40, 80, 81])
  }

  @Test func `F4 Actions have their store, its other actions and getters, and can wait`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      config.actions.slow = function(self) sleep(1) self:twice() return self.quad end
      config.actions.tell = function(self) bus.send("told", self.count) end
      local heard = array()
      bus.subscribe("told", function(message) table.insert(heard, { message.from, message.payload }) end)
      local a = f:create(config)
      local slow = a:slow()
      a:tell()
      return { slow, a.count, heard }
      """#
    )
    #expect(result == [12, 3, [["counter", 3]]])
  }

  @Test func `F5 What an action assigns is seen from outside, by handles and subscribers`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      config.actions.replace = function(self) self.items = { "new", "list" } end
      local a = f:create(config)
      local seen = array()
      store.subscribe(a, function(change) seen[#seen + 1] = change.changes[1].path end)
      a:replace()
      return { #a.items, a.items[1], seen }
      """#
    )
    #expect(result == [2, "new", ["counter.items"]])
  }

  @Test(
    arguments: [
      ("config.getters.count = function() end", "'count'"),
      ("config.actions.count = function() end", "'count'"),
      ("config.actions.double = function() end", "'double'"),
    ]
  )
  func `F5 A name that is two things is an error, and nothing is registered`(
    change: String,
    name: String
  ) async throws {
    let host = try await TestHost([:])
    let before = try await host.inventory()
    let error = await host.refusal("\(change) f:create(config)")
    #expect(error?.code == .invalidDefinition)
    #expect(error?.message.contains(name) == true)
    #expect(try await host.inventory() == before)
    // The id is free.
    #expect(try await host.withCounter("return f:create(config):add()") == 2)
  }

  @Test func `F6 Reset puts back everything, deeply, and what was added goes`() async throws {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      local before = json.encode(store.copy(a))
      store.patch(a, function(state)
        state.count = 10
        state.extra = { more = true }
        state.nested.deep.n = 5
        state.nested.added = 1
        table.insert(state.items, "b")
      end)
      store.reset(a)
      local after = json.encode(store.copy(a))
      -- What was reset is a copy again.
      store.patch(a, function(state) state.nested.deep.n = 5 end)
      store.reset(a)
      return { before == after, a.nested.deep.n, a.extra == nil }
      """#
    )
    #expect(result == [true, 1, true])
  }

  @Test func `F7 Patch merges deeply or takes a function, and is no action`() async throws {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      config.actions.patch = function(self) return "mine" end
      config.actions.reset = function(self) return "mine too" end
      local a = f:create(config)
      local kinds, calls = array(), array()
      store.subscribe(a, function(change) kinds[#kinds + 1] = change.type end)
      store.onAction(a, function(call) calls[#calls + 1] = call.name end)
      store.patch(a, { nested = { deep = { m = 2 } } })
      store.patch(a, function(state) state.count = 3 state.items[1] = "z" end)
      return { a.nested.deep.n, a.nested.deep.m, a.count, kinds, a:patch(), a:reset(), calls }
      """#
    )
    #expect(
      result == [
        1, 2, 3, ["patch", "patch function"], "mine", "mine too", ["patch", "reset"],
      ]
    )
  }

  @Test
  func
    `F8 Destroy takes the store out with all that belongs to it, and making it anew starts afresh`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      config.on = { ping = function(self) self.count = self.count + 1 end }
      config.answers = { ask = function(self) return self.count end }
      local a = f:create(config)
      local heard = 0
      store.subscribe(a, function() heard = heard + 1 end)
      local kept = a.add
      a:add(10)
      f:destroy(a)
      local gone, err = pcall(kept)
      local noAnswer = pcall(bus.request, "ask")
      bus.send("ping")
      local ids = #registry.ids()
      config.initialState.count = 100
      local b = f:create(config)
      bus.send("ping")
      return {
        gone, tostring(err):match("disposed") ~= nil, noAnswer, ids, b.count, a.count, heard,
        bus.request("ask"), f:get("counter") == b,
      }
      """#
    )
    #expect(result == [false, true, false, 0, 101, 101, 1, 101, true])
  }

  @Test func `F8 A store that others depend on is not destroyed, and the error lists them`()
    async throws
  {
    let host = try await TestHost([:])
    let error = await host.refusal(
      #"""
      local a = f:create(config)
      f:create { id = "b", dependencies = { "counter" } }
      f:destroy(a)
      """#
    )
    #expect(error?.code == .hasDependents)
    #expect(error?.message.contains("b depends on it") == true)
    #expect(await host.host.storeIDs == ["counter", "b"])
  }

  @Test func `F8 A destroy in a turn that fails is undone`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local f = factories.base()
      local cart = { id = "cart", initialState = { n = 5 }, actions = { add = function(self) self.n = self.n + 1 end } }
      return defineStore("boss", { actions = {
        make = function() f:create(cart) end,
        destroyAndFail = function() f:destroy("cart") error("late") end,
        remake = function() f:destroy("cart") f:create(cart) end,
      } })
      """#
    ])
    let result = try await host.run(
      #"""
      local boss = useStore("boss")
      boss:make()
      local cart = useStore("cart")
      cart:add()
      pcall(boss.destroyAndFail)
      local kept = cart.n
      cart:add()
      local more = cart.n
      boss:remake()
      return { kept, more, cart.n, registry.ids() }
      """#
    )
    #expect(result == [6, 7, 5, ["boss", "cart"]])
  }

  @Test func `F8 What others have made is not destroyed or configured`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"return defineStore("plain", { state = { n = 1 } })"#,
      "stores/b.lua":
        #"return factories.base():create { id = "theirs", initialState = { n = 1 }, permissions = { "*" } }"#,
    ])
    for (target, words) in [
      ("plain", "was made by no factory"),
      ("theirs", "was made by the base factory of stores/b.lua, and only that may"),
      ("nobody", "there is no store 'nobody'"),
    ] {
      for verb in ["destroy", "configure"] {
        let error = await host.refusal("f:\(verb)('\(target)', { name = 'x' })")
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
        #expect(error?.message.hasPrefix("factory:\(verb): ") == true)
      }
    }
    let duplicate = await host.refusal(#"f:create { id = "theirs", initialState = { n = 1 } }"#)
    #expect(duplicate?.code == .duplicateStore)
    #expect(await host.host.storeIDs == ["plain", "theirs"])
    #expect(try await host.run("return useStore('theirs').n") == 1)
  }

  @Test
  func `F9 Configure replaces actions, also for those who hold them, with the arguments right`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      local kept, seen = a.add, array()
      store.onAction(a, function(call) seen[#seen + 1] = call.name end)
      f:configure(a, { actions = {
        add = function(self, by) self.count = self.count + by * 10 return self.count end,
        new = function(self, x, y) return x .. y .. self.count end,
      } })
      return { a:add(2), kept(1), kept == a.add, a:new("x", "y"), a.twice ~= nil, seen }
      """#
    )
    #expect(result == [21, 31, true, "xy31", true, ["add", "add", "new"]])
  }

  @Test func `F9 Configure replaces getters, and tells all who have read them`() async throws {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      local seen = array()
      watch(function() return a.quad end, function(new, old) seen[#seen + 1] = { old, new } end)
      local before = a.quad
      f:configure(a, { getters = { double = function(self) return self.count * 100 end } })
      local after = a.quad
      -- One that gives the same value wakes nobody.
      f:configure(a, { getters = { double = function(self) return self.count * 50 * 2 end } })
      f:configure(a, { getters = { half = function(self) return self.quad / 2 end } })
      return { before, after, a.half, seen }
      """#
    )
    #expect(result == [4, 200, 100.0, [[4, 200]]])
  }

  @Test
  func `F9 Configure adds state deeply, keeps what is there, and reset knows the new defaults`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      local a = f:create(config)
      a:add(4)
      local seen = array()
      store.subscribe(a, function(change)
        for _, each in ipairs(change.changes) do seen[#seen + 1] = each.path end
      end)
      f:configure(a, { initialState = { count = 30, extra = { "e" }, nested = { deep = { m = 2 } } } })
      local live = { a.count, a.extra[1], a.nested.deep.n, a.nested.deep.m }
      f:configure(a, { initialState = function() return { late = true } end })
      store.reset(a)
      return { live, { a.count, a.extra[1], a.nested.deep.n, a.nested.deep.m, a.late, #a.items }, seen }
      """#
    )
    #expect(result[0] == [5, "e", 1, 2])
    #expect(result[1] == [30, "e", 1, 2, true, 1])
    #expect(result[2]?[0] == "counter.extra")
    #expect(result[2]?[1] == "counter.nested.deep.m")
  }

  @Test(
    arguments: [
      ("{ getters = { count = function() end } }", "'count' is a field of the state"),
      (
        "{ actions = { double = function() end } }",
        "'double' is a getter, and cannot become an action"
      ),
      ("{ initialState = { add = 1 } }", "'add' is an action, and cannot become a field"),
      ("{ initialState = { x = 1 }, getters = { x = function() end } }", "'x' is given twice"),
      (
        "{ actions = { good = function() end, bad = 5 } }", "actions[\"bad\"], which is no function"
      ),
      ("{ initialState = { f = print } }", "a function cannot be"),
      ("{ initialState = { 1, 2 } }", "must be a table with named fields"),
      ("{ initialState = function() error('oops') end }", "oops"),
      ("{ state = {} }", "here it is called 'initialState'"),
      ("{ action = {} }", "did you mean 'actions'?"),
      ("{ on = {} }", "cannot be configured with 'on'"),
      ("{ id = 'other' }", "the id of 'counter' cannot change"),
      ("{ dependencies = { 'nobody' } }", "depends on 'nobody', which is not there"),
      ("{ dependencies = { 'counter' } }", "counter -> counter"),
      ("{ permissions = { 'wirte' } }", "'wirte'"),
      ("{ name = 5 }", "a name that is no text"),
      ("{ plugins = { 5 } }", "plugins[1], which is no function"),
      (
        "{ actions = { add = function() return 0 end }, plugins = { function() error('no') end } }",
        "no"
      ),
      ("5", "argument 2 must be a table"),
      ("nil", "argument 2 must be a table"),
    ]
  )
  func `F9 A configuration that is wrong anywhere changes nothing`(
    change: String,
    words: String
  ) async throws {
    let host = try await TestHost([:])
    try await host.withCounter("f:create(config)")
    let before = try await host.inventory()
    let error = await host.refusal("f:configure('counter', \(change))")
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing was thrown")")
    #expect(error?.script == "driver")
    #expect(try await host.inventory() == before)
    #expect(
      try await host.withCounter(
        "local c = useStore('counter') return { c:twice(), c.quad, c.good == nil, c.x == nil }"
      ) == [3, 12, true, true]
    )
  }

  @Test func `F9 A configuration is undone with the turn that fails`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local f = factories.base()
      local cart = f:create {
        id = "cart", initialState = { n = 1 },
        getters = { double = function(self) return self.n * 2 end },
        actions = { add = function(self) self.n = self.n + 1 return self.n end },
      }
      return defineStore("boss", { actions = {
        change = function()
          f:configure(cart, {
            name = "Changed", initialState = { extra = 1 },
            getters = { double = function(self) return 0 end, third = function(self) return self.double end },
            actions = { add = function(self) return "changed" end, new = function() return "new" end },
          })
          local seen = { cart:add(), cart:new(), cart.third, cart.extra }
          error(seen)
        end,
        partly = function(self) local ok = pcall(self.change) return cart:add() end,
      } })
      """#
    ])
    let result = try await host.run(
      #"""
      local boss, cart = useStore("boss"), useStore("cart")
      local add, double = cart.add, cart.double
      local ok, seen = pcall(boss.change)
      local state = json.encode(store.copy(cart))
      store.subscribe(cart, function() end)
      return {
        seen, state, add(), cart.double, cart.new == nil, cart.third == nil, boss:partly(), cart.double,
      }
      """#
    )
    #expect(
      result == [["changed", "new", 0, 1], #"{"n":1}"#, 2, 4, true, true, 3, 6]
    )
    #expect(
      try await host.host.withStores { try $0.registry.definition(of: "cart").name } == "cart"
    )
  }

  @Test func `F9 A call that waits ends on the old code`() async throws {
    let host = try await TestHost([:])
    let result = try await host.withCounter(
      #"""
      config.actions.slow = function(self) sleep(1) self.count = self.count + 1 return "old" end
      local a = f:create(config)
      local ends = array()
      spawn(function() local result = a:slow() ends[#ends + 1] = result end)
      f:configure(a, { actions = { slow = function(self) return "new" end } })
      ends[#ends + 1] = a:slow()
      for _ = 1, 100 do if #ends < 2 then sleep(1) end end
      return { ends, a.count }
      """#
    )
    #expect(result == [["new", "old"], 2])
    #expect(host.record.reports.map(\.message) == [])
  }

  @Test func `F9 Ten thousand configurations keep one store, and memory`() async throws {
    let host = try await TestHost([:])
    try await host.withCounter(
      #"""
      local a = f:create(config)
      for n = 1, 5000 do
        f:configure(a, { initialState = { last = n }, actions = { add = function() return n end } })
      end
      """#
    )
    // The collector's pace makes a saw of it, whose lower edge counts.
    func least() async throws -> Int {
      var least = Int.max
      for _ in 0..<10 {
        try await host.withCounter(
          "for n = 1, 500 do f:configure('counter', { actions = { add = function() return n end } }) end"
        )
        least = min(least, await host.host.luaMemory)
      }
      return least
    }
    let before = try await least()
    let result = try await host.withCounter(
      #"""
      for n = 1, 10000 do
        f:configure("counter", { initialState = { last = n }, actions = { add = function() return n end } })
      end
      local c = useStore("counter")
      store.reset(c)
      return { c:add(), c.last }
      """#
    )
    #expect(result == [10_000, 10_000])
    let after = try await least()
    #expect(after < before + 1 << 20, "\(before) -> \(after)")
    let additions = try await host.host.withStores {
      try $0.registry.live("counter").additions.count
    }
    #expect(additions == 1)
  }

  @Test func `F10 A factory finds and lists what it has made, wherever it is asked for`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": #"""
      return defineStore("shop", { actions = {
        open = function(self, user) return store.id(factories.base():create { id = "cart/" .. user }) end,
        list = function(self)
          local ids = {}
          for _, cart in ipairs(factories.base():all()) do ids[#ids + 1] = store.id(cart) end
          return ids
        end,
      } })
      """#
    ])
    let result = try await host.run(
      #"""
      local shop = useStore("shop")
      shop:open("b") shop:open("a") shop:open("b")
      return {
        shop:list(), #factories.base():all(), factories.base():get("cart/a") == nil,
        factories.base():get("nobody") == nil,
      }
      """#
    )
    #expect(result == [["cart/b", "cart/a"], 0, true, true])
  }

  @Test(
    arguments: [
      ("f:create()", "argument 1 must be a table, not nil"),
      ("f:create('counter')", "argument 1 must be a table, not a string"),
      ("f:create({})", "the id must be a text"),
      ("f:create({ id = 5 })", "the id must be a text"),
      ("f:create({ id = '' })", "is empty"),
      ("f:create({ id = 'a//b' })", "an empty part"),
      ("f:create({ id = 'x', state = {} })", "here it is called 'initialState'"),
      ("f:create({ id = 'x', setup = {} })", "unknown field 'setup'"),
      ("f:create({ id = 'x', initialState = 5 })", "'initialState' that is neither"),
      ("f:create({ id = 'x', actions = { 5 } })", "actions[1], which is no function"),
      ("f:create({ id = 'x', plugins = { a = 1 } })", "'plugins' that are no list"),
      ("f:create({ id = 'x', dependencies = { 'y' } })", "depends on 'y', which is not there"),
      ("f.create({ id = 'x' })", "called with a colon"),
      ("local t = { id = 'x' } t.metadata = t f:create(t)", "contains itself"),
      ("f:get()", "argument 1 must be a string, not nil"),
      ("f:destroy()", "argument 1 must be a store or a string"),
      ("f:destroy(5)", "argument 1 must be a store or a string"),
      ("f.create = 1", "cannot be changed"),
      ("factories.base = 1", "cannot be changed"),
    ]
  )
  func `T4 A factory that is misused says how, and leaves nothing`(
    lua: String,
    words: String
  ) async throws {
    let host = try await TestHost([:])
    let before = try await host.inventory()
    let error = await host.refusal(lua)
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "nothing was thrown")")
    #expect(error?.script == "driver")
    #expect(try await host.inventory() == before)
  }

  @Test func `T4 Create gives a store at once, while a project is loaded too`() async throws {
    let host = try await TestHost([
      "factories/a.lua": #"""
      local f = factories.base()
      f:create { id = "early", dependencies = { "base" }, initialState = { n = 1 } }
      f:configure("early", { initialState = { extra = 2 } })
      f:create { id = "never" }
      f:destroy("never")
      """#,
      "stores/z.lua": #"return factories.base():create { id = "base" }"#,
    ])
    #expect(await host.host.storeIDs == ["base", "early"])
    #expect(try await host.run("local e = useStore('early') return { e.n, e.extra }") == [1, 2])
  }

  @Test
  func
    `T7 Name, metadata, permissions and dependencies of a configuration are kept and can change`()
    async throws
  {
    let host = try await TestHost([:])
    try await host.withCounter(
      #"""
      f:create(config)
      f:create { id = "b" }
      f:configure("counter", {
        name = "New", metadata = { team = "new" }, dependencies = { "b" }, permissions = { "read" },
      })
      """#
    )
    let definition = try await host.host.withStores { system in
      let definition = try system.registry.definition(of: "counter")
      return [
        .string(definition.name), definition.metadata,
        .array(definition.dependencies.map(Value.string)),
        .array((definition.permissions ?? []).map { .string($0.text) }),
      ] as Value
    }
    #expect(definition == ["New", ["team": "new"], ["b"], ["read"]])
    let error = await host.refusal("f:configure('b', { dependencies = { 'counter' } })")
    #expect(error?.code == .dependencyCycle)
  }

  @Test func `T4 Swift makes, configures and takes back stores as well`() async throws {
    let host = try await TestHost([:]).host
    let counter = try await host.define(
      StoreDefinition(
        "counter",
        state: ["count": 1],
        getters: ["double": { .integer((try $0.get("count").integerValue ?? 0) * 2) }],
        actions: [
          "add": { store, _ in
            try store.set("count", 5); return "old"
          }
        ]
      )
    )
    let before = try await host.evaluate("kept = useStore('counter').add return kept()")
    #expect(before.value == "old")
    try await host.configure(
      "counter",
      StoreConfiguration(
        state: ["extra": true, "count": 9],
        getters: ["double": { .integer((try $0.get("count").integerValue ?? 0) * 20) }],
        actions: ["add": { _, _ in "new" }, "more": { _, arguments in .array(arguments) }]
      )
    )
    #expect(try await counter.call("add") == "new")
    #expect(try await counter.call("more", 1, 2) == [1, 2])
    #expect(
      try await host.evaluate(
        "local c = useStore('counter') return { c:add(), c:more(3), c.double, c.extra, c.count }"
      ).value == ["new", [3], 100, true, 5]
    )
    let error = await #expect(throws: StoreError.self) {
      try await host.configure(
        "counter",
        StoreConfiguration(state: ["x": 1], actions: ["double": { _, _ in 1 }])
      )
    }
    #expect(error?.message.contains("'double' is a getter") == true)
    #expect(try await counter.state() == ["count": 5, "extra": true])
    try await counter.reset()
    #expect(try await counter.state() == ["count": 9, "extra": true])
    try await counter.dispose()
    #expect(await host.storeIDs.isEmpty)
    let gone = await #expect(throws: StoreError.self) {
      try await host.configure("counter", StoreConfiguration())
    }
    #expect(gone?.code == .unknownStore)
  }

  @Test func `T4 Swift and Lua replace each other's actions`() async throws {
    let host = try await TestHost([
      "stores/a.lua":
        #"return defineStore("a", { state = { n = 1 }, actions = { go = function(self) return self.n end } })"#
    ])
    let result = try await host.run("kept = useStore('a').go return kept()")
    #expect(result == 1)
    try await host.host.configure(
      "a",
      StoreConfiguration(actions: ["go": { store, _ in .string("swift \(try store.get("n"))") }])
    )
    #expect(try await host.run("return useStore('a'):go()") == "swift 1")
    #expect(try await host.host.store("a").call("go") == "swift 1")
  }
}
