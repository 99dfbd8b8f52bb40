import MoonValue

/// Long texts that have entered the state lately, so that the same one is kept once, wherever it is put.
///
/// A script's string is shared by all that hold it; without this each place of the state would have a copy, and a
/// script that puts one megabyte into a thousand places would take a thousand.
struct RecentTexts {
  private static let count = 8
  /// What is kept besides the last one, in bytes: a text that nothing else holds any more is not to stay for long.
  private static let size = 4 << 20

  private var texts: [String] = []

  /// The text that has these bytes: one that was there before, or a new one, which is kept.
  ///
  /// Nil if it is no UTF-8.
  mutating func text(
    of bytes: UnsafeRawBufferPointer,
    make: (UnsafeRawBufferPointer) -> String?
  ) -> String? {
    for position in texts.indices.reversed() where unsafe texts[position].hasBytes(bytes) {
      // The last one used is the last one dropped.
      let known = texts.remove(at: position)
      texts.append(known)
      return known
    }
    guard let text = unsafe make(bytes) else { return nil }
    texts.append(text)
    var total = texts.reduce(0) { $0 + $1.utf8.count }
    while texts.count > 1, texts.count > RecentTexts.count || total > RecentTexts.size {
      total -= texts.removeFirst().utf8.count
    }
    return text
  }
}

extension StateTree {
  /// From this length on, in bytes, it pays to look whether a text is there already; shorter ones are copied.
  package static let longText = 4_096

  /// A long text that a script puts into the state, or sends: it is kept once, however often it comes.
  ///
  /// - Parameters:
  ///   - bytes: The text.
  ///   - make: Makes it; nil for what is no UTF-8.
  /// - Returns: The text, or nil.
  package func text(
    of bytes: UnsafeRawBufferPointer,
    make: (UnsafeRawBufferPointer) -> String?
  ) -> String? {
    unsafe recentTexts.text(of: bytes) {
      noteGrowth(bytes.count)
      return unsafe make($0)
    }
  }
}
