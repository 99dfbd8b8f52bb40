import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

@Suite struct LoadingTests {
  @Test(
    arguments: [
      (["stores/a.lua": "return defineStore("], "stores/a.lua", "unexpected symbol"),
      (["stores/a.lua": "local x = 1"], "stores/a.lua", "defines no store"),
      (
        [
          "stores/a.lua": #"return defineStore("x", { state = function() return {} end })"#,
          "stores/b.lua": #"return defineStore("x", { state = function() return {} end })"#,
        ],
        "stores/b.lua", "the store 'x' is defined twice: here and at stores/a.lua:1"
      ),
      (
        [
          "stores/cart.lua": #"return defineStore("cart", { dependencies = { "product" } })"#,
          "stores/p.lua": #"return defineStore("products", {})"#,
        ],
        "stores/cart.lua", "the store 'cart' depends on 'product', which is not there"
      ),
      (
        [
          "stores/a.lua": #"return defineStore("a", { dependencies = { "b" } })"#,
          "stores/b.lua": #"return defineStore("b", { dependencies = { "a" } })"#,
        ],
        "stores/", "stores depend on each other in a circle: a -> b -> a"
      ),
      (
        [
          "stores/a.lua":
            #"return defineStore("a", { state = function() return { f = print } end })"#
        ],
        "stores/a.lua", "f: a function cannot be"
      ),
      (
        ["stores/a.lua": #"return defineStore("a", { action = {} })"#],
        "stores/a.lua", "unknown field 'action'; did you mean 'actions'?"
      ),
      (
        [
          "stores/a.lua":
            #"return defineStore("a", { state = { x = 1 }, actions = { x = print } })"#
        ],
        "stores/a.lua", "'x' is defined twice in the store 'a'"
      ),
      (
        ["stores/a.lua": #"return defineStore("a", { permissions = { "wirte" } })"#],
        "stores/a.lua", "lists the permission 'wirte'"
      ),
      (
        ["stores/a.lua": #"local b = useStore("nope") return defineStore("a", {})"#],
        "stores/a.lua", "there is no store 'nope'"
      ),
      (
        ["stores/a.lua": #"require("lib.nope") return defineStore("a", {})"#],
        "stores/a.lua", "there is no lib/nope.lua in the project"
      ),
      (
        ["stores/a.lua": #"require("..secret") return defineStore("a", {})"#],
        "stores/a.lua", "a module is named by its place in the project"
      ),
      (["middleware/m.lua": "return 1"], "middleware/m.lua", "must return a function(call, next)"),
      (["moonstore.lua": "return 1"], "moonstore.lua", "must return a table of settings"),
    ] as [([String: String], String, String)]
  )
  func `A broken project is refused with script and reason`(
    files: [String: String],
    script: String,
    reason: String
  ) async throws {
    let project = try TestProject(files)
    let error = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: project.path)
    }
    #expect(error?.script?.hasPrefix(script) == true, "\(error?.script ?? "no script")")
    #expect(error?.summary.contains(reason) == true, "\(error?.summary ?? "")")
  }

  @Test func `A missing folder and a file for a folder are errors that name them`() async throws {
    let missing = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: "/nonexistent/project")
    }
    #expect(missing?.message == "/nonexistent/project: there is no such project folder")
    let file = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: #filePath)
    }
    #expect(file?.message.contains("a project is a folder") == true)
  }

  @Test func `An empty project makes a host without stores`() async throws {
    let host = try await TestHost([:])
    #expect(await host.host.storeIDs.isEmpty)
    #expect(try await host.run("return 1 + 1") == 2)
  }

  @Test func `Files need no order of their own`() async throws {
    let host = try await TestHost([
      "stores/a.lua":
        #"return defineStore("a", { dependencies = { "z" }, getters = { n = function() return useStore("z").n end } })"#,
      "stores/z.lua": #"return defineStore("z", { state = { n = 4 } })"#,
    ])
    #expect(await host.host.storeIDs == ["z", "a"])
    #expect(try await host.run(#"return useStore("a").n"#) == 4)
  }

  @Test func `Scripts share no globals and cannot change libraries`() async throws {
    let host = try await TestHost([
      "stores/a.lua":
        #"leak = 1 return defineStore("a", { actions = { leak = function() return leak end } })"#,
      "stores/b.lua":
        #"return defineStore("b", { actions = { leak = function() return leak end, break_ = function() string.rep = nil end } })"#,
    ])
    let result = try await host.run(
      #"""
      local ok, err = pcall(useStore("b").break_)
      return { useStore("a"):leak(), useStore("b"):leak() or "none", ok, io == nil, os == nil, debug == nil }
      """#
    )
    #expect(result == [1, "none", false, true, true, true])
  }

  @Test func `Plugins add to each store and middleware surrounds each action`() async throws {
    let host = try await TestHost([
      "stores/a.lua":
        #"return defineStore("a", { state = { n = 0 }, actions = { add = function(self, by) self.n = self.n + by return self.n end } })"#,
      "plugins/p.lua": #"""
      return function(context)
        return {
          state = { tag = context.id }, getters = { shout = function(self) return self.tag .. "!" end },
          actions = { setTag = function(self, t) self.tag = t end },
        }
      end
      """#,
      "middleware/1.lua": #"""
      return function(call, next)
        if call.action ~= "add" then return next() end
        if call.args[1] < 0 then error("refused") end
        local result = next(call.args[1] * 10)
        return result + 1
      end
      """#,
    ])
    let result = try await host.run(
      #"""
      local a = useStore("a")
      a:setTag("x")
      local ok, err = pcall(a.add, a, -1)
      return { a:add(2), a.n, a.shout, ok, err }
      """#
    )
    #expect(result == [21, 20, "x!", false, "middleware/1.lua:3: refused"])
  }

  @Test func `A first line for the shell is passed over, and counted`() async throws {
    let host = try await TestHost([
      "stores/a.lua": "#!/usr/bin/env lua\nreturn defineStore('a', { state = { n = 1 } })"
    ])
    #expect(try await host.run("return useStore('a').n") == 1)
    let error = await #expect(throws: StoreError.self) {
      _ = try await TestHost(["stores/b.lua": "#!/usr/bin/env lua\nerror('here')"])
    }
    #expect(error?.line == 2)
  }
}
