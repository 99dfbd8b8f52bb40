import MoonValue
import Testing

/// What was probably meant is found, at a cost that is bounded.
struct SuggestionTests {
  @Test(arguments: [
    ("quantiy", ["price", "quantity"], "; did you mean 'quantity'?"),
    ("wroker", ["worker"], "; did you mean 'worker'?"),
    ("Cart", ["card", "cart"], "; did you mean 'cart'?"),
    ("crt", ["cart", "cort"], "; did you mean 'cart'?"),
    ("x", ["y"], "; did you mean 'y'?"),
    ("x", ["cart"], ""),
    ("nothing", ["price", "quantity"], ""),
    ("", [], ""),
  ])
  func `The nearest name is named, and none that is far`(
    name: String,
    names: [String],
    text: String
  ) {
    #expect(Suggestion.text(for: name, among: names) == text)
  }

  @Test func `Long names are not compared, and of very many only the first`() {
    let long = String(repeating: "x", count: 100)
    #expect(Suggestion.text(for: long + "y", among: [long]) == "")
    #expect(Suggestion.text(for: "short", among: [long, "shorts"]) == "; did you mean 'shorts'?")
    // More than memory would hold.
    let endless = sequence(first: 0) { $0 + 1 }.lazy.map { "name\($0)" }
    #expect(Suggestion.text(for: "nmae77", among: endless) == "; did you mean 'name77'?")
  }
}
