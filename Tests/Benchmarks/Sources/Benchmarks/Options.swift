/// What the command line asks for.
struct Options {
  struct Problem: Error { let text: String }

  var filter: String?
  var jsonFile: String?
  var compareFile: String?
  var samples: Int?
  var countsInstructions = false
  var measuresGrowth = false
  var isMarkdown = false
  /// Says which rows would be measured, and measures none.
  var isList = false
  /// Does one row so often, without a clock: what is run under valgrind.
  var repetition: (id: String, count: Int)?

  init(_ arguments: some Sequence<String>) throws {
    var rest = Array(arguments)[...]
    func value(of option: String) throws -> String {
      guard let value = rest.popFirst() else { throw Problem(text: "\(option) wants a value") }
      return value
    }
    while let argument = rest.popFirst() {
      switch argument {
      case "--json": jsonFile = try value(of: argument)
      case "--compare": compareFile = try value(of: argument)
      case "--samples":
        let text = try value(of: argument)
        guard let number = Int(text), number > 0 else {
          throw Problem(text: "--samples wants a number of 1 or more, not '\(text)'")
        }
        samples = number
      case "--instructions": countsInstructions = true
      case "--growth": measuresGrowth = true
      case "--markdown": isMarkdown = true
      case "--list": isList = true
      case "--repeat":
        let id = try value(of: argument)
        guard let count = Int(try value(of: argument)) else {
          throw Problem(text: "--repeat wants a row and a number")
        }
        repetition = (id, count)
      default:
        guard !argument.hasPrefix("-"), filter == nil else {
          throw Problem(text: "what is '\(argument)'? See Scripts/bench --help")
        }
        filter = argument
      }
    }
  }
}
