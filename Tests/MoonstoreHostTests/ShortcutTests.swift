import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Fields and elements by the short way, which only whoever has all rights on them takes, against the long one.
@Suite struct ShortcutTests {
  /// A store that does at random what scripts do with state, beside a table that it does the same with.
  private static let model = #"""
    local model = { map = {}, list = {} }
    local kinds = {
      function(pick) return pick(-5, 5) end,
      function(pick) return pick(-5, 5) / 4 end,
      function(pick) return pick(2) == 1 end,
      function(pick) return ("é"):rep(pick(0, 20)) end,
      function(pick) return "\xff" .. pick(9) end,
      function() return nil end,
      function() return math.mininteger end,
      function() return 2.0 ^ 53 end,
    }
    local names = { "a", "b", "c", "a longer name that Lua interns no more, as it is too long", "d\xff", "e" }

    local function same(a, b)
      return a == b and math.type(a) == math.type(b)
    end

    return defineStore("model", {
      state = function() return { map = map(), list = array(), a = 0, b = "" } end,
      getters = {
        -- Read again only when something that it has read changes.
        all = function(self)
          local found = {}
          for _, name in ipairs(names) do found[#found + 1] = tostring(self.map[name]) end
          for index = 1, #self.list + 1 do found[#found + 1] = tostring(self.list[index]) end
          return table.concat(found, " ") .. tostring(self.a) .. tostring(self.b)
        end,
      },
      actions = {
        step = function(self, pick)
          local value = kinds[pick(#kinds)](pick)
          local what = pick(5)
          if what <= 2 then
            local name = names[pick(#names)]
            self.map[name], model.map[name] = value, value
          elseif what == 3 and value ~= nil then
            self.list[#self.list + 1] = value
            model.list[#model.list + 1] = value
          elseif what == 4 and #model.list > 0 and value ~= nil then
            local index = pick(#model.list)
            self.list[index], model.list[index] = value, value
          elseif value ~= nil then
            local name = pick(2) == 1 and "a" or "b"
            self[name], model[name] = value, value
          end
          for _, name in ipairs(names) do
            if not same(self.map[name], model.map[name]) then error("map." .. name) end
          end
          for index = 0, #model.list + 1 do
            if not same(self.list[index], model.list[index]) then error("list[" .. index .. "]") end
          end
          for index, each in ipairs(self.list) do
            if not same(each, model.list[index]) then error("ipairs " .. index) end
          end
          if model.a ~= nil and not same(self.a, model.a) then error("a") end
          if model.b ~= nil and not same(self.b, model.b) then error("b") end
        end,
        value = function(self) return self.all end,
      },
    })
    """#

  @Test(arguments: 1...8)
  func `Whatever is written by the short way is read by both, and getters see it`(seed: Int)
    async throws
  {
    let host = try await TestHost(["stores/model.lua": Self.model])
    // The driver's handle has fewer rights, so that what it reads goes the long way.
    let steps = try await host.run(
      #"""
      local seed = \#(seed)
      local function pick(low, high)
        if not high then low, high = 1, low end
        seed = (seed * 1103515245 + 12345) % 2147483648
        return low + (seed >> 8) % (high - low + 1)
      end
      local model = useStore("model")
      local steps = 0
      for round = 1, 150 do
        local before = pick(1 << 20)
        model:step(pick)
        local names = { "a", "b", "c", "a longer name that Lua interns no more, as it is too long", "d\xff", "e" }
        local found = {}
        for _, name in ipairs(names) do found[#found + 1] = tostring(model.map[name]) end
        for index = 1, #model.list + 1 do found[#found + 1] = tostring(model.list[index]) end
        local all = table.concat(found, " ") .. tostring(model.a) .. tostring(model.b)
        if all ~= model.all or all ~= model:value() then error(round .. ": " .. all .. " / " .. model.all) end
        steps = steps + 1
      end
      return steps
      """#
    )
    #expect(steps == 150)
  }

  @Test func `What a turn has written by the short way goes with the turn`() async throws {
    let host = try await TestHost([
      "stores/a.lua": #"""
      return defineStore("a", {
        state = function() return { n = 1, text = "one", part = { deep = { on = true } } } end,
        getters = { sum = function(self) return self.n + (self.part.deep.on and 10 or 20) end },
        actions = {
          fail = function(self)
            self.n, self.text, self.part.deep.on = 2, "two", false
            if self.sum ~= 22 then error("no") end
            error("undone")
          end,
        },
      })
      """#
    ])
    let result = try await host.run(
      #"""
      local a = useStore("a")
      local before = a.sum
      local ok, problem = pcall(a.fail, a)
      return { ok, tostring(problem):match("undone") ~= nil, before, a.sum, a.n, a.text, a.part.deep.on }
      """#
    )
    #expect(result == [false, true, 11, 11, 1, "one", true])
  }

  @Test
  func `A part that was taken out of the state, and one of a message, refuse what is written`()
    async throws
  {
    let host = try await TestHost([
      "stores/a.lua": #"""
      local kept
      return defineStore("a", {
        state = function() return { part = { n = 1 }, heard = "" } end,
        actions = {
          detach = function(self)
            kept = self.part
            kept.n = 2
            self.part = { n = 5 }
            local _, problem = pcall(function() kept.n = 3 end)
            return { kept.n, self.part.n, tostring(problem) }
          end,
          send = function() bus.send("ping", { n = 1 }) end,
        },
        on = {
          ping = function(self, message)
            local _, problem = pcall(function() message.payload.n = 2 end)
            self.heard = message.payload.n .. tostring(problem)
          end,
        },
      })
      """#
    ])
    let result = try await host.run(
      "local a = useStore('a') local r = a:detach() a:send() return { r[1], r[2], r[3], a.heard }"
    )
    #expect(result[0] == 2 && result[1] == 5)
    #expect(result[2]?.stringValue?.contains("no longer part of the state") == true)
    #expect(result[3]?.stringValue?.hasPrefix("1") == true)
    #expect(result[3]?.stringValue?.contains("read-only") == true)
  }
}
