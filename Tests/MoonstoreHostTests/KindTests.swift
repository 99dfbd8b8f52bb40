import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What was declared as a list or a map stays one, however it is emptied, copied, assigned or loaded anew.
struct KindTests {
  private static let store = """
    return defineStore("s", {
      permissions = { "*" },
      state = function()
        return { list = array(), byId = map(), free = {}, form = { tags = { "a" }, byName = map() } }
      end,
      actions = { reset = function(self) store.reset(self) end },
    })
    """

  private func makeHost() async throws -> TestHost {
    try await TestHost(["stores/s.lua": KindTests.store])
  }

  /// Runs a script with the store `s`, and gives the JSON of what it returns.
  private func json(_ lua: String, of host: TestHost? = nil) async throws -> String? {
    let host = if let host { host } else { try await makeHost() }
    let text = "local s = useStore('s') " + lua
    return try await host.run("return json.encode((function() \(text) end)())").stringValue
  }

  @Test(arguments: [
    // Declared, nested, and as a store begins with it.
    "s.byId[1] = 'one' s.byId[3] = 'three' s.byId.guest = 'g' return s.byId",
    // Assigned, over a list as well.
    "s.free = map() s.free[1] = 'one' s.free[3] = 'three' s.free.guest = 'g' return s.free",
    "s.list = map() s.list[1] = 'one' s.list[3] = 'three' s.list.guest = 'g' return s.list",
    "s.free = { inner = map() } local m = s.free.inner m[1] = 'one' m[3] = 'three' m.guest = 'g' return m",
    // Patched.
    "store.patch(s, { free = map() }) s.free[1] = 'one' s.free[3] = 'three' s.free.guest = 'g' return s.free",
    // Decoded, and assigned after that.
    "s.free = json.decode('{}') s.free[1] = 'one' s.free[3] = 'three' s.free.guest = 'g' return s.free",
    "local m = json.decode('{\"a\":1}') m.a = nil m[1] = 'one' m[3] = 'three' m.guest = 'g' return m",
    // Emptied by removing, and by an empty table.
    "s.byId.a = 1 s.byId.a = nil s.byId[1] = 'one' s.byId[3] = 'three' s.byId.guest = 'g' return s.byId",
    "s.byId = {} s.byId[1] = 'one' s.byId[3] = 'three' s.byId.guest = 'g' return s.byId",
    "store.patch(s, { form = { byName = {} } }) s.byId = s.form.byName s.byId[1] = 'one' s.byId[3] = 'three' "
      + "s.byId.guest = 'g' return s.byId",
    "s.form = { tags = {}, byName = {} } local m = s.form.byName m[1] = 'one' m[3] = 'three' m.guest = 'g' return m",
    // Copied.
    "local m = store.copy(s.byId) m[1] = 'one' m[3] = 'three' m.guest = 'g' return m",
    "s.free = store.copy(s.byId) s.free[1] = 'one' s.free[3] = 'three' s.free.guest = 'g' return s.free",
    "s.free = s.byId s.free[1] = 'one' s.free[3] = 'three' s.free.guest = 'g' return s.free",
    // Undone and put back.
    "pcall(transaction, function() s.byId = array() error('no') end) s.byId[1] = 'one' s.byId[3] = 'three' s.byId.guest = 'g' "
      + "return s.byId",
    "s.byId = { 1, 2 } store.reset(s) s.byId[1] = 'one' s.byId[3] = 'three' s.byId.guest = 'g' return s.byId",
  ])
  func `A map with whole numbers for keys stays a map`(lua: String) async throws {
    #expect(try await json(lua) == #"{"1":"one","3":"three","guest":"g"}"#)
  }

  @Test(arguments: [
    "return s.list", "s.list[1] = 1 s.list[1] = nil return s.list",
    "table.insert(s.list, 1) table.remove(s.list) return s.list",
    "s.list = { 1 } s.list = {} return s.list", "store.patch(s, { list = {} }) return s.list",
    "s.form = { tags = {} } return s.form.tags",
    "store.patch(s, { form = { tags = {} } }) return s.form.tags",
    "s.free = array() return s.free", "s.free = { inner = array() } return s.free.inner",
    "local t = json.decode('[1]') table.remove(t) return t",
    "local t = json.decode('[[1]]') table.remove(t[1]) return t[1]",
    "local t = json.decode('[]') table.insert(t, 1) table.remove(t) return t",
    "s.list[1] = 1 local t = store.copy(s.list) t[1] = nil return t",
    "s.list[1] = 1 local t = store.copy(s) t.list[1] = nil return t.list",
    "s.free = s.list return s.free", "s.list[1] = 1 store.reset(s) return s.list",
    "pcall(transaction, function() s.list = map() error('no') end) return s.list",
  ])
  func `A list that is emptied stays a list`(lua: String) async throws {
    #expect(try await json(lua) == "[]")
  }

