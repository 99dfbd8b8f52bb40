import MoonLua
import MoonValue
import MoonstoreCore

/// Work of a script that goes on beside what began it.
///
/// Lua keeps its results, for whoever holds the task; the host keeps it while it runs.
final class ScriptTask {
  /// How it ended.
  enum Outcome {
    case done
    case failed(StoreError)
    case cancelled

    /// What scripts call it.
    var status: String {
      switch self {
      case .done: "done"
      case .failed: "failed"
      case .cancelled: "cancelled"
      }
    }
  }

  let number: Int
  let script: String
  /// The store that it acts as, or the script; also when the store has gone.
  var sender: String
  /// What errors call it.
  let label: String
  /// The Lua function, which takes the number and what `arguments` appends.
  let body: LuaReference
  let arguments: Awaited.Answer
  /// The listener whose effect it is.
  let listener: EffectListener?
  /// The task that forked it, which it does not outlive.
  private(set) weak var parent: ScriptTask?
  var children: [Int: ScriptTask] = [:]
  /// Whether it ends with the version of the script that began it, as a timer does; what an action begins
  /// goes on as the action does.
  let belongsToVersion: Bool
  /// Where it waits, since it did so first.
  var parked: ParkedRun?
  /// Whether it is to end where it waits.
  var isCancelled = false
  /// Those who wait for its end.
  var waiting: [Awaited] = []
  /// Failures of forks that nobody has seen yet.
  var unseen: [(number: Int, error: StoreError)] = []

  init(
    number: Int,
    script: String,
    sender: String,
    label: String,
    body: LuaReference,
    parent: ScriptTask? = nil,
    listener: EffectListener? = nil,
    belongsToVersion: Bool,
    arguments: @escaping Awaited.Answer = { _ in }
  ) {
    self.number = number
    self.belongsToVersion = belongsToVersion
    self.script = script
    self.sender = sender
    self.label = label
    self.body = body
    self.parent = parent
    self.listener = listener
    self.arguments = arguments
  }
}

extension HostEngine {
  // MARK: Beginning

  /// Makes a task that begins when what is being done now is final, and never if that is undone.
  @discardableResult
  func spawn(
    _ body: LuaReference,
    of script: String,
    label: String,
    parent: ScriptTask? = nil,
    listener: EffectListener? = nil,
    arguments: @escaping Awaited.Answer = { _ in }
  ) -> ScriptTask {
    taskCount += 1
    let task = ScriptTask(
      number: taskCount,
      script: script,
      sender: sender(script),
      label: label,
      body: body,
      parent: parent,
      listener: listener,
      belongsToVersion: isLoading || isBeginning || listener != nil
        || parent?.belongsToVersion ?? runningTask?.belongsToVersion ?? false,
      arguments: arguments
    )
    tasks[task.number] = task
    parent?.children[task.number] = task
    listener?.running[task.number] = task
    adopt(tasksOf: script)
    let unit = scripts[script]
    system.afterTurn(
      label,
      .soon,
      onUndo: { [unowned self] in finish(task, .cancelled) },
      { [unowned self] in begin(task, unit) }
    )
    return task
  }

  /// Throws when so many tasks and effects wait to begin that no more may be asked for.
  ///
  /// That counts as an overrun of the script, once for each budget of a turn's time: a script that goes on is
  /// quarantined, also when all its turns fail.
  func checkRoom(for label: String, of script: String, function: String) throws(StoreError) {
    let most = system.limits.followUps
    guard system.followUpCount >= most else { return }
    if let unit = scripts[script], unit.refusedBudget != openCalls.budget {
      unit.refusedBudget = openCalls.budget
      noteOverrun(of: unit)
    }
    throw StoreError(
      .overloaded,
      "\(function): \(most) tasks and effects wait to begin, which is as many as may; \(label) would be one more. "
        + "Let one task do the work in a loop, with sleep(0) in it, in place of a task for each step",
      script: script
    )
  }

