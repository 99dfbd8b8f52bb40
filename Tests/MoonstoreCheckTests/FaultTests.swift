import MoonDiagnostics
import MoonLuaSyntax
import MoonstoreCheck
import Testing

/// Small files with one fault each, which is found with its code at its line and column, and nothing else is.
@Suite struct FaultTests {
  /// A file beside a project without faults; `§` stands where the fault is.
  struct Fault: Sendable, CustomTestStringConvertible {
    let code: String
    let path: String
    let text: String

    init(_ code: String, _ text: String, in path: String = "stores/a.lua") {
      self.code = code
      self.path = path
      self.text = text
    }

    var testDescription: String { "\(code) \(text.prefix(60))" }
  }

  /// The stores that the faulty files use.
  static let project: [Checker.Source] = [
    .init(
      path: "stores/products.lua",
      text: """
        return defineStore("products", {
          permissions = { "read", "call", "write:note" },
          state = function() return { items = map(), note = "" } end,
          getters = { count = function(self) local n = 0 for _ in pairs(self.items) do n = n + 1 end return n end },
          actions = {
            add = function(self, id, stock) self.items[id] = { stock = 0 + stock } end,
            rename = function(self, id, name) self.items[id].name = name or id end,
          },
          on = { ["cart:added"] = function(self) self.note = "added" end },
          answers = { ["products:get"] = function(self, request) return self.items[request.payload.id] end },
        })
        """
    ),
    .init(
      path: "stores/cart.lua",
      text: """
        return defineStore("cart", {
          dependencies = { "products" },
          permissions = { "read", "call:add" },
          state = function() return { lines = array() } end,
          actions = {
            add = function(self, id)
              if bus.request("products:get", { id = id }) then table.insert(self.lines, { id = id }) end
              bus.send("cart:added", { id = id })
            end,
            clear = function(self) self.lines = array() end,
          },
        })
        """
    ),
  ]

  /// A store around a member.
  private static func store(_ parts: String, before: String = "") -> String {
    before + """
      return defineStore("a", {
        dependencies = { "products", "cart" },
        state = function() return { list = array(), n = 0 } end,
      \(parts)
      })
      """
  }

  private static func action(_ body: String, before: String = "") -> String {
    store(
      "  actions = { act = function(self, x) self.n = x or 0\n    \(body)\n  end },",
      before: before
    )
  }

  private static func getter(_ body: String, before: String = "") -> String {
    store("  getters = { get = function(self)\n    \(body)\n  end },", before: before)
  }

  private static func driver(_ code: String, _ text: String) -> Fault {
    Fault(code, text, in: "main.lua")
  }

  static let faults: [Fault] =
    language + stores + turns + [
      Fault("M301", action("self.n = §function() end")),
      Fault(
        "M301",
        action("self.list[1] = { callback = §f }", before: "local function f() return 1 end\n")
      ),
      Fault("M301", action("table.insert(self.list, §coroutine.create(print))")),
      Fault("M301", store("").replacing("n = 0", with: "n = §function() end")),
      Fault("M301", action("bus.send(\"cart:added\", { done = §function() end })")),
      Fault(
        "M401",
        action(
          "for k in §pairs(all) do table.insert(self.list, k) end",
          before: "local all = { a = 1 }\n"
        )
      ),
      Fault(
        "M401",
        action(
          "for k in §pairs(all) do bus.send(\"cart:added\", { id = k }) end",
          before: "local all = { a = 1 }\n"
        )
      ),
      Fault(
        "M401",
        action(
          "for k in §pairs(all) do self.list[#self.list + 1] = k end",
          before: "local all = { a = 1 }\n"
        )
      ),
      Fault("M402", action("cache[self.n] = true return cache", before: "local §cache = {}\n")),
      Fault("M402", action("calls = calls + 1", before: "local §calls = 0\n")),
      Fault("M402", action("table.insert(seen, x)", before: "local §seen = {}\n")),
      Fault("M501", action("self.n = #§files.read(\"a\")")),
      Fault("M501", action("local found = §http.get(\"x\") self.n = found.status")),
      driver(
        "M601",
        "local products = useStore(\"products\")\nreturn §createSecureStore(products, { \"read\" })"
      ),
      driver("M901", "§-- moonstore: allow(W211)\nlocal x = 1"),
      driver("M902", "§-- moonstore: allow(W211) it is needed\nreturn 1"),
      driver("M903", "§-- moonstore: allow(X999) it is needed\nreturn 1"),
    ]

