import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Handles with fewer rights in Swift: what a panel, a plug-in or a guest is given.
@Suite struct SecuredHandleTests {
  private func host(_ permissions: String) async throws -> StoreHost {
    try await TestHost([
      "stores/vault.lua": """
      return defineStore("vault", {
        \(permissions)
        state = function() return { n = 1 } end,
        actions = {
          bump = function(self) self.n = self.n + 1 return self.n end,
          slow = function(self) sleep(1) return "slept" end,
        },
      })
      """
    ]).host
  }

  private func denied(_ body: () async throws -> Void) async -> Bool {
    do {
      try await body()
      return false
    } catch {
      return (error as? StoreError)?.code == .permissionDenied
    }
  }

  @Test func `A handle for somebody else has the rights that the store permits to others`()
    async throws
  {
    let host = try await host(
      "permissions = { 'read', { action = 'call:bump', principal = 'panel', kind = 'swift' } },"
    )
    let panel = try await host.store("vault", as: Principal(.swift, "panel"))
    let other = try await host.store("vault", as: Principal(.swift, "other"))
    #expect(try await panel.call("bump") == 2)
    #expect(await denied { try await other.call("bump") })
    #expect(await denied { try await panel.call("slow") })
    #expect(try await other.get("n") == 2)
    #expect(await denied { try await other.set("n", 5) })
    #expect(await denied { try await other.patch(["n": 5]) })
    #expect(await denied { try await other.reset() })
    #expect(await denied { try await other.dispose() })
    // The program itself may do everything.
    let own = try await host.store("vault")
    try await own.set("n", 7)
    #expect(try await own.call("slow") == "slept")
  }

  @Test func `Narrowing takes rights and gives none`() async throws {
    let host = try await host("")
    let viewer = try await host.store("vault").secured(["read"])
    #expect(try await viewer.get("n") == 1)
    #expect(await denied { try await viewer.call("bump") })
    let wider = viewer.secured(["*"])
    #expect(await denied { try await wider.call("bump") })
    #expect(await denied { try await wider.set("n", 2) })
    let blind = try await host.store("vault").secured(["call"])
    #expect(await denied { _ = try await blind.get("n") })
    #expect(await denied { _ = try await blind.state() })
    #expect(await denied { _ = try await blind.changes() })
    #expect(try await blind.call("bump") == 2)
    let wrong = try await host.store("vault").secured(["raed"])
    let error = await #expect(throws: StoreError.self) { try await wrong.get("n") }
    #expect(error?.code == .invalidDefinition)
  }

  @Test func `A condition in Swift is asked at each call`() async throws {
    let host = try await host("")
    let even = Permission("call", when: { $0.action == "bump" })
    let handle = try await host.store("vault").secured([even])
    #expect(try await handle.call("bump") == 2)
    #expect(await denied { try await handle.call("slow") })
  }
}
