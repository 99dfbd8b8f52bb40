import Foundation
import MoonValue
import MoonstoreHost

/// The reference shop: its reload, and its trading day.
enum Days {
  static var all: [Benchmark] {
    [
      Benchmark(id: "R", title: "reload of the shop, three scripts, without calls", count: 1) {
        let host = try await StoreHost(scripts: Folders.shop)
        return Benchmark.Workload(ours: { _ in try await reload(host).pause * 1e9 })
      },
      Benchmark(id: "Rt", title: "reload of the shop, three scripts, in all", count: 1) {
        let host = try await StoreHost(scripts: Folders.shop)
        return Benchmark.Workload(ours: { _ in try await reload(host).duration * 1e9 })
      },
      Benchmark(id: "D", title: "trading day of Scripts/shop, 384 lines", count: 1) {
        let expected = try figures(Folders.shop + "/data/day.json")
        return Benchmark.Workload(ours: { _ in
          var configuration = HostConfiguration()
          configuration.grantsFiles = true
          let host = try await StoreHost(scripts: Folders.shop, configuration: configuration)
          var result = Value.null
          let took = try await nanoseconds {
            result = try await host.run(script: Folders.shop + "/trading.lua").value
          }
          for (name, figure) in expected {
            let found = try integer(result.mapValue?[.string(name)] ?? .null)
            try WrongResult.check(found, is: figure, "the day's \(name)")
          }
          return took
        })
      },
    ]
  }

  private static func reload(_ host: StoreHost) async throws -> ReloadReport {
    let scripts = ["stores/cart.lua", "stores/order.lua", "stores/products.lua"]
    let report = try await host.reload(scripts)
    try WrongResult.check(report.scripts.map(\.name).sorted(), is: scripts, "what was reloaded")
    try WrongResult.check(report.isRefused, is: false, "whether the reload was refused")
    return report
  }

  /// The whole numbers that the day must come to.
  private static func figures(_ file: String) throws -> [String: Int] {
    let text = try String(contentsOfFile: file, encoding: .utf8)
    guard let map = try Value(json: text).mapValue else {
      throw WrongResult(description: "\(file) holds no figures")
    }
    var figures: [String: Int] = [:]
    for (key, value) in map {
      if case .string(let name) = key, let figure = value.integerValue {
        figures[name] = Int(figure)
      }
    }
    return figures
  }
}