  private func begin(_ task: ScriptTask, _ unit: ScriptUnit?) {
    guard tasks[task.number] != nil else { return }
    if task.isCancelled { return finish(task, .cancelled) }
    // While a project is loaded, a script can spawn before it has defined its store.
    task.sender = sender(task.script)
    setOrigin((unit ?? scripts[task.script]).map { .script($0) } ?? .other)
    let mark = system.beginTurn(TurnOrigin(.task, principal: task.script, name: task.label))
    let outer = runningTask
    runningTask = task
    defer { runningTask = outer }
    let state: RunState
    do {
      state = try start(task.body, store: task.sender, member: task.label, ownsTurn: true) {
        machine.append(Int64(task.number))
        try task.arguments(machine)
      }
    } catch {
      system.failTurn(mark, error)
      return finish(task, .failed(error))
    }
    if case .waiting(let parked) = state {
      task.parked = parked
      parked.task = task
      // It may begin after its script was replaced.
      parked.unit = unit
      parked.onEnd { [unowned self] result in
        switch result {
        case .success: finish(task, .done)
        case .failure(let error): finish(task, .failed(error))
        }
      }
    }
    do {
      try system.endTurn(mark)
    } catch {
      system.report(error)
    }
    switch state {
    case .done(let run):
      run.release()
      finish(task, .done)
    case .waiting(let parked):
      task.waiting.first { $0.holds(parked) }?.end { _ in throw HostEngine.waitsForItself }
    }
  }

  // MARK: Ending

  /// Ends a task where it waits, once what is being done now is final.
  func cancel(_ task: ScriptTask) {
    guard tasks[task.number] != nil, !task.isCancelled else { return }
    task.isCancelled = true
    system.afterTurn(
      "cancelling \(task.label)",
      .soon,
      onUndo: { task.isCancelled = false },
      { [unowned self] in end(task) }
    )
  }

  /// Ends a task where it waits.
  private func end(_ task: ScriptTask) {
    guard tasks[task.number] != nil else { return }
    let parked = task.parked
    finish(task, .cancelled)
    if let parked { cancel(parked) }
  }

  private func finish(_ task: ScriptTask, _ outcome: ScriptTask.Outcome) {
    guard tasks.removeValue(forKey: task.number) != nil else { return }
    task.parked = nil
    if let listener = task.listener {
      listener.running[task.number] = nil
      effects.forgetIfDone(listener)
    }
    task.parent?.children[task.number] = nil
    // Forks do not outlive the task that made them.
    for child in task.children.values.sorted(by: { $0.number < $1.number }) { end(child) }
    let waiting = task.waiting
    task.waiting = []
    for awaited in waiting {
      switch outcome {
      case .done, .failed: awaited.end { $0.append(outcome.status) }
      case .cancelled: awaited.end { _ in throw HostEngine.wasCancelled }
      }
    }
    unseenFailures += task.unseen
    if !isLimited { reportUnseen() }
    task.unseen = []
    if case .failed(let error) = outcome, waiting.isEmpty { unseen(error, of: task) }
  }

  /// A failure that is not waited for is reported when control goes back to the outside, since the code that began
  /// the task may still wait for it; that of a fork when the task that made it ends.
  private func unseen(_ error: StoreError, of task: ScriptTask) {
    let error = error.located(store: task.sender, member: task.label)
    if let parent = task.parent, tasks[parent.number] != nil {
      parent.unseen.append((task.number, error))
    } else {
      unseenFailures.append((task.number, error))
      if !isLimited { reportUnseen() }
    }
  }

  /// Reports the failures of tasks that the code which has run did not wait for.
  func reportUnseen() {
    guard !unseenFailures.isEmpty else { return }
    let failures = unseenFailures
    unseenFailures = []
    for failure in failures { system.report(failure.error) }
  }

  private static var waitsForItself: StoreError {
    StoreError(.invalidArgument, "a task cannot wait for its own end")
  }

  private static var wasCancelled: StoreError {
    StoreError(.cancelled, "the task was cancelled")
  }

