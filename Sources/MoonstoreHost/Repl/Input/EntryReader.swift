import MoonLua
import MoonstoreCore

/// Reads the text of an entry: whether it is complete, an expression or statements, and compiles it.
struct EntryReader {
  /// An entry that can run.
  struct Chunk {
    let function: LuaFunction
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
    let scanner = LuaScanner(text)
    if scanner.tokens.isEmpty, !scanner.isUnfinished { return .nothing }
    // Without it a text without an end quote would be taken for one that lacks its end.
    let source = isWhole ? text : text + "\n"
    let expression: LuaError
    do throws(LuaError) {
      let function = try vm.load("return " + source, name: name, environment: environment)
      return .complete(Chunk(function: function, isExpression: true, number: number))
    } catch {
      expression = error
    }
    do throws(LuaError) {
      _ = try vm.load(source, name: name, environment: environment)
    } catch {
      if !isWhole, expression.isIncompleteInput || error.isIncompleteInput { return .incomplete }
      throw StoreError(lua: blamed(error, expression))
    }
    return .complete(try statements(text, scanner))
  }

  // A statement can begin with little that an expression can: what has got further knows better.
  private func blamed(_ statement: LuaError, _ expression: LuaError) -> LuaError {
    (expression.line ?? 0) > (statement.line ?? 0) ? expression : statement
  }

  /// Compiles statements, with the local variables at their top as variables of the session.
  private func statements(_ text: String, _ scanner: LuaScanner) throws(StoreError) -> Chunk {
    let locals = TopLevelLocals(text, scanner)
    do throws(LuaError) {
      let function = try vm.load(locals.text + "\n", name: name, environment: environment)
      var chunk = Chunk(function: function, isExpression: false, number: number)
      if !locals.names.isEmpty, !isLocalKnown {
        let names = locals.names.joined(separator: ", ")
        chunk.notes = ["\(names): local variables at the top of an entry live on in the session"]
      }
      return chunk
    } catch {
      throw StoreError(lua: error)
    }
  }
}
