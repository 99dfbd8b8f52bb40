import MoonLua
import MoonValue
import Testing

@Suite struct LuaAsyncTests {
  /// A machine whose `later(x)` waits and then answers with x, or throws for "throw".
  private func machine() throws -> LuaVM {
    let vm = try LuaVM()
    let later = try vm.makeAsyncFunction { arguments in
      await Task.yield()
      if case .data("throw") = arguments.first { throw Refusal(number: 1) }
      return arguments
    }
    try vm.globals.set("later", to: .function(later))
    return vm
  }

  /// What a call ends with, when it fails.
  private func failure(_ function: LuaFunction) async -> LuaError? {
    do throws(LuaError) {
      try await function.callAsync()
      return nil
    } catch {
      return error
    }
  }

  @Test(
    arguments: [
      "return later(4)",
      "local ok, x = pcall(later, 4) return x",
      "local ok, x = pcall(function() return (later(4)) end) return x",
      "return coroutine.wrap(function() return later(4) end)()",
      "local co = coroutine.wrap(function() coroutine.yield(later(1)) return later(4) end) co() return co()",
      "for x in function(_, last) if not last then return later(4) end end do return x end",
      "local t = setmetatable({}, { __index = function(_, k) return later(k) end }) return t[4]",
      "local a = setmetatable({}, { __add = function() return later(4) end }) return a + 1",
      "local x <close> = setmetatable({}, { __close = function() later(1) end }) return later(4)",
    ]
  )
  func `Waiting works at any depth`(script: String) async throws {
    let vm = try machine()
    let function = try vm.load(script, name: "wait")
    #expect(try await function.callAsync().first?.decode(as: Int.self) == 4)
  }

  @Test func `What an asynchronous function throws is raised where it was called`() async throws {
    let vm = try machine()
    let caught = try await vm.load(
      "local ok, e = pcall(later, 'throw') return ok, e.line",
      name: "catch"
    ).callAsync()
    #expect(try caught[0].decode(as: Bool.self) == false)
    let error = try await failure(vm.load("later('throw')", name: "throw"))
    #expect(error?.underlying as? Refusal == Refusal(number: 1))
  }

  @Test func `Where nothing can be suspended, waiting is an error that says so`() async throws {
    let vm = try machine()
    let plain = #expect(throws: LuaError.self) { try vm.run("later(1)") }
    #expect(plain?.code == .cannotWait)
    let sorted = try vm.load(
      "table.sort({ 3, 1, 2 }, function(a, b) return later(a) < b end)",
      name: "s"
    )
    #expect(await failure(sorted) != nil)
    #expect(
      try await vm.load("return later(2)", name: "f").callAsync().first?.decode(as: Int.self) == 2
    )
  }

  @Test func `The coroutine library keeps to what Lua's own does`() throws {
    let vm = try LuaVM()
    let results = try vm.run(
      """
      local co = coroutine.create(function(a) local b = coroutine.yield(a + 1) error("x" .. b) end)
      local r = { coroutine.status(co), select(2, coroutine.resume(co, 1)), coroutine.status(co) }
      local ok, message = coroutine.resume(co, "y")
      r[4], r[5] = ok, message
      r[6], r[7] = coroutine.resume(co)
      r[8] = coroutine.status(co)
      r[9] = pcall(coroutine.yield)
      r[10] = select(2, coroutine.running())
      local closed = 0
      local open = coroutine.create(function()
        local x <close> = setmetatable({}, { __close = function() closed = closed + 1 end })
        coroutine.yield()
      end)
      coroutine.resume(open)
      r[11], r[12] = coroutine.close(open), closed
      r[13] = select(2, pcall(coroutine.wrap(function() error("w") end)))
      return r
      """,
      name: "co"
    )
    #expect(
      try results[0].value() == [
        "suspended", 2, "suspended", false, "co:1: xy", false, "cannot resume dead coroutine",
        "dead",
        false, true, true, 1, "co:16: w",
      ]
    )
  }
}
