import MoonValue
import MoonstoreCore
import MoonstoreHost
import TestSupport
import Testing

/// Random programs over all kinds of registrations, compared with a model: registering, ending, ending twice, failures
/// of a turn or of a part of it around any of that, and reloads in between.
struct RandomRegistrationTests {
  private static let kinds = [
    "subscribe", "all", "answer", "use", "event", "events", "change", "hook", "layer", "provide",
    "watch",
    "effect", "action", "changed",
  ]

  /// Registers under an id; what hears says so.
  private static let registering = """
    local target = function() return useStore("target") end
    local function onPing(hear, id)
      return function(m) if m.type == "ping" then hear(id) end return m end
    end
    local kinds = {
      subscribe = function(hear, id) return bus.subscribe("ping", function() hear(id) end) end,
      all = function(hear, id) return bus.subscribe("*", onPing(hear, id)) end,
      answer = function(hear, id) return bus.answer("ask " .. id, function() hear(id) end) end,
      use = function(hear, id) return bus.use(onPing(hear, id)) end,
      event = function(hear, id) return registry.on("beat", function() hear(id) end) end,
      events = function(hear, id)
        return registry.on("*", function(e) if e.type == "beat" then hear(id) end end)
      end,
      change = function(hear, id) return store.subscribe(target(), function() hear(id) end) end,
      hook = function(hear, id)
        return store.onAction(target(), function(call) if call.name == "touch" then hear(id) end end)
      end,
      layer = function(hear, id)
        return applyMiddleware(target(), function(call, next)
          if call.action == "touch" then hear(id) end
          return next()
        end)
      end,
      provide = function(hear, id) return provide("key-" .. id, id) end,
      watch = function(hear, id) return watch(function() return target().n end, function() hear(id) end) end,
      effect = function(hear, id) return effects.on("ping", function() hear(id) end) end,
      action = function(hear, id)
        return effects.on({ action = "target:touch" }, function() hear(id) end)
      end,
      changed = function(hear, id) return effects.on({ change = target() }, function() hear(id) end) end,
    }
    """

  private static let runner = """
    \(registering)
    local heard, results, offs = {}, {}, {}
    local function hear(id) heard[#heard + 1] = id end
    provide("hear", hear)
    defineStore("target", {
      permissions = { "read", "call", "write" }, state = { n = 0 },
      actions = { touch = function(self) self.n = self.n + 1 end },
    })
    local run
    local steps = {
      add = function(step) offs[step.id] = kinds[step.kind](hear, step.id) end,
      ["end"] = function(step) results[#results + 1] = offs[step.id]() end,
      part = function(step)
        pcall(function()
          run(step.steps)
          if step.fails then error("no") end
        end)
      end,
    }
    function run(list) for _, step in ipairs(list) do steps[step.what](step) end end
    defineStore("runner", { actions = {
      run = function(self, list, fails)
        run(list)
        if fails then error("no", 0) end
      end,
      probe = function(self, keys, asked)
        bus.send("ping")
        for _, id in ipairs(asked) do pcall(bus.request, "ask " .. id) end
        registry.emit("beat")
        useStore("target"):touch()
        for _, id in ipairs(keys) do if inject("key-" .. id, false) then hear(id) end end
      end,
      take = function(self)
        local taken, ended = store.copy(heard), store.copy(results)
        heard, results = {}, {}
        return { heard = taken, results = ended }
      end,
    } })
    """

  private static func peer(_ name: String, version: Int, fails: Bool) -> String {
    """
    defineStore("\(name)", {})
    \(registering)
    function onLoad()
      for kind, register in pairs(kinds) do
        if kind ~= "answer" and kind ~= "provide" then
          register(function(id) inject("hear")(id) end, kind .. "-\(name)")
        end
      end
      -- \(version)
      \(fails ? "error('no')" : "")
    end
    """
  }

  /// What the registrations should be.
  private struct Model {
    struct Entry: Equatable {
      let id: String
      let kind: String
    }
    var active: [Entry] = []
    var results: [Bool] = []

    mutating func run(_ steps: [Step]) {
      for step in steps {
        switch step {
        case .add(let id, let kind): active.append(Entry(id: id, kind: kind))
        case .end(let id):
          results.append(active.contains { $0.id == id })
          active.removeAll { $0.id == id }
        case .part(let inner, let fails):
          let before = active
          run(inner)
          if fails { active = before }
        }
      }
    }
  }

