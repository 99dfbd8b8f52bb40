import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// A reload that fails at any of its steps leaves the host as it was.
struct ReloadRefusalTests {
  /// A project with everything that a reload has to put back: handlers, responders, middleware, plugins, hooks,
  /// watchers, effects, timers, provided values, hidden state, stores of other scripts.
  private static let files: [String: String] = [
    "plugins/stamp.lua": #"""
    return function(context)
      return { state = { stamp = "one" }, actions = { stamped = function(self) return self.stamp end } }
    end
    """#,
    "middleware/outer.lua": #"""
    return {
      action = function(call, next) log.info("outer " .. call.action) return next() end,
      message = function(message) return message end,
    }
    """#,
    "middleware/inner.lua": #"return function(call, next) log.info("inner") return next() end"#,
    "lib/money.lua": "return { rate = 2 }",
    "stores/base.lua": #"""
    return defineStore("base", { permissions = { "*" }, state = function() return { n = 1 } end })
    """#,
    "stores/main.lua": #"""
    local money = require("lib.money")
    local base = useStore("base")
    local ticks = 0
    bus.subscribe("ping", function() log.info("ping") end)
    bus.answer("rate", function() return money.rate end)
    registry.on("shop:open", function() log.info("open") end)
    effects.on("ping", function() log.info("effect") end)
    provide("rate", money.rate)
    spawn(function() while true do sleep(10) ticks = ticks + 1 end end)
    function onLoad()
      watch(function() return base.n end, function(n) log.info("base is " .. n) end)
      store.subscribe(base, function() log.info("base changed") end)
      store.onAction(base, function(call) log.info("base acts") end)
    end
    function onUnload(carry) carry.ticks = ticks end
    return defineStore("main", {
      dependencies = { "base" },
      permissions = { "*" },
      state = function() return { n = 0, list = array { 1 }, map = { a = 1 } } end,
      getters = { twice = function(self) return self.n * 2 end },
      actions = {
        add = function(self) self.n = self.n + money.rate return self.n end,
        ticks = function() return ticks end,
      },
      on = { ping = function(self) self.n = self.n + 1 end },
      answers = { n = function(self) return self.n end },
    })
    """#,
    "stores/hidden.lua": #"""
    return defineStore("hidden", function()
      local n = ref(1)
      local sum = computed(function() return n.value + 1 end)
      return { add = function() n.value = n.value + 1 return sum.value end }
    end)
    """#,
    "stores/needs.lua": "return defineStore('needs', { dependencies = { 'main' } })",
  ]

  /// All that can be seen of the host: what it is, what is in it, and what it does.
  private func everything(_ test: TestHost) async throws -> Value {
    var states: [Value] = []
    for id in await test.host.storeIDs {
      states.append(
        try await test.host.withStores { try $0.store(id).state }
      )
    }
    let start = test.record.log.count
    // What it does is undone again, so that looking changes nothing.
    let behaviour = try await test.run(
      #"""
      local seen = {}
      pcall(function()
        transaction(function()
          bus.send("ping") registry.emit("shop:open")
          local main = useStore("main")
          seen = {
            main:add(), main.twice, main:stamped(), main:ticks(), bus.request("rate"), bus.request("n"),
            inject("rate"), useStore("hidden"):add(), useStore("base"):stamped(),
          }
          useStore("base").n = 9
          error("undo")
        end)
      end)
      return seen
      """#
    )
    // Files that are not loaded are in the list of scripts as well.
    var description = try await test.host.described().mapValue ?? [:]
    description["scripts"] = nil
    return [
      "description": .map(description), "states": .array(states), "behaviour": behaviour,
      "log": .array(test.record.log[start...].map(Value.string)),
    ]
  }

  @Test(arguments: [
    // Reading and compiling.
    ("stores/main.lua", "return {", "unexpected symbol"),
    ("stores/main.lua", "\u{1B}Lua", "binary chunk"),
    // Running.
    ("stores/main.lua", "error('while loading')", "while loading"),
    ("stores/main.lua", "bus.subscribe('ping', print) error({ code = 5 })", "code"),
    ("stores/main.lua", "local x = nil; x.y = 1", "attempt to index"),
    ("stores/main.lua", "sleep(1)", "cannot wait"),
    ("stores/main.lua", "require('lib.nowhere')", "there is no lib/nowhere.lua"),
    ("stores/main.lua", "return nil", "defines no store"),
    ("stores/main.lua", "useStore('base').n = 5 return defineStore('main', {})", "cannot"),
    ("stores/main.lua", "useStore('main'):add() return defineStore('main', {})", "cannot"),
    // Defining.
    ("stores/main.lua", "return defineStore('main', 5)", "must be a table or a function"),
    ("stores/main.lua", "return defineStore('main', { getter = {} })", "unknown field"),
    ("stores/main.lua", "return defineStore('', {})", "is empty"),
    (
      "stores/main.lua", "defineStore('main', {}) return defineStore('main', {})",
      "defined twice"
    ),
    (
      "stores/main.lua", "defineStore('main', {}) return defineStore('base', {})", "defined twice"
    ),
    ("stores/main.lua", "return defineStore('renamed', {})", "keeps its id"),
    (
      "stores/main.lua", "return defineStore('main', { dependencies = { 'nowhere' } })",
      "depends on 'nowhere'"
    ),
    (
      "stores/main.lua", "return defineStore('main', { dependencies = { 'needs' } })",
      "circle"
    ),
    ("stores/main.lua", "return defineStore('main', { permissions = { 'reed' } })", "reed"),
    (
      "stores/main.lua",
      "return defineStore('main', { state = function() return { add = 1 } end, actions = { add = function() end } })",
      "add"
    ),
    (
      "stores/main.lua",
      "return defineStore('main', { state = function() error('no state') end })", "no state"
    ),
    (
      "stores/main.lua",
      "return defineStore('main', { state = function() return { n = function() end } end })",
      "cannot be state"
    ),
    (
      "stores/main.lua",
      "return defineStore('main', { actions = { stamped = function() end } })", "stamped"
    ),
    (
      "stores/main.lua",
      "return defineStore('main', function() error('setup') end)", "setup"
    ),
    // Migrating.
    ("stores/main.lua", "return defineStore('main', { version = 2 })", "migrate"),
    (
      "stores/main.lua",
      "return defineStore('main', { state = function() return { list = 'x' } end })", "list"
    ),
    (
      "stores/main.lua",
      "return defineStore('main', { version = 2, migrate = function() error('no way') end })",
      "no way"
    ),
    // Handing on.
    (
      "stores/main.lua",
      "function onLoad() error('at the end') end return defineStore('main', {})", "at the end"
    ),
    // Other kinds.
    ("middleware/outer.lua", "return 5", "must return"),
    ("middleware/outer.lua", "error('outer')", "outer"),
    ("plugins/stamp.lua", "return 5", "must return"),
    ("plugins/stamp.lua", "return function() error('plugin') end", "plugin"),
    (
      "plugins/stamp.lua", "return function() return { actions = { add = function() end } } end",
      "add"
    ),
    ("lib/money.lua", "return +", "unexpected symbol"),
    ("lib/money.lua", "error('money')", "money"),
    ("moonstore.lua", "return 5", "moonstore.lua must return"),
    ("stores/new.lua", "return defineStore('base', {})", "defined twice"),
    ("stores/new.lua", "defineStore('new', {}) error('late')", "late"),
  ])
  func `Whatever is wrong with one script, nothing of the batch has happened`(
    _ path: String,
    _ text: String,
    _ words: String
  ) async throws {
    let test = try await TestHost(ReloadRefusalTests.files, time: ManualTime())
    try await test.run("local m = useStore('main') m:add() m.extra = 1 table.insert(m.list, 2)")
    try await test.run("useStore('hidden'):add() useStore('base').stamp = 'mine'")
    let before = try await everything(test)
    let swift = try await test.host.store("main")
    // Others in the batch are right, and are not loaded either.
    let good = [
      "stores/base.lua": (ReloadRefusalTests.files["stores/base.lua"] ?? "") + "\n-- changed",
      "stores/hidden.lua": "return defineStore('hidden', {})",
      "middleware/inner.lua": "return function(call, next) log.info('other') return next() end",
      "stores/fresh.lua": "return defineStore('fresh', {})",
    ]
    let report = try await test.reload(good.merging([path: text]) { _, new in new })
    let error = try #require(report.failures.first)
    #expect(error.message.contains(words), "\(report)")
    // A plugin's names that are in the way stand in the plugin.
    #expect(
      error.script == path || error.message.contains(path) || error.store == "main",
      "\(error)"
    )
    #expect(report.description.contains("goes on"))
    let after = try await everything(test)
    for part in ["description", "states", "behaviour", "log"] as [Value.Key] {
      #expect(after[part] == before[part])
    }
    #expect(try await swift.get("n") == 2)
    #expect(try await test.host.versions(of: "stores/base.lua").map(\.number) == [1])
    // Mended, the whole batch goes through.
    let original = ReloadRefusalTests.files[path]
    if let original {
      #expect(try await test.reload([path: original]).failures.map(\.message) == [])
    } else {
      try test.remove(path)
      #expect(try await test.reload().failures.map(\.message) == [])
    }
    #expect(await test.host.storeIDs.contains("fresh"))
  }

  @Test func `All scripts that are no Lua are told of at once`() async throws {
    let test = try await TestHost(ReloadRefusalTests.files)
    let report = try await test.reload([
      "stores/base.lua": "\nreturn }", "stores/main.lua": "\n\nx = = 1", "stores/needs.lua": "ok",
    ])
    #expect(
      report.failures.map(\.script) == ["stores/base.lua", "stores/main.lua", "stores/needs.lua"]
    )
    #expect(report.failures.map(\.line) == [2, 3, 1])
    #expect(report.failures.allSatisfy { $0.code == .syntax })
  }

  @Test func `A script that runs or allocates without end while it is loaded is refused in time`()
    async throws
  {
    let test = try await TestHost(ReloadRefusalTests.files) {
      $0.scriptLimits.loading = 0.5
      $0.scriptLimits.memory = 8 << 20
      let time = ManualTime()
      $0.sleep = time.sleep
    }
    let before = try await everything(test)
    for (text, code) in [
      ("while true do end", StoreError.Code.timeLimit),
      ("while true do pcall(function() while true do end end) end", .timeLimit),
      ("local t = {} while true do t[#t + 1] = ('x'):rep(1000) .. #t end", .memoryLimit),
      ("return defineStore('main', { state = function() while true do end end })", .timeLimit),
      (
        "return defineStore('main', { version = 2, migrate = function() while true do end end })",
        .timeLimit
      ),
    ] {
      let report = try await test.reload(["stores/main.lua": text])
      #expect(report.failures.first?.code == code, "\(report)")
      #expect(try await everything(test) == before)
    }
  }

  @Test func `A script that cannot be read refuses the reload, and names it`() async throws {
    let test = try await TestHost(ReloadRefusalTests.files)
    let report = try await test.reload(["stores/base.lua": "return defineStore('base', {})"])
    #expect(!report.isRefused)
    try Data([0xFF, 0xFE, 0x00]).write(to: URL(fileURLWithPath: test.folder + "/stores/base.lua"))
    let refused = try await test.reload()
    #expect(refused.failures.first?.script == "stores/base.lua")
    #expect(refused.failures.first?.message.contains("UTF-8") == true)
  }

  @Test func `A reload has to wait for the end of a turn`() async throws {
    let test = try await TestHost(ReloadRefusalTests.files)
    let host = test.host
    try await host.answer("reload") { _ in
      host.assumeIsolated { host in
        do throws(StoreError) {
          try host.reload("stores/main.lua", to: 1)
          return "done"
        } catch {
          return .string("\(error.code.rawValue)")
        }
      }
    }
    try await test.reload([
      "stores/main.lua": (ReloadRefusalTests.files["stores/main.lua"] ?? "") + "\n"
    ])
    #expect(try await test.run("return bus.request('reload')") == "busy")
    #expect(try await host.reload("stores/main.lua", to: 1).scripts.map(\.new) == [1])
  }
}
