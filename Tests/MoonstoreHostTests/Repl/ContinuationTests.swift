import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct ContinuationTests {
  @Test(
    arguments: [
      // Expressions and statements that are whole.
      ("1 + 1", "ok"), ("x = 1", "ok"), ("{1,2,3}", "ok"), ("f = function() end", "ok"),
      ("return 1", "ok"), ("'a'", "ok"), ("[[a\nb]]", "ok"), ("-- [[ no comment", "ok"),
      ("local x", "ok"), ("x = 1; y = 2", "ok"), ("do end", "ok"), ("--[[ a\nb ]] x = 1", "ok"),
      ("{1,2\n,3}", "ok"), ("f(\n1)", "failed"), ("x\n=\n1", "ok"), ("goto e ::e::", "ok"),
      ("for i = 1, 2 do\nx = i\nend", "ok"), ("'<eof>'", "ok"), ("x = '<eof>'", "ok"),
      // What lacks its end.
      ("{1,2", "incomplete"), ("{1,2\n", "incomplete"), ("f(", "incomplete"), ("x =", "incomplete"),
      ("1 +", "incomplete"), ("function f()", "incomplete"), ("if true then", "incomplete"),
      ("if true then x = 1", "incomplete"), ("for i = 1, 2 do", "incomplete"),
      ("while true do", "incomplete"), ("repeat", "incomplete"), ("[[abc", "incomplete"),
      ("--[[ abc", "incomplete"), ("x = function()", "incomplete"), ("return", "ok"),
      ("local function f(a,", "incomplete"), ("a.b.", "incomplete"), ("a:b", "incomplete"),
      ("not", "incomplete"), ("x = {\n  a = 1,\n", "incomplete"), ("'abc\\", "incomplete"),
      ("local", "incomplete"), ("goto", "incomplete"), ("(1 + 2", "incomplete"),
      ("::a", "incomplete"),
      // What no further line makes whole; `lua -i` waits for more of the first two.
      ("x = \"abc", "failed"), ("'abc", "failed"), ("x = = 1", "failed"), (")", "failed"),
      ("end", "failed"), ("1 1", "failed"), ("x = }", "failed"), ("for 1", "failed"),
      ("if x y", "failed"), ("function 1", "failed"), ("x <eof> y", "failed"),
      ("a = 'b' 1", "failed"),
    ]
  )
  func `A text is whole, lacks its end or is wrong`(text: String, expected: String) async throws {
    let repl = try await TestSession([:])
    #expect(await repl.session.submit(text).status.rawValue == expected)
    // The prompt decides without the session, which may be in another process.
    #expect(ReplInput.isIncomplete(text) == (expected == "incomplete"))
  }

  @Test func `A whole chunk that lacks its end is wrong`() async throws {
    let repl = try await TestSession([:])
    var view = ReplView()
    view.isWhole = true
    let result = await repl.session.submit("if true then", view)
    #expect(result.error?.code == .syntax)
  }

  @Test func `Commands that take code continue as code does`() async throws {
    let repl = try await TestSession()
    #expect(await repl(":time counter:add(") == "incomplete")
    #expect(await repl(":dry counter:add(") == "incomplete")
    #expect(await repl(":dry counter:add(\n1)").contains("counter.n: 0 -> 1"))
  }

  @Test func `A line inside of a long string or comment is no command`() {
    #expect(ReplInput.endsInsideText("x = [[\na") && ReplInput.endsInsideText("--[==[ a\n]]"))
    #expect(!ReplInput.endsInsideText("x = [[\na]]") && !ReplInput.endsInsideText("f("))
    #expect(!ReplInput.endsInsideText("-- it's [[") && !ReplInput.endsInsideText("'[['"))
  }
}
