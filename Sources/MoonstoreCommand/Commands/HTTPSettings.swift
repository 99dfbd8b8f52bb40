import ArgumentParser
import MoonstoreCore
import MoonstoreHost

#if HTTP
import MoonstoreHTTP
#endif

/// Which servers scripts may reach, on the command line.
///
/// The client that reaches them is far larger than the rest of the command, so a build without the package trait
/// `HTTP` has none, and says so to those who ask for it.
struct HTTPSettings: ParsableArguments {
  @Option(
    name: .customLong("allow-http"),
    help: ArgumentHelp(
      "Let scripts reach a server with http.get and its like; repeatable.",
      discussion: """
        Such as api.example.com, localhost:8080 or *.example.com; without a port all ports. \
        Redirects lead to allowed servers only. Without this option scripts have no 'http'.
        """,
      valueName: "host"
    )
  )
  var hosts: [String] = []

  func validate() throws {
    #if !HTTP
    guard hosts.isEmpty else {
      throw ValidationError(
        "--allow-http: this moonstore was built without its HTTP client; build it with the package trait HTTP, "
          + "which 'swift build' does where no trait is named"
      )
    }
    #endif
    for host in hosts {
      do {
        _ = try HTTPHostPattern(host)
      } catch {
        throw ValidationError("--allow-http: \(error.message)")
      }
    }
  }

  /// What the scripts of a host are granted; nil where no server was named.
  func grant() throws(StoreError) -> HTTPGrant? {
    #if HTTP
    return hosts.isEmpty ? nil : try HTTPGrant(HTTPClientTransport(), hosts: hosts)
    #else
    return nil
    #endif
  }
}
