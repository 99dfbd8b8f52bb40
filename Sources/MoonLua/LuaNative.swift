/// One call of a Swift function by a script: its arguments, and where its results go.
package struct LuaNativeCall {
  package let machine: LuaMachine
  let base: Int
  /// How many arguments there are.
  package let count: Int
  /// Which argument is no data, counted from 1, whose token says where in it and why; 0 where all are.
  package let refused: Int

  /// The tokens of the arguments, one after another.
  package func arguments() throws(LuaError) -> LuaToken { try machine.token(at: base) }

  /// Drops the arguments, so that results can be appended.
  package func dropArguments() { machine.truncateTokens(to: base) }
}

/// What a native function answers.
package enum LuaNativeResult {
  /// This many results have been appended, after the arguments were dropped.
  case results(Int)
  /// The run is to be suspended; the host goes on with it later.
  case wait
}

/// A Swift function under its name in a table; with `byReference` its table arguments are handles, otherwise data.
package struct LuaNativeEntry {
  let name: String
  let number: Int32
  let byReference: Bool

  package init(name: String, number: Int32, byReference: Bool) {
    self.name = name
    self.number = number
    self.byReference = byReference
  }
}
