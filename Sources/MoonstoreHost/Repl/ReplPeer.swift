import MoonLua

/// What a prompt talks to: a session of this process, or one of another that it is attached to.
public protocol ReplPeer: Sendable {
  /// Runs an entry, and waits for its end.
  func submit(_ text: String, _ view: ReplView) async -> ReplResult
  /// What could stand at the end of a text.
  func completions(for text: String) async -> ReplCompletions
  /// Cancels the entry that runs or waits.
  func cancel()
  /// Ends watches and traces.
  func stop() async
  /// Ends the session.
  func close() async
}

extension ReplSession: ReplPeer {}

/// What a prompt asks of a text before it is submitted.
public enum ReplInput: Sendable {
  /// Whether a text lacks its end, so that the next line belongs to it.
  public static func isIncomplete(_ text: String) -> Bool {
    var code = text.drop { $0.isWhitespace }
    if code.first == ":" {
      let taking = [":dry", ":time", ":watch", ":print"]
      guard let command = taking.first(where: { code.hasPrefix($0 + " ") }) else { return false }
      code = code.dropFirst(command.count)
    } else if code.first == "=" {
      code = code.dropFirst()
    }
    guard let vm = try? LuaVM() else { return false }
    let source = code + "\n"
    do throws(LuaError) {
      _ = try vm.load("return " + source, name: "entry")
      return false
    } catch {
      if error.isIncompleteInput { return !isWhole(String(source), vm) }
    }
    do throws(LuaError) {
      _ = try vm.load(String(source), name: "entry")
      return false
    } catch {
      return error.isIncompleteInput
    }
  }

  private static func isWhole(_ source: String, _ vm: LuaVM) -> Bool {
    (try? vm.load(source, name: "entry")) != nil
  }
}
