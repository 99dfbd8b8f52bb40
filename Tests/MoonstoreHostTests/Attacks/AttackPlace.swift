import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import TestSupport

/// Where scripts run in a host: an attack is tried in each of them, and in a coroutine there.
enum AttackPlace: String, CaseIterable, Sendable {
  case action, getter, middleware, handler, answer, watcher, task, module, driver, entry, reload,
    hook, migration

  /// How an attack goes there: as it is, and in a coroutine of its own where that is another way through the host.
  var ways: [String] {
    switch self {
    case .answer, .watcher, .task: ["attack"]
    default: ["attack", "apart"]
    }
  }

  /// Whether the attacks lie among the scripts of the host from the beginning.
  var isLoaded: Bool {
    switch self {
    case .driver, .entry, .reload, .hook, .migration: false
    default: true
    }
  }

  /// Whether somebody takes what the attack returns.
  var usesResult: Bool {
    switch self {
    case .handler, .watcher, .task, .module, .reload, .hook: false
    default: true
    }
  }

  /// The files that put the attacks there.
  static func files(_ attacks: [Attack]) -> [String: String] {
    var files: [String: String] = [:]
    var middleware = "local attacks, aparts = {}, {}\n"
    for attack in attacks {
      let name = attack.name
      files["lib/attacks/\(name).lua"] = attack.text
      files["stores/attacks/\(name).lua"] = """
        \(attack.functions)
        local ways = { attack = attack, apart = apart }
        local function quietly(way)
          if ways[way]() == "ESCAPED" then log.error("ESCAPED") end
        end
        return defineStore("\(name)", {
          permissions = { "*" },
          state = { way = "attack", runs = 0 },
          getters = { value = function(self) return ways[self.way]() end },
          actions = {
            choose = function(self, way) self.way = way end,
            act = function(self, way)
              self.runs = self.runs + 1
              return ways[way]()
            end,
            start = function(self, way) spawn(function() quietly(way) end) end,
            load = function(self, way)
              local module = "attacks.\(name)"
              if way == "attack" then return require(module) end
              local ok, result = coroutine.resume(coroutine.create(require), module)
              if not ok then error(result, 0) end
              return result
            end,
          },
          on = { ["\(name):now"] = function(self, message) quietly(message.payload) end },
          answers = { ["\(name):ask"] = function(self, request) return ways[request.payload]() end },
        })
        """
      files["stores/watchers/\(name).lua"] = """
        \(attack.functions)
        return defineStore("\(name)-watcher", function()
          local seen = ref("")
          watch(function() return seen.value end, function(way)
            if (way == "attack" and attack or apart)() == "ESCAPED" then log.error("ESCAPED") end
          end)
          return { see = function(way) seen.value = "" seen.value = way end }
        end)
        """
      middleware += "do\nlocal _ENV = setmetatable({}, { __index = _ENV })\n\(attack.functions)\n"
      middleware += "attacks['\(name)'], aparts['\(name)'] = attack, apart\nend\n"
    }
    files["middleware/attacks.lua"] =
      middleware + """
        return function(call, next)
          if call.action ~= "pass" then return next() end
          return (call.args[2] == "attack" and attacks or aparts)[call.args[1]]()
        end
        """
    files["stores/loaded.lua"] = #"return defineStore("loaded", {})"#
    files["stores/migrated.lua"] = #"return defineStore("migrated", { state = { n = 1 } })"#
    files["stores/door.lua"] = """
      return defineStore("door", { permissions = { "*" }, actions = { pass = function() end } })
      """
    return files
  }

  /// Runs an attack there; throws what its caller gets.
  func run(_ attack: Attack, _ host: TestHost, way: String) async throws -> Value {
    let name = attack.name
    let way = Value.string(way)
    switch self {
    case .action: return try await host.host.call(name, "act", [way])
    case .getter:
      try await host.host.call(name, "choose", [way])
      return try await host.host.store(name).get("value")
    case .middleware: return try await host.host.call("door", "pass", [.string(name), way])
    case .handler: try await host.host.send("\(name):now", way)
    case .answer: return try await host.host.request("\(name):ask", way)
    case .watcher: return try await host.host.call(name + "-watcher", "see", [way])
    case .task: return try await host.host.call(name, "start", [way])
    case .module: return try await host.host.call(name, "load", [way])
    case .driver:
      return try await host.run(attack.functions + "\nreturn \(way.stringValue ?? "")()")
    case .entry:
      let session = try await host.host.openSession()
      var view = ReplView()
      view.wantsData = true
      let result = await session.submit(
        attack.functions + "\nreturn \(way.stringValue ?? "")()",
        view
      )
      await session.close()
      if let error = result.error { throw error }
      return result.values.first ?? .null
    case .hook:
      let script = """
        \(attack.functions)
        function onLoad()
          if \(way.stringValue ?? "")() == "ESCAPED" then log.error("ESCAPED") end
        end
        return defineStore("loaded", {})
        """
      if let failure = try await host.reload(["stores/loaded.lua": script]).failures.first {
        throw failure
      }
    case .reload:
      let script = """
        \(attack.functions)
        if \(way.stringValue ?? "")() == "ESCAPED" then log.error("ESCAPED") end
        return defineStore("loaded", {})
        """
      if let failure = try await host.reload(["stores/loaded.lua": script]).failures.first {
        throw failure
      }
    case .migration:
      let script = """
        \(attack.functions)
        return defineStore("migrated", {
          version = \(try await version(host) + 1),
          state = { n = 1 },
          migrate = function(old)
            local result = \(way.stringValue ?? "")()
            if result == "ESCAPED" then log.error("ESCAPED") end
            return { n = 1, result = result }
          end,
        })
        """
      if let failure = try await host.reload(["stores/migrated.lua": script]).failures.first {
        throw failure
      }
    }
    return .null
  }

  private func version(_ host: TestHost) async throws -> Int64 {
    let stores = try await host.host.described()["stores"]?.arrayValue ?? []
    return stores.first { $0["id"] == "migrated" }?["version"]?.integerValue ?? 1
  }
}
