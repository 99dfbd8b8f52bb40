import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// The shop of `Scripts/shop`, with attackers among its stores.
struct AttackedShop {
  /// What an attack came to.
  struct Outcome {
    let end: Attack.End
    let detail: String
    let isContained: Bool
  }

  /// Seconds of a turn: few where an attack would have more, and many where it would end by itself.
  static let tight = 0.01
  static let ample = 3.0

  let test: TestHost
  private let memory: Int
  private let before: [Value]

  init(
    _ attacks: [Attack],
    memory: Int = 24 << 20,
    _ change: (inout HostConfiguration) -> Void = { _ in }
  ) async throws {
    var files = try AttackedShop.shop()
    for (path, text) in AttackPlace.files(attacks) { files[path] = text }
    test = try await TestHost(files) { configuration in
      configuration.grantsFiles = true
      configuration.scriptLimits.memory = memory
      change(&configuration)
    }
    before = try await AttackedShop.shopState(test)
    self.memory = memory
  }

  static func shop() throws -> [String: String] {
    let root = TestProject.shop
    var files: [String: String] = [:]
    for path in try FileManager.default.subpathsOfDirectory(atPath: root) {
      let isText = [".lua", ".csv"].contains { path.hasSuffix($0) }
      if isText { files[path] = try String(contentsOfFile: root + "/" + path, encoding: .utf8) }
    }
    return files
  }

  private static func shopState(_ test: TestHost) async throws -> [Value] {
    try await test.host.withStores { stores in
      try ["products", "cart", "order"].map { try stores.store($0).state }
    }
  }

  /// Tries an attack, and tells how it ended for whoever would hear of that.
  func attack(_ attack: Attack, _ place: AttackPlace, way: String) async -> Outcome {
    let reports = test.record.reports.count
    var limits = ScriptLimits()
    limits.turn = attack.isEndless ? AttackedShop.tight : AttackedShop.ample
    limits.getter = limits.turn
    // Where they are loaded; elsewhere they are loaded anew after they were ended.
    if [.reload, .hook, .migration].contains(place) { limits.loading = limits.turn }
    limits.driver = place == .driver ? limits.turn : nil
    limits.memory = memory
    limits.overruns = nil
    let failure: StoreError?
    var detail = ""
    do {
      try await test.host.setScriptLimits(limits)
      let value = try await place.run(attack, test, way: way)
      detail = value.stringValue ?? ""
      let reported = test.record.reports.dropFirst(reports).first
      failure = reported
    } catch {
      failure = error as? StoreError ?? StoreError(.thrown, "\(error)")
    }
    let end = Attack.End(failure)
    return Outcome(
      end: end,
      detail: failure?.message ?? detail,
      isContained: detail != "ESCAPED" && attack.allows(end, usesResult: place.usesResult)
    )
  }

  /// What every script relies on, after an attack: libraries, globals, coroutines, and the other stores.
  func isSound() async throws -> Bool {
    let canary = """
      local co = coroutine.wrap(function(a) return coroutine.yield(a + 1) end)
      local closed = false
      do local x <close> = setmetatable({}, { __close = function() closed = true end }) end
      local list = { 3, 1, 2 }
      table.sort(list)
      return {
        string.format("%5.1f|%s", 1.5, ("x"):rep(3):upper()), ("a,b"):match(",(.)"), ("ab"):gsub("b", "c"),
        table.concat(list, "-"), math.max(1, 2), co(1), co("back"), closed, select("#", pcall(error)),
        undefinedGlobal == nil, tostring(1.5), utf8.char(8364), #table.pack(table.unpack(list)),
      }
      """
    let expected: Value = [
      "  1.5|XXX", "b", "ac", "1-2-3", 2, 2, "back", true, 2, true, "1.5", "€", 3,
    ]
    guard try await test.run(canary) == expected else { return false }
    return try await AttackedShop.shopState(test) == before
  }

  /// Trades the sample day, and compares with what it is known to come to.
  func tradesItsDay() async throws -> Bool {
    try await test.host.setScriptLimits(ScriptLimits())
    let result = try await test.host.run(
      script: TestProject.shop + "/trading.lua",
      name: "trading.lua"
    )
    let known = try Value(
      json: String(contentsOfFile: TestProject.shop + "/data/day.json", encoding: .utf8)
    )
    return result.value == known
  }
}
