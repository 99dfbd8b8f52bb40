// swift-tools-version: 6.3
import PackageDescription

// A package of its own, so that whoever uses the library never builds it. `Scripts/bench` does.
let package = Package(
  name: "benchmarks",
  platforms: [.macOS(.v15)],
  dependencies: [.package(name: "moonstore", path: "../..")],
  targets: [
    // The system's Lua once more: the reference goes past everything of ours.
    .systemLibrary(
      name: "CPlainLua",
      pkgConfig: "lua5.4",
      providers: [.apt(["liblua5.4-dev"]), .brew(["lua@5.4"])]
    ),
    // Plain Lua through C, what a C program would write; counts allocations as well.
    .target(name: "CReference", dependencies: ["CPlainLua"]),
    .executableTarget(
      name: "Benchmarks",
      dependencies: [
        "CReference",
        .product(name: "MoonstoreHost", package: "moonstore"),
        .product(name: "MoonstoreCore", package: "moonstore"),
        .product(name: "MoonLuaSyntax", package: "moonstore"),
        .product(name: "MoonstoreCheck", package: "moonstore"),
      ]
    ),
  ]
)

for target in package.targets where target.type != .system {
  target.cSettings = [.treatAllWarnings(as: .error), .enableWarning("extra")]
  target.swiftSettings = [
    .treatAllWarnings(as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]
}
