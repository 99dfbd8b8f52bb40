/// What a token of Lua 5.4 is.
public enum TokenKind: UInt8, Sendable, CaseIterable {
  /// The end of the text.
  case end = 0
  /// A name that is no keyword.
  case name
  /// A numeral, of integers and floats alike.
  case number
  /// A string in quotes or long brackets.
  case string
  /// Bytes that begin no token of Lua, and tokens that are broken.
  case unknown

  // Keywords, in the order of their names.
  case and, `break`, `do`, `else`, elseif, endKeyword, `false`, `for`, function, goto, `if`, `in`,
    local, `nil`, not, or,
    `repeat`, `return`, then, `true`, until, `while`

  // Operators and punctuation.
  case plus, minus, star, slash, doubleSlash, percent, caret, hash, ampersand, tilde, pipe,
    shiftLeft, shiftRight
  case equal, notEqual, lessOrEqual, greaterOrEqual, less, greater, assign
  case openParenthesis, closeParenthesis, openBrace, closeBrace, openBracket, closeBracket
  case doubleColon, semicolon, colon, comma, dot, concat, ellipsis

  /// How Lua writes it; nil for those that have many forms.
  public var text: String? {
    switch self {
    case .end: "<eof>"
    case .name, .number, .string, .unknown: nil
    case .and: "and"
    case .break: "break"
    case .do: "do"
    case .else: "else"
    case .elseif: "elseif"
    case .endKeyword: "end"
    case .false: "false"
    case .for: "for"
    case .function: "function"
    case .goto: "goto"
    case .if: "if"
    case .in: "in"
    case .local: "local"
    case .nil: "nil"
    case .not: "not"
    case .or: "or"
    case .repeat: "repeat"
    case .return: "return"
    case .then: "then"
    case .true: "true"
    case .until: "until"
    case .while: "while"
    case .plus: "+"
    case .minus: "-"
    case .star: "*"
    case .slash: "/"
    case .doubleSlash: "//"
    case .percent: "%"
    case .caret: "^"
    case .hash: "#"
    case .ampersand: "&"
    case .tilde: "~"
    case .pipe: "|"
    case .shiftLeft: "<<"
    case .shiftRight: ">>"
    case .equal: "=="
    case .notEqual: "~="
    case .lessOrEqual: "<="
    case .greaterOrEqual: ">="
    case .less: "<"
    case .greater: ">"
    case .assign: "="
    case .openParenthesis: "("
    case .closeParenthesis: ")"
    case .openBrace: "{"
    case .closeBrace: "}"
    case .openBracket: "["
    case .closeBracket: "]"
    case .doubleColon: "::"
    case .semicolon: ";"
    case .colon: ":"
    case .comma: ","
    case .dot: "."
    case .concat: ".."
    case .ellipsis: "..."
    }
  }

  /// Whether it is a reserved word.
  public var isKeyword: Bool {
    rawValue >= TokenKind.and.rawValue && rawValue <= TokenKind.while.rawValue
  }

  /// The reserved words, in the order of their names.
  public static let keywords: [TokenKind] = allCases.filter(\.isKeyword)

  /// Whether a text can be written as a name.
  public static func isName(_ text: String) -> Bool {
    let bytes = ContiguousArray(text.utf8)
    guard let first = bytes.first, Ascii.isLetter(first), bytes.allSatisfy(Ascii.isWord) else {
      return false
    }
    return keyword(bytes, bytes.indices) == nil
  }

  /// The keyword that some bytes are, if they are one.
  @inline(__always)
  static func keyword(_ bytes: ContiguousArray<UInt8>, _ range: Range<Int>) -> TokenKind? {
    // The shortest has two letters, the longest eight.
    guard range.count >= 2, range.count <= 8 else { return nil }
    var word: UInt64 = 0
    for offset in range { word = word << 8 | UInt64(bytes[offset]) }
    return keywordsByBytes[word]
  }

  private static let keywordsByBytes: [UInt64: TokenKind] = Dictionary(
    uniqueKeysWithValues: keywords.map { kind in
      ((kind.text ?? "").utf8.reduce(0) { $0 << 8 | UInt64($1) }, kind)
    }
  )
}

/// The tokens of a text in order, and between them its comments.
public struct TokenList: Sendable {
  /// The kinds; the last one is `.end`.
  public internal(set) var kinds: ContiguousArray<TokenKind> = []
  /// Where each token begins, and where it ends, in bytes.
  var starts: ContiguousArray<UInt32> = []
  var ends: ContiguousArray<UInt32> = []
  /// A number for each name, the same for equal names; 0 for what is no name.
  var names: ContiguousArray<UInt32> = []
  /// The number of the name `self`, which methods declare without writing it; 0 where the text does not have it.
  var selfName: UInt32 = 0
  /// The comments in order, from their dashes to their end.
  public internal(set) var comments: [Range<Int>] = []

  /// How many tokens there are, the end included.
  public var count: Int { kinds.count }

  /// The bytes of a token.
  public func range(of token: Int) -> Range<Int> { Int(starts[token])..<Int(ends[token]) }

  @inline(__always)
  mutating func append(_ kind: TokenKind, _ start: Int, _ end: Int, name: UInt32 = 0) {
    kinds.append(kind)
    starts.append(UInt32(start))
    ends.append(UInt32(end))
    names.append(name)
  }

  /// The first token that ends behind an offset: the one that holds it, or the next one.
  public func token(at offset: Int) -> Int {
    var low = 0
    var high = ends.count - 1
    while low < high {
      let middle = (low + high) / 2
      if Int(ends[middle]) <= offset { low = middle + 1 } else { high = middle }
    }
    return low
  }
}
