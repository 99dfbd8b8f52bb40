/// Contiguous storage of plain records that are named by small integers.
///
/// Takes records from one owner, gives back an id for each, and reuses the slots of those that
/// were given back. Id 0 is never handed out; it stands for "none". The reactive graph keeps its
/// nodes and links here, so that walking them touches neither reference counts nor the allocator.
///
/// A slab is used on one isolation domain at a time, and no reference into it outlives the
/// expression that asked for it: growing moves the records.
@safe
@usableFromInline
struct Slab<Record: BitwiseCopyable>: ~Copyable {
  @safe
  @usableFromInline
  struct Header {
    @usableFromInline var records: UnsafeMutablePointer<Record>
    @usableFromInline var capacity: UInt32
    @usableFromInline var used: UInt32
    @usableFromInline var free: UInt32
    @usableFromInline var live: UInt32
  }

  @usableFromInline let header: UnsafeMutablePointer<Header>

  /// Reserves room for `capacity` records; slot 0 holds `blank` and stays unused.
  init(capacity: UInt32, blank: Record) {
    precondition(MemoryLayout<Record>.size >= MemoryLayout<UInt32>.size)
    let room = max(capacity, 2)
    let records = UnsafeMutablePointer<Record>.allocate(capacity: Int(room))
    // Safe: both regions were allocated just now, with room for what is written.
    unsafe records.initialize(to: blank)
    unsafe header = .allocate(capacity: 1)
    unsafe header.initialize(
      to: Header(records: records, capacity: room, used: 1, free: 0, live: 0)
    )
  }

  @usableFromInline
  deinit {
    // Safe: this value is the only owner of both regions, and records need no deinitialization.
    unsafe header.pointee.records.deallocate()
    unsafe header.deallocate()
  }

  /// How many slots are in use.
  var count: Int {
    // Safe: the header lives as long as this value.
    Int(unsafe header.pointee.live)
  }

  /// One past the largest id that was ever handed out.
  var end: UInt32 {
    // Safe: the header lives as long as this value.
    unsafe header.pointee.used
  }

  /// The record with an id that `insert` gave out.
  @usableFromInline
  subscript(id: UInt32) -> Record {
    @inlinable
    @inline(__always)
    unsafeAddress {
      // Safe: ids come from `insert` alone, so they lie below `used`, and the address is used
      // within one expression, during which nothing is inserted.
      unsafe assert(id < header.pointee.used)
      return unsafe UnsafePointer(header.pointee.records + Int(id))
    }
    @inlinable
    @inline(__always)
    nonmutating unsafeMutableAddress {
      // Safe: as above; the slab has one owner on one isolation domain.
      unsafe assert(id < header.pointee.used)
      return unsafe header.pointee.records + Int(id)
    }
  }

  /// Stores a record and returns its id.
  func insert(_ record: Record) -> UInt32 {
    // Safe: `free` names a slot that was given back, whose first bytes hold the next free id;
    // otherwise `used` is below `capacity` once `grow` has run.
    let id: UInt32
    let head = unsafe header.pointee.free
    if head != 0 {
      id = head
      unsafe header.pointee.free = UnsafeRawPointer(header.pointee.records + Int(head))
        .load(as: UInt32.self)
    } else {
      if unsafe header.pointee.used == header.pointee.capacity { grow() }
      id = unsafe header.pointee.used
      unsafe header.pointee.used = id + 1
    }
    unsafe header.pointee.live &+= 1
    unsafe (header.pointee.records + Int(id)).initialize(to: record)
    return id
  }

  /// Gives a slot back; its id may be handed out again.
  func remove(_ id: UInt32) {
    // Safe: the slot is in bounds and nobody uses its record any more, so its first bytes may
    // hold the free list; every record is at least that large.
    unsafe assert(id != 0 && id < header.pointee.used)
    unsafe UnsafeMutableRawPointer(header.pointee.records + Int(id))
      .storeBytes(of: header.pointee.free, as: UInt32.self)
    unsafe header.pointee.free = id
    unsafe header.pointee.live &-= 1
  }

  @inline(never)
  private func grow() {
    // Safe: the new region has room for twice as many records; records are plain bytes, so
    // moving them is a copy, and the old region has no other owner.
    let capacity = unsafe header.pointee.capacity
    let records = UnsafeMutablePointer<Record>.allocate(capacity: Int(capacity) * 2)
    unsafe records.moveInitialize(from: header.pointee.records, count: Int(capacity))
    unsafe header.pointee.records.deallocate()
    unsafe header.pointee.records = records
    unsafe header.pointee.capacity = capacity * 2
  }
}

/// One plain value that is read and written without checks for overlapping access.
///
/// It belongs to one owner on one isolation domain, and lends its value for one expression at a
/// time, so no two accesses overlap.
@safe
@usableFromInline
struct PlainCell<Value: BitwiseCopyable>: ~Copyable {
  @usableFromInline let pointer: UnsafeMutablePointer<Value>

