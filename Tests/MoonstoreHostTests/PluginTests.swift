import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

private let plainStore = #"""
  return defineStore("a", {
    permissions = { "*" }, name = "Store A", metadata = { team = "x" }, options = { persist = true },
    state = { n = 0 }, actions = { add = function(self) self.n = self.n + 1 return self.n end },
  })
  """#

@Suite struct PluginTests {
  @Test func `T7 A plugin is called once for each store, with what is known of it`() async throws {
    let host = try await TestHost([
      "stores/a.lua": plainStore,
      "stores/b.lua":
        #"return defineStore("b", function() return { m = ref(1) } end, { options = { persist = false } })"#,
      "plugins/p.lua": #"""
      local calls = array()
      provide("calls", function() return calls end)
      return function(context)
        calls[#calls + 1] = {
          id = context.id, name = context.name, metadata = context.metadata, options = context.options,
          store = store.id(context.store), there = registry.has(context.id),
        }
      end
      """#,
    ])
    try await host.host.define(StoreDefinition("native", name: "By Swift", state: ["k": 1]))
    let calls = try await host.run("useStore('a'):add() return inject('calls')()")
    #expect(
      calls == [
        [
          "id": "a", "name": "Store A", "metadata": ["team": "x"], "options": ["persist": true],
          "store": "a", "there": true,
        ],
        [
          "id": "b", "name": "b", "metadata": [:], "options": ["persist": false], "store": "b",
          "there": true,
        ],
        [
          "id": "native", "name": "By Swift", "metadata": [:], "options": [:], "store": "native",
          "there": true,
        ],
      ]
    )
  }

  @Test
  func
    `T7 What a plugin adds is there before anybody can use the store, for setup and Swift stores too`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": plainStore,
      "stores/b.lua": #"return defineStore("b", function() local n = ref(5) return { n = n } end)"#,
      "plugins/p.lua": #"""
      return function(context)
        return {
          state = { tag = context.id, list = { 1 } },
          getters = { shout = function(self) return self.tag .. self.n end },
          actions = { setTag = function(self, tag) self.tag = tag return self.shout end },
          on = { tag = function(self, message) self.tag = message.payload end },
          answers = { ["tag-of-" .. context.id] = function(self) return self.tag end },
        }
      end
      """#,
    ])
    try await host.host.define(
      StoreDefinition(
        "s",
        state: ["n": 7],
        actions: [
          "bump": { store, _ in
            try store.set("n", 8); return .null
          }
        ]
      )
    )
    let result = try await host.run(
      #"""
      local out = array()
      for _, id in ipairs { "a", "b", "s" } do
        local s = useStore(id)
        out[#out + 1] = { s.shout, s:setTag("x"), #s.list, bus.request("tag-of-" .. id) }
      end
      bus.send("tag", "sent")
      out[#out + 1] = { useStore("a").tag, useStore("b").tag }
      store.reset(useStore("a"))
      out[#out + 1] = useStore("a").tag
      return out
      """#
    )
    #expect(
      result == [
        ["a0", "x0", 1, "x"], ["b5", "x5", 1, "x"], ["s7", "x7", 1, "x"], ["sent", "sent"], "a",
      ]
    )
    #expect(try await host.host.store("s").call("setTag", "y") == "y7")
    #expect(try await host.host.store("s").get("shout") == "y7")
  }

  @Test func `T7 A plugin can patch, subscribe and hook its store at once`() async throws {
    let host = try await TestHost([
      "stores/a.lua": plainStore,
      "plugins/p.lua": #"""
      return function(context)
        local s = context.store
        store.patch(s, { n = 10 })
        local changes, calls = 0, 0
        store.subscribe(s, function() changes = changes + 1 end)
        store.onAction(s, function(call) calls = calls + 1 end)
        return { answers = { counts = function() return { changes, calls } end } }
      end
      """#,
    ])
    let result = try await host.run(
      #"local a = useStore("a") a:add() a:add() return { a.n, bus.request("counts") }"#
    )
    // The turn that loads the project has written to the store as well.
    #expect(result[0] == 12)
    #expect(result[1]?[1] == 2)
    #expect((result[1]?[0]?.integerValue ?? 0) >= 2)
  }

  @Test
  func `T7 Plugins of the store come after those of the project, and see what those have added`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": #"""
      return defineStore("a", {
        plugins = {
          function(context) return { state = { third = context.store.second + 1 } } end,
          function(context) return { getters = { fourth = function(self) return self.third + 1 end } } end,
        },
      })
      """#,
      "stores/b.lua": #"return defineStore("b", {})"#,
      "plugins/1.lua": #"return function(context) return { state = { first = 1 } } end"#,
      "plugins/2.lua":
        #"return function(context) return { state = { second = context.store.first + 1 } } end"#,
    ])
    let result = try await host.run(
      #"local a, b = useStore("a"), useStore("b") return { a.first, a.second, a.third, a.fourth, b.second, b.third == nil }"#
    )
    #expect(result == [1, 2, 3, 4, 2, true])
  }

  @Test func `T7 A plugin can reset a store in its own way, around what others do`() async throws {
    let host = try await TestHost([
      "stores/a.lua": plainStore,
      "plugins/1.lua": #"""
      return function(context)
        return { reset = function(self, plain) local kept = self.n plain() self.n = kept + 1000 end }
      end
      """#,
      "plugins/2.lua": #"""
      return function(context)
        return { reset = function(self, plain) self.n = self.n + 1 plain() kept = plain end, actions = {
          late = function(self) kept() end,
        } }
      end
      """#,
    ])
    let result = try await host.run(
      #"""
      local a, types = useStore("a"), array()
      store.subscribe(a, function(change) types[#types + 1] = change.type end)
      a:add()
      store.reset(a)
      local ok, err = pcall(a.late)
      return { a.n, types, ok, tostring(err):match("this reset is over") ~= nil }
      """#
    )
    #expect(result == [1002, ["direct", "reset"], false, true])
    try await host.host.store("a").reset()
    #expect(try await host.host.store("a").get("n") == 2003)
  }

  @Test(
    arguments: [
      ("return { state = { n = 1 } }", 2, "'n' is there already, as a field of the state"),
      (
        "return {\n  actions = {\n    add = function() end } }", 5,
        "'add' is there already, as an action"
      ),
      ("return { getters = {\n n = function() end } }", 4, "'n' is there already"),
      ("return { state = { x = 1 }, getters = { x = function() end } }", 3, "'x' is given twice"),
      ("return 5", 2, "returned neither nothing nor a table"),
      ("return { state = { f = print } }", 2, "a function cannot be"),
      ("return { state = 5 }", 2, "'state' that is no table"),
      ("return { state = { 1, 2 } }", 2, "a list as 'state'"),
      ("return { getters = { 5 } }", 2, "getters[1], which is no function"),
      ("return { actions = 5 }", 2, "'actions' that are no table of functions"),
      ("return { reset = 5 }", 2, "'reset' that is no function"),
      ("return { getter = {} }", 2, "unknown part 'getter'; did you mean 'getters'?"),
      ("error('no such thing')", 3, "no such thing"),
      ("context.store.nope.x = 1", 3, "nil"),
      ("sleep(1)", 3, "wait"),
      ("useStore('nobody')", 3, "there is no store 'nobody'"),
    ]
  )
  func `T7 A plugin that is wrong is refused with its script and line, and there is no store`(
    body: String,
    line: Int,
    words: String
  ) async throws {
    let plugin = "local x = 0\nreturn function(context)\n\(body)\nend"
    let project = try TestProject(["stores/a.lua": plainStore, "plugins/p.lua": plugin])
    let error = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: project.path)
    }
    #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    #expect(error?.script == "plugins/p.lua")
    #expect(error?.line == line)
  }

  @Test func `T7 A store whose plugin fails leaves nothing, also of what the plugin has done`()
    async throws
  {
    let host = try await TestHost(["stores/a.lua": plainStore])
    let result = try await host.run(
      #"""
      local a = useStore("a")
      local heard = 0
      local ok, err = pcall(defineStore, "b", {
        state = { n = 1 }, on = { ping = function() heard = heard + 1 end },
        plugins = {
          function(context) a:add() return { state = { m = 1 } } end,
          function(context)
            bus.subscribe("ping", function() heard = heard + 1 end)
            store.onAction(a, function() heard = heard + 1 end)
            error("the plugin fails")
          end,
        },
      })
      bus.send("ping")
      a:add()
      local again = defineStore("b", { state = { n = 2 } })
      return { ok, tostring(err):match("the plugin fails") ~= nil, a.n, heard, registry.ids(), again.n, again.m == nil }
      """#
    )
    #expect(result == [false, true, 1, 0, ["a", "b"], 2, true])
    #expect(host.record.reports.isEmpty)
  }

  @Test func `T7 What a plugin registers ends with the store that it was called for`() async throws
  {
    let host = try await TestHost([
      "stores/a.lua": plainStore,
      "plugins/p.lua": #"""
      local heard = 0
      provide("heard", function() return heard end)
      return function(context)
        if context.id ~= "short" then return end
        local a = useStore("a")
        bus.subscribe("ping", function() heard = heard + 1 end)
        store.subscribe(a, function() heard = heard + 1 end)
        store.onAction(a, function() heard = heard + 1 end)
        applyMiddleware(context.store, function(call, next) return next() end)
        return { on = { ping = function() heard = heard + 1 end } }
      end
      """#,
    ])
    let result = try await host.run(
      #"""
      local heard, a = inject("heard"), useStore("a")
      local short = defineStore("short", {})
      bus.send("ping") a:add()
      local before = heard()
      store.dispose(short)
      bus.send("ping") a:add()
      return { before, heard() }
      """#
    )
    #expect(result == [4, 4])
  }

  @Test func `T7 What others register because a plugin has called them stays theirs`() async throws
  {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local heard = 0
      return defineStore("a", { actions = {
        listen = function() bus.subscribe("ping", function() heard = heard + 1 end) end,
        heard = function() return heard end,
      } })
      """#
    ])
    let result = try await host.run(
      #"""
      local a = useStore("a")
      local short = defineStore("short", { plugins = { function() a:listen() end } })
      store.dispose(short)
      bus.send("ping")
      return a:heard()
      """#
    )
    #expect(result == 1)
  }

  @Test func `T7 Factories apply the plugins of a configuration, and configure applies more`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local f = factories.base()
      local function tagged(context) return { state = { tag = context.options.tag } } end
      local a = f:create { id = "a", initialState = { n = 1 }, options = { tag = "t" }, plugins = { tagged } }
      local b = f:create { id = "b", initialState = { n = 1 } }
      f:configure(b, { plugins = { function(context)
        return { actions = { more = function(self) return self.n + 1 end } }
      end } })
      local ok, err = pcall(f.configure, f, a, { actions = { x = function() end }, plugins = { tagged } })
      return { a.tag, b:more(), ok, a.x == nil, tostring(err):match("'tag' is there already") ~= nil }
      """#
    )
    #expect(result == ["t", 2, false, true, true])
  }

  @Test
  func `T7 A store that a plugin makes gets the plugins too, and a plugin without end is stopped`()
    async throws
  {
    let files = [
      "stores/a.lua": plainStore,
      "plugins/p.lua": #"""
      return function(context)
        if context.id == "a" then defineStore("log", { state = { lines = array() } }) end
        return { state = { seen = true } }
      end
      """#,
    ]
    let host = try await TestHost(files)
    #expect(await host.host.storeIDs == ["a", "log"])
    #expect(try await host.run("return useStore('log').seen") == true)
    let endless = try TestProject([
      "stores/a.lua": plainStore,
      "plugins/p.lua": #"return function(context) defineStore(context.id .. "x", {}) end"#,
    ])
    let error = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: endless.path)
    }
    #expect(error?.message.isEmpty == false)
  }

  @Test func `T7 Swift plugins add to stores of Swift and of scripts, with reset and handlers`()
    async throws
  {
    let host = try await TestHost([:])
    try await host.host.use(
      plugin: StorePlugin("stamps") { context in
        guard context.options["stamped"]?.boolValue == true else { return nil }
        var additions = StorePlugin.Additions(
          state: ["stamp": .string("\(context.name)!")],
          getters: ["shout": { .string(try $0.get("stamp", as: String.self).uppercased()) }],
          actions: [
            "restamp": { store, arguments in
              try store.set("stamp", arguments.first ?? .null)
              return try store.get("shout")
            }
          ]
        )
        additions.on = ["stamp": { store, message in try store.set("stamp", message.payload) }]
        additions.answers = ["stamp-of-\(context.id)": { store, _ in try store.get("stamp") }]
        additions.reset = { store, plain in
          try plain()
          try store.set("stamp", "reset")
        }
        return additions
      }
    )
    let result = try await host.run(
      #"""
      local a = defineStore("a", { name = "ay", options = { stamped = true }, state = { n = 1 } })
      local b = defineStore("b", { state = { n = 1 } })
      local shout = a:restamp("new")
      bus.send("stamp", "sent")
      local answer = bus.request("stamp-of-a")
      store.reset(a)
      return { shout, answer, a.stamp, b.stamp == nil }
      """#
    )
    #expect(result == ["NEW", "sent", "reset", true])
    var definition = StoreDefinition("c", state: ["n": 1])
    definition.options = ["stamped": true]
    definition.plugins = [
      StorePlugin("own") { .init(state: ["own": try $0.store.get("stamp")]) }
    ]
    let own = try await host.host.define(definition)
    #expect(try await own.get("own") == "c!")
  }

  @Test func `T7 A Swift plugin that throws or clashes is named, and there is no store`()
    async throws
  {
    let host = try await TestHost([:])
    try await host.host.use(
      plugin: StorePlugin("clashing") { _ in .init(state: ["n": 1]) }
    )
    let error = await #expect(throws: StoreError.self) {
      try await host.host.define(StoreDefinition("a", state: ["n": 0]))
    }
    #expect(error?.message.contains("'n' is there already") == true)
    #expect(error?.description.contains("a") == true)
    #expect(await host.host.storeIDs.isEmpty)
    let other = await #expect(throws: StoreError.self) {
      try await host.run(#"defineStore("b", { state = { n = 1 } })"#)
    }
    #expect(other?.store == "b")
    #expect(await host.host.storeIDs.isEmpty)
    try await host.host.define(StoreDefinition("c", state: ["m": 0]))
    #expect(try await host.host.store("c").get("n") == 1)
  }
}
