import MoonLua
import MoonValue
import Testing

/// The coroutine library, which is the bridge's own, behaves as the standard one.
struct LuaCoroutineTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test func `Values pass in and out`() throws {
    let script = """
      local co = coroutine.create(function(a, b)
        local c = coroutine.yield(a + b)
        local d, e = coroutine.yield(c * 2, 'two')
        return d, e, nil
      end)
      local function list(...) return {n = select('#', ...), ...} end
      local results = {}
      for _, arguments in ipairs{{1, 2}, {5}, {'d', 'e'}, {}} do
        local r = list(coroutine.resume(co, table.unpack(arguments)))
        local parts = {}
        for i = 1, r.n do parts[i] = tostring(r[i]) end
        results[#results + 1] = table.concat(parts, ' ')
      end
      return table.concat(results, ' | ')
      """
    #expect(
      try vm.text(script)
        == "true 3 | true 10 two | true d e nil | false cannot resume dead coroutine"
    )
  }

  @Test func `The status tells where a coroutine stands`() throws {
    let script = """
      local outer, seen
      local inner = coroutine.create(function() seen = coroutine.status(outer); coroutine.yield() end)
      outer = coroutine.create(function()
        local own = coroutine.status(outer)
        coroutine.resume(inner)
        return own
      end)
      local before = coroutine.status(outer)
      local _, own = coroutine.resume(outer)
      local failed = coroutine.create(error)
      coroutine.resume(failed)
      return before, own, seen, coroutine.status(outer), coroutine.status(inner), coroutine.status(failed)
      """
    #expect(try vm.data(script) == ["suspended", "running", "normal", "dead", "suspended", "dead"])
  }

  @Test func `resume gives errors as values, with their objects`() throws {
    #expect(
      try vm.data("return coroutine.resume(coroutine.create(function() error('x', 0) end))") == [
        false, "x",
      ]
    )
    #expect(
      try vm.data(
        "local t = {}; local _, e = coroutine.resume(coroutine.create(function() error(t) end)); return e == t"
      ) == [true]
    )
    #expect(
      luaError { try vm.run("coroutine.resume(1)") }?.message.contains("coroutine expected") == true
    )
    #expect(luaError { try vm.run("coroutine.create(1)") } != nil)
  }

  @Test func `A coroutine cannot resume itself or one that resumed it`() throws {
    let own =
      "local co; co = coroutine.create(function() return coroutine.resume(co) end); return coroutine.resume(co)"
    #expect(try vm.data(own) == [true, false, "cannot resume non-suspended coroutine"])
    let outer = """
      local co; co = coroutine.create(function()
        return coroutine.wrap(function() return coroutine.resume(co) end)()
      end)
      return coroutine.resume(co)
      """
    #expect(try vm.data(outer) == [true, false, "cannot resume non-suspended coroutine"])
    let main =
      "local main = coroutine.running(); return coroutine.wrap(function() return coroutine.resume(main) end)()"
    #expect(try vm.data(main) == [false, "cannot resume non-suspended coroutine"])
  }

  @Test func `wrap gives values and raises errors at the caller's place`() throws {
    #expect(
      try vm.data(
        "local f = coroutine.wrap(function(a) local b = coroutine.yield(a); return b end); return f(1), f(2)"
      ) == [1, 2]
    )
    let error = luaError {
      try vm.run("local f = coroutine.wrap(function() error('x') end)\nf()", name: "a.lua")
    }
    #expect(error?.message == "a.lua:2: a.lua:1: x")
    #expect(
      try vm.data(
        "local t = {}; local _, e = pcall(coroutine.wrap(function() error(t) end)); return e == t"
      ) == [true]
    )
    let dead = luaError { try vm.run("local f = coroutine.wrap(function() end); f(); f()") }
    #expect(dead?.message.contains("cannot resume dead coroutine") == true)
  }

  @Test func `A wrapped coroutine that fails closes its variables`() throws {
    let script = """
      local log = {}
      local f = coroutine.wrap(function()
        local x <close> = setmetatable({}, {__close = function(_, e) log[1] = tostring(e) end})
        error('x', 0)
      end)
      local ok, e = pcall(f)
      return ok, e:match('x$'), log[1]
      """
    #expect(try vm.data(script) == [false, "x", "x"])
  }

  @Test func `wrap is an iterator`() throws {
    let script = """
      local function range(n) return coroutine.wrap(function() for i = 1, n do coroutine.yield(i) end end) end
      local sum = 0
      for i in range(100) do for j in range(2) do sum = sum + i * j end end
      return sum
      """
    #expect(try vm.data(script) == [15_150])
  }

  @Test func `yield crosses pcall, metamethods and iterators`() throws {
    let script = """
      local function body()
        local ok, a = pcall(function() return coroutine.yield(1) + 1 end)
        local ok2, e = pcall(function() coroutine.yield(2); error('after', 0) end)
        local t = setmetatable({}, {__index = function(_, k) return coroutine.yield(k) end,
                                    __add = function(x, y) return coroutine.yield('sum') end})
        local b = t.three
        local c = t + 1
        local d
        for v in function() return coroutine.yield('iterate') end do d = v; break end
        local ok3, f = xpcall(function() return coroutine.yield('x') end, print)
        return table.concat({tostring(ok), a, tostring(ok2), e, b, c, d, f}, ' ')
      end
      local co, out = coroutine.create(body), {}
      local _, value = coroutine.resume(co)
      local answers = {10, nil, 'b', 'c', 'd', 'f'}
      for i = 1, 6 do
        out[#out + 1] = tostring(value)
        _, value = coroutine.resume(co, answers[i])
      end
      return table.concat(out, ','), value, coroutine.status(co)
      """
    #expect(
      try vm.data(script) == ["1,2,three,sum,iterate,x", "true 11 false after b c d f", "dead"]
    )
  }

  @Test func `Only a coroutine of a script can yield`() {
    #expect(
      luaError { try vm.run("coroutine.yield(1)") }?.message.contains("outside a coroutine") == true
    )
  }

  @Test func `yield does not cross a function that C code calls`() throws {
    let script = """
      return coroutine.resume(coroutine.create(function()
        table.sort({3, 2, 1}, function() coroutine.yield() end)
      end))
      """
    #expect(try vm.data(script) == [false, "attempt to yield across a C-call boundary"])
  }

  @Test func `yield does not cross a Swift function`() throws {
    let call = try vm.makeFunction { arguments in
      guard case .function(let function) = arguments[0] else { return [] }
      return try function.call()
    }
    let script =
      "local call = ...; return (coroutine.resume(coroutine.create(function() call(coroutine.yield) end)))"
    #expect(try vm.data(script, .function(call)) == [false])
  }

  @Test func `isyieldable and running tell where a script is`() throws {
    #expect(
      try vm.data("return coroutine.isyieldable(), select(2, coroutine.running())") == [
        false, true,
      ]
    )
    #expect(
      try vm.data(
        "return coroutine.wrap(function() return coroutine.isyieldable(), select(2, coroutine.running()) end)()"
      ) == [true, false]
    )
    #expect(
      try vm.data("local co = coroutine.create(print); return coroutine.isyieldable(co)") == [true]
    )
    #expect(
      try vm.data(
        "local co; co = coroutine.create(function() return coroutine.running() == co end); return coroutine.resume(co)"
      ) == [true, true]
    )
  }

  @Test func `close ends a suspended coroutine and its variables`() throws {
    let script = """
      local log = {}
      local co = coroutine.create(function()
        local x <close> = setmetatable({}, {__close = function() log[#log + 1] = 'closed' end})
        coroutine.yield()
      end)
      coroutine.resume(co)
      local result = coroutine.close(co)
      return result, log[1], coroutine.status(co), coroutine.close(co), coroutine.close(coroutine.create(print))
      """
    #expect(try vm.data(script) == [true, "closed", "dead", true, true])
  }

  @Test func `close gives the error of a variable that it closes`() throws {
    let script = """
      local co = coroutine.create(function()
        local x <close> = setmetatable({}, {__close = function() error('closing', 0) end})
        coroutine.yield()
      end)
      coroutine.resume(co)
      return coroutine.close(co)
      """
    #expect(try vm.data(script) == [false, "closing"])
    let failed =
      "local co = coroutine.create(function() error('x', 0) end); coroutine.resume(co); return coroutine.close(co)"
    #expect(try vm.data(failed) == [false, "x"])
  }

  @Test func `What runs cannot be closed`() throws {
    let running =
      "return coroutine.wrap(function() return pcall(coroutine.close, coroutine.running()) end)()"
    #expect(try vm.data(running) == [false, "cannot close a running coroutine"])
    let normal =
      "local main = coroutine.running(); return coroutine.wrap(function() return pcall(coroutine.close, main) end)()"
    #expect(try vm.data(normal) == [false, "cannot close a normal coroutine"])
  }

  @Test func `Closing coroutines in the closing of coroutines has an end`() throws {
    let script = """
      local function nest(n)
        local co = coroutine.create(function()
          local x <close> = setmetatable({}, {__close = function() nest(n + 1) end})
          coroutine.yield()
        end)
        coroutine.resume(co)
        assert(coroutine.close(co))
      end
      return pcall(nest, 1)
      """
    #expect(try vm.data(script).first == false)
    #expect(try vm.data("return 1") == [1])
  }

  @Test func `A variable that is closed cannot yield, and nothing breaks when it tries`() throws {
    let script = """
      local co = coroutine.create(function()
        local x <close> = setmetatable({}, {__close = function() coroutine.yield() end})
        coroutine.yield()
      end)
      coroutine.resume(co)
      return (coroutine.close(co)), coroutine.status(co)
      """
    #expect(try vm.data(script) == [false, "dead"])
  }

  @Test func `Many coroutines live side by side`() throws {
    let script = """
      local all, sum = {}, 0
      for i = 1, 10000 do
        all[i] = coroutine.wrap(function() coroutine.yield(i); return -i end)
      end
      for _, f in ipairs(all) do sum = sum + f() end
      for _, f in ipairs(all) do sum = sum + f() end
      return sum
      """
    #expect(try vm.data(script) == [0])
  }
}
