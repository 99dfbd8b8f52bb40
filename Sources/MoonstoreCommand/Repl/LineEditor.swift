import CMoonTerminal
import Foundation
import MoonValue
import MoonstoreCore
import MoonstoreHost
import Synchronization

/// Reads entries at a terminal: keys, history, completion and pastes are libedit's and the bridge's over it.
///
/// Gives whole entries; takes lines of others that are to appear above what is being typed. Reading blocks a
/// thread of its own.
@safe final class LineEditor: @unchecked Sendable {
  /// How a read ended.
  enum Ending: Equatable {
    case entry(String)
    /// Ctrl-D, or the terminal has gone.
    case end
    /// Ctrl-C.
    case interrupted
    /// `leave` was called.
    case left
  }

  // The C editor belongs to `queue`, except for the functions that may be called from anywhere. What else is
  // here is constant or locked, which is why the class can be shared.
  private let raw: OpaquePointer
  private let queue = DispatchQueue(label: "moonstore.editor")
  private let complete: @Sendable (String) -> ReplCompletions
  private let state = Mutex((isReading: false, isLeaving: false, lines: ""))
  private let resizing: any DispatchSourceSignal

  /// An editor on stdin and stdout; nil when they are no terminal that can be edited on.
  init?(complete: @escaping @Sendable (String) -> ReplCompletions) {
    // Every callback gets this back while the editor reads, and who reads keeps the editor.
    let owner = UnsafeMutablePointer<Unmanaged<LineEditor>>.allocate(capacity: 1)
    let callbacks = unsafe mt_callbacks(
      owner: owner,
      is_incomplete: { _, text in
        // The text is valid during the call.
        unsafe ReplInput.isIncomplete(String(cString: text))
      },
      complete: { owner, raw, before in
        let editor = unsafe LineEditor.of(owner)
        unsafe editor.answer(raw, String(cString: before))
      },
      woken: { owner, raw in unsafe LineEditor.of(owner).wake(raw) }
    )
    guard let raw = unsafe mt_editor_new(STDIN_FILENO, STDOUT_FILENO, callbacks) else {
      unsafe owner.deallocate()
      return nil
    }
    unsafe self.raw = raw
    self.complete = complete
    signal(SIGWINCH, SIG_IGN)
    resizing = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .global())
    unsafe owner.initialize(to: Unmanaged.passUnretained(self))
    resizing.setEventHandler { [weak self] in
      // May be called from any thread.
      if let self { unsafe mt_resized(self.raw) }
    }
    resizing.activate()
  }

  private static func of(_ owner: UnsafeMutableRawPointer) -> LineEditor {
    // Set in `init`; the editor lives as long as the process that it serves.
    unsafe owner.assumingMemoryBound(to: Unmanaged<LineEditor>.self).pointee.takeUnretainedValue()
  }

  // MARK: Reading

  /// Reads the next entry.
  func read(_ prompt: String) async -> Ending {
    await withCheckedContinuation { continuation in
      queue.async { [self] in continuation.resume(returning: readNow(prompt)) }
    }
  }

  private func readNow(_ prompt: String) -> Ending {
    let isLeaving = state.withLock { state in
      state.isReading = true
      return state.isLeaving
    }
    defer {
      let rest = state.withLock { state in
        defer { state.lines = "" }
        state.isReading = false
        return state.lines
      }
      // What came too late to be shown above the line.
      try? Descriptor.output.write(rest.utf8)
    }
    if isLeaving { return .left }
    var text: UnsafePointer<CChar>?
    var length = 0
    // The prompt is read during the call only, and the text is copied before the next one.
    let ending = unsafe prompt.withCString { unsafe mt_read(raw, $0, &text, &length) }
    switch ending {
    case Int32(MT_LINE): return .entry(unsafe text.map { unsafe String(cString: $0) } ?? "")
    case Int32(MT_INTERRUPTED): return .interrupted
    case Int32(MT_LEFT): return .left
    default: return .end
    }
  }

  /// Waits for a key; false when `interruptWait` or `leave` was called before.
  func waitForKey() async -> Bool {
    await withCheckedContinuation { continuation in
      queue.async { [self] in
        // Runs on the editor's queue.
        continuation.resume(returning: unsafe mt_wait_key(raw))
      }
    }
  }

  /// Ends `waitForKey`.
  func interruptWait() {
    // May be called from any thread.
    unsafe mt_wake(raw)
  }

  /// Adds an entry to those that the arrow keys lead to.
  func remember(_ text: String) {
    queue.async { [self] in
      // The text is copied; runs on the editor's queue.
      unsafe text.withCString { unsafe mt_remember(raw, $0) }
    }
  }

  // MARK: From other threads

  /// Shows lines above what is being typed; false when nobody types.
  func show(_ lines: String) -> Bool {
    let isReading = state.withLock { state in
      guard state.isReading else { return false }
      state.lines += lines
      return true
    }
    // May be called from any thread.
    if isReading { unsafe mt_wake(raw) }
    return isReading
  }

  /// Ends the read that goes on, and all that follow.
  func leave() {
    state.withLock { $0.isLeaving = true }
    // May be called from any thread.
    unsafe mt_wake(raw)
  }

  /// The terminal as it was found, before the process ends at once.
  func restore() {
    // May be called from any thread.
    unsafe mt_restore(raw)
  }

  private func wake(_ raw: OpaquePointer) {
    let (lines, isLeaving) = state.withLock { state in
      defer { state.lines = "" }
      return (state.lines, state.isLeaving)
    }
    // Called while the editor reads, on its queue; the texts are copied.
    if !lines.isEmpty { unsafe lines.withCString { unsafe mt_show(raw, $0) } }
    if isLeaving { unsafe mt_leave(raw) }
  }

  // MARK: Completion

  private func answer(_ raw: OpaquePointer, _ before: String) {
    let all = complete(before)
    // What is inserted goes into the text that is typed: names that could command the terminal do not.
    let items = all.items.filter { !$0.text.unicodeScalars.contains(where: TerminalText.isHarmful) }
    let found = ReplCompletions(
      replacing: max(0, min(all.replaced, before.unicodeScalars.count)),
      items
    )
    // Called while the editor reads, on its queue; the texts are copied.
    if !all.hint.isEmpty {
      let hint = String(all.hint.escapedForTerminal.prefix(max(20, LineEditor.columns - 1))) + "\n"
      unsafe hint.withCString { unsafe mt_show(raw, $0) }
    }
    guard let first = found.items.first else { return }
    var common = Array(first.text.unicodeScalars)
    for item in found.items.dropFirst() {
      let scalars = Array(item.text.unicodeScalars)
      var length = 0
      while length < min(common.count, scalars.count), common[length] == scalars[length] {
        length += 1
      }
      common.removeSubrange(length...)
    }
    // Called while the editor reads, on its queue; the texts are copied.
    if common.count > found.replaced {
      var text = ""
      text.unicodeScalars.append(contentsOf: common)
      unsafe text.withCString { unsafe mt_complete(raw, Int32(found.replaced), $0) }
    }
    if found.items.count > 1 || !first.detail.isEmpty,
      common.count <= found.replaced || found.items.count == 1
    {
      let menu = CompletionMenu.text(found.items, width: LineEditor.columns)
      unsafe menu.withCString { unsafe mt_show(raw, $0) }
    }
  }

  /// Columns of the terminal.
  static var columns: Int {
    let columns = Int(mt_columns(STDOUT_FILENO))
    return columns > 0 ? columns : 80
  }
}

/// Completions as people choose among them.
enum CompletionMenu {
  static func text(_ items: [ReplCompletion], width: Int) -> String {
    let isPlain = items.allSatisfy { $0.detail.isEmpty }
    let shown = items.prefix(isPlain ? 100 : 30)
    var text = ""
    if isPlain {
      let column = (shown.map(\.text.count).max() ?? 0) + 2
      let perLine = max(1, width / column)
      for (index, item) in shown.enumerated() {
        let isLast = index % perLine == perLine - 1 || index == shown.count - 1
        let gap = isLast ? "\n" : String(repeating: " ", count: column - item.text.count)
        text += item.text.escapedForTerminal + gap
      }
    } else {
      let column = (shown.map(\.text.count).max() ?? 0) + 2
      for item in shown {
        let gap = String(repeating: " ", count: column - item.text.count)
        let separator = item.detail.hasPrefix("(") ? "" : gap
        let line = "\(item.text)\(separator)\(item.detail)".escapedForTerminal
        let kind = item.kind == "command" ? "" : "  " + item.kind.escapedForTerminal
        text += String((line + kind).prefix(max(20, width - 1))) + "\n"
      }
    }
    if items.count > shown.count { text += "... \(items.count - shown.count) more\n" }
    return text
  }
}
