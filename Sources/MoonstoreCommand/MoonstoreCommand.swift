import ArgumentParser
import MoonLua

/// The command `moonstore`: reads the command line and hands over to one of its subcommands.
@main
struct MoonstoreCommand: AsyncParsableCommand {
  static let release = "0.1.0"

  static let configuration = CommandConfiguration(
    commandName: "moonstore",
    abstract: "Runs reactive stores whose behaviour is written in Lua.",
    discussion: """
      A project is a folder of Lua scripts: its stores are in stores/, and an optional \
      moonstore.lua holds its settings.

      EXAMPLES
        moonstore run Scripts/shop
        moonstore repl Scripts/shop
        moonstore inspect Scripts/shop

      \(ExitStatus.helpText)
      """,
    version: "moonstore \(release) (\(LuaVM.release))\n\(LuaVM.weakness)",
    subcommands: [
      RunCommand.self, ReplSubcommand.self, AttachCommand.self, EvalCommand.self,
      InspectCommand.self, CheckCommand.self,
    ]
  )

  static func main() async {
    // First of all, before the first file is opened.
    Descriptor.fillStandardStreams()
    SignalWatch.shared.start()
    do {
      var command = try parseAsRoot()
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      exit(withError: error)
    }
  }
}