  private indirect enum Step {
    case add(id: String, kind: String)
    case end(id: String)
    case part([Step], fails: Bool)

    var value: Value {
      switch self {
      case .add(let id, let kind):
        ["what": "add", "id": .string(id), "kind": .string(kind)]
      case .end(let id): ["what": "end", "id": .string(id)]
      case .part(let steps, let fails):
        ["what": "part", "steps": .array(steps.map(\.value)), "fails": .bool(fails)]
      }
    }
  }

  private struct Program {
    var random: SeededGenerator
    var ids: [String] = []

    mutating func steps(_ depth: Int = 0) -> [Step] {
      (0..<(1 + random.below(8))).map { _ in
        switch random.below(10) {
        case 0..<4:
          let kind = RandomRegistrationTests.kinds[
            random.below(RandomRegistrationTests.kinds.count)
          ]
          ids.append("\(kind)-\(ids.count)")
          return .add(id: ids[ids.count - 1], kind: kind)
        case 4..<8 where !ids.isEmpty: return .end(id: ids[random.below(ids.count)])
        default: return .part(depth < 3 ? steps(depth + 1) : [], fails: random.below(2) == 0)
        }
      }
    }
  }

  @Test(arguments: 0..<6)
  func `Who hears, in which order and what disposers say is what a model says`(seed: Int)
    async throws
  {
    var program = Program(random: SeededGenerator(seed: UInt64(seed + 1)))
    var peers = ["b": 0, "c": 0]
    var running = ["b", "c"].reduce(into: [String: String]()) {
      $0[$1] = RandomRegistrationTests.peer($1, version: 0, fails: false)
    }
    let test = try await TestHost([
      "moonstore.lua":
        "return { messageMiddleware = { 'stores/a.lua', 'stores/b.lua', 'stores/c.lua' } }",
      "stores/a.lua": RandomRegistrationTests.runner,
      "stores/b.lua": RandomRegistrationTests.peer("b", version: 0, fails: false),
      "stores/c.lua": RandomRegistrationTests.peer("c", version: 0, fails: false),
    ])
    var model = Model()
    for kind in RandomRegistrationTests.kinds where kind != "answer" && kind != "provide" {
      for peer in ["b", "c"] { model.active.append(Model.Entry(id: "\(kind)-\(peer)", kind: kind)) }
    }
    let runner = try await test.host.store("runner")
    for round in 0..<40 {
      if program.random.below(5) == 0 {
        let peer = program.random.below(2) == 0 ? "b" : "c"
        let fails = program.random.below(3) == 0
        peers[peer, default: 0] += 1
        let text = RandomRegistrationTests.peer(peer, version: round, fails: fails)
        let report = try await test.reload(["stores/\(peer).lua": text])
        #expect(report.failures.isEmpty == !fails, "\(report)")
        // The text that runs, so that the next reload does not meet this one again.
        if fails {
          try await test.reload(["stores/\(peer).lua": running[peer] ?? ""])
        } else {
          running[peer] = text
        }
      }
      let steps = program.steps()
      let fails = program.random.below(3) == 0
      let before = model.active
      model.run(steps)
      if fails { model.active = before }
      _ = try? await runner.call("run", .array(steps.map(\.value)), .bool(fails))
      // A disposer that a part of the turn made is known to the script also if the part failed.
      try await probe(test, model, "seed \(seed), round \(round)")
      model.results = []
    }
    #expect(test.record.reports.isEmpty)
  }

  private func probe(_ test: TestHost, _ model: Model, _ place: String) async throws {
    func ids(_ kind: String) -> Value {
      .array(model.active.filter { $0.kind == kind }.map { .string($0.id) })
    }
    let runner = try await test.host.store("runner")
    let results = try await runner.call("take")
    try await runner.call("probe", ids("provide"), ids("answer"))
    let heard = try await runner.call("take")["heard"]?.arrayValue ?? []
    #expect(results["results"]?.arrayValue ?? [] == model.results.map(Value.bool), "\(place)")
    for kind in RandomRegistrationTests.kinds {
      let those = heard.compactMap(\.stringValue).filter { $0.hasPrefix(kind + "-") }
      let expected = model.active.filter { $0.kind == kind }.map(\.id)
      // Watchers run in the order in which they began to watch: a reloaded one is the last.
      let isOrdered = kind != "watch"
      #expect(
        (isOrdered ? those : those.sorted()) == (isOrdered ? expected : expected.sorted()),
        "\(kind), \(place)"
      )
    }
  }
}
