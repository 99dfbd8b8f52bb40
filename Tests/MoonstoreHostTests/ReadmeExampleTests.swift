import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// The Swift examples of the README and of the page about reloads compile, run and show what they say.
@Suite struct ReadmeExampleTests {
  @Test func `The example for Swift programs runs`() async throws {
    // README.md: host
    let host = try await StoreHost(scripts: TestProject.shop)
    let products = try await host.store("products")
    let cart = try await host.store("cart")

    try await products.call(
      "add",
      ["id": "85123A", "name": "Lamp", "priceMinor": 255, "stock": 10]
    )
    try await cart.call("addItem", "85123A", 6)
    let total = try await cart.get("totalPrice", as: Int.self)

    // The stream begins here, and not where it is read: what follows is in it.
    let changes = try await cart.changes()
    try await cart.call("addItem", "85123A", 1)
    for await change in changes.prefix(1) { print(change.path, change.new ?? .null) }

    // The synchronous way in: one hop to the actor, then plain calls.
    try await host.withStores { stores in
      let cart = try stores.store("cart")
      for _ in 0..<3 { try cart.call("addItem", "85123A", 1) }
    }
    // end
    #expect(total == 6 * 255)
    #expect(try await cart.get("itemCount", as: Int.self) == 10)
  }

  @Test func `The example for reloads runs`() async throws {
    let project = try TestProject([
      "stores/cart.lua": "return defineStore('cart', { state = { note = '' } })"
    ])
    let host = try await StoreHost(scripts: project.path)
    // Reload.md: reload
    let reports = try await host.reloads()
    let watch = try await host.watch()
    // end
    try project.write("stores/cart.lua", "return defineStore('cart', { state = { coupon = '' } })")
    let report = await reports.first { _ in true }
    #expect(report?.scripts.map(\.name) == ["stores/cart.lua"])
    watch.stop()
    let back = try await host.reload("stores/cart.lua", to: 1)
    #expect(!back.isRefused)
  }

  @Test(arguments: [
    ("README.md", "host"),
    ("Sources/MoonstoreHost/Documentation.docc/Reload.md", "reload"),
  ])
  func `A page has the lines that run here`(_ page: String, _ name: String) throws {
    let text = try String(contentsOfFile: TestProject.checkout + "/" + page, encoding: .utf8)
    let file = page.split(separator: "/").last ?? ""
    let example = try String(contentsOfFile: #filePath, encoding: .utf8)
      .components(separatedBy: "    // \(file): \(name)\n").dropFirst().first?
      .components(separatedBy: "    // end\n").first
    let code = try #require(example)
    // The project is named as it is from the checkout.
    let expected = Self.bare(code.replacing("TestProject.shop", with: "\"Scripts/shop\""))
    #expect(Self.bare(text).contains(expected), "\(expected)")
  }

  /// A text without comments and spaces, in which lines may be broken in another way.
  private static func bare(_ text: some StringProtocol) -> String {
    text.split(separator: "\n")
      .map { line in
        let text = line.trimmingCharacters(in: .whitespaces)
        guard !text.hasPrefix("//") else { return "" }
        return text.components(separatedBy: "  //")[0].filter { !$0.isWhitespace }
      }
      .joined()
  }
}
