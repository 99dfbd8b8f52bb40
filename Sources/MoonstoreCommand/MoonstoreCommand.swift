import ArgumentParser
import MoonLua

/// The command `moonstore`: reads arguments, and hands everything else to the library.
@main
struct MoonstoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "moonstore",
    abstract: "Runs reactive stores whose behaviour is written in Lua.",
    version: "moonstore 0.1.0 over \(LuaVM.release)",
    subcommands: [RunCommand.self]
  )
}
