import MoonLua
import MoonValue
import Testing

struct LuaAsyncTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
    let echo = try vm.makeAsyncFunction { arguments in
      await Task.yield()
      return arguments
    }
    try vm.globals.set("echo", to: .function(echo))
    let fail = try vm.makeAsyncFunction { _ in
      await Task.yield()
      throw Refusal(reason: "async")
    }
    try vm.globals.set("fail", to: .function(fail))
  }

  func run(_ source: String, _ arguments: LuaValue...) async throws -> [Value?] {
    let results = try await vm.load(source, name: "script").callAsync(arguments)
    return try results.map { try $0.value() }
  }

  @Test func `What does not wait runs to its end`() async throws {
    #expect(try await run("return 1, ..., nil", "x", nil) == [1, "x", nil])
    #expect(try await run("return ...", .data([1, ["a": "b"]])) == [[1, ["a": "b"]]])
    #expect(try await run("").isEmpty)
  }

  @Test(
    arguments: [
      "return echo(1, nil, 'x')",
      "local a, b, c = echo(1, nil, 'x'); return a, b, c",
      "return select(2, pcall(echo, 1, nil, 'x'))",
      "return select(3, pcall(pcall, echo, 1, nil, 'x'))",
      "return select(2, xpcall(echo, print, 1, nil, 'x'))",
      "return coroutine.wrap(echo)(1, nil, 'x')",
      "return coroutine.wrap(function(...) return coroutine.wrap(echo)(...) end)(1, nil, 'x')",
      "return select(2, coroutine.resume(coroutine.create(function(...) return echo(...) end), 1, nil, 'x'))",
      "return coroutine.wrap(function(...) return select(2, pcall(coroutine.wrap(echo), ...)) end)(1, nil, 'x')",
      "local t = setmetatable({}, {__index = function() return echo('x') end}); return 1, nil, t.y",
      "local t = setmetatable({}, {__add = function(a, b) return echo('x') end}); return 1, nil, t + 1",
      "local t = setmetatable({}, {__call = function(_, ...) return echo(...) end}); return t(1, nil, 'x')",
      "local t = setmetatable({}, {__concat = function() return echo('x') end}); return 1, nil, t .. ''",
      "local t = setmetatable({}, {__lt = function() return echo(true) end}); return 1, nil, t < 1 and 'x'",
      "local r; for v in function(_, k) return echo(k == nil and 'x' or nil) end do r = v end; return 1, nil, r",
      "local r; for v in coroutine.wrap(function() echo(); coroutine.yield('x'); echo() end) do r = v end; return 1, nil, r",
      "do local c <close> = setmetatable({}, {__close = function() echo() end}) end; return 1, nil, 'x'",
      "return 1, nil, (load('return echo(...)'))('x')",
    ]
  )
  func `A script can wait at any depth`(script: String) async throws {
    #expect(try await run(script) == [1, nil, "x"])
  }

  @Test func `A coroutine of a script can wait and yield by turns`() async throws {
    let script = """
      local co = coroutine.wrap(function(a)
        local b = echo(a) + coroutine.yield(echo('first'))
        local c = coroutine.yield(echo(b))
        return echo('last', c)
      end)
      local x = co(1)
      local y = co(10)
      return x, y, co('c')
      """
    #expect(try await run(script) == ["first", 11, "last", "c"])
  }

  @Test func `Tables and functions cross as handles`() async throws {
    let script =
      "local t = {}; local u = echo(t); local f = echo(function() return t end); return t == u, f() == t"
    #expect(try await run(script) == [true, true])
  }

  @Test func `Fresh values arrive whole`() async throws {
    let make = try vm.makeAsyncFunction { [unowned vm] _ in
      await Task.yield()
      return [
        .data(["list": [1, "two"]]), .table(try vm.makeTable(["a": 1])),
        .function(try vm.makeFunction { _ in ["inner"] }), "text",
      ]
    }
    for _ in 0..<20 {
      #expect(
        try await run("local d, t, f, s = (...)(); return d.list[2], t.a, f(), s", .function(make))
          == ["two", 1, "inner", "text"]
      )
    }
  }

  @Test func `What an asynchronous function throws is raised where it was called`() async throws {
    let caught = try await run(
      "local ok, e = pcall(function() fail() end); return ok, e.code, e.line"
    )
    #expect(caught[0] == false)
    #expect(caught[1] == "thrown")
    #expect(caught[2] == 1)
    let error = await luaError(waiting: { try await run("\nfail()") })
    #expect(error?.code == .thrown)
    #expect(error?.underlying as? Refusal == Refusal(reason: "async"))
    #expect(error?.line == 2)
    #expect(error?.traceback.contains("script:2") == true)
  }

  @Test(
    arguments: [
      "coroutine.wrap(fail)()",
      "coroutine.wrap(function() coroutine.wrap(function() fail() end)() end)()",
      "local _, e = pcall(fail); error(e)",
      "local _, e = coroutine.resume(coroutine.create(fail)); error(e)",
      "echo(); fail()",
      "return setmetatable({}, {__index = function() fail() end}).x",
      "local _, e = xpcall(fail, function(e) return e end); error(e)",
    ]
  )
  func `An asynchronous error keeps its identity`(script: String) async throws {
    let error = await luaError(waiting: { try await run(script) })
    #expect(error?.underlying as? Refusal == Refusal(reason: "async"))
    #expect(error?.code == .thrown)
  }

  @Test func `A script goes on after an asynchronous error`() async throws {
    let script =
      "local n = 0; for i = 1, 10 do if not pcall(fail) then n = n + echo(1) end end; return n"
    #expect(try await run(script) == [10])
  }

  @Test func `A script that fails after it has waited fails as ever`() async throws {
    let error = await luaError(waiting: { try await run("echo()\nerror('late')") })
    #expect(error?.message == "script:2: late")
    #expect(error?.line == 2)
    let table = await luaError(waiting: {
      try await run("echo(); error({message = 'm', list = {1, 'x'}})")
    })
    #expect(table?.value == ["message": "m", "list": [1, "x"]])
  }

  @Test func `Several calls are under way at once`() async throws {
    let together = try await Together()
    async let first = together.call("a")
    async let second = together.call("b")
    #expect(try await [first, second] == ["a!a!", "b!b!"])
    #expect(await together.most == 2)
  }

  @Test func `While one call waits the machine can be used`() async throws {
    let inside = try vm.makeAsyncFunction { [unowned vm] _ in
      let value = try vm.load("shared = (shared or 0) + 1; return shared", name: "b").call(
        as: Int.self
      )
      await Task.yield()
      let other = try await vm.load("return echo(shared)", name: "c").callAsync()
      return [.data(.integer(Int64(value)))] + other
    }
    #expect(try await run("local f = ...; return f(), f()", .function(inside)) == [1, 2, 2])
  }

  @Test func `A coroutine that waits for the host is out of reach of others`() async throws {
    let poke = try vm.makeAsyncFunction { [unowned vm] _ in
      try vm.load(
        """
        status = coroutine.status(waiting)
        resumed, why = coroutine.resume(waiting, 'forged')
        closed = pcall(coroutine.close, waiting)
        """,
        name: "poke"
      ).call()
      return ["real"]
    }
    try vm.globals.set("poke", to: .function(poke))
    let nested =
      "waiting = coroutine.create(function() return poke() end); return coroutine.resume(waiting)"
    #expect(try await run(nested) == [true, "real"])
    #expect(
      try vm.data("return status, resumed, why, closed") == [
        "normal", false, "cannot resume non-suspended coroutine", false,
      ]
    )
    let own = "waiting = coroutine.running(); return poke()"
    #expect(try await run(own) == ["real"])
    #expect(try vm.data("return status, resumed, closed") == ["normal", false, false])
  }

  @Test func `Coroutines of ended calls are dead to those who kept them`() async throws {
    _ = try await run("kept = coroutine.running(); echo()")
    #expect(
      try vm.data("return coroutine.status(kept), coroutine.resume(kept)") == [
        "dead", false, "cannot resume dead coroutine",
      ]
    )
    #expect(try await run("return coroutine.status(kept), pcall(coroutine.close, kept)") != [])
    #expect(try await run("return echo(1)") == [1])
  }

  @Test func `The coroutine of a call is no coroutine of the script`() async throws {
    #expect(
      try await run("return coroutine.isyieldable(), select(2, coroutine.running())") == [
        false, true,
      ]
    )
    let error = await luaError(waiting: { try await run("coroutine.yield()") })
    #expect(error?.message.contains("outside a coroutine") == true)
    #expect(
      try await run(
        "return coroutine.wrap(function() echo(); return coroutine.isyieldable() end)()"
      ) == [true]
    )
  }

  @Test func `A plain call cannot wait`() throws {
    let error = luaError { try vm.run("echo(1)", name: "a.lua") }
    #expect(error?.code == .cannotWait)
    #expect(error?.script == "a.lua")
    #expect(luaError { try vm.run("coroutine.wrap(echo)()") }?.code == .cannotWait)
    #expect(try vm.data("local ok, e = pcall(echo); return ok, e.code") == [false, "cannotWait"])
  }

  @Test(
    arguments: [
      "table.sort({3, 2, 1}, function() echo() end)",
      "string.gsub('x', 'x', echo)",
      "load(function() return echo('x') end)",
      "coroutine.wrap(function() table.sort({2, 1}, echo) end)()",
      "table.sort({2, 1}, function() return coroutine.wrap(function() return echo(true) end)() end)",
      "tostring(setmetatable({}, {__tostring = function() return echo('x') end}))",
      "local _, e = xpcall(error, function() local _, e = pcall(echo); return e end); error(e)",
      "sync(echo)",
      "sync(function() coroutine.wrap(echo)() end)",
    ]
  )
  func `Where C code calls nothing can wait, and nothing breaks`(script: String) async throws {
    let sync = try vm.makeFunction { arguments in
      guard case .function(let function) = arguments[0] else { return [] }
      return try function.call()
    }
    try vm.globals.set("sync", to: .function(sync))
    let error = await luaError(waiting: { try await run(script) })
    #expect(error?.code == .cannotWait)
    #expect(try await run("return echo(1)") == [1])
  }

  @Test(
    arguments: [
      "local x <close> = setmetatable({}, {__close = function() echo() end}); error('first', 0)",
      "local x <close> = setmetatable({}, {__close = function() coroutine.wrap(echo)() end}); error('first', 0)",
    ]
  )
  func `A variable that is closed after an error cannot wait`(script: String) async throws {
    let error = await luaError(waiting: { try await run(script) })
    #expect(error != nil)
    for number in 0..<5 {
      #expect(
        try await run("return echo(...)", .data(.integer(Int64(number)))) == [
          .integer(Int64(number))
        ]
      )
    }
  }

  @Test func `A coroutine that is closed cannot wait in its variables`() async throws {
    let script = """
      local co = coroutine.create(function()
        local x <close> = setmetatable({}, {__close = function() echo() end})
        coroutine.yield()
      end)
      coroutine.resume(co)
      local ok, e = coroutine.close(co)
      return ok, e.code, echo('on')
      """
    #expect(try await run(script) == [false, "cannotWait", "on"])
  }

  @Test func `Cancellation is up to the function that waits`() async throws {
    let patient = try vm.makeAsyncFunction { _ in
      try Task.checkCancellation()
      return ["done"]
    }
    let task = Task { @MainActor in
      let vm = try LuaVM()
      var closed = false
      let wait = try vm.makeAsyncFunction { _ in
        try await Task.sleep(for: .seconds(600))
        return []
      }
      let note = try vm.makeFunction { _ in
        closed = true
        return []
      }
      let function = try vm.load(
        "local wait, note = ...; local x <close> = setmetatable({}, {__close = note}); wait()",
        name: "a"
      )
      do {
        try await function.callAsync([.function(wait), .function(note)])
        return "went on"
      } catch {
        let underlying = (error as? LuaError)?.underlying
        return underlying is CancellationError && closed ? "cancelled" : "\(error)"
      }
    }
    task.cancel()
    #expect(try await task.value == "cancelled")
    #expect(try await run("return (...)()", .function(patient)) == ["done"])
  }

  @Test func `Closing the machine ends a call that waits`() async throws {
    let short = try LuaVM()
    let close = try short.makeAsyncFunction { [unowned short] _ in
      short.close()
      return [1]
    }
    let function = try short.load("return (...)()", name: "a")
    let error = await luaError(waiting: { try await function.callAsync([.function(close)]) })
    #expect(error?.code == .closed)
    #expect(await luaError(waiting: { try await function.callAsync() })?.code == .closed)
  }

  @Test func `Closing the machine in a plain function ends the call`() async throws {
    let short = try LuaVM()
    let close = try short.makeFunction { [unowned short] _ in
      short.close()
      return []
    }
    let function = try short.load("pcall(...); return 1", name: "a")
    let error = await luaError(waiting: { try await function.callAsync([.function(close)]) })
    #expect(error?.code == .closed)
  }

  @Test func `Handles of another machine are refused in both directions`() async throws {
    let other = try LuaVM()
    let foreign = try other.makeTable([1])
    let function = try vm.load("return ...", name: "a")
    #expect(
      await luaError(waiting: { try await function.callAsync([.table(foreign)]) })?.code
        == .conversion
    )
    let give = try vm.makeAsyncFunction { _ in [.table(foreign)] }
    #expect(
      try await run("local ok, e = pcall(...); return ok, e.code", .function(give)) == [
        false, "conversion",
      ]
    )
    #expect(try await run("return echo(1)") == [1])
  }

  @Test func `An answer that is too large is an error`() async throws {
    let many = try vm.makeAsyncFunction { _ in [LuaValue](repeating: 1, count: 1_100_000) }
    let deep = try vm.makeAsyncFunction { _ in
      [.data((0..<70).reduce(1) { value, _ in .array([value]) })]
    }
    for function in [many, deep] {
      #expect(
        await luaError(waiting: { try await run("return (...)()", .function(function)) }) != nil
      )
      #expect(try await run("return echo('x', {1}) == 'x'") == [true])
    }
  }

  @Test func `Thousands of waits in a row cost no stack`() async throws {
    #expect(
      try await run("local n = 0; for i = 1, 5000 do n = n + echo(1) end; return n") == [5000]
    )
    let script =
      "local n = 0; local f = coroutine.wrap(function() for i = 1, 2000 do coroutine.yield(echo(1)) end end); for v in f do n = n + v end; return n"
    #expect(try await run(script) == [2000])
  }

  @Test func `Stack overflow in a call that can wait is an error`() async throws {
    let error = await luaError(waiting: {
      try await run("local function f() return 1 + f() end; return f()")
    })
    #expect(error?.message.contains("stack overflow") == true)
    #expect(try await run("return echo(1)") == [1])
  }
}

/// A machine that several tasks call.
@MainActor
final class Together {
  /// How many calls waited at the same time, at most.
  private(set) var most = 0
  private var waiting = 0
  private let vm: LuaVM
  private let function: LuaFunction

  init() throws {
    vm = try LuaVM()
    function = try vm.load("local name = ...; return pass(name) .. pass(name)", name: "a")
    let pass = try vm.makeAsyncFunction { [unowned self] arguments in
      let name = try arguments[0].decode(as: String.self)
      await meet()
      return [.data(.string(name + "!"))]
    }
    try vm.globals.set("pass", to: .function(pass))
  }

  func call(_ name: String) async throws -> String {
    let results = try await function.callAsync([.data(.string(name))])
    return try results[0].decode(as: String.self)
  }

  /// Waits until both have been here at once.
  private func meet() async {
    waiting += 1
    most = max(most, waiting)
    while most < 2 { await Task.yield() }
    waiting -= 1
  }
}
