/// The functions and blocks around the place that a parser has reached, with what is declared in them.
///
/// Says of each name which local variable it stands for, and finds what Lua's compiler refuses besides grammar:
/// writes to constants, jumps without a label, too many variables.
struct Scopes {
  enum Attribute { case none, const, close }

  struct Local {
    let name: UInt32
    let token: Int32
    let attribute: Attribute
  }

  private struct Label {
    let name: UInt32
    let token: Int
    /// How many locals of the function a jump there finds declared.
    let locals: Int
  }

  private struct Jump {
    /// The label's name; nil for `break`.
    let name: UInt32?
    let token: Int
    /// How many locals are declared at the jump, or at the end of the outermost block that it has left.
    var locals: Int
  }

  private struct Block {
    let firstLocal: Int
    let firstLabel: Int
    let firstJump: Int
    let isLoop: Bool
  }

  private struct Function {
    let firstLocal: Int
    let firstLabel: Int
    let firstBlock: Int
    var isVararg: Bool
    /// Variables of outer functions that it uses, by the place of their declaration.
    var upvalues: Set<Int> = []
    /// Variables that the compiler needs and the text does not show: the state of loops.
    var hidden = 0
  }

  static let maximumLocals = 200
  static let maximumUpvalues = 255

  private var locals: ContiguousArray<Local> = []
  /// How many locals of each name are declared, since most names are global and need no search.
  private var counts: ContiguousArray<UInt32> = []
  private var labels: ContiguousArray<Label> = []
  private var jumps: ContiguousArray<Jump> = []
  private var blocks: ContiguousArray<Block> = []
  private var functions: ContiguousArray<Function> = []

  /// A jump or a label that is wrong.
  enum Fault {
    case noLabel(token: Int)
    case breakOutsideLoop(token: Int)
    /// A jump into the scope of the local that a token declares.
    case intoScope(jump: Int, local: Int)
  }

  private(set) var faults: [Fault] = []

  // MARK: Functions and blocks

  var isVararg: Bool { functions.last?.isVararg ?? false }

  mutating func beginFunction(isVararg: Bool) {
    functions.append(
      Function(
        firstLocal: locals.count,
        firstLabel: labels.count,
        firstBlock: blocks.count,
        isVararg: isVararg
      )
    )
    beginBlock(isLoop: false)
  }

  mutating func setVararg() { functions[functions.count - 1].isVararg = true }

  mutating func endFunction() {
    endBlock()
    functions.removeLast()
  }

  mutating func beginBlock(isLoop: Bool) {
    blocks.append(
      Block(
        firstLocal: locals.count,
        firstLabel: labels.count,
        firstJump: jumps.count,
        isLoop: isLoop
      )
    )
  }

  mutating func endBlock() {
    guard let block = blocks.popLast() else { return }
    let isFunction = blocks.count == functions.last?.firstBlock
    for local in locals[block.firstLocal...] { counts[Int(local.name)] -= 1 }
    locals.removeLast(locals.count - block.firstLocal)
    labels.removeLast(labels.count - block.firstLabel)
    var kept = block.firstJump
    for place in block.firstJump..<jumps.count {
      var jump = jumps[place]
      if jump.name == nil, block.isLoop { continue }
      if isFunction {
        faults.append(
          jump.name == nil ? .breakOutsideLoop(token: jump.token) : .noLabel(token: jump.token)
        )
        continue
      }
      jump.locals = min(jump.locals, block.firstLocal)
      jumps[kept] = jump
      kept += 1
    }
    jumps.removeLast(jumps.count - kept)
  }

  // MARK: Variables

  /// Takes the places of locals that the compiler needs for a loop; false when there are too many.
  mutating func addHidden(_ count: Int) -> Bool {
    functions[functions.count - 1].hidden += count
    return isWithinLimit(more: 0)
  }

  mutating func removeHidden(_ count: Int) { functions[functions.count - 1].hidden -= count }

  /// Whether the function can have one local more than it has; those of a statement that is not over count.
  func isWithinLimit(more: Int) -> Bool {
    guard let function = functions.last else { return true }
    return locals.count - function.firstLocal + function.hidden + more <= Scopes.maximumLocals
  }

  mutating func declare(_ name: UInt32, token: Int, _ attribute: Attribute) {
    while counts.count <= Int(name) { counts.append(0) }
    counts[Int(name)] += 1
    locals.append(Local(name: name, token: Int32(token), attribute: attribute))
  }

  /// What a name stands for here.
  enum Meaning {
    case global
    case local(Local)
    /// The function would have too many variables of outer functions.
    case tooManyUpvalues
  }

  mutating func resolve(_ name: UInt32) -> Meaning {
    guard Int(name) < counts.count, counts[Int(name)] > 0 else { return .global }
    var place = locals.count - 1
    while locals[place].name != name { place -= 1 }
    var function = functions.count - 1
    while function >= 0, functions[function].firstLocal > place {
      functions[function].upvalues.insert(place)
      if functions[function].upvalues.count > Scopes.maximumUpvalues { return .tooManyUpvalues }
      function -= 1
    }
    return .local(locals[place])
  }

  // MARK: Jumps

  /// Declares a label.
  ///
  /// - Parameters:
  ///   - name: The number of its name.
  ///   - token: The name.
  ///   - isLast: Whether only labels and semicolons follow in its block, so that its locals are over.
  /// - Returns: The token of the label that has the name already, if there is one.
  mutating func addLabel(_ name: UInt32, token: Int, isLast: Bool) -> Int? {
    guard let function = functions.last, let block = blocks.last else { return nil }
    for label in labels[function.firstLabel...] where label.name == name { return label.token }
    let count = isLast ? block.firstLocal : locals.count
    labels.append(Label(name: name, token: token, locals: count))
    var kept = block.firstJump
    for place in block.firstJump..<jumps.count {
      let jump = jumps[place]
      guard jump.name == name else {
        jumps[kept] = jump
        kept += 1
        continue
      }
      if jump.locals < count {
        faults.append(.intoScope(jump: jump.token, local: Int(locals[jump.locals].token)))
      }
    }
    jumps.removeLast(jumps.count - kept)
    return nil
  }

  /// A jump to a label, or with nil out of a loop.
  mutating func addJump(_ name: UInt32?, token: Int) {
    if let name, let function = functions.last,
      labels[function.firstLabel...].contains(where: { $0.name == name })
    {
      return
    }
    jumps.append(Jump(name: name, token: token, locals: locals.count))
  }
}
