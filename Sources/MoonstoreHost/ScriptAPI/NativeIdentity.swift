/// Which function of the script interface a native implements, or which part of the host it is.
struct NativeIdentity {
  /// The function, if scripts call it; nil for what the prelude alone calls.
  var function: ScriptFunction?
  /// What the prelude's part is called in messages.
  let part: StaticString
  /// How many arguments the prelude puts before those of the script.
  ///
  /// The first of them is the script, as text, if the native acts in its name.
  let hidden: Int
  /// Whether it leaves a trace, which code that may only look is not allowed to.
  let acts: Bool

  init(_ function: ScriptFunction, hidden: Int) {
    self.function = function
    part = ""
    self.hidden = hidden
    acts = function.acts
  }

  init(part: StaticString, acts: Bool) {
    function = nil
    self.part = part
    hidden = 0
    self.acts = acts
  }

  /// What messages call it.
  var name: String { function?.name ?? "\(part)" }
}