  init(_ value: Value) {
    // Safe: allocated just now, for one value.
    unsafe pointer = .allocate(capacity: 1)
    unsafe pointer.initialize(to: value)
  }

  deinit {
    // Safe: this value is the only owner, and plain values need no deinitialization.
    unsafe pointer.deallocate()
  }

  @usableFromInline var value: Value {
    @inlinable
    @inline(__always)
    unsafeAddress {
      // Safe: the region is initialized and lives as long as this value.
      unsafe UnsafePointer(pointer)
    }
    @inlinable
    @inline(__always)
    nonmutating unsafeMutableAddress {
      // Safe: as above.
      unsafe pointer
    }
  }
}

/// A stack of ids that keeps its room, for walks that must not recurse.
///
/// Walks may nest: each remembers the `count` it began with and pops no deeper.
@safe
struct IDStack: ~Copyable {
  @safe
  private struct Header {
    var ids: UnsafeMutablePointer<UInt32>
    var capacity: Int
    var count: Int
  }

  private let header: UnsafeMutablePointer<Header>

  init(capacity: Int) {
    let ids = UnsafeMutablePointer<UInt32>.allocate(capacity: max(capacity, 1))
    // Safe: allocated just now, for one header.
    unsafe header = .allocate(capacity: 1)
    unsafe header.initialize(to: Header(ids: ids, capacity: max(capacity, 1), count: 0))
  }

  deinit {
    // Safe: this value is the only owner of both regions.
    unsafe header.pointee.ids.deallocate()
    unsafe header.deallocate()
  }

  /// How many ids lie on the stack.
  var count: Int {
    // Safe: the header lives as long as this value.
    unsafe header.pointee.count
  }

  /// The id at a height below `count`.
  subscript(height: Int) -> UInt32 {
    precondition(height >= 0 && height < count)
    // Safe: the bounds were checked above.
    return unsafe header.pointee.ids[height]
  }

  func push(_ id: UInt32) {
    // Safe: `count` is below `capacity` once `grow` has run.
    if unsafe header.pointee.count == header.pointee.capacity { grow() }
    unsafe header.pointee.ids[header.pointee.count] = id
    unsafe header.pointee.count &+= 1
  }

  /// Takes the newest id; the caller knows that there is one.
  func pop() -> UInt32 {
    // Safe: callers compare `count` first; debug builds check it.
    unsafe assert(header.pointee.count > 0)
    unsafe header.pointee.count &-= 1
    return unsafe header.pointee.ids[header.pointee.count]
  }

  @inline(never)
  private func grow() {
    // Safe: the new region has room for twice as many ids, and the old one has no other owner.
    let capacity = unsafe header.pointee.capacity
    let ids = UnsafeMutablePointer<UInt32>.allocate(capacity: capacity * 2)
    unsafe ids.moveInitialize(from: header.pointee.ids, count: capacity)
    unsafe header.pointee.ids.deallocate()
    unsafe header.pointee.ids = ids
    unsafe header.pointee.capacity = capacity * 2
  }
}

/// One counted reference that can lie in a slab record.
///
/// Whoever stores it takes it out exactly once; between the two it may be borrowed freely, which
/// costs no reference counting.
@safe
struct StoredReference<Object: AnyObject>: BitwiseCopyable {
  private let raw: UnsafeRawPointer?

  /// The reference of a record that has none.
  static var none: Self { unsafe Self(raw: nil) }

  var isNone: Bool { unsafe raw == nil }

  private init(raw: UnsafeRawPointer?) {
    unsafe self.raw = unsafe raw
  }

  /// Keeps `object` alive until `take`.
  init(retaining object: Object) {
    // Safe: the count taken here is given back by `take`.
    unsafe raw = UnsafeRawPointer(Unmanaged.passRetained(object).toOpaque())
  }

  /// Lends the object for the length of `body`; nil if there is none.
  @inline(__always)
  func borrow<Result>(_ body: (Object) throws -> Result) rethrows -> Result? {
    guard let raw = unsafe raw else { return nil }
    // Safe: the stored count keeps the object alive, and owners take it only when no borrow runs.
    return unsafe try Unmanaged<Object>.fromOpaque(raw)._withUnsafeGuaranteedRef { try body($0) }
  }

  /// Ends the storing and hands the object to the caller.
  func take() -> Object? {
    guard let raw = unsafe raw else { return nil }
    // Safe: called once for each `init(retaining:)`, when the record is cleared.
    return unsafe Unmanaged<Object>.fromOpaque(raw).takeRetainedValue()
  }
}

@available(*, unavailable)
extension Slab: Sendable {}

@available(*, unavailable)
extension Slab.Header: Sendable {}

@available(*, unavailable)
extension PlainCell: Sendable {}
