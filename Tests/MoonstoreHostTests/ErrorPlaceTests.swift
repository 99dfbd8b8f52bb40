import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Errors are placed at a line of a script, never in the Lua of the host.
@Suite struct ErrorPlaceTests {
  /// Calls each function that a script can reach with each wrong argument, and lists the errors that are not placed
  /// at the line of the call, which is the second one of `call`.
  ///
  /// Functions and tables that come back are walked as well.
  private static let walk = """
    local function call(f, ...)
      local results = table.pack(f(...))
      return results
    end

    local skipped = {
      -- It ends what calls it.
      ["coroutine.yield"] = true,
      -- These wait.
      sleep = true, ["effects.take"] = true, ["effects.condition"] = true,
    }
    local wrong, count, number, depth, seen = {}, 0, 0, 0, {}
    -- These raise what they are given.
    seen[error], seen[assert] = true, true
    local pending = {}
    local function meet(path, value, depth)
      local kind = type(value)
      if kind ~= "function" and kind ~= "table" or seen[value] or skipped[path] or depth > 4 then return end
      seen[value] = true
      pending[#pending + 1] = { path = path, value = value, depth = depth }
    end
    local function try(path, f, ...)
      count = count + 1
      local ok, result = pcall(call, f, ...)
      if ok then
        for index = 1, result.n do
          -- What a function has made is looked at once, however often it was made.
          local made = path .. "()" .. type(result[index])
          if not seen[made] then
            seen[made] = true
            meet(path .. "()", result[index], depth + 1)
          end
        end
        return
      end
      local text = tostring(result)
      -- Where a function of C does what Lua's own operators refuse, Lua names no place.
      local isPlaced = text:find("^walk:2: ") or text:find("^attempt to ") or text:find("^invalid key ")
      if text:find("[host]", 1, true) or not isPlaced then
        local fault = path .. ": " .. text
        if not seen[fault] then seen[fault], wrong[#wrong + 1] = true, fault end
      end
    end
    local function walk(entry)
      if type(entry.value) == "table" then
        local ok = pcall(function()
          for key, value in pairs(entry.value) do
            if type(key) == "string" then
              meet(entry.path == "" and key or entry.path .. "." .. key, value, entry.depth + 1)
            end
          end
        end)
        return
      end
      number = number + 1
      local s = defineStore("s" .. number, {
        state = function() return { list = array { 1, "a", 2 }, n = 1 } end,
        actions = { act = function() end },
      })
      local values = { 5, "text", false, {}, function() end, s.list, s, { 1, "a" }, null, -1.5 }
      depth = entry.depth
      try(entry.path, entry.value)
      for first = 0, #values do
        try(entry.path, entry.value, values[first])
        for second = 1, #values do
          try(entry.path, entry.value, values[first], values[second])
          try(entry.path, entry.value, s, values[first], values[second])
        end
      end
    end
    for _, name in ipairs(names) do meet(name, _G[name], 0) end
    while #pending > 0 do walk(table.remove(pending)) end
    return { wrong = array(wrong), count = count }
    """

  @Test func `No function of a script's places an error in the Lua of the host`() async throws {
    let test = try await TestHost([:])
    let session = try await test.host.openSession(ReplOptions())
    // A prompt lists all globals, also those that are made when a script first names them.
    let names = await session.completions(for: "").items.map(\.text)
    #expect(names.contains("composeStores") && names.contains("table") && names.contains("effects"))
    await session.close()
    let known = names.map { "\"\($0)\"" }.joined(separator: ", ")
    let found = try await test.host.evaluate(
      ErrorPlaceTests.walk.replacing("ipairs(names)", with: "ipairs { \(known) }"),
      name: "walk"
    ).value
    let wrong = found["wrong"]?.arrayValue ?? []
    #expect(wrong.isEmpty, "\(wrong.count): \(wrong.prefix(40))")
    #expect(found["count"]?.integerValue ?? 0 > 10_000)
    let reported = test.record.reports.filter {
      "\($0)".contains("[host]") || $0.script == "[host]"
    }
    #expect(reported.map(\.message) == [])
  }

  @Test(arguments: [
    // What Lua itself refuses inside of the host's Lua.
    "table.sort(s.list)",
    "table.sort(s.list, function(a, b)\nreturn a < b end)",
    "error(select(2, pcall(table.sort, s.list)), 0)",
    "error(select(2, xpcall(table.sort, function(text) return text end, s.list)), 0)",
    // Through coroutines, whose errors others get.
    "local ok, text = coroutine.resume(coroutine.create(function()\ntable.sort(s.list) end)) error(text, 0)",
    "coroutine.wrap(function()\ntable.sort(s.list) end)()",
    "local t = spawn(function()\ntable.sort(s.list) end) t:wait()",
    """
    local told
    local closing = setmetatable({}, { __close = function(_, text) told = text end })
    pcall(coroutine.wrap(function() local c <close> = closing\ntable.sort(s.list) end))
    error(told, 0)
    """,
    // From functions that scripts get from the host.
    "local l = useStore('layered') l:twice()",
    "store.subscribe(s, function()\nend, { immediate = true }) bus.subscribe()",
    "spawn(5)",
    "composeStores(5)",
  ])
  func `An error is placed at the script's line, however it gets to its reader`(
    _ body: String
  ) async throws {
    let test = try await TestHost([
      "stores/layered.lua": """
      local l = defineStore("layered", { actions = { twice = function() end } })
      function onLoad()
        applyMiddleware(l, function(call, next) next()
          next()
        end)
      end
      return l
      """
    ])
    // All that stands in a line of its own may be named.
    let text = "local s = defineStore('s', { state = { list = array { 1, 'a' } } })\n" + body
    let error = await #expect(throws: StoreError.self) { try await test.run(text) }
    let message = error?.message ?? ""
    #expect(!message.contains("[host]"))
    let place = "\(error?.script ?? ""):\(error?.line ?? 0)"
    let places = ["driver:2", "driver:3", "driver:5", "stores/layered.lua:4"]
    #expect(places.contains(place), "\(place): \(message)")
    #expect(error?.traceback.contains("[host]") == false)
  }
}
