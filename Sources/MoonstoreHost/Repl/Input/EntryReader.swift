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
  private var name: String { ReplInput.name(ofEntry: number) }

  /// Reads a text: as an expression first, then as statements.
  ///
  /// - Throws: `syntax`, where it is neither.
  func read(_ text: String, isWhole: Bool) throws(StoreError) -> Outcome {
    let entry = EntrySyntax(text, isWhole: isWhole)
    switch entry.form {
    case .empty: return .nothing
    case .incomplete: return .incomplete
    case .expression: return .complete(try compile(entry.source, isExpression: true))
    case .invalid:
      do throws(StoreError) {
        _ = try compile(entry.source, isExpression: false)
      } catch {
        var error = error
        error.locate(in: entry.tree, prefixLength: entry.prefixLength)
        throw error
      }
      throw StoreError(.syntax, entry.tree.problems.first?.message ?? "this is no Lua")
    case .statements:
      let locals = TopLevelLocals(entry.tree)
      var chunk = try compile(locals.text, isExpression: false)
      if !locals.names.isEmpty, !isLocalKnown {
        let names = locals.names.joined(separator: ", ")
        chunk.notes = ["\(names): local variables at the top of an entry live on in the session"]
      }
      return .complete(chunk)
    }
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
