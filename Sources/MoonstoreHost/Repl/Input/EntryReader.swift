import MoonLua
import MoonLuaSyntax
import MoonstoreCore

/// Reads the text of an entry: whether it is complete, an expression or statements, and compiles it.
struct EntryReader {
  /// An entry that can run.
  struct Chunk {
    let function: LuaFunction
    /// What was compiled.
    let text: String
    let isExpression: Bool
    let number: Int
    /// What people should know of it.
    var notes: [String] = []
  }

  enum Outcome {
    case complete(Chunk)
    case incomplete
    /// Only space and comments.
    case nothing
  }

  let vm: LuaVM
  let environment: LuaTable
  let number: Int
  /// Whether people were told that local variables live on.
  var isLocalKnown = false

  /// What errors call the entry.
  private var name: String { "entry \(number)" }

  /// Reads a text: as an expression first, then as statements.
  ///
  /// It lacks its end if either of the two reads on to the end of the text and would read on.
  ///
  /// - Throws: `syntax`, where it is neither.
  func read(_ text: String, isWhole: Bool) throws(StoreError) -> Outcome {
    // With a line break behind it a text without an end quote is wrong, and does not lack its end.
    let source = isWhole ? text : text + "\n"
    let statements = SyntaxTree(parsing: source)
    if statements.tokens.count == 1, statements.problems.isEmpty { return .nothing }
    let expression = SyntaxTree(parsing: "return " + source)
    if expression.problems.isEmpty {
      return .complete(try compile("return " + source, isExpression: true))
    }
    guard statements.problems.isEmpty else {
      if !isWhole, expression.isIncomplete || statements.isIncomplete { return .incomplete }
      let isExpression = furthest(expression) > furthest(statements)
      _ = try compile(isExpression ? "return " + source : source, isExpression: isExpression)
      throw StoreError(.syntax, statements.problems.first?.message ?? "this is no Lua")
    }
    let locals = TopLevelLocals(statements)
    var chunk = try compile(locals.text, isExpression: false)
    if !locals.names.isEmpty, !isLocalKnown {
      let names = locals.names.joined(separator: ", ")
      chunk.notes = ["\(names): local variables at the top of an entry live on in the session"]
    }
    return .complete(chunk)
  }

  /// How far a reading got: that which got further knows better what is wrong.
  ///
  /// An expression must get further by a line, since a statement can begin with little that an expression can.
  private func furthest(_ tree: SyntaxTree) -> Int {
    tree.problems.first.map { tree.source.line(at: $0.range.lowerBound) } ?? .max
  }

  /// Compiles what the machine is to run; of what is no Lua, the machine's own words are told.
  private func compile(_ source: String, isExpression: Bool) throws(StoreError) -> Chunk {
    do throws(LuaError) {
      let function = try vm.load(source + "\n", name: name, environment: environment)
      return Chunk(function: function, text: source, isExpression: isExpression, number: number)
    } catch {
      throw StoreError(lua: error)
    }
  }
}
