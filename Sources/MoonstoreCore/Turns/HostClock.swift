#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Where a host's time comes from, so that a test can set it and a run can be repeated.
public protocol HostClock: Sendable {
  /// Seconds since 1970-01-01 UTC.
  var now: Double { get }
}

/// The machine's clock.
public struct SystemClock: HostClock {
  /// Makes a clock.
  public init() {}

  /// Seconds since 1970-01-01 UTC.
  public var now: Double {
    var time = timespec()
    // The call writes to the local variable only.
    unsafe clock_gettime(CLOCK_REALTIME, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }
}
