import MoonLuaSyntax
import TestSupport
import Testing

/// The parser accepts what Lua's own compiler accepts, and refuses what it refuses.
struct AgreementTests {
  private func refusal(of bytes: [UInt8]) -> String? {
    SyntaxTree(parsing: SourceText(bytes: ContiguousArray(bytes))).problems.first?.message
  }

  @Test("All Lua on this machine is accepted or refused as by the system's Lua")
  func files() {
    let files = LuaFiles.all()
    #expect(files.count > 100)
    for (path, bytes) in files {
      let ours = refusal(of: bytes)
      let theirs = StandardCompiler.refusal(of: bytes)
      #expect(
        (ours == nil) == (theirs == nil),
        "\(path): \(ours ?? "fine"), but Lua: \(theirs ?? "fine")"
      )
    }
  }

  @Test(
    "What the compiler checks besides grammar is checked",
    arguments: [
      "goto a", "goto a do ::a:: end", "do goto a end ::a::", "goto a local x ::a::",
      "goto a local x ::a:: ; ::b::",
      "goto a local x ::a:: print(x)", "::a:: ::a::", "::a:: do ::a:: end", "do ::a:: end ::a::",
      "function f() ::a:: end ::a::", "break", "while true do break end",
      "while true do function f() break end end",
      "repeat local x; goto c; local y ::c:: until y", "repeat goto c; local y ::c:: until x",
      "for i = 1, 2 do goto n ::n:: end",
      "local x <const> = 1 x = 2", "local x <close> = nil x = 2",
      "local x <const> = 1 function f() x = 2 end",
      "local x <const> = 1 function x() end", "local x <const> = {} function x.f() end",
      "local x <const> = {} x.y = 1",
      "local x <foo> = 1", "local a <close>, b <close> = 1, 2",
      "local a <close>, b <const> = nil, 2",
      "return ...", "function f() return ... end",
      "function f(...) return function() return ... end end",
      "f() = 1", "(f) = 1", "(f)()", "a.b.c = 1", "a.b:c = 1", "f", "a.b", "a, f() = 1, 2",
      "a, b.c, d[1] = 1", "(a).b = 1",
      "return 1 return 2", "return; x = 1", "return 1; ", "do return end x = 1", "for i = 1 do end",
      "for i, j = 1, 2 do end",
      "for i in x, y, z do end", "for a.b = 1, 2 do end", "x = }", "x = {1, 2; 3,}", "x = {,}",
      "x = {[1] = 2, a = 3, 4}",
      "x = {a.b = 1}", "f{}'x'[[y]]", "f\n(g)", "x = 1 y = 2", "x = y z",
      "local function a.b() end", "local a.b = 1",
      "function a.b:c.d() end", "function a:b:c() end", "x = a and b or not c == d",
      "x = 2 ^ -3 ^ 2", "x = - - -a", "x = not nil",
      "x = a .. b .. c", "x = a < b < c", "x = a & b | c ~ d << 1 >> 2 // 3", "x = ~a ~ ~b", "::a",
      "goto 1", "::1::", "local", "local x =",
      "if x then elseif y then else end", "if x else end", "if x then else elseif y then end",
      "x = function() end", "function() end",
      "x = 'a\\x41\\u{48}\\z   b\\065\\\n'", "x = '\\q'", "x = '\\xg1'", "x = '\\300'",
      "x = '\\u{80000000}'", "x = '\\u{7FFFFFFF}'",
      "x = '\\u{}'", "x = '\\u41'", "x = 'a\nb'", "x = 'a", "x = [[a", "x = [==[a]=]]==]",
      "x = [=a", "--[[a", "--[==[a]]]==]", "-- a",
      "x = 3e", "x = 3e+", "x = 0x", "x = 0x.p1", "x = 0x1p", "x = 0x1.8p-3", "x = 3x", "x = 1..2",
      "x = 1 ..2", "x = .5 x = 5.", "x = 0xffffffffffffffffff",
      "x = 1e400", "x = 08", "x = 1_000", "x = 0b1", "x = 3.4.5", "x = @", "x = $y", "x ! y",
      "a ~= b", "x = a ~= b", "x = a != b", "\u{0}", "x = 'a\u{0}b'",
      "local a; local function f() local b = a; return function() return a, b end end", "", ";",
      ";;;", "return;", "return return",
    ]
  )
  func rules(text: String) {
    let bytes = Array(text.utf8)
    let ours = refusal(of: bytes)
    let theirs = StandardCompiler.refusal(of: bytes)
    #expect((ours == nil) == (theirs == nil), "\(ours ?? "fine"), but Lua: \(theirs ?? "fine")")
  }

  @Test("Limits on variables and on nesting are Lua's")
  func limits() {
    func texts(_ count: Int) -> [String] {
      [
        (1...count).map { "local a\($0)" }.joined(separator: " "),
        "local " + (1...count).map { "a\($0)" }.joined(separator: ", "),
        "function f(" + (1...count).map { "a\($0)" }.joined(separator: ", ") + ") end",
        "function f:m(" + (1...count).map { "a\($0)" }.joined(separator: ", ") + ") end",
        "for " + (1...count).map { "a\($0)" }.joined(separator: ", ") + " in x do end",
      ]
    }
    for text in (194...202).flatMap(texts) {
      let ours = refusal(of: Array(text.utf8))
      let theirs = StandardCompiler.refusal(of: Array(text.utf8))
      #expect(
        (ours == nil) == (theirs == nil),
        "\(text.prefix(20)): \(ours ?? "fine"), but Lua: \(theirs ?? "fine")"
      )
    }
    for depth in 180...204 {
      for (open, middle, close) in [
        ("do ", "", " end"), ("x = (", "1", ")"), ("x = {", "", "}"), ("x = -", "1", ""),
      ] {
        let isStatement = open.hasPrefix("do")
        let head = isStatement ? "" : "x = "
        let step = isStatement ? open : String(open.dropFirst(4))
        let text =
          head + String(repeating: step + " ", count: depth) + middle
          + String(repeating: close, count: depth)
        let ours = refusal(of: Array(text.utf8))
        let theirs = StandardCompiler.refusal(of: Array(text.utf8))
        #expect(
          (ours == nil) == (theirs == nil),
          "\(step) \(depth): \(ours ?? "fine"), but Lua: \(theirs ?? "fine")"
        )
      }
    }
  }
}

