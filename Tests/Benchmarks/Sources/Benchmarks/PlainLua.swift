import CReference
import Foundation

/// The reference: plain Lua over tables, through C; see `reference.h`.
// Nobody else has the state, which lives as long as this does.
@safe final class PlainLua {
  struct Failure: Error, CustomStringConvertible { let description: String }

  private let state: OpaquePointer

  /// A state with all files of the reference.
  init() throws {
    guard let state = unsafe reference_open() else {
      throw Failure(description: "no memory for the reference")
    }
    unsafe self.state = state
    for file in ["bus", "shop", "hundred", "state"] {
      try check(unsafe reference_load(state, "\(Folders.plain)/\(file).lua"))
    }
  }

  // The only one that closes it.
  deinit { unsafe reference_close(state) }

  /// Calls `loops[name]` with a count, and gives the number that it returns.
  @discardableResult
  func loop(_ name: String, _ count: Int) throws -> Double {
    var result = 0.0
    try check(unsafe reference_loop(state, name, Int64(count), &result))
    return result
  }

  /// Calls each function of `steps[name]` in turn, `count` times, each by a protected call.
  @discardableResult
  func steps(_ name: String, _ count: Int) throws -> Double {
    var result = 0.0
    try check(unsafe reference_steps(state, name, Int64(count), &result))
    return result
  }

  /// Compiles a text and throws the result away, as luac -p does.
  func compile(_ text: [UInt8]) throws {
    // The bytes are read during the call only.
    let compiles = unsafe text.withUnsafeBytes { bytes in
      unsafe reference_compile(
        state,
        bytes.assumingMemoryBound(to: CChar.self).baseAddress,
        bytes.count
      )
    }
    try check(compiles)
  }

  /// Bytes after a full collection.
  var bytes: Int { unsafe reference_bytes(state) }

  private func check(_ isFine: Bool) throws {
    // The text lives as long as the state.
    guard !isFine else { return }
    throw Failure(description: unsafe String(cString: reference_error(state)))
  }

  /// A state with Lua's libraries and nothing else, from beginning to end.
  static func openAndClose() throws {
    guard let state = unsafe reference_open() else {
      throw Failure(description: "no memory for the reference")
    }
    unsafe reference_close(state)
  }

  /// The bytes of such a state.
  static func emptyBytes() throws -> Int {
    guard let state = unsafe reference_open() else {
      throw Failure(description: "no memory for the reference")
    }
    defer { unsafe reference_close(state) }
    return unsafe reference_bytes(state)
  }
}

/// Where things are in this repository.
enum Folders {
  private static let package = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
  static let plain = package + "/Plain"
  static let projects = package + "/Projects"
  static let shop = package + "/../../Scripts/shop"
}
