import MoonstoreCore
import MoonstoreHost
import Testing

@Suite struct CompletionTests {
  private func names(_ repl: TestSession, _ text: String) async -> [String] {
    await repl.session.completions(for: text).items.map(\.text)
  }

  @Test func `Stores, fields, getters and actions are completed`() async throws {
    let repl = try await TestSession()
    #expect(await names(repl, "cou") == ["counter"])
    #expect(await names(repl, "counter.") == ["deep", "double", "log", "n"])
    #expect(await names(repl, "x = 1 + counter.d") == ["deep", "double"])
    #expect(await names(repl, "counter.deep.a.b.") == ["c"])
    let actions = await repl.session.completions(for: "counter:a")
    #expect(actions == ReplCompletions(replacing: 1, [ReplCompletion("add", "action", "(by)")]))
    #expect(await names(repl, "counter:") == ["add", "each", "fail", "long", "wait"])
    #expect(await names(repl, "useStore('counter'):w") == ["wait"])
    #expect(await names(repl, "counter.nothing.").isEmpty)
    let fields = await repl.session.completions(for: "counter.n").items
    #expect(fields == [ReplCompletion("n", "field", "integer")])
  }

  @Test func `Ids and message types are completed inside texts`() async throws {
    let repl = try await TestSession([
      "stores/a.lua": "return defineStore('größe/x', { on = { ['größe:neu'] = function() end } })"
    ])
    #expect(await names(repl, "useStore(\"grö") == ["größe/x"])
    #expect(await repl.session.completions(for: "useStore(\"grö").replaced == 3)
    #expect(await names(repl, "bus.send('") == ["größe:neu"])
    #expect(await names(repl, "print('grö").isEmpty)
    #expect(await names(repl, "useStore('größe/x')").isEmpty)
  }

  @Test func `Variables, libraries and words of Lua are completed`() async throws {
    let repl = try await TestSession()
    await _ = repl("total = { inner = { deep = 1 }, f = function() end } rate = 2")
    #expect(await names(repl, "tot") == ["total"])
    #expect(await names(repl, "total.") == ["f", "inner"])
    #expect(await names(repl, "total:") == ["f"])
    #expect(await names(repl, "total.inner.") == ["deep"])
    #expect(await names(repl, "total['inner'].") == ["deep"])
    #expect(await names(repl, "loc") == ["local"])
    #expect(await names(repl, "string.form") == ["format"])
    #expect(await names(repl, "bus.re").contains("request"))
    #expect(await names(repl, "regis") == ["registry"])
    #expect(await names(repl, "-- cou").isEmpty)
    #expect(await names(repl, "12").isEmpty)
  }

  @Test func `Commands and what they take are completed`() async throws {
    let repl = try await TestSession()
    #expect(await names(repl, ":st") == [":stores"])
    #expect(await names(repl, ":inspect f") == ["follower"])
    #expect(await names(repl, ":source counter:a") == ["counter:add"])
    #expect(await names(repl, ":trace counter.d") == ["counter.double"])
    #expect(await names(repl, ":dry counter:fa") == ["fail"])
    #expect(await names(repl, ":messages counter") == ["counter:added"])
    #expect(await names(repl, ":help :un") == [":undo"])
  }

  @Test func `No code of scripts runs to complete`() async throws {
    let repl = try await TestSession()
    await _ = repl(
      """
      ran = 0
      local function run() ran = ran + 1 return {} end
      odd = setmetatable({ a = {} }, { __index = run, __pairs = run, __len = run })
      """
    )
    for text in ["odd.", "odd.a.", "odd.b.", "odd.b.c.", "od", "counter.double."] {
      await _ = names(repl, text)
    }
    #expect(await repl("ran") == "0")
  }

  @Test func `There are at most 200, quickly`() async throws {
    let repl = try await TestSession()
    await _ = repl("big = {} for i = 1, 100000 do big['k' .. i] = i end")
    let time = await ContinuousClock().measure {
      #expect(await names(repl, "big.").count == 200)
    }
    #expect(time < .milliseconds(500))
  }
}