  /// What a plugin begins while it adds to a store ends with what it has added.
  func adopt(tasksOf script: String) {
    guard let extended, extended.scripts.contains(script) else { return }
    extended.addition.registrations.append(
      system.registration(leave: { [unowned self] in endTasks(of: script) { _ in true } })
    )
  }

  /// Tasks and all listeners of a script end, once what is being done now is final.
  func endTasks(of script: String, where isEnding: (ScriptTask) -> Bool) {
    effects.end(script)
    for task in tasks.values.sorted(by: { $0.number < $1.number })
    where task.script.hasSameBytes(as: script) && isEnding(task) {
      cancel(task)
    }
  }

  /// The tasks that act as a store end with it.
  func endTasks(of store: String) {
    for task in tasks.values.sorted(by: { $0.number < $1.number })
    where task.sender == store {
      cancel(task)
    }
  }

  /// The machine goes, and all coroutines with it.
  func closeTasks() {
    for task in tasks.values {
      task.parked?.onEnd { _ in }
      task.parked = nil
      task.waiting = []
      task.children = [:]
      task.listener?.running = [:]
    }
    tasks = [:]
    effects.close()
  }

  // MARK: For scripts

  /// What the chapter `tasks` is made from.
  func addTaskFunctions(_ natives: Natives) throws {
    // spawn(script, function(number), label, parent) -> number
    natives.add("spawn", as: .spawn, hidden: 1) { [unowned self] arguments in
      let script = try arguments.string()
      let body = try arguments.function()
      let label = try arguments.optionalString() ?? "a spawned function"
      try system.forbidInGetter("spawn", isRegistration: true)
      try checkRoom(for: label, of: script, function: arguments.name)
      let parent = arguments.isNil ? nil : tasks[try arguments.integer()]
      let task = spawn(body, of: script, label: label, parent: parent)
      return arguments.answer(.integer(Int64(task.number)))
    }
    natives.add("taskStatus", within: "task.status") { [unowned self] arguments in
      let task = tasks[try arguments.integer()]
      return arguments.answer(.string(task?.isCancelled == false ? "running" : "cancelled"))
    }
    natives.add("cancelTask", as: .taskCancel, hidden: 1) { [unowned self] arguments in
      let task = tasks[try arguments.integer()]
      try system.forbidInGetter("cancel a task", isRegistration: true)
      if let task { cancel(task) }
      return arguments.none()
    }
    // waitForTask(number, timeout) -> how it ended
    natives.add("waitForTask", as: .taskWait, hidden: 1) { [unowned self] arguments in
      let task = tasks[try arguments.integer()]
      let timeout = try arguments.optionalSeconds()
      guard let task else { throw HostEngine.wasCancelled }
      try arguments.checkWait(arguments.name)
      let awaited = Awaited("the end of \(task.label)", engine: self, timeout: timeout) { _ in
        throw StoreError(
          .timeout,
          "task:wait: \(task.label) has not ended in \(timeout ?? 0) s",
          member: task.label
        )
      }
      awaited.onBegin = { [weak task, unowned awaited] parked in
        guard task?.parked === parked else { return }
        awaited.end { _ in throw HostEngine.waitsForItself }
      }
      awaited.onEnd = { [weak task, unowned awaited] in
        task?.waiting.removeAll { $0 === awaited }
      }
      task.waiting.append(awaited)
      return arguments.wait(for: awaited)
    }
    // What api.pause refuses; the wait itself is the task's.
    natives.add("checkPause", as: .apiPause) { arguments in
      arguments.skip()
      _ = try arguments.optionalSeconds()
      return arguments.none()
    }
    // seeTask(number, parent): a script has waited for a task that has failed.
    natives.add("seeTask", within: "task:wait", acts: true) { [unowned self] arguments in
      let number = try arguments.integer()
      let parent = arguments.isNil ? nil : tasks[try arguments.integer()]
      parent?.unseen.removeAll { $0.number == number }
      unseenFailures.removeAll { $0.number == number }
      return arguments.none()
    }
  }
}
