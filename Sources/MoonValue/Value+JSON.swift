/// How values are written as JSON.
public struct JSONOptions: Sendable, Hashable {
  /// What is done with strings that are not valid UTF-8, for which JSON has no place.
  public enum Bytes: Sendable, Hashable {
    /// They are an error that names the place.
    case refused
    /// Each part that is not UTF-8 becomes the replacement character.
    case lossy
  }

  /// Whether each element stands in a line of its own, indented by two spaces.
  public var pretty: Bool
  /// Whether maps come out the same each time: integer keys by value, then strings by their bytes.
  public var sortedKeys: Bool
  /// What is done with strings that are not valid UTF-8.
  public var bytes: Bytes
  /// How deep arrays and maps may be nested; what stands deeper is an error.
  public var maximumDepth: Int

  /// Makes options; by default one line, with sorted keys.
  public init(
    pretty: Bool = false,
    sortedKeys: Bool = true,
    bytes: Bytes = .refused,
    maximumDepth: Int = Value.defaultJSONDepth
  ) {
    self.pretty = pretty
    self.sortedKeys = sortedKeys
    self.bytes = bytes
    self.maximumDepth = maximumDepth
  }
}

extension Value {
  /// How deep JSON may be nested where nothing else is said.
  public static let defaultJSONDepth = 128

  /// Reads JSON text, exactly as RFC 8259 has it.
  ///
  /// Numbers without fraction and exponent become integers, exact to 64 bits; beyond that, and with
  /// either, they become numbers, as does `-0`. Where a key stands twice in a map, the last one counts.
  ///
  /// - Throws: `JSONError` with the place of the first fault.
  public init(
    json text: String,
    maximumDepth: Int = Value.defaultJSONDepth
  ) throws(JSONError) {
    self = try Value.read(text.utf8, maximumDepth).get()
  }

  /// The same as a piece of work that ends where the meter ends it.
  package init(json text: String, meter: WorkMeter) throws(JSONError) {
    self = try Value.read(text.utf8, Value.defaultJSONDepth, meter).get()
  }

  /// Reads JSON from the bytes of UTF-8 text.
  ///
  /// - Throws: `JSONError` with the place of the first fault.
  public init(
    json bytes: some Sequence<UInt8>,
    maximumDepth: Int = Value.defaultJSONDepth
  ) throws(JSONError) {
    self = try Value.read(bytes, maximumDepth).get()
  }

  // A result, since the function that lends the bytes does not keep the type of an error.
  private static func read(
    _ bytes: some Sequence<UInt8>,
    _ maximumDepth: Int,
    _ meter: WorkMeter? = nil
  ) -> Result<Value, JSONError> {
    // The span is used inside the closure only, which is as long as the buffer holds.
    let result = bytes.withContiguousStorageIfAvailable { buffer in
      var parser = JSONParser(maximumDepth: maximumDepth, meter: meter)
      return parser.document(unsafe buffer.span)
    }
    if let result { return result }
    var parser = JSONParser(maximumDepth: maximumDepth, meter: meter)
    return parser.document(Array(bytes).span)
  }

  /// The value as JSON text.
  ///
  /// Numbers are written as briefly as they read back to the same bits, and so that they read back as
  /// numbers: `1.0`. Integer keys become strings.
  ///
  /// - Throws: `JSONError` with the path of what JSON cannot say: NaN, infinity, a string that is not
  ///   UTF-8, or two keys that come out the same.
  public func json(pretty: Bool = false, sortedKeys: Bool = true) throws(JSONError) -> String {
    String(
      decoding: try jsonBytes(JSONOptions(pretty: pretty, sortedKeys: sortedKeys)),
      as: UTF8.self
    )
  }

  /// The value as JSON text, as the bytes of its UTF-8 form.
  ///
  /// - Throws: `JSONError` with the path of what JSON cannot say.
  public func jsonBytes(_ options: JSONOptions = JSONOptions()) throws(JSONError) -> [UInt8] {
    try jsonBytes(options, meter: nil)
  }

  /// The same as a piece of work that ends where the meter ends it.
  package func jsonBytes(
    _ options: JSONOptions,
    meter: WorkMeter?
  ) throws(JSONError) -> [UInt8] {
    var writer = JSONWriter(options, meter: meter)
    try writer.write(self)
    return writer.text
  }
}
