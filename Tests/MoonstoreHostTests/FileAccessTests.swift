import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Testing
import TestSupport

/// Files of the project that scripts may read: only regular ones, only inside of it, and never too many at once.
@Suite struct FileAccessTests {
  private static let scripts = [
    "stores/s.lua": """
    local kept = {}
    return defineStore("s", {
      permissions = { "read", "call" },
      actions = {
        read = function(self, path) return files.read(path) end,
        first = function(self, path) for line in files.lines(path) do return line end end,
        all = function(self, path)
          local count = 0
          for line in files.lines(path) do count = count + 1 end
          return count
        end,
        lose = function(self, path) local next = files.lines(path) return next() end,
        keep = function(self, path) kept[#kept + 1] = files.lines(path) end,
        fail = function(self, path) kept[#kept + 1] = files.lines(path) error("no") end,
        more = function(self) return kept[#kept]() end,
        drop = function(self) kept = {} end,
      },
    })
    """,
    "data/a.txt": "one\ntwo\nthree\n", "data/deep/b.txt": "deep",
  ]

  private final class Place {
    let outside: TestProject
    let test: TestHost
    let store: StoreHandle

    init() async throws {
      outside = try TestProject(["secret.txt": "secret"])
      test = try await TestHost(FileAccessTests.scripts) { $0.grantsFiles = true }
      store = try await test.host.store("s")
    }

    func link(_ name: String, to target: String) throws {
      try FileManager.default.createSymbolicLink(
        atPath: test.folder + "/" + name,
        withDestinationPath: target
      )
    }

    func read(_ path: String) async throws -> String? {
      try await store.call("read", .string(path)).stringValue
    }

    func refusal(_ path: String) async -> StoreError.Code? {
      await code { _ = try await store.call("read", .string(path)) }
    }
  }

  @Test func `Paths and links that stay in the project are followed`() async throws {
    let place = try await Place()
    try place.link("data/link", to: "deep")
    try place.link("data/up", to: "../data/deep/../a.txt")
    try place.link("data/absolute", to: place.test.folder + "/data/deep")
    for path in [
      "data/deep/b.txt", "data/./deep//b.txt", "data/deep/../deep/b.txt", "data/link/b.txt",
      "data/absolute/b.txt", place.test.folder + "/data/deep/b.txt",
    ] {
      #expect(try await place.read(path) == "deep", "\(path)")
    }
    #expect(try await place.read("data/up")?.hasPrefix("one") == true)
  }

  @Test func `Nothing leads out of the project`() async throws {
    let place = try await Place()
    let secret = place.outside.path + "/secret.txt"
    try place.link("out", to: place.outside.path)
    try place.link("file", to: secret)
    try place.link("data/sub", to: "deep")
    try place.link("round", to: "round")
    for path in [
      secret, "out/secret.txt", "file", "../" + place.outside.path + "/secret.txt",
      "data/../../\((place.outside.path as NSString).lastPathComponent)/secret.txt",
      // As a text it stays inside, and as a path it does not.
      "data/sub/../../../\((place.outside.path as NSString).lastPathComponent)/secret.txt",
      "/etc/passwd", "out/../secret.txt",
    ] {
      #expect(await place.refusal(path) == .permissionDenied, "\(path)")
    }
    #expect(await place.refusal("round") == .unreadable)
  }

  @Test func `What is no regular file is refused, and nothing waits for it`() async throws {
    let place = try await Place()
    // The name is read during the call only.
    let made = unsafe mkfifo(place.test.folder + "/data/pipe", 0o600)
    #expect(made == 0)
    for path in ["data/pipe", "data", "data/none", "data/a.txt/x"] {
      #expect(await place.refusal(path) == .unreadable, "\(path)")
    }
    // Also where the host has named it.
    let named = try await TestHost(Self.scripts) {
      $0.grantsFiles = true
      $0.readableFiles = [place.test.folder + "/data/pipe", "/dev/zero"]
    }
    for path in [place.test.folder + "/data/pipe", "/dev/zero"] {
      let error = await #expect(throws: StoreError.self) {
        try await named.host.store("s").call("read", .string(path))
      }
      #expect(error?.message.hasSuffix("only regular files can be read") == true)
    }
  }

  /// How many files of a project this process has open.
  private func openFiles(_ folder: String) -> Int {
    let base = "/proc/self/fd"
    let numbers = (try? FileManager.default.contentsOfDirectory(atPath: base)) ?? []
    return numbers.count {
      let target = try? FileManager.default.destinationOfSymbolicLink(atPath: base + "/" + $0)
      return target?.hasPrefix(folder + "/") == true
    }
  }

  @Test(.enabled(if: FileManager.default.fileExists(atPath: "/proc/self/fd")))
  func `Files are closed with their loop, their run, their turn and their script`() async throws {
    let place = try await Place()
    let folder = place.test.folder
    let path = Value.string("data/a.txt")
    #expect(try await place.store.call("all", path) == 3)
    #expect(openFiles(folder) == 0)
    for _ in 0..<300 { #expect(try await place.store.call("first", path) == "one") }
    #expect(openFiles(folder) == 0)
    for _ in 0..<300 { #expect(try await place.store.call("lose", path) == "one") }
    #expect(openFiles(folder) == 0)
    for _ in 0..<100 { _ = await code { try await place.store.call("fail", path) } }
    #expect(openFiles(folder) == 0)
    try await place.store.call("drop")
    try await place.store.call("keep", path)
    #expect(openFiles(folder) == 1)
    #expect(try await place.store.call("more") == "one")
    try await place.test.reload(["stores/s.lua": Self.scripts["stores/s.lua", default: ""] + "\n"])
    try await place.store.call("drop")
    #expect(openFiles(folder) == 0)
  }

  @Test func `A script can hold a bounded number of files open`() async throws {
    let place = try await Place()
    let path = Value.string("data/a.txt")
    var failure: StoreError?
    for _ in 0..<100 where failure == nil {
      do {
        try await place.store.call("keep", path)
      } catch {
        failure = error
      }
    }
    #expect(failure?.message.contains("64 files are open already") == true)
    try await place.store.call("drop")
    #expect(try await place.store.call("lose", path) == "one")
  }
}