/// Texts that were changed at random are accepted or refused as by the system's Lua, and never harm the parser.
struct FuzzSyntaxTests {
  @Test("Mutated files and random tokens are accepted or refused as by the system's Lua")
  func mutations() {
    let files = LuaFiles.all().map(\.bytes).filter { $0.count < 20_000 }
    var fuzzing = Fuzzing("syntax", rounds: 3_000, share: 0.2)
    var random = SeededGenerator(seed: Fuzzing.seed)
    var count = 0
    while fuzzing.next() {
      let text =
        random.below(3) == 0
        ? tokens(&random) : mutated(files[random.below(files.count)], files, &random)
      fuzzing.leave(text)
      count += 1
      let tree = SyntaxTree(parsing: SourceText(bytes: ContiguousArray(text)))
      let theirs = StandardCompiler.refusal(of: text)
      // Limits of Lua's code generator are none of the grammar.
      if let theirs, tree.problems.isEmpty,
        theirs.contains("too many") || theirs.contains("overflow")
      {
        continue
      }
      #expect(
        tree.problems.isEmpty == (theirs == nil),
        "\(tree.problems.first?.message ?? "fine"), but Lua: \(theirs ?? "fine")\n\(String(decoding: text, as: UTF8.self))"
      )
      checkStructure(tree)
    }
    fuzzing.tell(count, "texts of Lua")
  }

  /// Every token belongs to one node, children stand in order inside of their parents.
  private func checkStructure(_ tree: SyntaxTree) {
    var owned = 0
    tree.root.walk { node in
      owned += node.ownTokens.count
      var next = node.tokens.lowerBound
      for child in node.children {
        #expect(
          child.tokens.lowerBound >= next && child.tokens.upperBound <= node.tokens.upperBound
        )
        next = child.tokens.upperBound
      }
    }
    #expect(owned == tree.tokens.count - 1)
  }

  private static let words = [
    "and", "break", "do", "else", "elseif", "end", "false", "for", "function", "goto", "if", "in",
    "local", "nil", "not", "or", "repeat",
    "return", "then", "true", "until", "while", "+", "-", "*", "/", "//", "%", "^", "#", "&", "~",
    "|", "<<", ">>", "==", "~=", "<=", ">=",
    "<", ">", "=", "(", ")", "{", "}", "[", "]", "::", ";", ":", ",", ".", "..", "...", "x", "y",
    "f", "1", "0x1p4", "'s'", "[[l]]", "<const>",
    "<close>", "\n", "::x::", "goto x", "local x", "f()", "x =", "= 1", "end", "end", "--c\n",
  ]

  private func tokens(_ random: inout SeededGenerator) -> [UInt8] {
    let words = (0...random.below(14)).map { _ in
      FuzzSyntaxTests.words[random.below(FuzzSyntaxTests.words.count)]
    }
    return Array(words.joined(separator: random.below(8) == 0 ? "" : " ").utf8)
  }

  private func mutated(_ text: [UInt8], _ others: [[UInt8]], _ random: inout SeededGenerator)
    -> [UInt8]
  {
    var text = text
    for _ in 0...random.below(3) {
      let at = random.below(text.count + 1)
      switch random.below(7) {
      case 0: if at < text.count { text.remove(at: at) }
      case 1:
        text.insert(
          contentsOf: FuzzSyntaxTests.words[random.below(FuzzSyntaxTests.words.count)].utf8,
          at: at
        )
      case 2: text.removeLast(text.count - at)
      case 3: if at < text.count { text[at] = UInt8(truncatingIfNeeded: random.next()) }
      case 4:
        let end = min(text.count, at + random.below(60))
        text.removeSubrange(at..<end)
      case 5:
        let other = others[random.below(others.count)]
        let start = random.below(other.count + 1)
        text.insert(contentsOf: other[start..<min(other.count, start + random.below(60))], at: at)
      default:
        let word = Array(
          " \(FuzzSyntaxTests.words[random.below(FuzzSyntaxTests.words.count)]) ".utf8
        )
        text.replaceSubrange(at..<min(text.count, at + random.below(6)), with: word)
      }
    }
    return text
  }
}
