import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing

/// Errors as Swift programs meet them in `catch`.
@Suite struct ErrorCodeTests {
  @Test func `An error is caught by its code, whatever type it is thrown as`() async throws {
    let host = try await StoreHost()
    var caught: [String] = []
    func look() async throws { _ = try await host.store("nowhere") }
    do {
      try await look()
    } catch StoreError.Code.permissionDenied {
      caught.append("denied")
    } catch StoreError.Code.unknownStore {
      caught.append("unknown")
    }
    func untyped() throws { throw StoreError(.busy, "later") }
    do {
      try untyped()
    } catch StoreError.Code.busy {
      caught.append("busy")
    }
    func cancelled() throws { throw CancellationError() }
    do {
      try cancelled()
    } catch StoreError.Code.cancelled {
      caught.append("never")
    } catch {
      caught.append("another error")
    }
    #expect(caught == ["unknown", "busy", "another error"])
  }

  @Test func `A member is named with the store that it belongs to`() {
    let plain = StoreError(.script, "no").located(store: "cart", member: "add")
    #expect(plain.store == "cart" && plain.member == "add")
    let own = StoreError(.unknownField, "no", store: "cart").located(store: "cart", member: "add")
    #expect(own.member == "add")
    let others = StoreError(.unknownField, "no", store: "stock")
      .located(store: "cart", member: "add")
    #expect(others.store == "stock" && others.member == nil)
  }
}
