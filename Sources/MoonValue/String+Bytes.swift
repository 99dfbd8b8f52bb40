// Swift calls two strings equal that a reader could not tell apart, such as both spellings of "é". For
// Lua those are two strings, and so they are for all data here.

extension String {
  /// Whether both strings consist of the same bytes.
  package func hasSameBytes(as other: String) -> Bool {
    guard utf8.count == other.utf8.count else { return false }
    // The pointers are used inside the closures only, which is as long as they hold.
    let same: Bool?? = unsafe utf8.withContiguousStorageIfAvailable { mine in
      unsafe other.utf8.withContiguousStorageIfAvailable { theirs in
        unsafe haveSameBytes(UnsafeRawBufferPointer(mine), UnsafeRawBufferPointer(theirs))
      }
    }
    if let same, let same { return same }
    return utf8.elementsEqual(other.utf8)
  }

  /// Whether the string consists of these bytes.
  package func hasBytes(_ bytes: UnsafeRawBufferPointer) -> Bool {
    guard utf8.count == bytes.count else { return false }
    // The pointer is used inside the closure only, which is as long as it holds.
    let same: Bool? = unsafe utf8.withContiguousStorageIfAvailable { mine in
      unsafe haveSameBytes(UnsafeRawBufferPointer(mine), bytes)
    }
    return unsafe same ?? utf8.elementsEqual(bytes)
  }

  /// Whether this string stands before another when both are sorted by their bytes.
  package func comesBeforeByBytes(_ other: String) -> Bool {
    // The pointers are used inside the closures only, which is as long as they hold.
    let before: Bool?? = unsafe utf8.withContiguousStorageIfAvailable { mine in
      unsafe other.utf8.withContiguousStorageIfAvailable { theirs in
        unsafe mine.lexicographicallyPrecedes(theirs)
      }
    }
    if let before, let before { return before }
    return utf8.lexicographicallyPrecedes(other.utf8)
  }

  /// Feeds the bytes to a hasher.
  package func hashBytes(into hasher: inout Hasher) {
    // The pointer is used inside the closure only, which is as long as it holds.
    let hashed: Void? = unsafe utf8.withContiguousStorageIfAvailable { bytes in
      unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
    }
    if hashed == nil {
      for byte in utf8 { hasher.combine(byte) }
    }
    // Marks the end, so that neighbouring strings in a larger value cannot run together.
    hasher.combine(0xFF as UInt8)
  }
}

/// Compares two buffers of the same size, eight bytes at a time.
@inline(__always)
private func haveSameBytes(_ a: UnsafeRawBufferPointer, _ b: UnsafeRawBufferPointer) -> Bool {
  let count = a.count
  var offset = 0
  while offset + 8 <= count {
    // Both loads end at or before `count`, which is the size of both.
    let same =
      unsafe a.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
      == b.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
    guard same else { return false }
    offset += 8
  }
  while offset < count {
    // `offset` is below the size of both.
    guard unsafe a[offset] == b[offset] else { return false }
    offset += 1
  }
  return true
}

extension [UInt8] {
  /// The position of the first byte that is no part of a character; the count where all are.
  package var firstInvalidByte: Int {
    var rest = makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var offset = 0
    while case .valid(let scalar) = parser.parseScalar(from: &rest) { offset += scalar.count }
    return offset
  }
}
