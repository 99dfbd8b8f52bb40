import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization
import Testing

/// Watching a project's folder, with the programs that people change files with.
@Suite(.serialized) struct WatchTests {
  /// A host that is watched, and what was told of its reloads.
  ///
  /// The watch's time is the test's: it passes only when a command has ended, so that a burst is a burst however busy the
  /// machine is.
  private final class Watched {
    let test: TestHost
    let watch: ProjectWatch
    private let time = ManualTime()
    private let reports = Reports()
    private var barriers = 0
    private static let barrier = "factories/barrier.lua"

    init(_ files: [String: String], _ given: WatchOptions = WatchOptions()) async throws {
      test = try await TestHost(files)
      var options = given
      options.quiet = 0.2
      options.longest = 1_000
      options.sleep = time.sleep
      watch = try await test.host.watch(options)
      let stream = try await test.host.reloads()
      Task { [reports] in
        for await report in stream { reports.all.withLock { $0.append(report) } }
      }
      // The first look, for what was changed before.
      try await time.pass(1, when: options.polling == nil ? 1 : 2)
    }

    deinit { watch.stop() }

    /// Lets time pass until something holds that reloads bring about.
    private func passing(
      until what: String,
      sourceLocation: SourceLocation = #_sourceLocation,
      _ holds: () async throws -> Bool
    ) async throws {
      try await eventually(
        what,
        {
          if try await holds() { return true }
          time.pass(1)
          return false
        },
        sourceLocation: sourceLocation
      )
    }

    /// What was told since the last look, once the expected version runs.
    func seen(
      _ lua: String,
      _ expected: Value,
      sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> [ReloadReport] {
      try await passing(until: "\(lua) is \(expected)", sourceLocation: sourceLocation) {
        try await test.run("return \(lua)") == expected
      }
      return try await settled()
    }

    /// What was told since the last look, once it is as much as expected and nothing more can come.
    ///
    /// Changes are heard of in their order: when a last one has been told of, all before it have been.
    func settled(after count: Int = 1) async throws -> [ReloadReport] {
      try await passing(until: "\(count) reports") {
        reports.all.withLock { $0.count >= count }
      }
      barriers += 1
      let folder = test.folder + "/factories"
      try FileManager.default.createDirectory(
        atPath: folder,
        withIntermediateDirectories: true
      )
      try Data("-- \(barriers)".utf8)
        .write(to: URL(fileURLWithPath: test.folder + "/" + Self.barrier))
      try await passing(until: "the last change") {
        reports.all.withLock { $0.last?.scripts.contains { $0.name == Self.barrier } == true }
      }
      return reports.all.withLock { reports in
        defer { reports = [] }
        return reports.filter { $0.scripts.map(\.name) != [Self.barrier] }
      }
    }

    /// What was told since the last look, once it is as much as expected: where nothing can be reloaded.
    func told(_ count: Int) async throws -> [ReloadReport] {
      try await passing(until: "\(count) reports") {
        reports.all.withLock { $0.count >= count }
      }
      return reports.all.withLock { reports in
        defer { reports = [] }
        return reports
      }
    }

    /// Ends a look at the folder that is under way, such as the first: the watch hears of something that is no change,
    /// and waits for quiet until time passes.
    func hold() async throws {
      try await shell("touch stores/a.lua")
      try await eventually("the watch waits for quiet") { time.sleeping == 1 }
    }

    /// Waits until the host has reported that its folder is away.
    func missed() async throws {
      try await passing(until: "the folder is missed") {
        test.record.reports.contains { $0.message.contains("the project's folder is away") }
      }
    }

    func shell(_ command: String) async throws {
      let process = Process()
      process.executableURL = URL(fileURLWithPath: "/bin/sh")
      process.arguments = ["-ec", command]
      process.currentDirectoryURL = URL(fileURLWithPath: test.folder)
      process.standardInput = FileHandle.nullDevice
      process.standardError = FileHandle.nullDevice
      process.standardOutput = FileHandle.nullDevice
      // Waiting must not take a thread from the host that is watched.
      try await withCheckedThrowingContinuation { (ended: CheckedContinuation<Void, any Error>) in
        process.terminationHandler = { _ in ended.resume() }
        do {
          try process.run()
        } catch {
          process.terminationHandler = nil
          ended.resume(throwing: error)
        }
      }
      try #require(process.terminationStatus == 0, "\(command)")
    }
  }

  private final class Reports: Sendable {
    let all = Mutex<[ReloadReport]>([])
  }

