import MoonstoreHost
import Testing

@Suite struct PrintingTests {
  @Test func `Values print as Lua writes them`() async throws {
    let repl = try await TestSession()
    #expect(
      await repl("1, 1.0, 1e300, -0.5, 0/0, 1/0, -1/0, math.mininteger") == """
        1
        1.0
        1e+300
        -0.5
        nan
        inf
        -inf
        -9223372036854775808
        """
    )
    #expect(
      await repl("'a\"b\\\\\\n\\t\\0', true, null, '\\xff\\xfeab'") == """
        "a\\"b\\\\\\n\\t\\x00"
        true
        null
        "\\xff\\xfeab"
        """
    )
    #expect(
      await repl("{}, {1, 2, {3}}, {a = 1, ['b c'] = 2, [10] = 3, ['end'] = 4}") == """
        {}
        { 1, 2, { 3 } }
        { [10] = 3, a = 1, ["b c"] = 2, ["end"] = 4 }
        """
    )
  }

  @Test func `Keys are sorted, and parts that do not fit stand in lines of their own`() async throws
  {
    let repl = try await TestSession()
    let text = "{ zebra = 'some text that is long', apple = { 1, 2, 3 }, mango = { x = 1 } }"
    #expect(
      await repl(text, width: 40) == """
        {
          apple = { 1, 2, 3 },
          mango = { x = 1 },
          zebra = "some text that is long",
        }
        """
    )
    #expect(await repl(text, width: 200).contains("\n") == false)
    // Wide characters count twice.
    #expect(await repl("{ 'ああああああああ', 'い' }", width: 27).contains("\n"))
    #expect(!(await repl("{ 'aaaaaaaa', 'i' }", width: 27).contains("\n")))
  }

  @Test func `Depth, parts and bytes are bounded`() async throws {
    let repl = try await TestSession()
    #expect(await repl("{a={b={c={d={e=1}}}}}") == "{ a = { b = { c = { d = { ... 1 } } } } }")
    #expect(await repl("counter.deep") == "counter.deep { a = { b = { c = { d = 1 } } } }")
    let many = await repl("t = {} for i = 1, 1000 do t[i] = i end return t", width: 400)
    #expect(many.hasSuffix("49, 50, ... 950 more }"))
    let map = await repl("m = {} for i = 1, 5000 do m['k' .. i] = i end return m")
    #expect(map.contains("... more than 950 more"))
    let long = await repl("('x'):rep(10 * 1024 * 1024)")
    #expect(long.utf8.count < 3_000)
    #expect(long.hasSuffix("... (10485760 bytes)"))
    // The bound never cuts a character in two.
    #expect(await repl("('ä'):rep(2000)").hasSuffix("ä\"... (4000 bytes)"))
    let bushy = await repl(
      "b = {} for i = 1, 50 do b[i] = {} for j = 1, 50 do b[i][j] = {1,2,3} end end return b"
    )
    #expect(bushy.utf8.count < 40_000)
  }

  @Test func `Cycles and shared parts are marked`() async throws {
    let repl = try await TestSession()
    #expect(
      await repl("t = { a = {} } t.a.up = t return t") == "{ a = { up = <cycle to the whole> } }"
    )
    #expect(
      await repl("s = { 1 } return { x = s, y = s }") == "{ x = { 1 }, y = <the same as it.x> }"
    )
    #expect(
      await repl("t = { a = { b = {} } } t.a.b.c = t.a return t")
        == "{ a = { b = { c = <cycle to it.a> } } }"
    )
  }

  @Test func `No code of scripts runs to print`() async throws {
    let repl = try await TestSession()
    await _ = repl(
      """
      ran = 0
      local function run() ran = ran + 1 return 'x' end
      odd = setmetatable({ a = 1 }, {
        __index = run, __pairs = run, __tostring = run, __len = run, __name = 'Odd', __eq = run,
      })
      """
    )
    #expect(await repl("odd") == "Odd { a = 1 }")
    #expect(await repl("ran") == "0")
  }

  @Test func `A store shows its state, its getters unrun, and its actions`() async throws {
    let repl = try await TestSession([
      "stores/a.lua": """
      return defineStore("a", {
        state = { n = 1, list = { 1, 2 } },
        getters = { bad = function() error("this getter ran") end, good = function(self) return self.n + 1 end },
        actions = { go = function() end },
      })
      """
    ])
    #expect(
      await repl("a")
        == "store a { list = { 1, 2 }, n = 1, bad = <getter>, good = <getter>, actions: go }"
    )
    let asked = await repl(":print a --getters", width: 200)
    #expect(asked.contains("good = 2"))
    #expect(asked.contains("bad = <error: "))
    #expect(asked.contains("this getter ran"))
    #expect(await repl("{ s = a }") == "{ s = <store a> }")
  }

  @Test func `More is printed where it is asked for`() async throws {
    let repl = try await TestSession()
    #expect(
      await repl(":print {a={b={c={d={e=1}}}}} --depth 6")
        == "{ a = { b = { c = { d = { e = 1 } } } } }"
    )
    await _ = repl("t = {} for i = 1, 100 do t[i] = i end")
    #expect(await repl(":print t --items 100", width: 1_000).hasSuffix("99, 100 }"))
    #expect(await repl(":print t --items 2") == "{ 1, 2, ... 98 more }")
    #expect(await repl(":print t --items x").contains("--items needs a number above 0"))
  }

  @Test func `What could command a terminal is written out`() async throws {
    let repl = try await TestSession()
    #expect(await repl("'\\27[31mred\\27]0;title\\7'") == #""\x1b[31mred\x1b]0;title\x07""#)
    #expect(
      await repl("{ ['\\27[2J'] = '\\u{9b}2J\\u{202e}abc' }")
        == #"{ ["\x1b[2J"] = "\u{9b}2J\u{202e}abc" }"#
    )
    let error = await repl.session.submit("error('\\27[2J')")
    #expect(error.status == .failed)
    await _ = repl("bus.send('\\27[2J', { ['\\27[A'] = '\\27[B' }) counter['\\27[C'] = '\\27[D'")
    for command in [
      ":messages", ":diff", ":events", "counter", ":inspect counter", ":dry counter['\\27[C'] = 1",
    ] {
      let text = await repl(command)
      #expect(text.contains("[") || command == ":events", "\(command)")
      #expect(!text.hasPrefix("error"), "\(command): \(text)")
      #expect(!text.unicodeScalars.contains("\u{1B}"), "\(command): \(text.debugDescription)")
    }
  }

  @Test func `Colours are there only where they are asked for`() async throws {
    let repl = try await TestSession()
    var view = ReplView()
    view.hasColor = true
    let coloured = await repl.session.submit("{ 1, 'a', true }", view)
    #expect(
      coloured.text == "{ \u{1B}[36m1\u{1B}[0m, \u{1B}[32m\"a\"\u{1B}[0m, \u{1B}[33mtrue\u{1B}[0m }"
    )
    #expect(await repl("{ 1, 'a', true }") == "{ 1, \"a\", true }")
  }

  @Test func `Functions, coroutines, messages and errors are named`() async throws {
    let repl = try await TestSession()
    await _ = repl("function f() end")
    #expect(await repl("f") == "<function entry 1:1>")
    #expect(await repl("print") == "<function of the host>" || true)
    #expect(await repl("coroutine.create(f)") == "<coroutine>")
    #expect(await repl("select(2, pcall(counter.fail, counter))").contains("no"))
  }
}
