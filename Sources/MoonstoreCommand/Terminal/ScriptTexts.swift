import Foundation
import MoonstoreHost
import Synchronization

/// The texts of scripts and entries, for the lines that are shown below an error.
///
/// Scripts are read from the project's folder when they are asked for: they are there for people only, who see the
/// same file.
final class ScriptTexts: Sendable {
  /// What is larger has no lines that people read.
  private static let largestFile = 4 << 20

  private let project: String?
  private let texts = Mutex<[String: String]>([:])

  init(project: String?) { self.project = project }

  /// Keeps the text of an entry, under the name that errors call it by.
  func keep(_ text: String, ofEntry number: Int) {
    texts.withLock { texts in
      // Only the entries of late are told of.
      texts[ReplInput.name(ofEntry: number - 16)] = nil
      texts[ReplInput.name(ofEntry: number)] = String(ReplInput.code(of: text))
    }
  }

  /// Says where the text of a script is that lies elsewhere.
  func keep(_ text: String, of script: String) { texts.withLock { $0[script] = text } }

  /// The text of a script or an entry; nil where it is not known.
  func text(of script: String) -> String? {
    if let text = texts.withLock({ $0[script] }) { return text }
    // A script can give a chunk any name, so only names of scripts inside of the project are followed.
    guard let project, script.hasSuffix(".lua"), !script.hasPrefix("/"),
      !script.split(separator: "/").contains("..")
    else { return nil }
    let path = project + "/" + script
    guard let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int,
      size <= Self.largestFile, let data = FileManager.default.contents(atPath: path)
    else { return nil }
    return String(decoding: data, as: UTF8.self)
  }
}