  private static func store(_ id: String, _ version: String) -> String {
    "return defineStore('\(id)', { state = { n = 0 }, actions = { version = function() return '\(version)' end, "
      + "set = function(self, n) self.n = n end } })\n"
  }

  private static let project = [
    "stores/a.lua": store("a", "one"), "stores/b.lua": store("b", "one"),
  ]
  private let ask = "useStore('a'):version()"

  private static func has(_ program: String) -> Bool {
    ["/usr/bin/", "/bin/", "/usr/local/bin/"].contains {
      FileManager.default.isExecutableFile(atPath: $0 + program)
    }
  }

  @Test(arguments: [
    "sed -i s/one/two/ stores/a.lua",
    "sed s/one/two/ stores/a.lua > x.tmp && mv x.tmp stores/a.lua",
    "sed s/one/two/ stores/a.lua > stores/.a.swp && cat stores/.a.swp > stores/a.lua && rm stores/.a.swp",
    "cp stores/a.lua stores/a.lua~ && sed s/one/two/ stores/a.lua~ > stores/new && rm stores/a.lua && mv stores/new stores/a.lua",
    "sed s/one/two/ stores/a.lua > other && ln -f other stores/a.lua",
    "mv stores old && cp -r old stores && sed -i s/one/two/ stores/a.lua && rm -r old",
    "for i in 1 2 3 4 5; do sed -i s/one/$i/ stores/a.lua; sed -i s/$i/one/ stores/a.lua; done; sed -i s/one/two/ stores/a.lua",
  ])
  func `However a file is changed, it is seen once`(_ command: String) async throws {
    let watched = try await Watched(WatchTests.project)
    try await watched.shell(command)
    let reports = try await watched.seen(ask, "two")
    #expect(reports.count == 1)
    #expect(reports.first?.scripts.map(\.name) == ["stores/a.lua"])
  }

  @Test(.enabled(if: has("vim"))) func `vim is seen once`() async throws {
    let watched = try await Watched(WatchTests.project)
    for options in ["", "set backupcopy=yes |", "set backup writebackup backupcopy=no |"] {
      try await watched.shell("vim -es -u NONE -c '\(options) %s/one/two/' -c wq stores/a.lua")
      #expect(try await watched.seen(ask, "two").count == 1)
      try await watched.shell("vim -es -u NONE -c '%s/two/one/' -c wq stores/a.lua")
      #expect(try await watched.seen(ask, "one").count == 1)
    }
  }

  @Test(.enabled(if: has("git"))) func `Another branch is one reload, and so is the way back`()
    async throws
  {
    let watched = try await Watched(WatchTests.project)
    try await watched.shell(
      """
      git init -q -b main . && git add -A
      git -c user.name=a -c user.email=a commit -qm one && git checkout -qb other
      sed -i s/one/two/ stores/a.lua stores/b.lua
      printf '%s' "return defineStore('c', {})" > stores/c.lua
      git add -A && git -c user.name=a -c user.email=a commit -qm two && git checkout -q main
      """
    )
    _ = try await watched.settled(after: 0)
    try await watched.shell("git checkout -q other")
    let there = try await watched.seen(ask, "two")
    #expect(
      there.map { $0.scripts.map(\.name) } == [["stores/a.lua", "stores/b.lua", "stores/c.lua"]]
    )
    try await watched.shell("git checkout -q main")
    #expect(try await watched.seen(ask, "one").count == 1)
    #expect(await watched.test.host.storeIDs == ["a", "b"])
  }

