package import MoonstoreCore

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A stream socket of the machine: what the sessions of other processes come through.
package struct UnixSocket: Sendable {
  let number: Int32

  // MARK: Addresses

  /// A path as the system takes it, for the time of a call.
  private static func withAddress<R>(
    _ path: String,
    _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
  ) throws(StoreError) -> R {
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let bytes = Array(path.utf8)
    let room = MemoryLayout.size(ofValue: address.sun_path)
    guard !bytes.isEmpty, bytes.count < room, !bytes.contains(0) else {
      throw StoreError(
        .invalidArgument,
        "\(path): a socket's path has 1 to \(room - 1) bytes, and this has \(bytes.count)"
      )
    }
    // The bytes fit, as was checked, and the rest of the field is zero.
    unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
    let size = socklen_t(MemoryLayout<sockaddr_un>.size)
    return unsafe withUnsafePointer(to: &address) {
      // Every kind of address begins with the fields of sockaddr.
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, size) }
    }
  }

  private static func make() throws(StoreError) -> UnixSocket {
    #if canImport(Darwin)
    let number = Darwin.socket(AF_UNIX, SOCK_STREAM, 0)
    #elseif canImport(Musl)
    let number = Musl.socket(AF_UNIX, SOCK_STREAM, 0)
    #else
    let number = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    guard number >= 0 else { throw failure("a socket cannot be made") }
    _ = fcntl(number, F_SETFD, FD_CLOEXEC)
    #if canImport(Darwin)
    var on: Int32 = 1
    // The call reads the local variable only.
    _ = unsafe setsockopt(
      number,
      SOL_SOCKET,
      SO_NOSIGPIPE,
      &on,
      socklen_t(MemoryLayout<Int32>.size)
    )
    #endif
    return UnixSocket(number: number)
  }

  static func failure(_ what: String, _ code: StoreError.Code = .unreadable) -> StoreError {
    // The text is copied before anybody else can ask for another one.
    StoreError(code, "\(what): \(unsafe String(cString: strerror(errno)))")
  }

  // MARK: Making

  /// Connects to a host that listens.
  package static func connect(to path: String) throws(StoreError) -> UnixSocket {
    let socket = try make()
    let result = try attempt(closing: socket) { () throws(StoreError) in
      try unsafe withAddress(path) { unsafe systemConnect(socket.number, $0, $1) }
    }
    guard result == 0 else {
      let reason = errno
      socket.close()
      errno = reason
      switch reason {
      case ENOENT:
        throw StoreError(
          .disconnected,
          "\(path): nobody listens there; start a host with --listen unix:\(path)"
        )
      case ECONNREFUSED:
        throw StoreError(.disconnected, "\(path): the host that listened there has gone")
      case EACCES, EPERM:
        throw StoreError(.permissionDenied, "\(path): this socket belongs to somebody else")
      default: throw failure(path, .disconnected)
      }
    }
    return socket
  }

  private static func attempt<R>(
    closing socket: UnixSocket,
    _ body: () throws(StoreError) -> R
  ) throws(StoreError) -> R {
    do throws(StoreError) {
      return try body()
    } catch {
      socket.close()
      throw error
    }
  }

  /// Listens at a path that nobody listens at; a socket that is left over from a host that has gone is replaced.
  ///
  /// Only the owner of the process can connect.
  package static func listen(at path: String) throws(StoreError) -> UnixSocket {
    try removeLeftOver(path)
    let socket = try make()
    let bound = try attempt(closing: socket) { () throws(StoreError) in
      try unsafe withAddress(path) { unsafe systemBind(socket.number, $0, $1) }
    }
    // Nobody can connect before it listens, which is after its mode was set.
    guard bound == 0, unsafe chmod(path, 0o600) == 0, systemListen(socket.number, 16) == 0 else {
      let error = failure("\(path): cannot listen there")
      socket.close()
      throw error
    }
    return socket
  }

  private static func removeLeftOver(_ path: String) throws(StoreError) {
    var status = stat()
    // The call writes to the local variable only.
    guard unsafe lstat(path, &status) == 0 else { return }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw StoreError(.unreadable, "\(path): there is something there that is no socket")
    }
    do throws(StoreError) {
      let other = try connect(to: path)
      other.close()
    } catch {
      guard error.code == .disconnected else { throw error }
      _ = unsafe unlink(path)
      return
    }
    throw StoreError(.unreadable, "\(path): another host listens there already")
  }

  /// The inode of a path, to tell whether it is still what it was.
  static func inode(of path: String) -> UInt64? {
    var status = stat()
    // The call writes to the local variable only.
    return unsafe lstat(path, &status) == 0 ? UInt64(status.st_ino) : nil
  }

  // MARK: Using

  /// The next that connects; nil when the socket was closed.
  ///
  /// Where the system has no descriptor or no memory for it, the caller waits until there is, and so does this.
  package func accept() -> UnixSocket? {
    var pause = 10
    while true {
      // No address is asked for.
      let other = systemAccept(number)
      if other >= 0 {
        _ = fcntl(other, F_SETFD, FD_CLOEXEC)
        return UnixSocket(number: other)
      }
      switch errno {
      case EBADF, EINVAL, ENOTSOCK, EOPNOTSUPP: return nil
      case EINTR, ECONNABORTED: continue
      default:
        usleep(UInt32(pause * 1_000))
        pause = min(1_000, pause * 2)
      }
    }
  }

  /// Who is at the other end; nil when the system does not say.
  var peer: UInt32? {
    #if canImport(Darwin)
    var user: uid_t = 0
    var group: gid_t = 0
    // The call writes to the two local variables.
    return unsafe getpeereid(number, &user, &group) == 0 ? user : nil
    #else
    // The process, the user and the group.
    var credentials: [UInt32] = [0, 0, 0]
    var size = socklen_t(12)
    // The call writes at most 12 bytes, which the array has.
    guard unsafe getsockopt(number, SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0, size == 12
    else { return nil }
    return credentials[1]
    #endif
  }

  /// Reads some bytes; none at the end.
  package func read(upTo size: Int) -> [UInt8] {
    while true {
      var wasInterrupted = false
      // The buffer belongs to the array, which has this capacity; the system fills a part of it.
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
        let result = unsafe recv(number, buffer.baseAddress, size, 0)
        wasInterrupted = result < 0 && errno == EINTR
        count = max(0, result)
      }
      if !wasInterrupted { return bytes }
    }
  }

  /// Writes all bytes; false when nobody reads any more.
  package func write(_ bytes: [UInt8]) -> Bool {
    var rest = bytes[...]
    while !rest.isEmpty {
      // The pointer is used inside the closure only, where the bytes stay in place.
      let count = unsafe rest.withUnsafeBytes {
        unsafe send(number, $0.baseAddress, $0.count, noSignal)
      }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return false
      }
    }
    return true
  }

  /// Ends what goes on at both ends; whoever reads or writes finds that out.
  package func shutdown() { systemShutdown(number) }

  package func close() { systemClose(number) }
}

#if canImport(Darwin)
private let noSignal: Int32 = 0
#else
private let noSignal = Int32(MSG_NOSIGNAL)
#endif

// The system's functions, which have the names of methods here. The pointers are used during the calls only.
private func systemConnect(_ number: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t)
  -> Int32
{
  unsafe connect(number, address, size)
}
private func systemBind(_ number: Int32, _ address: UnsafePointer<sockaddr>, _ size: socklen_t)
  -> Int32
{
  unsafe bind(number, address, size)
}
private func systemListen(_ number: Int32, _ backlog: Int32) -> Int32 { listen(number, backlog) }
private func systemAccept(_ number: Int32) -> Int32 { accept(number, nil, nil) }
private func systemShutdown(_ number: Int32) { _ = shutdown(number, Int32(SHUT_RDWR)) }
private func systemClose(_ number: Int32) { _ = close(number) }
