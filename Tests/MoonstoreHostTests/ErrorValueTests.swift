import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What a script raises is what another one catches, and people read the text that it has.
struct ErrorValueTests {
  private static let scripts = [
    "stores/e.lua": """
    local e = defineStore("e", {
      getters = { broken = function() error({ code = "x" }) end, failing = function() error("text", 0) end },
      actions = {
        now = function(self, v) error(v, 0) end,
        later = function(self, v) sleep(0) error(v, 0) end,
        ask = function(self, type, v) bus.request(type, v) end,
        spawned = function(self, v) return spawn(function() error(v, 0) end):wait() end,
      },
    })
    bus.answer("now", function(request) error(request.payload.v and store.copy(request.payload.v), 0) end)
    bus.answer("later", function(request) sleep(0) error(store.copy(request.payload.v), 0) end)
    function stock(code)
      return setmetatable({ code = code }, { __tostring = function(e) return "stock of " .. e.code .. " is gone" end })
    end
    bus.answer("own", function() error(stock(7)) end)
    bus.answer("own later", function() sleep(0) error(stock(7)) end)
    return e
    """
  ]

  @Test
  func `A table stays a table and a text a text across calls, waits, requests, tasks and getters`()
    async throws
  {
    let host = try await TestHost(ErrorValueTests.scripts)
    let found = try await host.run(
      """
      local s = useStore("e")
      local told = {}
      for _, v in ipairs { { code = "x", inner = { 1 } }, "text" } do
        for _, call in ipairs {
          function() s:now(v) end, function() s:later(v) end, function() s:ask("now", { v = v }) end,
          function() s:ask("later", { v = v }) end, function() bus.request("now", { v = v }) end,
          function() bus.request("later", { v = v }) end, function() s:spawned(v) end,
        } do
          local _, err = pcall(call)
          told[#told + 1] = type(err) == "table" and err.code .. err.inner[1] or type(err) .. " " .. tostring(err)
        end
      end
      told[#told + 1] = type(select(2, pcall(function() return s.broken end)))
      told[#told + 1] = select(2, pcall(function() return s.failing end))
      return array(told)
      """
    )
    #expect(
      found
        == .array(
          Array(repeating: "x1", count: 7) + Array(repeating: "string text", count: 7) + [
            "table", "text",
          ]
        )
    )
  }

  @Test(arguments: ["own", "own later"])
  func `The text of an error object is read wherever it comes`(type: String) async throws {
    let host = try await TestHost(ErrorValueTests.scripts)
    let caught = try await host.run(
      "local _, err = pcall(bus.request, '\(type)') return tostring(err) .. ' ' .. err.code"
    )
    #expect(caught == "stock of 7 is gone 7")
    let failure = await #expect(throws: StoreError.self) {
      try await host.run("bus.request('\(type)')")
    }
    #expect(failure?.message == "stock of 7 is gone")
    #expect(failure?.value == ["code": 7])
    // Who has caught nothing still learns where it was raised.
    #expect(failure?.script == "stores/e.lua")
  }

  @Test func `The text of an error object is what people are told`() async throws {
    let host = try await TestHost([:])
    for raised in [
      "setmetatable({ code = 7 }, { __tostring = function(e) return 'stock of ' .. e.code .. ' is gone' end })",
      "setmetatable({ code = 7, fn = print }, { __tostring = function(e) return 'stock of ' .. e.code .. ' is gone' end })",
    ] {
      let failure = await #expect(throws: StoreError.self) {
        try await host.run("error(\(raised))")
      }
      #expect(failure?.message == "stock of 7 is gone")
      #expect(failure?.line == 1)
    }
    let plain = await #expect(throws: StoreError.self) { try await host.run("error({ code = 7 })") }
    #expect(plain?.message == #"{"code": 7}"#)
    let broken = await #expect(throws: StoreError.self) {
      try await host.run(
        "error(setmetatable({ code = 7 }, { __tostring = function(e) error(e) end }))"
      )
    }
    #expect(broken?.message == #"{"code": 7}"#)
  }

  @Test(arguments: [
    ("s.a.b = s", "s.a.b: a store cannot be state"),
    ("s.a.b = print", "s.a.b: a function cannot be state"),
    ("s.a = { { x = s } }", "s.a[1].x: a store cannot be state"),
    ("s.x = s", "s.x: a store cannot be state"),
    ("s.list[2] = { s }", "s.list[2][1]: a store cannot be state"),
    ("table.insert(s.list, { s })", "s.list[2][1]: a store cannot be state"),
    ("store.patch(s, { a = { b = { s } } })", "s.a.b[1]: a store cannot be state"),
    ("bus.send('x', { a = { s } })", "bus.send: a[1]: a store cannot be data"),
  ])
  func `What cannot be state is refused with its path`(lua: String, text: String) async throws {
    let host = try await TestHost([
      "stores/s.lua":
        "return defineStore('s', { permissions = { '*' }, state = { a = { b = 1 }, list = { 1 } } })"
    ])
    let failure = await #expect(throws: StoreError.self) {
      try await host.run("local s = useStore('s') \(lua)")
    }
    #expect(failure?.message.contains(text) == true, "\(failure?.message ?? "")")
    #expect(failure?.code == .notData)
  }

  @Test func `What is no time, and no text, is said with the value and the byte`() async throws {
    let host = try await TestHost([
      "stores/s.lua": "return defineStore('s', { state = { list = { 1 } } })"
    ]
    )
    for (lua, text) in [
      ("time.iso(0/0)", "nan is no time"), ("time.iso(1/0)", "inf is no time"),
      ("time.iso(253402300800)", "is no time"), ("time.iso(-62167219201)", "is no time"),
      ("json.decode('\"ab\\xFF\"')", "json.decode: argument 1 is not valid UTF-8 at byte 4"),
      ("bus.send('ab\\xFF')", "bus.send: argument 1 is not valid UTF-8 at byte 3"),
      ("bus.send('x', 1, { to = '\\xFF' })", "'to' is not valid UTF-8 at byte 1"),
      (
        "json.encode({ a = 'ab\\xFF' })",
        "a: a string that is not valid UTF-8 at byte 3 cannot be JSON"
      ),
      ("array(useStore('s').list)", "use store.copy(part)"),
      ("map(useStore('s').list)", "use store.copy(part)"),
      ("array(7)", "array: argument 1 must be a table, not a number"),
    ] {
      let failure = await #expect(throws: StoreError.self) { try await host.run(lua) }
      #expect(failure?.message.contains(text) == true, "\(lua): \(failure?.message ?? "")")
    }
    #expect(try await host.run("return time.iso(253402300799)") == "9999-12-31T23:59:59.000Z")
  }

  @Test func `An event and a message without a payload have none, and null is null`() async throws {
    let host = try await TestHost([:])
    let found = try await host.run(
      """
      local told = {}
      local function hear(what) told[#told + 1] = tostring(what.payload) end
      registry.on("x", hear)
      bus.subscribe("x", hear)
      registry.emit("x") bus.send("x") registry.emit("x", null) bus.send("x", null)
      hear(registry.recentEvents(2)[1]) hear(bus.recentMessages(2)[2])
      return table.concat(told, " ")
      """
    )
    #expect(found == "nil nil null null nil nil")
  }
}
