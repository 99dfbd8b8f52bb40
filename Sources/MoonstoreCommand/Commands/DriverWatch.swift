import Foundation
import MoonstoreHost

/// Tells people that the script which they run has changed: under `--watch` the scripts of the project are reloaded,
/// but a script that is run has run, or is in the middle of it.
enum DriverWatch {
  /// Watches a script until the command ends.
  ///
  /// - Parameters:
  ///   - location: Where the script is.
  ///   - seconds: How often its file is looked at.
  ///   - printer: Who tells people.
  static func begin(
    _ location: ScriptLocation,
    every seconds: Double,
    _ printer: DiagnosticPrinter
  ) {
    let path = location.path
    let name = location.name
    let text = FileManager.default.contents(atPath: path)
    Task {
      var known = text
      while (try? await Task.sleep(for: .seconds(seconds))) != nil {
        // An editor may have taken it away for a moment.
        guard let text = FileManager.default.contents(atPath: path), text != known else { continue }
        known = text
        printer.note(
          "\(name) has changed and is not run again: --watch reloads the scripts of the project; to run the new "
            + "text, start the command again",
          evenIfQuiet: true
        )
      }
    }
  }
}