  @Test func `New folders, moved folders and removed files are seen`() async throws {
    let watched = try await Watched(WatchTests.project)
    let text =
      "\"return defineStore('deep', { actions = { version = function() return 'one' end } })\""
    try await watched.shell("mkdir -p stores/x/y/z && printf '%s' \(text) > stores/x/y/z/deep.lua")
    let deep = "registry.has('deep') and useStore('deep'):version()"
    #expect(try await watched.seen(deep, "one").count == 1)
    try await watched.shell("mv stores/x stores/moved")
    let moved = try await watched.settled()
    #expect(
      moved.map { $0.scripts.map(\.name) } == [
        ["stores/moved/y/z/deep.lua", "stores/x/y/z/deep.lua"]
      ]
    )
    #expect(moved.first?.failures.map(\.message) == [])
    try await watched.shell("sed -i s/one/two/ stores/moved/y/z/deep.lua")
    #expect(try await watched.seen(deep, "two").count == 1)
    try await watched.shell("rm -r stores/moved")
    #expect(try await watched.settled().first?.stores.map(\.change) == [.removed])
    try await watched.shell("mv stores/a.lua away")
    #expect(try await watched.settled().map { $0.stores.first?.change } == [.removed])
    try await watched.shell("mv away stores/a.lua")
    #expect(try await watched.settled().map { $0.stores.first?.change } == [.added])
  }

  @Test func `Five hundred files at once are one reload`() async throws {
    var files = WatchTests.project
    for number in 0..<500 {
      files["stores/many/s\(number).lua"] = WatchTests.store("s\(number)", "one")
    }
    let watched = try await Watched(files)
    // A look in the middle of the burst would find a part of it.
    try await watched.hold()
    try await watched.shell("sed -i s/one/two/ stores/many/*.lua stores/a.lua")
    let reports = try await watched.seen(ask, "two")
    #expect(reports.count == 1)
    #expect(reports.first?.scripts.count == 501)
  }

  @Test func `What does not change a script is no reload`() async throws {
    let watched = try await Watched(WatchTests.project)
    try await watched.shell(
      "touch stores/a.lua; chmod u+x stores/a.lua; echo x > stores/notes.txt; echo 'x=' > stores/.hidden.lua; "
        + "mkdir tests; echo 'return }' > tests/a.lua; cp stores/a.lua stores/b; rm stores/b; echo x > main.lua"
    )
    #expect(try await watched.settled(after: 0).isEmpty)
  }

  @Test func `A script that is broken is told of once, until it changes`() async throws {
    let watched = try await Watched(WatchTests.project)
    try await watched.shell("echo 'return }' > stores/a.lua")
    let refused = try await watched.told(1)
    #expect(refused.map(\.isRefused) == [true])
    try await watched.shell("touch stores/a.lua; touch stores/b.lua")
    #expect(try await watched.test.run("return \(ask)") == "one")
    try await watched.shell(
      "printf '%s' \"\(WatchTests.store("a", "two").dropLast())\" > stores/a.lua"
    )
    #expect(try await watched.seen(ask, "two").map(\.isRefused) == [false])
  }

  @Test func `The folder itself can go and come back`() async throws {
    let watched = try await Watched(WatchTests.project)
    let folder = watched.test.folder
    try await watched.test.run("useStore('a'):set(5)")
    try FileManager.default.moveItem(atPath: folder, toPath: folder + "-away")
    // It is missed, and all that runs goes on.
    try await watched.missed()
    #expect(try await watched.test.run("return useStore('a').n") == 5)
    try FileManager.default.moveItem(atPath: folder + "-away", toPath: folder)
    try await watched.shell("sed -i s/one/two/ stores/a.lua")
    _ = try await watched.seen(ask, "two")
    #expect(try await watched.test.run("return useStore('a').n") == 5)
  }

  @Test(arguments: [nil, 0.05])
  func `What was changed before the watch began is seen as well`(polling: Double?) async throws {
    let test = try await TestHost(WatchTests.project)
    try WatchTests.store("a", "two")
      .write(toFile: test.folder + "/stores/a.lua", atomically: true, encoding: .utf8)
    var options = WatchOptions()
    options.polling = polling
    let watch = try await test.host.watch(options)
    try await test.expect(ask, "two")
    watch.stop()
  }

  @Test func `Polling sees the same`() async throws {
    var options = WatchOptions()
    options.polling = 0.05
    let watched = try await Watched(WatchTests.project, options)
    try await watched.shell("sed -i s/one/two/ stores/a.lua")
    #expect(try await watched.seen(ask, "two").count == 1)
    try await watched.shell("rm stores/b.lua")
    #expect(try await watched.settled().first?.stores.map(\.change) == [.removed])
    options.polling = 0
    await #expect(throws: StoreError.self) { try await watched.test.host.watch(options) }
  }

  @Test func `A watch that has been stopped sees nothing more, and hosts come and go with theirs`()
    async throws
  {
    let watched = try await Watched(WatchTests.project)
    watched.watch.stop()
    try await watched.shell("sed -i s/one/two/ stores/a.lua")
    // It is a reload of its own that finds the change.
    #expect(try await watched.test.host.reload().scripts.map(\.name) == ["stores/a.lua"])
    for _ in 0..<300 {
      let test = try await TestHost(WatchTests.project)
      let watch = try await test.host.watch()
      await test.host.close()
      _ = watch
    }
  }

  @Test func `A host without a project has nothing to watch or to reload`() async throws {
    let host = try await StoreHost()
    await #expect(throws: StoreError.self) { try await host.watch() }
    await #expect(throws: StoreError.self) { try await host.reload() }
  }
}