  private static let language: [Fault] = [
    driver("E011", "local a = §= 1"),
    driver("E011", "return '§\\q'"),
    driver("W111", "§total = 1\nreturn total"),
    driver("W112", "§config.x = 1"),
    driver("W113", "return §pritn(1)"),
    driver("W121", "§print = nil"),
    driver("W122", "function §string.trim() end"),
    driver("W143", "return bus.§sned(\"cart:added\")"),
    driver("W211", "local §x = 1"),
    driver("W211", "local function §f() return f() end"),
    driver("W212", "local function f(a, §b) return a end\nreturn f"),
    driver("W213", "for §i, v in ipairs({}) do print(v) end"),
    driver("W221", "local §x\nreturn x"),
    driver("W231", "local §x\nx = 1"),
    driver("W232", "local function f(§a) a = 1 end\nreturn f"),
    driver("W233", "for §i = 1, 2 do i = 3 end"),
    driver("W241", "local §t = {}\nt.x = 1"),
    driver("W311", "local x = 1\nprint(x)\n§x = 2"),
    driver("W311", "local §x = 1\nx = 2\nreturn x"),
    driver("W312", "local function f(§a) a = 1 return a end\nreturn f"),
    driver("W313", "for _, §v in ipairs({}) do v = 1 print(v) end"),
    driver("W314", "return { §a = 1, b = 2, a = 3 }"),
    driver("W321", "local x\nprint(§x)\nx = 1\nprint(x)"),
    driver("W411", "local x = 1\nprint(x)\nlocal §x = 2\nreturn x"),
    driver("W412", "local function f(a) print(a) local §a = 1 return a end\nreturn f"),
    driver("W421", "local x = 1\ndo local §x = 2 print(x) end\nreturn x"),
    driver("W422", "local function f(a) do local §a = 1 print(a) end return a end\nreturn f"),
    driver("W423", "for i = 1, 2 do do local §i = 1 print(i) end print(i) end"),
    driver("W431", "local x = 1\nlocal function f() local §x = 2 return x end\nreturn f, x"),
    driver(
      "W432",
      "local function f(a) return a, function() local §a = 1 return a end end\nreturn f"
    ),
    driver("W511", "do return 1 end\n§print(2)"),
    driver("W511", "while true do print(1) end\n§print(2)"),
    driver("W512", "§while true do print(1) break end"),
    driver("W521", "::§again::\nprint(1)"),
    driver("W531", "local a = 1, §2\nreturn a"),
    driver("W532", "local a, b = 1, 2\nprint(a, b)\na, §b = 1\nreturn a, b"),
    driver("W541", "§do end"),
    driver("W542", "§if print then else print(1) end"),
    driver("W551", "print(1);\n§;print(2)"),
  ]

  private static let stores: [Fault] = [
    Fault("M101", "return defineStore(§\"products\", { state = {} })"),
    Fault("M102", action("return useStore(§\"product\")")),
    Fault("M102", store("").replacing("\"cart\" }", with: "§\"crat\" }")),
    driver("M103", "useStore(\"products\"):§addd(1, 2)"),
    Fault("M103", action("self:§acct()")),
    driver("M103", "local products = useStore(\"products\")\nproducts:§count()"),
    driver("M104", "return useStore(\"products\").§itmes"),
    Fault("M104", getter("return self.§lst")),
    driver("M105", "useStore(\"products\"):add(1, 2, §3)"),
    driver("M105", "useStore(\"products\"):§add(1)"),
    driver("M106", "bus.send(§\"cart:addded\", {})"),
    Fault("M107", store("  on = { [§\"cart:removed\"] = function(self) self.n = 1 end },")),
    driver("M108", "return bus.request(§\"products:gte\", {})"),
    Fault(
      "M109",
      action("return useStore(§\"cart\")").replacing("\"products\", \"cart\"", with: "\"products\"")
    ),
    Fault("M110", store("").replacing("\"products\", \"cart\"", with: "§\"a\"")),
    Fault(
      "M111",
      store(
        "  getters = { one = function(self) return self.§two end, two = function(self) return self.one end },"
      )
    ),
    Fault("M112", store("  §action = {},")),
    driver("M113", "useStore(\"products\")§.add(\"a\", 1)"),
  ]

  private static let turns: [Fault] = [
    Fault("M201", getter("§self.n = 1")),
    Fault("M201", getter("§table.insert(self.list, 1)")),
    Fault("M201", getter("for _, line in ipairs(self.list) do §line.seen = true end")),
    Fault("M201", getter("return §set(self)", before: "local function set(self) self.n = 1 end\n")),
    Fault("M202", getter("§bus.send(\"cart:added\")")),
    Fault("M203", getter("§sleep(1)")),
    Fault("M204", action("transaction(function() §sleep(1) end)")),
    Fault(
      "M204",
      action("transaction(function() §wait() end)", before: "local function wait() sleep(1) end\n")
    ),
    driver("M205", "local products = useStore(\"products\")\n§products.items = map()"),
    driver("M205", "local cart = useStore(\"cart\")\ncart:§clear()"),
    Fault("M206", "§sleep(1)\nreturn defineStore(\"a\", { state = {} })"),
    Fault("M207", action("self.§act = 1")),
  ]

  @Test(arguments: faults)
  func `A fault is found by its code, at its line and column, and nothing else is`(fault: Fault)
    throws
  {
    let marked = fault.text.unicodeScalars
    let mark = try #require(marked.firstIndex(of: "§"))
    let before = String(String.UnicodeScalarView(marked[..<mark]))
    let lines = before.split(separator: "\n", omittingEmptySubsequences: false)
    let text = fault.text.replacing("§", with: "")
    let source = Checker.Source(path: fault.path, text: text)
    let report = Checker().check(Self.project + [source])
    let found = report.diagnostics.map {
      "\($0.place?.file ?? "?") \($0.code) \($0.place?.line ?? 0):\($0.place?.column ?? 0)"
    }
    let column = (lines.last?.unicodeScalars.count ?? 0) + 1
    #expect(
      found == ["\(fault.path) \(fault.code) \(lines.count):\(column)"],
      "\(report.diagnostics)\n\(text)"
    )
  }

  @Test func `The project beside the faults has none`() {
    let report = Checker().check(Self.project)
    #expect(report.diagnostics.isEmpty, "\(report.diagnostics)")
    #expect(report.undecided.isEmpty)
  }

  @Test func `There are at least sixty, of every family`() {
    #expect(Self.faults.count >= 60)
    let tested = Set(Self.faults.map(\.code))
    let missing = CheckCode.all.map(\.code).filter { !tested.contains($0) }
    #expect(missing == ["W413", "W433"])
  }
}
