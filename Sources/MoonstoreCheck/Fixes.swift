public import MoonDiagnostics

/// Makes the changes that findings offer, which change nothing else of what a script does.
public enum Fixes: Sendable {
  /// Changes a text.
  ///
  /// - Parameters:
  ///   - diagnostics: The findings of this text; those without a fix are passed over.
  ///   - bytes: The text.
  /// - Returns: The changed text, and how many changes were made: those that overlap an earlier one wait for another
  ///   time.
  public static func apply(_ diagnostics: [Diagnostic], to bytes: [UInt8]) -> (
    bytes: [UInt8], count: Int
  ) {
    var changed: [UInt8] = []
    var end = 0
    var count = 0
    let fixes = diagnostics.compactMap(\.fix).sorted { $0.range.lowerBound < $1.range.lowerBound }
    for fix in fixes where fix.range.lowerBound >= end && fix.range.upperBound <= bytes.count {
      changed += bytes[end..<fix.range.lowerBound]
      changed += Array(fix.replacement.utf8)
      end = fix.range.upperBound
      count += 1
    }
    return (changed + bytes[end...], count)
  }
}
