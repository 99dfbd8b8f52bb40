import MoonValue
import MoonstoreCore

/// The texts of all scripts of a project, read in one go and away from the host, so that a reload sees one
/// moment and stops nobody while it reads.
struct ProjectTexts: Sendable {
  /// By path; a script that cannot be read has its error.
  let texts: NameTable<Result<String, StoreError>>

  @concurrent
  static func read(_ project: Project) async throws(StoreError) -> ProjectTexts {
    var texts = NameTable<Result<String, StoreError>>()
    let identity = project.identity
    let walk = try project.paths()
    for (path, error) in walk.refused { texts[path] = .failure(error) }
    for path in walk.paths {
      do throws(StoreError) {
        try project.checkInside(path)
        texts[path] = .success(try project.text(of: path))
      } catch {
        // One that went between the list and the look is simply gone.
        if project.has(path) { texts[path] = .failure(error) }
      }
    }
    // What was read while the folder was taken away or replaced is no moment of it.
    guard let identity, project.identity == identity else {
      throw StoreError(
        .unreadable,
        "\(project.root): the project's folder went while it was read; its scripts go on as they were"
      )
    }
    return ProjectTexts(texts: texts)
  }

  /// The texts of those that can be read.
  var readable: NameTable<String> {
    var readable = NameTable<String>()
    for case (let path, .success(let text)) in texts { readable[path] = text }
    return readable
  }
}

extension HostEngine {
  /// What of a project differs from what runs; with `wanted`, these scripts whether or not they differ.
  func batch(from project: ProjectTexts, wanted: NameSet? = nil) throws(StoreError)
    -> ReloadBatch
  {
    var batch = ReloadBatch()
    batch.modules = project.readable
    // A link that is refused stands for scripts that cannot be known.
    for (path, text) in project.texts where Project.Kind(rawValue: path) != nil {
      _ = try text.get()
    }
    let settings = try project.texts["moonstore.lua"].map { (text) throws(StoreError) in
      try text.get()
    }
    let hasNewSettings = settings != scripts["moonstore.lua"]?.text
    if hasNewSettings { batch.settings = .some(settings) }
    for kind in Project.Kind.allCases {
      for path in project.texts.keys.sorted() where Project.Kind(path: path) == kind {
        guard let text = try project.texts[path]?.get() else { continue }
        let isChanged = hasNewSettings || hasChanged(path, text, batch.modules)
        guard wanted?.contains(path) ?? isChanged else { continue }
        batch.changed.append(Project.Source(path: path, text: text, kind: kind))
      }
    }
    batch.removed = scripts.keys.sorted().filter { path in
      Project.Kind(path: path) != nil && histories[path] != nil && project.texts[path] == nil
    }
    if let unknown = wanted?.subtracting(batch.names).min() {
      throw StoreError(
        .invalidArgument,
        "\(unknown): there is no such script among those that the project loads"
          + Suggestion.text(for: unknown, among: scripts.keys.sorted()),
        script: unknown
      )
    }
    return batch
  }

  private func hasChanged(_ path: String, _ text: String, _ modules: NameTable<String>) -> Bool {
    if let old = histories[path]?.passedOver, old == text { return false }
    guard let unit = scripts[path] else { return true }
    if unit.text != text { return true }
    // Modules that went are looked for again: another file may stand in for them.
    return unit.modules.contains { modules[$0.key] != $0.value }
  }

  /// What takes a script back to one of its versions.
  func batch(returning script: String, to number: Int) throws(StoreError) -> ReloadBatch {
    guard let history = histories[script], let kind = Project.Kind(path: script) else {
      throw StoreError(
        .unreadable,
        "there is no script '\(script)'\(Suggestion.text(for: script, among: histories.keys.sorted()))"
      )
    }
    guard let version = history.versions.first(where: { $0.number == number }) else {
      let kept = history.versions.map { "\($0.number)" }.joined(separator: ", ")
      throw StoreError(
        .invalidArgument,
        "\(script) has no version \(number) any more; kept are \(kept)",
        script: script
      )
    }
    var batch = ReloadBatch()
    batch.modules = NameTable(version.modules)
    guard history.live != number else { return batch }
    batch.changed = [Project.Source(path: script, text: version.text, kind: kind)]
    batch.returns[script] = version
    return batch
  }
}
