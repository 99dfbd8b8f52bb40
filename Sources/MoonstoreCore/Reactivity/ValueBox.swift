/// A heap cell for one value that several closures and handles share.
///
/// Takes a value from whoever writes, gives it to whoever reads, on one isolation domain. A plain
/// class property would be checked for overlapping access at each use, which costs more than the
/// read of a small value; here overlap is ruled out by use: nobody calls foreign code while
/// looking at the value, except `mutate`, which guards itself.
@safe
@usableFromInline
final class ValueBox<Value> {
  @usableFromInline let pointer: UnsafeMutablePointer<Value>
  /// The error that stands in place of the value, for those who keep either.
  @usableFromInline var failure: (any Error)?
  private var isMutating = false

  @inlinable
  init(_ value: Value) {
    unsafe pointer = .allocate(capacity: 1)
    // Safe: allocated just now, for one value.
    unsafe pointer.initialize(to: value)
  }

  deinit {
    // Safe: the value was initialized in `init` and the box is the only owner of the region.
    unsafe pointer.deinitialize(count: 1)
    unsafe pointer.deallocate()
  }

  @inlinable var value: Value {
    @inline(__always)
    get {
      // Safe: the value is initialized as long as the box lives.
      unsafe pointer.pointee
    }
    @inline(__always)
    set {
      // Safe: as above. The old value is let go last, since its deinit may read this box.
      let old = unsafe pointer.move()
      unsafe pointer.initialize(to: newValue)
      withExtendedLifetime(old) {}
    }
  }

  /// Lends the value for changing it in place.
  ///
  /// Foreign code runs meanwhile, so a second mutation from inside of it is a programmer error.
  func mutate<Result, Failure: Error>(
    _ change: (inout Value) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    precondition(!isMutating, "a value was changed in the middle of its own change")
    isMutating = true
    defer { isMutating = false }
    // Safe: the value is initialized as long as the box lives, and no other mutation runs.
    return try unsafe change(&pointer.pointee)
  }
}

@available(*, unavailable)
extension ValueBox: Sendable {}
