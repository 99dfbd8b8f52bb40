import MoonLua
import MoonValue
import Testing

/// Metatables of scripts: what must not slip in, and what must go on working.
struct LuaMetatableTests {
  let vm: LuaVM

  init() throws {
    vm = try LuaVM()
  }

  @Test func `Classes work as everybody writes them`() throws {
    let script = """
      local Animal = {}
      Animal.__index = Animal
      local early = setmetatable({ name = 'early' }, Animal)
      function Animal.new(name) return setmetatable({ name = name }, Animal) end
      function Animal:speak() return self.name .. ' ' .. self:sound() end
      function Animal:sound() return '...' end
      local Dog = setmetatable({}, { __index = Animal, __call = function(class, name)
        local dog = Animal.new(name)
        return setmetatable(dog, class)
      end })
      Dog.__index = Dog
      local rex = Dog('rex')
      function Dog:sound() return 'wuff' end
      Animal.__tostring = function(self) return 'animal ' .. self.name end
      Animal.__len = function() return 4 end
      Animal.__eq = function() return true end
      return early:speak(), rex:speak(), tostring(early), #early, early == Animal.new('x'),
        getmetatable(rex) == Dog, getmetatable(early) == Animal, rawequal(getmetatable(Dog).__index, Animal)
      """
    #expect(
      try vm.data(script) == ["early ...", "rex wuff", "animal early", 4, true, true, true, true]
    )
  }

  @Test(arguments: LuaVM.hasConcatenationBug ? [true] : [false, true])
  func `A class with its own concatenation works too`(canWait: Bool) throws {
    let script = """
      local Path = {}
      Path.__index = Path
      Path.__concat = function(a, b) return Path.new(tostring(a) .. '/' .. tostring(b)) end
      Path.__tostring = function(self) return self.text end
      function Path.new(text) return setmetatable({ text = text }, Path) end
      local path = Path.new('a')
      local joined = path .. 'b' .. Path.new('c')
      function Path:parent() return (self.text:match('^(.*)/')) end
      local keys = 0
      for key, value in pairs(Path) do keys = keys + 1 end
      for key, value in next, Path do keys = keys + 1 end
      return tostring(joined), joined:parent(), getmetatable(joined) == Path, tostring('x' .. path),
        tostring(1 .. path), keys
      """
    // Right to left, as Lua has it.
    #expect(
      try vm.data(canWait ? inCoroutine(script) : script) == [
        "a/b/c", "a/b", true, "x/a", "1/a", 10,
      ]
    )
  }

  @Test func `A concatenation that moves the stack gives the right text`() throws {
    let script = """
      local function grow(n) if n > 0 then return 1 + grow(n - 1) end return 1 end
      local t = setmetatable({}, { __concat = function() grow(20000) return 'x' end })
      for i = 1, 50 do
        local r = coroutine.wrap(function() return ('a'):rep(50) .. 'b' .. i .. t end)()
        if r ~= ('a'):rep(50) .. 'bx' then return r end
      end
      return 'right'
      """
    #expect(try vm.text(script) == "right")
  }

  @Test func `What a concatenation raises or yields goes where it should`() throws {
    let script = """
      local mt = { __concat = function() error('inside', 0) end }
      local t = setmetatable({}, mt)
      local _, err = pcall(function() return t .. 'x' end)
      mt.__concat = function() return coroutine.yield('yielded') end
      local co = coroutine.wrap(function() return 'a' .. t .. 'b' end)
      local first, last = co(), co('back')
      mt.__concat = nil
      local _, gone = pcall(function() return t .. 'x' end)
      return err, first, last, (gone:gsub('^.-:%d+: ', ''):gsub(' %(.*', ''))
      """
    #expect(
      try vm.data(inCoroutine(script))
        == ["inside", "yielded", "aback", "attempt to concatenate a table value"]
    )
  }

  @Test(.enabled(if: LuaVM.hasConcatenationBug))
  func `Where a concatenation would damage memory, it is an error with a way out`() throws {
    let script = "local t = setmetatable({}, { __concat = function() end }) return t .. 'x'"
    #expect(
      luaError { try vm.run(script) }?.message
        == "script:1: __concat cannot be used here (inside a getter, or a function that C code calls): "
        + "\(LuaVM.release) as it is installed would damage memory; write a method, or __tostring and "
        + ".. tostring(x)"
    )
  }

  @Test(.enabled(if: LuaVM.hasConcatenationBug), arguments: [false, true])
  func `The event itself is out of reach of scripts`(canWait: Bool) throws {
    let script = """
      local called = false
      local function evil() called = true return 'x' end
      local mt, model = {}, setmetatable({}, { __concat = evil })
      local t = setmetatable({}, mt)
      mt.__concat = evil
      rawset(mt, '__con' .. 'cat', evil)
      for first = 0, 255 do rawset(mt, string.char(first) .. '_concat', evil) end
      for key in pairs(getmetatable(model)) do rawset(mt, key, evil) end
      for key in next, getmetatable(model) do rawset(mt, key, evil) end
      table.sort(mt) table.move(getmetatable(model), 1, 3, 1, mt)
      local ok, why = pcall(function() return 'a' .. t end)
      return called, ok, (why:gsub('^.-:%d+: ', ''):gsub(' %(.*', ''))
      """
    #expect(
      try vm.data(canWait ? inCoroutine(script) : script)
        == [false, false, "attempt to concatenate a table value"]
    )
  }

  @Test func `Finalizers cannot be slipped in`() throws {
    for placeholder in ["false", "true", "0", "{}", "function() end"] {
      #expect(luaError { try vm.run("setmetatable({}, { __gc = \(placeholder) })") } != nil)
    }
    let script = """
      ran = false
      local mt = {}
      setmetatable({}, mt)
      rawset(mt, '__gc', function() ran = true end)
      -- What Lua looks up through a metatable of the metatable is no field of it.
      setmetatable({}, setmetatable({}, { __index = function() return function() ran = true end end }))
      """
    try vm.run(script)
    vm.collectGarbage()
    #expect(try vm.data("return ran") == [false])
  }

  @Test func `What is frozen is frozen for rawset as well`() throws {
    let script = """
      local t = setmetatable({ x = 1 }, { __frozen = true, __metatable = false })
      local ok, why = pcall(rawset, t, 'x', 2)
      return ok, why, t.x, rawset({}, 'y', 3).y, select('#', pcall(rawset, {}, 1))
      """
    #expect(try vm.data(script) == [false, "a frozen table cannot be changed", 1, 3, 2])
  }

  @Test func `Errors of the host are put into texts anywhere`() throws {
    let fail = try vm.makeFunction { _ in throw Refusal(reason: "no") }
    try vm.globals.set("fail", to: .function(fail))
    let script = """
      local function deep(n) if n > 0 then return (deep(n - 1)) end
        local _, err = pcall(fail)
        return 'failed: ' .. err .. '!'
      end
      local texts = {}
      for i = 1, 200 do texts[#texts + 1] = deep(i) end
      for _, text in ipairs(texts) do if text ~= texts[1] then return text end end
      return texts[1]
      """
    let text = try vm.text(script)
    #expect(text.hasPrefix("failed: ") && text.hasSuffix("!"))
    #expect(try vm.text(inCoroutine(script)) == text)
  }

  private func inCoroutine(_ script: String) -> String {
    "return coroutine.wrap(function() " + script + "\nend)()"
  }
}
