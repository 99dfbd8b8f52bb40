package import MoonValue

/// Takes the arguments of a call one after another, so that a script engine can have them without a list in between.
package protocol ArgumentList: AnyObject {
  func append(_ value: Value)
}

/// The arguments of an action that is written in Swift.
final class CollectedArguments: ArgumentList {
  private(set) var values: [Value] = []
  func append(_ value: Value) { values.append(value) }
}
