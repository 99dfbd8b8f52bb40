/// One thing that is wrong with a script: how bad it is, what, where, and what may help.
///
/// Everything that tells people of a place in a script does it by this type: loading, reloading, running, entries of
/// a prompt, and the checker. It writes itself as `file:line:column: severity CODE: message`, in a terminal with the
/// line of the script below, and as data.
public struct Diagnostic: Sendable, Hashable {
  /// How bad it is.
  public enum Severity: String, Sendable, Hashable, CaseIterable {
    /// It does not work.
    case error
    /// It works, and probably not as meant.
    case warning
    /// It is worth knowing.
    case note
  }

  /// A place in a script.
  public struct Place: Sendable, Hashable {
    /// The script, relative to its project.
    public var file: String
    /// The line, from 1; nil where only the script is known.
    public var line: Int?
    /// The column, in Unicode scalars from 1; nil where only the line is known.
    public var column: Int?
    /// The line of the last byte.
    public var endLine: Int?
    /// The column behind the last byte.
    public var endColumn: Int?
    /// The text of the line, where it is known.
    public var text: String?

    /// Makes a place.
    public init(
      file: String,
      line: Int? = nil,
      column: Int? = nil,
      endLine: Int? = nil,
      endColumn: Int? = nil,
      text: String? = nil
    ) {
      self.file = file
      self.line = line
      self.column = column
      self.endLine = endLine
      self.endColumn = endColumn
      self.text = text
    }
  }

  /// What helps to understand it: another place that has to do with it, or advice.
  public struct Note: Sendable, Hashable {
    /// What there is to say.
    public var message: String
    /// Where; nil for advice.
    public var place: Place?

    /// Makes a note.
    public init(_ message: String, at place: Place? = nil) {
      self.message = message
      self.place = place
    }
  }

  /// A change of the text that mends it without changing what else the script does.
  public struct Fix: Sendable, Hashable {
    /// What the change does, in a few words.
    public var title: String
    /// The bytes of the file that it replaces.
    public var range: Range<Int>
    /// What stands there then.
    public var replacement: String

    /// Makes a fix.
    public init(_ title: String, replacing range: Range<Int>, with replacement: String) {
      self.title = title
      self.range = range
      self.replacement = replacement
    }
  }

  /// How bad it is.
  public var severity: Severity
  /// What kind it is of, such as `E011` or `unknownStore`.
  public var code: String
  /// What is wrong, in one sentence.
  public var message: String
  /// Where; nil for what has no place in a script.
  public var place: Place?
  /// What helps to understand it.
  public var notes: [Note]
  /// Lua's traceback, one level each; empty where there is none.
  public var traceback: [String]
  /// How it can be mended without thinking.
  public var fix: Fix?

  /// Makes a diagnostic.
  public init(
    _ severity: Severity,
    _ code: String,
    _ message: String,
    at place: Place? = nil,
    notes: [Note] = [],
    traceback: [String] = [],
    fix: Fix? = nil
  ) {
    self.severity = severity
    self.code = code
    self.message = message
    self.place = place
    self.notes = notes
    self.traceback = traceback
    self.fix = fix
  }
}

extension Diagnostic.Place: CustomStringConvertible {
  /// `file:line:column`, as far as it is known.
  public var description: String {
    var text = file
    if let line {
      text += ":\(line)"
      if let column { text += ":\(column)" }
    }
    return text
  }
}

extension Diagnostic: CustomStringConvertible {
  /// `file:line:column: severity CODE: message`; what has no place is `severity: message`.
  public var description: String {
    guard let place else { return "\(severity.rawValue): \(message)" }
    return "\(place): \(severity.rawValue) \(code): \(message)"
  }
}

extension Diagnostic: Comparable {
  /// Orders by file, line, column and code.
  public static func < (a: Diagnostic, b: Diagnostic) -> Bool { a.order < b.order }

  private var order: (String, Int, Int, String, String) {
    (place?.file ?? "", place?.line ?? 0, place?.column ?? 0, code, message)
  }
}
