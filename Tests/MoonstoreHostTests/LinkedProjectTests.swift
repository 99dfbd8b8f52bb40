import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Projects that are reached through links, and links in them.
@Suite struct LinkedProjectTests {
  private static let store = "return defineStore('s', { state = { n = 1 } })"

  private func link(_ path: String, to target: String) throws {
    try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
  }

  @Test func `A project that is reached by a link keeps its stores at a reload`() async throws {
    let place = try TestProject([
      "project/stores/s.lua": Self.store, "other/stores/o.lua": Self.store,
    ])
    try link(place.path + "/link", to: "project")
    let host = try await StoreHost(scripts: place.path + "/link")
    try await host.store("s").set("n", 2)
    let report = try await host.reload()
    #expect(report.isEmpty)
    #expect(try await host.store("s").get("n") == 2)
    try place.write("project/stores/t.lua", "return defineStore('t', {})")
    #expect(try await host.reload().scripts.map(\.name) == ["stores/t.lua"])
    // The link is followed once: another target is another project.
    try FileManager.default.removeItem(atPath: place.path + "/link")
    try link(place.path + "/link", to: "other")
    #expect(try await host.reload().isEmpty)
    #expect(try await host.store("s").get("n") == 2)
  }

  @Test func `Links that stay in the project are loaded and reloaded`() async throws {
    let project = try TestProject([
      "shared/s.lua": Self.store, "shared/deep/t.lua": "return defineStore('t', {})",
      "parts/u.lua": "return defineStore('u', {})",
      "stores/own.lua": "return defineStore('own', {})",
    ])
    try link(project.path + "/stores/linked", to: "../shared")
    try link(project.path + "/stores/u.lua", to: project.path + "/parts/u.lua")
    let host = try await StoreHost(scripts: project.path)
    #expect(await host.storeIDs.sorted() == ["own", "s", "t", "u"])
    #expect(try await host.reload().isEmpty)
    try project.write("shared/s.lua", Self.store + "\n")
    #expect(try await host.reload().scripts.map(\.name) == ["stores/linked/s.lua"])
  }

  @Test func `Links that lead out, in a circle or nowhere are refused by name`() async throws {
    let outside = try TestProject(["evil.lua": "return defineStore('evil', {})"])
    for (target, reason) in [
      (outside.path, "leads out of the project"), ("..", "leads in a circle"),
      ("../none", nil), (outside.path + "/evil.lua", nil),
    ] as [(String, String?)] {
      let project = try TestProject(["stores/s.lua": Self.store])
      let host = try await StoreHost(scripts: project.path)
      try link(project.path + "/stores/linked", to: target)
      guard let reason else {
        // What has no name of a script is none.
        #expect(try await host.reload().isEmpty)
        continue
      }
      let error = await #expect(throws: StoreError.self) {
        _ = try await StoreHost(scripts: project.path)
      }
      #expect(error?.message == "stores/linked: this link \(reason)")
      let report = try await host.reload()
      #expect(report.failures.map(\.message) == ["stores/linked: this link \(reason)"])
      #expect(try await host.store("s").get("n") == 1)
    }
  }

  @Test func `moonstore.lua and the main script are of the project`() async throws {
    let outside = try TestProject(["m.lua": "return { settings = { evil = true } }"])
    let project = try TestProject(["stores/s.lua": Self.store])
    try link(project.path + "/moonstore.lua", to: outside.path + "/m.lua")
    let linked = await #expect(throws: StoreError.self) {
      _ = try await StoreHost(scripts: project.path)
    }
    #expect(linked?.code == .permissionDenied)
    for main in [
      "../\((outside.path as NSString).lastPathComponent)/m.lua", outside.path + "/m.lua",
    ] {
      let project = try TestProject([
        "stores/s.lua": Self.store, "moonstore.lua": "return { main = [[\(main)]] }",
      ])
      let error = await #expect(throws: StoreError.self) {
        _ = try await StoreHost(scripts: project.path)
      }
      #expect(error?.message == "main = \"\(main)\" leads out of the project")
    }
  }

  @Test func `A byte order mark before a script or JSON is skipped`() async throws {
    let mark = "\u{FEFF}"
    let test = try await TestHost([
      "stores/s.lua": mark + "#!/usr/bin/env moonstore\n" + Self.store,
      "lib/m.lua": mark + "return 5", "moonstore.lua": mark + "return { settings = { a = 1 } }",
    ])
    #expect(try await test.run("return require('lib.m') + useStore('s').n") == 6)
    #expect(try await test.run("return json.decode('\\u{FEFF}[1]')") == [1])
  }

  @Test func `A project folder that is away or empty is an error, and takes no store`() async throws
  {
    let place = try TestProject(["project/stores/s.lua": Self.store])
    let host = try await StoreHost(scripts: place.path + "/project")
    try await host.store("s").set("n", 2)
    let files = FileManager.default
    try files.moveItem(atPath: place.path + "/project", toPath: place.path + "/away")
    let gone = await #expect(throws: StoreError.self) { try await host.reload() }
    #expect(gone?.code == .unreadable)
    // As where a drive is not mounted.
    try files.createDirectory(atPath: place.path + "/project", withIntermediateDirectories: false)
    await #expect(throws: StoreError.self) { try await host.reload() }
    #expect(try await host.store("s").get("n") == 2)
    try files.removeItem(atPath: place.path + "/project")
    try files.moveItem(atPath: place.path + "/away", toPath: place.path + "/project")
    try place.write("project/stores/t.lua", "return defineStore('t', {})")
    #expect(try await host.reload().scripts.map(\.name) == ["stores/t.lua"])
    #expect(try await host.store("s").get("n") == 2)
  }
}
