/// One file of the interface, which is one page of the reference.
package struct InterfacePage: Sendable {
  /// The file, without its ending.
  package let name: String
  package internal(set) var title = ""
  package internal(set) var documentation = ""
  package internal(set) var entries: [InterfaceEntry] = []
}

/// Something that is described.
package enum InterfaceEntry: Sendable {
  case function(InterfaceFunction)
  case library(InterfaceLibrary)
  case value(InterfaceValue)
  case type(InterfaceClass)
  case alias(InterfaceAlias)

  package var name: String {
    switch self {
    case .function(let function): function.name
    case .library(let library): library.name
    case .value(let value): value.name
    case .type(let type): type.name
    case .alias(let alias): alias.name
    }
  }

  package var documentation: String {
    switch self {
    case .function(let function): function.documentation
    case .library(let library): library.documentation
    case .value(let value): value.documentation
    case .type(let type): type.documentation
    case .alias(let alias): alias.documentation
    }
  }
}

/// What a function does besides answering.
package enum InterfaceEffect: String, Sendable, CaseIterable {
  /// Nothing: the same arguments give the same results.
  case pure
  /// It reads state, the registry, the bus or the clock.
  case reads
  /// It shows a line to people.
  case logs
  /// It takes something from outside of the turn, or hands something to it: random numbers, ids, files.
  case outside
  /// It makes or ends something that lives on: a store, a subscription, a task.
  case registers
  /// It sends a message or an event.
  case sends
  /// It changes state or the course of the turn.
  case writes
  /// It can suspend the code that calls it.
  case waits

  /// Whether it leaves a trace, which code that may only look is not allowed to.
  package var acts: Bool {
    switch self {
    case .pure, .reads, .logs: false
    case .outside, .registers, .sends, .writes, .waits: true
    }
  }

  /// Where a function of this effect can be called, if its description does not say otherwise.
  package var places: [InterfacePlace] {
    switch self {
    case .pure, .reads, .logs, .outside: InterfacePlace.allCases
    case .registers: [.load, .onLoad, .action, .driver]
    case .sends, .writes: [.onLoad, .action, .driver]
    case .waits: [.action, .driver]
    }
  }
}

/// A kind of code that calls functions.
package enum InterfacePlace: String, Sendable, CaseIterable {
  /// A script while it is loaded.
  case load
  /// The function `onLoad` of a script.
  case onLoad
  /// Actions, handlers, tasks and effects.
  case action
  /// Getters, and other functions that only read.
  case getter
  /// Scripts that are run, and entries of sessions.
  case driver
}

/// A function of a library, a global function, or a method.
package struct InterfaceFunction: Sendable {
  /// As scripts write it: `bus.send`, `sleep`, `task:wait`.
  package let name: String
  package internal(set) var documentation: String
  package internal(set) var parameters: [InterfaceParameter] = []
  package internal(set) var results: [InterfaceResult] = []
  package internal(set) var effect = InterfaceEffect.pure
  /// Where it may be called.
  package internal(set) var places: [InterfacePlace] = []
  /// The right on the store that it needs, such as `read`.
  package internal(set) var right: String?
  /// What the host must grant.
  package internal(set) var capability: String?
  package internal(set) var errors: [(code: String, documentation: String)] = []
  /// What to use in its place.
  package internal(set) var deprecation: String?
  /// Whether it is Lua's own, and so speaks of its arguments in Lua's own words.
  package internal(set) var isStandard = false
  package internal(set) var example: [String] = []

  /// Its name without that of its library or object.
  package var shortName: String {
    String(
      name[
        (name.lastIndex { $0 == "." || $0 == ":" }.map(name.index(after:)) ?? name.startIndex)...
      ]
    )
  }

  /// The parameters in parentheses, such as `(type, payload?, options?)`.
  package var parameterList: String {
    "("
      + parameters.map { $0.name + ($0.isOptional && !$0.isVariadic ? "?" : "") }.joined(
        separator: ", "
      ) + ")"
  }

  /// The name with its parameters.
  package var signature: String { name + parameterList }

  /// The lines that the example prints, as its comments `-->` say.
  package var exampleOutput: [String] {
    example.compactMap { line in
      line.firstRange(of: "  --> ").map { String(line[$0.upperBound...]) }
    }
  }
}

/// A parameter of a function.
package struct InterfaceParameter: Sendable {
  /// `...` for all arguments that follow.
  package let name: String
  package let type: InterfaceType
  package let isOptional: Bool
  package let documentation: String

  package var isVariadic: Bool { name == "..." }
}

/// A result of a function.
package struct InterfaceResult: Sendable {
  package let type: InterfaceType
  package let name: String
  package let documentation: String
}

/// A table of functions under one global.
package struct InterfaceLibrary: Sendable {
  package let name: String
  package let documentation: String
  /// What the host must grant.
  package let capability: String?
  /// Whether it is Lua's own.
  package let isStandard: Bool
}

/// A global, or a field of a library, that is no function.
package struct InterfaceValue: Sendable {
  package let name: String
  package let documentation: String
  package let type: InterfaceType
  package let isStandard: Bool
  package let example: [String]
}

/// A table or an object of fields and methods.
package struct InterfaceClass: Sendable {
  package let name: String
  package internal(set) var documentation: String
  /// The classes whose fields it has as well.
  package let parents: [String]
  /// Whether other fields than its own are errors.
  package let isExact: Bool
  package internal(set) var fields: [InterfaceField] = []
  /// What its methods are called with in the interface: `task` in `task:wait`.
  package internal(set) var variable: String?
}

/// A field of a class.
package struct InterfaceField: Sendable {
  package let name: String
  package let type: InterfaceType
  package let isOptional: Bool
  package let documentation: String
}

/// A name for a type.
package struct InterfaceAlias: Sendable {
  package let name: String
  package let type: InterfaceType
  package let documentation: String
}
