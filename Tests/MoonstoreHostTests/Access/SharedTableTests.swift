import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// What all scripts of a host share cannot be changed by any of them.
@Suite struct SharedTableTests {
  private static let files = [
    "stores/victim.lua": """
    -- Everything that a script can reach by indexing and iterating, as one text.
    local function digest()
      local seen, lines = {}, {}
      local function walk(value, path, depth)
        if type(value) ~= "table" or seen[value] or depth > 4 then return end
        seen[value] = true
        local ok, keys = pcall(function()
          local keys = {}
          for key in pairs(value) do keys[#keys + 1] = tostring(key) end
          table.sort(keys)
          return keys
        end)
        for _, key in ipairs(ok and keys or {}) do
          local inner = value[key]
          lines[#lines + 1] = path .. "." .. key .. " " .. type(inner)
          walk(inner, path .. "." .. key, depth + 1)
        end
      end
      for _, name in ipairs { "string", "table", "math", "utf8", "coroutine", "json", "time", "store", "registry", "bus",
        "log", "random", "factories", "effects" } do walk(_ENV[name], name, 0) end
      return table.concat(lines, "\\n")
    end
    local sample = json.encode
    return defineStore("victim", {
      state = function() return {} end,
      actions = {
        digest = digest,
        works = function()
          return json.encode({ 1 }) == "[1]" and json.encode == sample and table.concat({ 1, 2 }, ",") == "1,2"
            and ("x"):rep(3) == "xxx" and string.format("%d", 3) == "3" and math.max(1, 2) == 2
            and #array() == 0 and getmetatable("") == false and tostring(null) == "null"
        end,
      },
    })
    """
  ]

  /// Tries each way of changing a table on everything that it reaches from the globals, through fields, metatables and
  /// what functions without arguments give.
  static let attack = #"""
    local seen, targets = {}, {}
    local function reach(value, depth)
      if (type(value) ~= "table" and type(value) ~= "userdata") or seen[value] or depth > 5 then return end
      seen[value] = true
      targets[#targets + 1] = value
      pcall(function() for key, inner in pairs(value) do reach(key, depth + 1) reach(inner, depth + 1) end end)
      pcall(function() for key, inner in next, value do reach(key, depth + 1) reach(inner, depth + 1) end end)
      pcall(function() reach(getmetatable(value), depth + 1) end)
    end
    for _, name in ipairs { "string", "table", "math", "utf8", "coroutine", "json", "time", "store", "registry", "bus",
      "log", "random", "factories", "effects", "null", "settings" } do reach(_ENV[name], 0) end
    reach(getmetatable(""), 0)
    reach(factories.base(), 0)
    reach(factories.entity(), 0)
    reach(array(), 0)
    reach(map(), 0)
    local evil = function() return "evil" end
    local trap = { __index = function() return evil end, __call = evil, __pairs = evil }
    local ways = {
      function(t) t.encode = evil end, function(t) t.x = evil end, function(t) rawset(t, "encode", evil) end,
      function(t) rawset(t, "concat", evil) end, function(t) rawset(t, 1, evil) end,
      function(t) setmetatable(t, trap) end, function(t) setmetatable(t, nil) end,
      function(t) array(t) end, function(t) map(t) end,
      function(t) array(t) setmetatable(t, trap) end, function(t) map(t) setmetatable(t, trap) end,
      function(t) array(t) rawset(t, "encode", evil) end, function(t) map(t) t.encode = evil end,
      function(t) table.insert(t, evil) end, function(t) table.insert(t, 1, evil) end,
      function(t) table.remove(t) end, function(t) table.move({ evil }, 1, 1, 1, t) end,
      function(t) table.sort(t, evil) end,
      function(t) for key in pairs(t) do t[key] = nil end end,
      function(t) for key in next, t do rawset(t, key, nil) end end,
      function(t) getmetatable(t).__index = evil end, function(t) rawset(getmetatable(t), "__index", evil) end,
      function(t) getmetatable(t).__newindex = nil end,
      function(t) string.format("%s", setmetatable({}, { __index = t })) end,
      function(t) defineStore("m" .. math.random(1 << 30), { state = t }) end,
      function(t) store.patch(useStore("victim"), t) end,
      function(t) setmetatable(t, getmetatable(array())) end,
    }
    local tried = 0
    for _, target in ipairs(targets) do
      for _, way in ipairs(ways) do
        pcall(way, target)
        tried = tried + 1
      end
    end
    return tried
    """#

  @Test(arguments: ["driver", "session that may only read"])
  func `Nothing that a script reaches can be changed for another`(attacker: String) async throws {
    let host = try await TestHost(Self.files)
    let victim = try await host.host.store("victim")
    let before = try await victim.call("digest")
    if attacker == "driver" {
      let tried = try await host.run(Self.attack)
      #expect(tried.integerValue ?? 0 > 400, "\(tried)")
    } else {
      var options = ReplOptions()
      options.rights = ["read"]
      let session = try await host.host.openSession(options)
      let result = await session.submit("(function() \(Self.attack) end)()")
      #expect(result.status == .ok, "\(String(describing: result.error))")
    }
    #expect(try await victim.call("digest") == before)
    #expect(try await victim.call("works") == true)
  }

  @Test(
    arguments: [
      "array(json)", "map(table)", "array(string)", "setmetatable(json, {})",
      "rawset(json, 'encode', 1)",
      "array(setmetatable({}, { __metatable = 'mine' }))",
    ]
  )
  func `A protected metatable is protected from everything that sets one`(code: String) async throws
  {
    let host = try await TestHost(Self.files)
    let result = try await host.run("return { pcall(function() \(code) end) }")
    #expect(result[1] == false || result.arrayValue?.first == false, "\(code) \(result)")
  }

  @Test func `Marks of arrays and maps still give way to each other`() async throws {
    let host = try await TestHost(Self.files)
    let result = try await host.run(
      "return json.encode(map(array({}))) .. json.encode(array(map({})))"
    )
    #expect(result == "{}[]")
  }
}
