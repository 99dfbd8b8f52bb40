extension String {
  /// A text from bytes that Lua holds; nil when they are no UTF-8.
  init?(lua bytes: UnsafeRawBufferPointer) {
    // Most strings of scripts are plain, and need no decoding.
    if unsafe bytes.allSatisfy({ $0 < 0x80 }) {
      // Every byte that is written here was just checked to be ASCII.
      self = unsafe String(unsafeUninitializedCapacity: bytes.count) { buffer in
        unsafe UnsafeMutableRawBufferPointer(buffer).copyMemory(from: bytes)
        return bytes.count
      }
    } else {
      guard let text = unsafe String(validating: bytes, as: UTF8.self) else { return nil }
      self = text
    }
  }
}
