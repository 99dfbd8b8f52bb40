import AsyncHTTPClient
import MoonstoreCore
import NIOCore
import NIOHTTP1
import NIOPosix
import NIOSSL

extension StoreError {
  /// What an error of the client library means to whoever has sent the request.
  init(networkError error: any Error) {
    self.init(.network, StoreError.explanation(of: error), underlying: error)
  }

  private static func explanation(of error: any Error) -> String {
    switch error {
    case let error as HTTPClientError:
      switch error {
      case .connectTimeout, .getConnectionFromPoolTimeout: "the server accepts no connection"
      case .remoteConnectionClosed:
        "the server closed the connection before the response was complete"
      default: error.shortDescription
      }
    case let error as NIOConnectionError:
      if error.dnsAError != nil || error.dnsAAAAError != nil, error.connectionErrors.isEmpty {
        "there is no server of the name '\(error.host)'"
      } else if let first = error.connectionErrors.first {
        explanation(of: first.error)
      } else {
        "the server cannot be reached"
      }
    case let error as IOError: explanation(ofSystem: error)
    case HTTPParserError.invalidEOFState:
      "the server closed the connection before the response was complete"
    case let error as HTTPParserError: "the answer is not HTTP (\(error))"
    case let error as NIOSSLError:
      if "\(error)".contains("CERTIFICATE_VERIFY_FAILED") {
        "the server's certificate is not one to be trusted"
      } else {
        "no secure connection can be made with the server"
      }
    case let error as ChannelError: "the connection failed (\(error))"
    default: "\(error)"
    }
  }

  private static func explanation(ofSystem error: IOError) -> String {
    switch error.errnoCode {
    case ECONNREFUSED: "the connection was refused"
    case ECONNRESET, EPIPE: "the server closed the connection before the response was complete"
    case EHOSTUNREACH, ENETUNREACH: "the server cannot be reached"
    default: error.description
    }
  }
}

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif
