import CTestSupport
import Foundation
import Testing

/// The built command at a terminal of its own, as somebody sees and uses it.
final class TerminalRun {
  let process: Int32
  private let master: Int32
  private var bytes: [UInt8] = []
  /// How far the reader has come.
  private var mark = 0
  private(set) var code: Int32?

  /// Starts it; without a history unless the environment says otherwise, where nil leaves a variable out.
  init(
    _ arguments: [String],
    environment: [String: String?] = [:],
    rows: Int32 = 24,
    columns: Int32 = 80
  ) throws {
    let path = try CommandRun.executable.path
    let standard: [String: String?] = [
      "TERM": "xterm", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent", "MOONSTORE_HISTORY": "",
    ]
    let variables = standard.merging(environment) { $1 }.compactMapValues { $0 }
    var master: Int32 = -1
    // Copies that live until the call has returned; the program has its own then.
    var argv: [UnsafeMutablePointer<CChar>?] =
      unsafe ([path] + arguments).map { unsafe strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] =
      unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
    process = unsafe ct_spawn(path, &argv, &envp, rows, columns, &master)
    for index in unsafe argv.indices { unsafe free(argv[index]) }
    for index in unsafe envp.indices { unsafe free(envp[index]) }
    self.master = master
    guard process > 0 else { throw CocoaError(.fileReadUnknown) }
    _ = fcntl(master, F_SETFL, O_NONBLOCK)
  }

  deinit {
    if code == nil {
      kill(process, SIGKILL)
      _ = waitpid(process, nil, 0)
    }
    close(master)
  }

  func send(_ text: String) throws {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(master, $0.baseAddress, $0.count) }
      if count > 0 { rest = rest.dropFirst(count) } else { take() }
    }
  }

  /// Sends a line, and what Enter sends.
  func enter(_ text: String) throws { try send(text + "\r") }

  /// Sends text as terminals send what is pasted.
  func paste(_ text: String) throws {
    try send("\u{1B}[200~" + text.replacing("\n", with: "\r") + "\u{1B}[201~")
  }

  func resize(rows: Int32, columns: Int32) { _ = ct_resize(master, rows, columns) }

  /// Whether the terminal is as it was found.
  var isNormal: Bool { ct_is_normal(master) != 0 }

  private func take() {
    var buffer = [UInt8](repeating: 0, count: 65_536)
    // As many bytes as the buffer has.
    while case let count = unsafe read(master, &buffer, buffer.count), count > 0 {
      bytes += buffer[..<count]
    }
  }

  /// All that was shown, without the codes that move and colour.
  var shown: String { Self.plain(bytes[...]) }
  /// As it was sent.
  var raw: String { String(decoding: bytes, as: UTF8.self) }

  private static func plain(_ bytes: ArraySlice<UInt8>) -> String {
    var text: [UInt8] = []
    var rest = bytes
    while let byte = rest.popFirst() {
      switch byte {
      case 0x1B where rest.first == UInt8(ascii: "["):
        rest.removeFirst()
        while let next = rest.popFirst(), !(0x40...0x7E).contains(next) {}
      case 0x1B: _ = rest.popFirst()
      case 0x0D, 0x07: break
      case 0x08: if !text.isEmpty { text.removeLast() }
      default: text.append(byte)
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Waits until something is shown behind what was waited for before.
  @discardableResult
  func wait(
    for text: String,
    seconds: Double = 30,
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws -> String {
    let deadline = ContinuousClock.now + .seconds(seconds)
    while true {
      take()
      let all = Array(shown.utf8)
      let new = all.dropFirst(mark)
      if let range = new.firstRange(of: Array(text.utf8)) {
        mark = range.upperBound
        return String(decoding: new[..<range.upperBound], as: UTF8.self)
      }
      guard ContinuousClock.now < deadline else {
        Issue.record(
          "'\(text)' was not shown, but: \(String(decoding: new, as: UTF8.self).debugDescription)",
          sourceLocation: sourceLocation
        )
        throw CancellationError()
      }
      try await Task.sleep(for: .milliseconds(10))
    }
  }

  /// Waits for the end, and tells the exit code.
  func end(sourceLocation: SourceLocation = #_sourceLocation) async throws -> Int32 {
    for _ in 0..<2_000 {
      take()
      var status: Int32 = 0
      // The call writes to the local variable only.
      if unsafe waitpid(process, &status, WNOHANG) == process {
        let code = status & 0x7F == 0 ? status >> 8 & 0xFF : 128 + status & 0x7F
        self.code = code
        return code
      }
      try await Task.sleep(for: .milliseconds(10))
    }
    Issue.record("it did not end: \(shown.suffix(500))", sourceLocation: sourceLocation)
    throw CancellationError()
  }
}
