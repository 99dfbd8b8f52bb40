import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// The standard library as scripts of a host see it: shared by all of them, and changed by none.
@Suite struct LibraryTests {
  private static let names = [
    "string", "table", "math", "utf8", "coroutine", "json", "time", "bus", "registry", "store",
    "log",
  ]

  @Test(arguments: names)
  func `No script changes a library, not even with rawset`(library: String) async throws {
    let host = try await TestHost([
      "stores/evil.lua": """
      local evil = function() return "evil" end
      for _, try in ipairs({
        function() rawset(\(library), "format", evil) end,
        function() \(library).format = evil end,
        function() \(library)[1] = evil end,
        function() table.insert(\(library), evil) end,
        function() table.move({ evil }, 1, 1, 1, \(library)) end,
        function() setmetatable(\(library), {}) end,
        function() getmetatable(\(library)).__index = { format = evil } end,
      }) do
        if pcall(try) then error("a way to change it: " .. _) end
      end
      return defineStore("evil", {})
      """
    ])
    #expect(
      try await host.run("return rawget(\(library), 'format') == nil and rawlen(\(library)) == 0")
        == true
    )
    #expect(try await host.run("return string.format('%d', 3) .. ('x'):rep(2)") == "3xx")
  }

  @Test func `A script can still do as it likes with what is its own`() async throws {
    let host = try await TestHost([:])
    let script = """
      rawset(_G, "mine", 1)
      local proxy = setmetatable({}, { __newindex = function(t, k, v) rawset(t, k, v * 2) end })
      proxy.x = 2
      return { mine, proxy.x }
      """
    #expect(try await host.run(script) == [1, 4])
  }

  @Test func `What the host shows of values has no addresses`() async throws {
    let host = try await TestHost([:])
    try await host.run("print({}, print, coroutine.create(print)) print(string, bus)")
    let text = host.record.log.joined(separator: " ")
    #expect(text.contains("table: ") && text.contains("function: ") && text.contains("string: "))
    #expect(!text.contains("0x"))
  }

  @Test func `What was loaded cannot pass for another script`() async throws {
    let host = try await TestHost([:])
    do {
      try await host.run("load(\"error('not mine')\", '@stores/payment.lua')()")
      Issue.record("no error")
    } catch {
      let error = try #require(error as? StoreError)
      #expect(error.script != "stores/payment.lua")
    }
  }

  @Test func `A metatable that changes after it was set finalizes nothing`() async throws {
    // What leaves a store's code is copied where it holds handles, with its metatable.
    let host = try await TestHost([
      "stores/owner.lua": """
      ran = false
      return defineStore("owner", {
        state = function() return { list = { 1 } } end,
        actions = {
          leak = function(self)
            local mt = {}
            local t = setmetatable({ self.list }, mt)
            mt.__gc = function() ran = true end
            return t
          end,
          hasRun = function(self)
            for i = 1, 20000 do local t = { i } end
            return ran
          end,
        },
      })
      """,
      "stores/other.lua": """
      return defineStore("other", { actions = {
        try = function(self)
          local ok, why = pcall(function() return useStore("owner"):leak() end)
          return { ok, tostring(why) }
        end,
      } })
      """,
    ])
    let result = try await host.run("return useStore('other'):try()")
    #expect(result[0] == false)
    #expect(result[1]?.stringValue?.contains("__gc") == true)
    #expect(try await host.run("return useStore('owner'):hasRun()") == false)
  }

  @Test func `Parts of state go through the table functions as tables do`() async throws {
    let host = try await TestHost([
      "stores/a.lua": """
      return defineStore("a", {
        state = function() return { list = { 3, 1, 2 }, words = { "b", "a" } } end,
        actions = {
          use = function(self)
            table.insert(self.list, 4)
            table.insert(self.list, 1, 0)
            local removed = table.remove(self.list, 2)
            table.sort(self.list)
            table.sort(self.words, function(a, b) return a < b end)
            local moved = table.move(self.list, 1, #self.list, 1, {})
            return { removed, table.concat(self.list, ","), table.concat(self.words), #moved,
              select("#", table.unpack(self.list)), select(2, pcall(table.insert, self.list, 99, 1)) ~= nil }
          end,
        },
      })
      """
    ])
    #expect(
      try await host.run("return useStore('a'):use()") == [3, "0,1,2,4", "ab", 4, 4, true]
    )
  }

  @Test func `A function that C code calls cannot wait, and says so`() async throws {
    let host = try await TestHost([
      "stores/a.lua": """
      return defineStore("a", { actions = {
        use = function(self)
          local texts = array()
          for _, call in ipairs({
            function() return string.gsub("a", "a", function() sleep(1) end) end,
            function() return table.sort({ 2, 1 }, function() sleep(1) end) end,
            function() return load(function() sleep(1) end) end,
          }) do
            texts[#texts + 1] = tostring(select(2, pcall(call)))
          end
          return texts
        end,
      } })
      """
    ])
    let texts = try #require(try await host.run("return useStore('a'):use()").arrayValue)
    #expect(texts.count == 3)
    for text in texts {
      #expect(text.stringValue?.contains("cannot wait") == true, "\(text)")
    }
  }

  @Test func `Getters and actions join errors with texts`() async throws {
    let host = try await TestHost([
      "stores/a.lua": """
      local function text()
        local _, err = pcall(useStore, "nobody")
        return "total: " .. err .. "!"
      end
      return defineStore("a", {
        getters = { text = text },
        actions = { join = text },
      })
      """
    ])
    for script in ["return useStore('a').text", "return useStore('a'):join()"] {
      let text = try #require(try await host.run(script).stringValue)
      #expect(
        text.hasPrefix("total: ") && text.contains("nobody") && text.hasSuffix("!"),
        "\(text)"
      )
    }
  }
}
