extension JSONParser {
  /// What the digits of a number say, as far as 64 bits hold them.
  private struct Digits {
    var magnitude: UInt64 = 0
    var exponent = 0
    /// Whether more digits were there than fit.
    var isCut = false
    private var count = 0

    mutating func append(_ digit: UInt8) {
      // Nineteen digits always fit; zeros in front are none.
      guard count < 19 else {
        isCut = true
        return
      }
      magnitude = magnitude &* 10 &+ UInt64(digit)
      if magnitude > 0 { count += 1 }
    }
  }

  /// Reads a number, to behind its last digit.
  mutating func number(_ text: Span<UInt8>) throws(JSONError) -> Value {
    let start = position
    let isNegative = take(UInt8(ascii: "-"), text)
    var digits = Digits()
    if take(UInt8(ascii: "0"), text) {
      if digit(text) != nil { throw error("a number cannot begin with 0", text) }
    } else {
      _ = try readDigits(text) { digits.append($0) }
    }
    var isInteger = true
    if take(UInt8(ascii: "."), text) {
      isInteger = false
      digits.exponent -= try readDigits(text) { digits.append($0) }
    }
    if take(UInt8(ascii: "e"), text) || take(UInt8(ascii: "E"), text) {
      isInteger = false
      digits.exponent += try exponent(text)
    }
    if isInteger, let integer = integer(digits, isNegative) { return .integer(integer) }
    if let number = exactly(digits, isNegative) { return .number(number) }
    return .number(try slowly(start, text))
  }

  private func integer(_ digits: Digits, _ isNegative: Bool) -> Int64? {
    if digits.isCut { return nil }
    if !isNegative { return Int64(exactly: digits.magnitude) }
    // Minus zero is a number of its own, which integers do not have.
    guard digits.magnitude > 0, digits.magnitude <= Int64.min.magnitude else { return nil }
    return Int64(truncatingIfNeeded: 0 &- digits.magnitude)
  }

  /// The number by one multiplication or division, where both sides are exact and so the result is
  /// rounded once, which makes it the nearest one.
  private func exactly(_ digits: Digits, _ isNegative: Bool) -> Double? {
    guard !digits.isCut, digits.magnitude <= 1 << 53, abs(digits.exponent) < powersOfTen.count
    else {
      return nil
    }
    let magnitude = Double(digits.magnitude)
    let power = powersOfTen[abs(digits.exponent)]
    let number = digits.exponent < 0 ? magnitude / power : magnitude * power
    return isNegative ? -number : number
  }

  private mutating func slowly(_ start: Int, _ text: Span<UInt8>) throws(JSONError) -> Double {
    let characters = (start..<position).map { index in text[index] }
    let number = Double(String(decoding: characters, as: UTF8.self))
    guard let number, number.isFinite else {
      position = start
      throw error("the number does not fit into 64 bits", text)
    }
    return number
  }

  private mutating func exponent(_ text: Span<UInt8>) throws(JSONError) -> Int {
    let isNegative = take(UInt8(ascii: "-"), text)
    if !isNegative { _ = take(UInt8(ascii: "+"), text) }
    var exponent = 0
    // Beyond this the number is zero or too large in any case.
    _ = try readDigits(text) { exponent = min(exponent * 10 + Int($0), 99_999) }
    return isNegative ? -exponent : exponent
  }

  /// Reads at least one digit, and says how many there were.
  @inline(__always)
  private mutating func readDigits(
    _ text: Span<UInt8>,
    _ body: (UInt8) -> Void
  ) throws(JSONError) -> Int {
    let start = position
    while let digit = digit(text) {
      body(digit)
      position += 1
    }
    guard position > start else { throw expected("a digit", text) }
    return position - start
  }

  @inline(__always)
  private func digit(_ text: Span<UInt8>) -> UInt8? {
    guard position < text.count else { return nil }
    let digit = text[position] &- UInt8(ascii: "0")
    return digit < 10 ? digit : nil
  }
}

/// The powers of ten that a `Double` holds exactly.
private let powersOfTen: [Double] = [
  1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17,
  1e18, 1e19, 1e20, 1e21, 1e22,
]
