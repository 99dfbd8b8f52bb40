import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// State that is nested without end: it is refused where it grows, since what walks over it uses the thread's stack.
struct DepthAttackTests {
  private func makeHost(_ depth: Int? = nil) async throws -> TestHost {
    try await TestHost(
      [
        "stores/s.lua": """
        return defineStore("s", {
          permissions = { "*" },
          state = function() return { deep = {}, list = {}, n = 0 } end,
          actions = {
            grow = function(self, way)
              for _ = 1, 400 do
                if way == "assign" then self.deep = { inner = self.deep }
                elseif way == "inner" then self.deep.inner = self.deep
                elseif way == "patch" then store.patch(self, { deep = { inner = self.deep } })
                elseif way == "patch whole" then store.patch(self, { deep = store.state(self) })
                elseif way == "insert" then
                  local copy = store.copy(self.list)
                  table.remove(self.list)
                  table.insert(self.list, copy)
                elseif way == "element" then self.list[1] = { self.list }
                elseif way == "decode" then self.deep = json.decode('{"a":' .. json.encode(self.deep) .. '}')
                elseif way == "copy" then self.deep = { inner = store.copy(self.deep) }
                elseif way == "message" then
                  local kept = self.deep
                  bus.answer("wrap", function(request) return { inner = request.payload } end)
                  local value = bus.request("wrap", kept)
                  for _ = 1, 400 do value = bus.request("wrap", value) end
                end
              end
            end,
          },
        })
        """,
        "stores/r.lua": """
        return defineStore("r", function()
          local deep, hidden = ref({}), ref({})
          return {
            deep = deep,
            grow = function() for _ = 1, 400 do deep.value = { deep.value } end end,
            growHidden = function() for _ = 1, 400 do hidden.value = { hidden.value } end end,
          }
        end)
        """,
      ],
      configure: { if let depth { $0.limits.stateDepth = depth } }
    )
  }

  @Test(arguments: [
    "assign", "inner", "patch", "patch whole", "insert", "element", "decode", "copy", "message",
  ])
  func `A script that nests state without end is refused`(way: String) async throws {
    let host = try await makeHost()
    let store = try await host.host.store("s")
    let before = try await store.state()
    let failure = await #expect(throws: StoreError.self) {
      try await store.call("grow", .string(way))
    }
    #expect(failure?.message.contains("deep") == true, "\(failure?.message ?? "")")
    #expect(try await store.state() == before)
  }

  @Test(arguments: ["grow", "growHidden"])
  func `Refs are no way around it`(action: String) async throws {
    let store = try await makeHost().host.store("r")
    await #expect(throws: StoreError.self) { try await store.call(action) }
  }

  @Test func `Swift's values are no way around it, in state and in what a store begins with`()
    async throws
  {
    let host = try await makeHost()
    let store = try await host.host.store("s")
    let deep = (0..<100).reduce(Value.integer(1)) { inner, _ in ["inner": inner] }
    await #expect(throws: StoreError.self) { try await store.set("deep", deep) }
    await #expect(throws: StoreError.self) { try await store.patch(["deep": deep]) }
    let refused = await code {
      _ = try await host.host.define(StoreDefinition("new", state: ["deep": deep]))
    }
    #expect(refused == .notData)
    #expect(try await host.run("return registry.has('new')") == false)
  }

  @Test func `State that reaches the bound can be read, copied, cleared and written`() async throws
  {
    let host = try await makeHost()
    let found = try await host.run(
      """
      local s = useStore("s")
      local count = 1
      while pcall(function() s.deep = { inner = s.deep } end) do count = count + 1 end
      local copy = store.copy(s)
      assert(#json.encode(copy) > 100)
      s.deep.inner.inner = 1
      store.reset(s)
      return count
      """
    )
    #expect(found == 63)
  }

  @Test func `The bound is a setting`() async throws {
    let host = try await makeHost(3)
    let found = try await host.run(
      """
      local s = useStore("s")
      s.deep = { inner = {} }
      return select(2, pcall(function() s.deep.inner.more = {} end))
      """
    )
    #expect(found == "driver:3: s.deep.inner: state cannot be nested more than 3 levels deep")
  }
}
