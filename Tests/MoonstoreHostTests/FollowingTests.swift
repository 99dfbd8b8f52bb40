import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Whatever turns state into data, or tells what the host knows, is followed by getters.
struct FollowingTests {
  /// Natives over which a getter can be written, as an expression of the store `s` with `s.box.a` and `s.list`.
  private static let reading: [(native: String, expression: String)] = [
    ("jsonEncode", "json.encode(s.box)"), ("jsonEncode", "json.encode({ deep = { s.box } })"),
    ("jsonEncode", "json.encode(s.list)"), ("copy", "store.copy(s.box).a"),
    ("copy", "store.copy(s.list)[1]"), ("copy", "store.copy(store.state(s)).box.a"),
    ("storeState", "store.state(s).box.a"), ("storeState", "json.encode(store.state(s))"),
    ("pairs", "(function() local t = 0 for _, v in pairs(s.box) do t = t + v end return t end)()"),
    ("next", "select(2, next(s.box))"),
    ("ipairs", "(function() for _, v in ipairs(s.list) do return v end end)()"),
    ("concat", "table.concat(s.list, ',')"), ("unpack", "table.unpack(s.list)"),
    ("length", "#s.list .. s.list[1]"),
    ("table", "({ s.box })[1].a"),
  ]

  /// Natives that read what is no state.
  private static let knowing: [(native: String, expression: String)] = [
    ("messageCount", "bus.messageCount()"), ("unhandledMessages", "#bus.unhandledMessages()"),
    ("recentMessages", "#bus.recentMessages()"), ("statistics", "json.encode(bus.statistics())"),
    ("recentEvents", "registry.recentEvents(1)[1].sequence"),
    ("dependents", "#registry.dependents('s')"),
    ("storeCount", "registry.count()"), ("storeIDs", "#registry.ids()"),
    ("hasStore", "registry.has('late')"),
    ("storeRecord", "#registry.record('s').dependents"),
    ("describe", "#registry.describe().stores"),
    ("validateDependencies", "registry.validateDependencies('late')"),
    ("resolveDependencies", "pcall(registry.resolveDependencies, 'late')"),
    ("getStore", "registry.get('late')"), ("inject", "inject('key', 'none')"),
    ("checkPermission", "registry.checkPermission('late', 'read')"),
  ]

  /// The other natives.
  ///
  /// They do something, which getters may not; or they tell what getters need not follow, such as an id, a time or what
  /// a handle is. Arguments that they keep or pass on are copied by `StateConversion`, which tracks.
  private static let others = """
    addDependencies applyMiddleware beginCall beginGroup beginLayers beginPatch cancel
    cancelEffects cancelTask chapter checkModule checkPause checkSubscription closeFile composedOptions delay effectOptions checkDependency checkID cleanup commit computed condition
    configureStore createStore defineStore destroyStore dispose droppedEvents emitEvent
    endCall endEffects endGroup endPatch errorCode fail failCall handleID handleOf
    heldStore http idOfHandle isPart iso jsonDecode knownIDs listen listenAgain loadModule log
    nextID nextLine noteAction now offEvent offMessage onAction onEvent onMessage onRequest openEffects openFile
    origin overruns patch patchTarget plainReset progress provide random randomInteger
    readFile ref reorder report request reset respond responseJSON secure
    seeTask send sleep spawn storeID subscribe take taskStatus traceBegin traceEnd unlisten
    unregister useMessages useStore waitForTask wantsOriginal watch wayOfHook wrong
    """

  @Test func `Each native either is followed by a getter here, or is known to need none`() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources/MoonstoreHost")
    let files = FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil)
    var natives: Set<String> = []
    while let file = files?.nextObject() as? URL {
      guard file.pathExtension == "swift" else { continue }
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /natives\.add\(\s*"(\w+)"/) { natives.insert(String(match.1)) }
    }
    let known = Set(Self.others.split(whereSeparator: \.isWhitespace).map(String.init))
    let followed = Set((Self.reading + Self.knowing).map(\.native))
    #expect(natives.count > 50)
    #expect(
      natives.subtracting(known).subtracting(followed).isEmpty,
      "natives that are new: add them to a list above, with an expression if they read state or what the host knows"
    )
  }

  @Test func `Getters follow each way in which state becomes data`() async throws {
    for (native, expression) in Self.reading {
      let host = try await TestHost([:])
      let result = try await host.run(
        #"""
        local s
        s = defineStore("s", {
          state = function() return { box = { a = 1 }, list = { 1 } } end,
          getters = { seen = function() return tostring(\#(expression)) end },
        })
        local heard = 0
        watch(function() return tostring(\#(expression)) end, function() heard = heard + 1 end)
        local before = s.seen
        s.box.a = 2
        s.list[1] = 2
        return { before ~= s.seen, s.seen == tostring(\#(expression)), heard > 0 }
        """#
      )
      #expect(result == [true, true, true], "\(native): \(expression)")
    }
  }

  @Test func `Getters follow what the bus and the registry know`() async throws {
    for (native, expression) in Self.knowing {
      let host = try await TestHost([:])
      let result = try await host.run(
        #"""
        local g = defineStore("g", { getters = { seen = function() return tostring(\#(expression)) end } })
        defineStore("s", {})
        local before = g.seen
        bus.send("x")
        registry.emit("y")
        defineStore("late", { dependencies = { "s" }, permissions = { "read" } })
        provide("key", "value")
        return { before ~= g.seen, g.seen == tostring(\#(expression)) }
        """#
      )
      #expect(result == [true, true], "\(native): \(expression)")
    }
  }

  @Test
  func
    `What is found where the stack ends is not kept, and chains of getters are as long as they like`()
    async throws
  {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local getters = { g0 = function(self) return self.n end, double = function(self) return self.n * 2 end }
      for i = 1, 1000 do getters["g" .. i] = function(self) return self["g" .. (i - 1)] + 1 end end
      local s = defineStore("s", { state = function() return { n = 1 } end, getters = getters })
      local function at(depth, body)
        if depth == 0 then return body() end
        local ok, result = pcall(at, depth - 1, body)
        if not ok then error(result, 0) end
        return result
      end
      for depth = 150, 198 do
        s.n = depth
        if not pcall(at, depth, function() return s.double end) then break end
      end
      s.n = 5
      return { s.double, s.g1000, at(180, function() return s.g999 end) }
      """#
    )
    #expect(result == [10, 1005, 1004])
  }

  @Test func `No way lets a field hide a getter or an action`() async throws {
    let host = try await TestHost([:])
    let result = try await host.run(
      #"""
      local s = defineStore("s", {
        state = function() return { n = 1 } end,
        getters = { double = function(self) return self.n * 2 end },
        actions = { act = function() return "acted" end },
      })
      local refused = 0
      for _, way in ipairs({
        function() s.double = 1 end, function() store.state(s).double = 1 end,
        function() store.patch(s, { act = 1 }) end, function() store.patch(s, function(state) state.act = 1 end) end,
        function() store.patch(s, { double = 1 }) end, function() transaction(function() s.act = 1 end) end,
      }) do
        if not pcall(way) then refused = refused + 1 end
      end
      return { refused, s.double, s:act() }
      """#
    )
    #expect(result == [6, 2, "acted"])
  }
}