  @Test(arguments: [
    "s.list.name = 1", "s.list[2] = 1", "s.free = array() s.free.name = 1",
    "s.list = {} s.list.name = 1",
    "s.free = json.decode('[]') s.free.name = 1",
    "local t = json.decode('[1]') t.name = 1 s.free = t",
    "local t = array() t.name = 1 json.encode(t)", "table.insert(s.byId, 1)",
  ])
  func `What is a list takes no names, and what is a map no insertion`(lua: String) async throws {
    let host = try await makeHost()
    let found = try await host.run(
      "local s = useStore('s') return select(2, pcall(function() \(lua) end))"
    )
    let text = try #require(found.stringValue)
    #expect(text.contains("array") && text.hasPrefix("driver:"))
  }

  @Test func `An empty table that was never declared goes by its first key`() async throws {
    #expect(try await json("return s.free") == "{}")
    #expect(try await json("s.free[1] = 'a' return s.free") == #"["a"]"#)
    #expect(try await json("s.free.name = 'a' return s.free") == #"{"name":"a"}"#)
    #expect(try await json("s.free[2] = 'a' return s.free") == #"{"2":"a"}"#)
    #expect(
      try await json("table.insert(s.free, 'a') store.reset(s) s.free.x = 1 return s.free")
        == #"{"x":1}"#
    )
  }

  @Test func `Kinds survive a reload, a snapshot and Swift's own values`() async throws {
    let host = try await makeHost()
    let store = try await host.host.store("s")
    try await host.run("useStore('s').form.tags[1] = nil")
    try await host.reload(["stores/s.lua": KindTests.store + "\n-- once more"])
    let state = try await store.state()
    #expect(state["list"] == .array([]))
    #expect(state["byId"] == .map([:]))
    #expect(state["free"] == .empty)
    #expect(state["form"] == ["tags": .array([]), "byName": .map([:])])
    try await store.set("free", .map([:]))
    #expect(try await json("s.free[1] = 'one' return s.free", of: host) == #"{"1":"one"}"#)
    try await store.set("free", state["free"] ?? .null)
    try await store.set("byId", .array([]))
    #expect(try await json("s.byId[1] = 'one' return s.byId", of: host) == #"["one"]"#)
  }

  @Test func `A new version makes an empty part what it declares`() async throws {
    let host = try await makeHost()
    try await host.reload([
      "stores/s.lua": KindTests.store.replacing("free = {}", with: "free = map()")
    ])
    #expect(try await json("s.free[1] = 'one' return s.free", of: host) == #"{"1":"one"}"#)
  }

  @Test func `Scripts ask what a table or a part of state is`() async throws {
    let host = try await makeHost()
    let found = try await host.run(
      """
      local s = useStore("s")
      local list, form = s.list, s.form
      local told = {}
      for i, value in ipairs { {}, { 1 }, { a = 1 }, array(), map(), json.decode("[]"), json.decode("{}"),
        s.list, s.byId, s.free, s.form, s.form.tags, 7, "text", print, null, s } do
        told[i] = (array.is(value) and "a" or "-") .. (map.is(value) and "m" or "-")
      end
      return table.concat(told, " ") .. " " .. type(s.list) .. " " .. type(s) .. " " .. rawlen(s.form.tags)
        .. rawget(s.form.tags, 1)
      """
    )
    #expect(found == "-- a- -m a- -m a- -m a- -m -- -m a- -- -- -- -- -- table userdata 1a")
  }

  @Test func `What a part is can be followed by a getter`() async throws {
    let host = try await TestHost([
      "stores/s.lua": """
      return defineStore("s", {
        state = { free = {} },
        getters = { isList = function(self) return array.is(self.free) end },
        actions = { add = function(self) table.insert(self.free, 1) end },
      })
      """
    ])
    let store = try await host.host.store("s")
    #expect(try await store.get("isList") == false)
    try await store.call("add")
    #expect(try await store.get("isList") == true)
  }

  @Test(arguments: [
    "array.is = print", "rawset(array, 'is', print)", "setmetatable(map, {})", "map.x = 1",
  ])
  func `No script changes what all share`(lua: String) async throws {
    let host = try await makeHost()
    await #expect(throws: StoreError.self) { try await host.run(lua) }
    #expect(try await host.run("return array.is({ 1 })") == true)
  }

  @Test func `A map with the keys from one on is sorted as a table, by its keys`() async throws {
    let host = try await makeHost()
    let store = try await host.host.store("s")
    var told = try await store.changes().makeAsyncIterator()
    let first = try await store.state()
    var copy: Value = ["s": first]
    let sorted = try await json(
      """
      s.byId[2] = { n = 1 } s.byId.other = 7 s.byId[1] = { n = 3 } s.byId[3] = { n = 2 }
      local part = s.byId[1]
      local before = store.copy(s.byId)
      pcall(transaction, function()
        table.sort(s.byId, function(a, b) return a.n < b.n end)
        assert(s.byId[1].n == 1)
        error("no")
      end)
      local undone = s.byId[1] == part
      table.sort(s.byId, function(a, b) return a.n < b.n end)
      part.n = 4
      return { undone, s.byId[1].n, s.byId[2].n, s.byId[3].n, s.byId.other, s.byId[3] == part }
      """,
      of: host
    )
    #expect(sorted == "[true,1,2,4,7,true]")
    while let patch = await told.next() {
      try copy.apply(patch)
      if patch.new == 4 { break }
    }
    let state = try await store.state()
    #expect(copy["s"] == state)
  }
}
