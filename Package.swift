// swift-tools-version: 6.3
import PackageDescription

let package = Package(
  name: "moonstore",
  platforms: [.macOS(.v15)],
  products: [
    .library(name: "MoonstoreHost", targets: ["MoonstoreHost"]),
    .library(name: "MoonstoreHTTP", targets: ["MoonstoreHTTP"]),
    .library(name: "MoonstoreRemote", targets: ["MoonstoreRemote"]),
    .library(name: "MoonstoreCore", targets: ["MoonstoreCore"]),
    .library(name: "MoonLua", targets: ["MoonLua"]),
    .library(name: "MoonLuaSyntax", targets: ["MoonLuaSyntax"]),
    .library(name: "MoonDiagnostics", targets: ["MoonDiagnostics"]),
    .library(name: "MoonstoreCheck", targets: ["MoonstoreCheck"]),
    .executable(name: "moonstore", targets: ["MoonstoreCommand"]),
  ],
  traits: [
    .trait(
      name: "HTTP",
      description: "The HTTP client of the command, for --allow-http; most of a first build."
    ),
    .default(enabledTraits: ["HTTP"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
    .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
    // What async-http-client is made of, for the types that its interface shows.
    .package(url: "https://github.com/apple/swift-nio", from: "2.100.0"),
    .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
  ],
  targets: [
    // The module map over the system's Lua 5.4; pkg-config, apt and brew names live here.
    .systemLibrary(
      name: "CMoonLua",
      pkgConfig: "lua5.4",
      providers: [.apt(["liblua5.4-dev"]), .brew(["lua@5.4"])]
    ),
    // The system's line editor; macOS has it, apt brings it.
    .systemLibrary(name: "CLibEdit", pkgConfig: "libedit", providers: [.apt(["libedit-dev"])]),
    // The line editor of the command over it, whose options Swift cannot pass.
    .target(name: "CMoonTerminal", dependencies: ["CLibEdit"]),
    // Every call that can raise, allocate or yield; the only place where a longjmp may happen.
    .target(name: "CMoonBridge", dependencies: ["CMoonLua"]),
    // Plain data: what state, arguments, results and messages are made of, and its JSON.
    .target(
      name: "MoonValue",
      dependencies: [.product(name: "OrderedCollections", package: "swift-collections")]
    ),
    // A safe Lua VM for Swift, usable alone; all unsafe pointers to Lua stay here.
    .target(name: "MoonLua", dependencies: ["CMoonBridge", "MoonValue"]),
    // Lexer, parser and tree of Lua 5.4's text; runs nothing.
    .target(name: "MoonLuaSyntax"),
    // What is wrong with a script, and where: for people, and as data. Needs no host.
    .target(name: "MoonDiagnostics", dependencies: ["MoonLuaSyntax", "MoonValue"]),
    // What is wrong with the scripts of a project, by their texts; runs nothing.
    .target(
      name: "MoonstoreCheck",
      dependencies: ["MoonLuaSyntax", "MoonDiagnostics", "MoonValue"]
    ),
    // The description of all that scripts get, for the host and for tools that run nothing.
    .target(
      name: "MoonstoreInterface",
      resources: [
        .embedInCode("Interface/bus.lua"),
        .embedInCode("Interface/composition.lua"),
        .embedInCode("Interface/effects.lua"),
        .embedInCode("Interface/factories.lua"),
        .embedInCode("Interface/http.lua"),
        .embedInCode("Interface/lua.lua"),
        .embedInCode("Interface/registry.lua"),
        .embedInCode("Interface/scripts.lua"),
        .embedInCode("Interface/stores.lua"),
        .embedInCode("Interface/turns.lua"),
        .embedInCode("Interface/values.lua"),
        .embedInCode("Interface/world.lua"),
      ]
    ),
    // Writes what comes from that description: the reference pages, and the table of the host's functions.
    .executableTarget(name: "MoonstoreReference", dependencies: ["MoonstoreInterface"]),
    // Reactive graph, state, turns, registry and bus; knows no Lua.
    .target(name: "MoonstoreCore", dependencies: ["MoonValue"]),
    // Scripts into stores; what people import.
    .target(
      name: "MoonstoreHost",
      dependencies: [
        "MoonLua", "MoonLuaSyntax", "MoonDiagnostics", "MoonValue", "MoonstoreCore",
        "MoonstoreInterface",
      ],
      resources: [
        .embedInCode("ScriptAPI/Prelude.lua"),
        .embedInCode("ScriptAPI/Chapters/Composition.lua"),
        .embedInCode("ScriptAPI/Chapters/Entities.lua"),
        .embedInCode("ScriptAPI/Chapters/Schemas.lua"),
        .embedInCode("ScriptAPI/Chapters/Factories.lua"),
        .embedInCode("ScriptAPI/Chapters/HTTP.lua"),
        .embedInCode("ScriptAPI/Chapters/Tasks.lua"),
        .embedInCode("ScriptAPI/Chapters/Effects.lua"),
      ]
    ),
    // Real HTTP for scripts; apart, since the client library is far larger than the host.
    .target(
      name: "MoonstoreHTTP",
      dependencies: [
        "MoonstoreHost", "MoonstoreCore",
        .product(name: "AsyncHTTPClient", package: "async-http-client"),
        .product(name: "NIOCore", package: "swift-nio"),
        .product(name: "NIOHTTP1", package: "swift-nio"),
        .product(name: "NIOPosix", package: "swift-nio"),
        .product(name: "NIOSSL", package: "swift-nio-ssl"),
      ]
    ),
    // Sessions from other processes, over a socket.
    .target(
      name: "MoonstoreRemote",
      dependencies: ["MoonstoreHost", "MoonstoreCore", "MoonValue"]
    ),
    // The command, thin; a module named like its product would collide on macOS.
    .executableTarget(
      name: "MoonstoreCommand",
      dependencies: [
        "MoonstoreHost", "MoonstoreRemote", "MoonstoreCore", "MoonLua", "MoonValue",
        "MoonLuaSyntax", "MoonDiagnostics", "MoonstoreCheck", "CMoonTerminal",
        .target(name: "MoonstoreHTTP", condition: .when(traits: ["HTTP"])),
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ]
    ),
    // What several test targets need: seeded numbers, and files in a folder of their own.
    .target(name: "TestSupport", path: "Tests/TestSupport"),
    // Programs on terminals of their own, which takes a fork.
    .target(name: "CTestSupport", path: "Tests/CTestSupport"),
    .testTarget(name: "MoonValueTests", dependencies: ["MoonValue", "TestSupport"]),
    // The system's Lua with its own libraries, to compare ours with.
    .target(name: "StandardLua", dependencies: ["CMoonLua"], path: "Tests/StandardLua"),
    .testTarget(name: "MoonLuaTests", dependencies: ["MoonLua", "MoonValue", "StandardLua"]),
    .testTarget(
      name: "MoonLuaSyntaxTests",
      dependencies: ["MoonLuaSyntax", "StandardLua", "TestSupport"]
    ),
    .testTarget(
      name: "MoonstoreCheckTests",
      dependencies: [
        "MoonstoreCheck", "MoonDiagnostics", "MoonLuaSyntax", "MoonValue", "TestSupport",
      ]
    ),
    .testTarget(
      name: "MoonDiagnosticsTests",
      dependencies: ["MoonDiagnostics", "MoonLuaSyntax", "MoonValue"]
    ),
    .testTarget(
      name: "MoonstoreInterfaceTests",
      dependencies: ["MoonstoreInterface", "TestSupport"]
    ),
    .testTarget(
      name: "MoonstoreCoreTests",
      dependencies: ["MoonstoreCore", "MoonValue", "TestSupport"]
    ),
    .testTarget(
      name: "MoonstoreHostTests",
      dependencies: [
        "MoonstoreHost", "MoonstoreCore", "MoonstoreInterface", "MoonLua", "MoonValue",
        "TestSupport",
      ],
      exclude: ["Attacks/Scripts"]
    ),
    .testTarget(
      name: "MoonstoreHTTPTests",
      dependencies: ["MoonstoreHTTP", "MoonstoreHost", "MoonstoreCore", "MoonValue", "TestSupport"]
    ),
    .testTarget(
      name: "MoonstoreRemoteTests",
      dependencies: [
        "MoonstoreRemote", "MoonstoreHost", "MoonstoreCore", "MoonValue", "TestSupport",
      ]
    ),
    .testTarget(
      name: "MoonstoreCommandTests",
      dependencies: [
        "MoonstoreCommand", "MoonstoreHost", "MoonstoreRemote", "MoonValue", "MoonDiagnostics",
        "TestSupport",
        "CTestSupport",
      ]
    ),
  ]
)

for target in package.targets where target.type != .system {
  target.cSettings = [.treatAllWarnings(as: .error), .enableWarning("extra")]
  target.swiftSettings = [
    .treatAllWarnings(as: .error),
    .treatWarning("ExplicitSendable", as: .error),
    .strictMemorySafety(),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("ImmutableWeakCaptures"),
    .enableUpcomingFeature("InferIsolatedConformances"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  ]
}
