import MoonDiagnostics
import MoonstoreCheck
import Testing

/// What surrounds the rules: comments that allow, settings, several files, what cannot be decided, fixes.
@Suite struct CheckerTests {
  private func codes(
    _ files: [String: String],
    settings: CheckSettings = CheckSettings(),
    registry: KnownRegistry? = nil
  ) -> [String] {
    let sources = files.sorted { $0.key < $1.key }.map {
      Checker.Source(path: $0.key, text: $0.value)
    }
    let report = Checker(settings: settings, registry: registry).check(sources)
    return report.diagnostics.map { "\($0.code) \($0.place?.line ?? 0)" }
  }

  // MARK: Syntax

  @Test func `All mistakes of a file are told, and those of one file hide none of another`() {
    let found = codes([
      "a.lua": "local a = = 1\nfor i = 1 2 do end\nreturn )", "b.lua": "local x = 1",
    ])
    #expect(found == ["E011 1", "E011 2", "E011 3", "W211 1"])
  }

  @Test func `Where a script cannot be read, what it may have defined is not missed`() {
    let found = codes([
      "stores/a.lua": "return defineStore(\"a\", {",
      "main.lua": "useStore(\"a\"):go() bus.send(\"a:b\") return useStore(\"c\").x",
    ])
    #expect(found == ["E011 1"])
  }

  // MARK: Comments

  @Test func `An allow comment counts for its line, or for the statement below it`() {
    #expect(codes(["a.lua": "local x = 1 -- moonstore: allow(W211) kept for later"]) == [])
    #expect(codes(["a.lua": "-- moonstore: allow(W211, W213) kept\nlocal x = 1"]) == [])
    #expect(
      codes([
        "a.lua":
          "-- moonstore: allow(W213) the shape\nfor i = 1, 2 do\n  for j = 1, 2 do end\nend\nlocal x"
      ])
        == ["W211 5"]
    )
    #expect(
      codes(["a.lua": "-- moonstore: allow(W211) kept\nlocal x = 1\nlocal y = 1"]) == ["W211 3"]
    )
  }

  @Test func `A comment that allows nothing, gives no reason or is misspelt is told`() {
    #expect(codes(["a.lua": "return 1 -- moonstore: allow(W211) why"]) == ["M902 1"])
    #expect(codes(["a.lua": "local x = 1 -- moonstore: allow(W211)"]) == ["M901 1"])
    #expect(codes(["a.lua": "return 1 -- moonstore: ignore W211"]) == ["M903 1"])
  }

  @Test func `A syntax error cannot be allowed`() {
    #expect(codes(["a.lua": "local x = = 1 -- moonstore: allow(E011) why not"]) == ["E011 1"])
  }

  @Test func `Comments of luacheck are followed`() {
    #expect(codes(["a.lua": "local x = 1 -- luacheck: ignore"]) == [])
    #expect(codes(["a.lua": "local x = 1 -- luacheck: ignore 211/x"]) == [])
    #expect(codes(["a.lua": "-- luacheck: globals describe it\ndescribe(it)"]) == [])
    #expect(codes(["a.lua": "local x = 1 -- luacheck: ignore 3"]) == ["W211 1"])
  }

  // MARK: Settings

  @Test func `Settings are read in the text of moonstore.lua`() {
    let settings = CheckSettings(
      text: """
        return {
          capabilities = { "files" },
          check = { ignore = { "W2" }, globals = { "game" }, messages = { "out:*" }, exclude = { "old" } },
        }
        """
    )
    let files = [
      "stores/a.lua":
        "game.x = files.read('a') local unused bus.send('out:there') bus.send('nowhere')",
      "old/b.lua": "local x = = 1",
    ]
    #expect(codes(files, settings: settings) == ["M106 1"])
  }

  // MARK: What is computed

  @Test func `Where an id is computed, names of stores are not decided, which is said`() {
    let files = [
      "stores/a.lua": "for i = 1, 3 do defineStore('shelf-' .. i, { state = {} }) end",
      "main.lua": "return useStore('shelf-2'), useStore('nowhere')",
    ]
    #expect(codes(files) == [])
    let sources = files.map { Checker.Source(path: $0.key, text: $0.value) }
    let report = Checker().check(sources)
    #expect(report.undecided.map { $0.place?.file } == ["stores/a.lua"])
    #expect(report.summary == "nothing found in 2 scripts; 1 name is computed and was not checked")
    let known = KnownRegistry(
      stores: (1...3).map { .init(id: "shelf-\($0)", fields: [], getters: [], actions: []) }
    )
    #expect(codes(files, registry: known) == ["M102 1"])
  }

  @Test func `Members are open where a plugin or an assignment adds them`() {
    let store =
      "return defineStore('a', { state = { n = 0 }, actions = { go = function(self) self.late = 1 end } })"
    let main = "local a = useStore('a') return a.late, a.stamp, a.nowhere"
    #expect(codes(["stores/a.lua": store, "main.lua": main]) == ["M104 1", "M104 1"])
    let plugin = "return function() return { state = { stamp = 0 } } end"
    let files = ["stores/a.lua": store, "main.lua": main, "plugins/p.lua": plugin]
    #expect(codes(files) == ["M104 1"])
    #expect(
      codes(files.merging(["plugins/q.lua": "return function(c) return make(c) end"]) { a, _ in a })
        == ["W113 1"]
    )
  }

  @Test func `The implicit self of a method is no global, and no outer variable`() {
    #expect(codes(["a.lua": "local t = {} function t:m() return self.x end return t"]) == [])
    #expect(
      codes([
        "a.lua":
          "local function f(§) local t = {} function t:m() return self end return t end return f"
          .replacing("§", with: "self")
      ])
        == []
    )
  }

  @Test func `A script that hands its memory on loses none`() {
    let text = """
      local cache = {}
      function onUnload(carry) carry.cache = cache end
      function onLoad(carry) cache = carry.cache or cache end
      return defineStore("a", { actions = { put = function(_, k) cache[k] = true end } })
      """
    #expect(codes(["stores/a.lua": text]) == [])
    #expect(codes(["main.lua": "local n = 0 local function f() n = n + 1 end f() return n"]) == [])
  }

  // MARK: Fixes

  @Test func `A fix changes what it says and nothing else, and what is left is told`() {
    let text = "for i, v in ipairs({}) do print(v) end;;\nlocal x = createSecureStore\n"
    let report = Checker().check([.init(path: "a.lua", text: text)])
    let (bytes, count) = Fixes.apply(report.diagnostics, to: Array(text.utf8))
    #expect(count == 3)
    #expect(
      String(decoding: bytes, as: UTF8.self)
        == "for _, v in ipairs({}) do print(v) end;\nlocal x = secure\n"
    )
    let again = Checker().check([.init(path: "a.lua", bytes: bytes)])
    #expect(again.diagnostics.map(\.code) == ["W211"])
    #expect(Fixes.apply(again.diagnostics, to: bytes).count == 0)
  }
}
