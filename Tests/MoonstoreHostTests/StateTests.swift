import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct StateTests {
  private func run(_ code: String) async throws -> Value {
    let host = try await counterHost()
    return try await host.run(
      "return useStore(\"counter\"):run([==[ local self = ... \(code) ]==])"
    )
  }

  @Test func `Maps have their fields in one order, however a script has written them`() async throws
  {
    let host = try await TestHost([
      "stores/maps.lua": #"""
      return defineStore("maps", {
        state = function() return { z = 1, a = { y = 1, b = 2 }, m = { [3] = "x", k = 1 }, list = array() } end,
        actions = {
          push = function(self, v) table.insert(self.list, v) end,
          fields = function(self)
            local found = {}
            for key in pairs(self.a) do found[#found + 1] = key end
            for _, each in ipairs(self.list) do
              for key, value in pairs(each) do found[#found + 1] = key .. value end
            end
            return table.concat(found, " ")
          end,
        },
      })
      """#
    ])
    let fields = try await host.run(
      #"""
      local maps = useStore("maps")
      for round = 1, 2 do
        maps:push { first = 1, second = 2, third = 3 }
        maps:push { third = 6, first = 4, second = 5 }
        maps:push { [1] = "a", first = "b", [3] = "c" }
      end
      return maps:fields()
      """#
    )
    let round = "first1 second2 third3 first4 second5 third6 1a 3c firstb"
    #expect(fields == .string("b y \(round) \(round)"))
    #expect(try await host.run("return useStore('maps').m[3]") == "x")
  }

  @Test func `Two reads of one part give the same proxy`() async throws {
    #expect(
      try await run("return { rawequal(self.nested, self.nested), self.nested.a == self.nested.a }")
        == [true, true]
    )
  }

  @Test func `The table functions of Lua work on parts of state`() async throws {
    let result = try await run(
      """
      self.list = { 3, 1, 2 }
      local list = self.list
      table.sort(list)
      table.insert(list, 4) table.insert(list, 1, 0)
      local removed = table.remove(list, 1)
      table.sort(list, function(a, b) return a > b end)
      local sum = 0
      for _, value in ipairs(list) do sum = sum + value end
      for _, value in pairs(list) do sum = sum + value end
      return { #list, removed, table.concat(list, "-"), sum, select("#", table.unpack(list)), type(list) }
      """
    )
    #expect(result == [4, 0, "4-3-2-1", 20, 4, "table"])
  }

  @Test func `Sorting and swapping parts keeps their content`() async throws {
    let result = try await run(
      """
      self.list = { { n = 2 }, { n = 1 }, { n = 3 } }
      local two = self.list[1]
      table.sort(self.list, function(a, b) return a.n < b.n end)
      local moved = rawequal(self.list[2], two)
      self.list[1], self.list[3] = self.list[3], self.list[1]
      return { moved, self.list[1].n, self.list[2].n, self.list[3].n }
      """
    )
    #expect(result == [true, 3, 2, 1])
  }

  @Test func `What is assigned is copied`() async throws {
    let result = try await run(
      """
      local mine = { a = 1 }
      self.nested.x = mine
      mine.a = 2
      self.nested.y = self.nested.x
      self.nested.y.a = 3
      return { self.nested.x.a, self.nested.y.a }
      """
    )
    #expect(result == [1, 3])
  }

  @Test func `Integers stay integers and null stays null`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      return useStore("counter"):run([[
        local self = ...
        self.nested = json.decode('{"i": 9007199254740993, "d": 1.0, "n": null, "e": {}, "l": []}')
        local n = self.nested
        return { math.type(n.i), math.type(n.d), n.n == null, json.encode(n) }
      ]])
      """#
    )
    #expect(result[0] == "integer")
    #expect(result[1] == "float")
    #expect(result[2] == true)
    #expect(result[3]?.stringValue?.contains("9007199254740993") == true)
  }

  @Test(
    arguments: [
      (
        "self.x = { items = { 1, { callback = print } } }",
        "counter.x.items[2].callback: a function"
      ),
      ("self.nested.a.co = coroutine.create(print)", "counter.nested.a.co: a coroutine"),
      ("local t = {} t.me = t self.x = t", "counter.x.me: a table that contains itself"),
      ("self.list[3] = 1", "counter.list[3]: an array has no holes"),
      ("self.list.name = 1", "counter.list: an array has no field 'name'"),
      ("self.x = { [true] = 1 }", "the keys of a map"),
      ("self.x = setmetatable({}, { __index = print })", "counter.x: a table with a metatable"),
      ("self.add = 1", "'add' is an action"),
      ("self.double = 1", "'double' is a getter"),
      ("table.insert(self.nested, 1)", "counter.nested is a map, not an array"),
    ]
  )
  func `What cannot be state is refused with its path`(code: String, message: String) async throws {
    let error = await #expect(throws: StoreError.self) { try await self.run(code) }
    #expect(error?.message.contains(message) == true, "\(error?.message ?? "")")
  }

  @Test func `A part that has left the state can be read and not written`() async throws {
    let result = try await run(
      """
      local old = self.nested.a
      self.nested = { a = { b = 2 } }
      local ok, err = pcall(function() old.b = 9 end)
      return { old.b, ok, err.code, self.nested.a.b }
      """
    )
    #expect(result == [1, false, "detached", 2])
  }

  @Test func `Others read a store and cannot write it, on nested parts as well`() async throws {
    let host = try await counterHost()
    let result = try await host.run(
      #"""
      local c = useStore("counter")
      local function try(fn) local ok, err = pcall(fn) return { ok, not ok and err.code or "" } end
      return {
        try(function() c.count = 1 end), try(function() c.nested.a.b = 2 end),
        try(function() table.insert(c.list, 1) end), try(function() store.reset(c) end),
        try(function() store.patch(c, { count = 4 }) end), try(function() return c.nested.a.b end),
      }
      """#
    )
    let denied: Value = [false, "permissionDenied"]
    #expect(result == [denied, denied, denied, denied, denied, [true, ""]])
  }

  @Test func `Patch merges maps, replaces arrays and notifies once`() async throws {
    let host = try await TestHost([
      "stores/s.lua": #"""
      return defineStore("s", {
        permissions = { "read", "write", "call" },
        state = { a = 1, user = { name = "x", age = 3 }, list = { 1, 2, 3 } },
      })
      """#
    ])
    let result = try await host.run(
      #"""
      local s = useStore("s")
      local heard = array()
      store.subscribe(s, function(change) heard[#heard + 1] = change.type .. ":" .. #change.changes end)
      store.patch(s, { a = 2, user = { age = 4 }, list = { 9 } })
      store.patch(s, function(state) state.a = 3 table.insert(state.list, 8) end)
      s.a = 4
      store.reset(s)
      return { heard, s.a, s.user.name, #s.list }
      """#
    )
    #expect(result == [["patch:3", "patch function:2", "direct:1", "reset:3"], 1, "x", 3])
  }

  @Test func `A patch function that fails is undone, and the next call is a turn again`()
    async throws
  {
    let host = try await TestHost([
      "stores/s.lua": #"""
      return defineStore("s", {
        permissions = { "read", "write", "call" },
        state = { n = 0 },
        actions = { set = function(self, n) self.n = n end },
      })
      """#
    ])
    let result = try await host.run(
      #"""
      local s, heard = useStore("s"), 0
      local ok = pcall(store.patch, s, function(state) state.n = 9 error("no") end)
      store.subscribe(s, function() heard = heard + 1 end)
      local undone = s.n
      s:set(1)
      return { ok, undone, heard, s.n }
      """#
    )
    #expect(result == [false, 0, 1, 1])
  }

  @Test func `Swift hears each change with its path, old and new value`() async throws {
    let counter = try await counterHost().host.store("counter")
    var changes = try await counter.changes().makeAsyncIterator()
    try await counter.call("add", 3)
    let change = await changes.next()
    #expect(change?.path.description == "counter.count")
    #expect(change?.old == 0)
    #expect(change?.new == 3)
  }

  @Test func `A setup function makes state, getters and actions of what it returns`() async throws {
    let host = try await TestHost([
      "stores/s.lua": #"""
      return defineStore("s", function()
        local n, hidden = ref(1), ref("nothing")
        local twice = computed(function() return n.value * 2 end)
        watch(n, function(new, old) hidden.value = old .. " to " .. new end)
        return {
          n = n, twice = twice,
          set = function(value) n.value = value end,
          seen = function() return hidden.value end,
        }
      end)
      """#
    ])
    let result = try await host.run(
      #"local s = useStore("s") local a = s.twice s:set(5) return { a, s.n, s.twice, s:seen() }"#
    )
    #expect(result == [2, 5, 10, "1 to 5"])
    #expect(try await host.host.store("s").state() == ["n": 5])
  }
}
