import Foundation
import MoonLua
import MoonValue
import MoonstoreCore

extension HostEngine {
  /// The library `files`, which scripts get only where the host grants it.
  func addFileFunctions(_ natives: Natives) throws {
    natives.add("readFile", as: .filesRead, hidden: 1) { [unowned self] arguments in
      arguments.skip()
      let file = try open(try arguments.string(), "files.read")
      return arguments.answer(.string(try LineReader(file).readAll()))
    }
    // openFile(script, path) -> a reader, for nextLine and closeFile
    natives.add("openFile", as: .filesLines, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let path = try arguments.string()
      try makeRoomForFile(path)
      let reader = LineReader(try open(path, "files.lines"))
      openFiles.add(reader, of: scripts[script])
      // A turn that fails leaves nothing open.
      system.noteUndo { [weak reader] in reader?.close() }
      return arguments.answer(LuaObject(kind: ObjectKind.file, grant: 0, instance: reader))
    }
    natives.add("nextLine", within: "files.lines", acts: true) { arguments in
      guard let object = arguments.object(ObjectKind.file) else {
        throw StoreError(.invalidArgument, "files.lines: this is no file")
      }
      guard let line = try object.instance(as: LineReader.self).next() else {
        return arguments.answer(slot: .empty)
      }
      return arguments.answer(slot: line)
    }
    natives.add("closeFile", within: "files.lines") { arguments in
      arguments.object(ObjectKind.file)?.instance(as: LineReader.self).close()
      return arguments.none()
    }
  }

  /// Refuses another open file when there are as many as there may be that scripts can still reach.
  private func makeRoomForFile(_ path: String) throws(StoreError) {
    guard openFiles.sweep() >= OpenFiles.most else { return }
    closeLostFiles()
    guard openFiles.sweep() >= OpenFiles.most else { return }
    throw StoreError(
      .unreadable,
      "files.lines: \(path): \(OpenFiles.most) files are open already; a file is closed at its last line, or when "
        + "its  for line in files.lines(path) do  ends"
    )
  }

  /// Closes the files that no script can reach any more.
  func closeLostFiles() {
    guard openFiles.sweep() > 0 else { return }
    machine.collect()
    machine.drainReleased()
    _ = openFiles.sweep()
  }

  /// Opens what a script may read: a file that the host has named, or one of the project.
  private func open(_ path: String, _ function: String) throws(StoreError) -> ReadableFile {
    guard configuration.grantsFiles else {
      throw StoreError(.permissionDenied, "\(function): this host grants no files")
    }
    do throws(StoreError) {
      if configuration.readableFiles.contains(path) { return try ReadableFile.open(named: path) }
      guard let root = projectRoot else { throw ReadableFile.leavingFolder(path) }
      if path.hasPrefix("/") {
        guard let inside = ReadableFile.path(path, below: root) else {
          throw ReadableFile.leavingFolder(path)
        }
        return try ReadableFile.open(inside, in: root)
      }
      do throws(StoreError) {
        return try ReadableFile.open(path, in: root)
      } catch  where error.code == .unreadable {
        // A path from where the process works is meant where it leads into the project.
        let here = FileManager.default.currentDirectoryPath + "/" + path
        guard let inside = ReadableFile.path(here, below: root) else { throw error }
        return try ReadableFile.open(inside, in: root)
      }
    } catch {
      throw StoreError(error.code, "\(function): \(error.message)")
    }
  }
}
