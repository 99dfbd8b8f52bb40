import Foundation

/// Where and when a run was, since figures mean nothing without it.
struct Machine: Codable {
  var processor = "?"
  var cores = ProcessInfo.processInfo.activeProcessorCount
  var system = ProcessInfo.processInfo.operatingSystemVersionString
  var date = Date.now.formatted(.iso8601)
  /// How many processes wanted to run, over the last minute: before the run, and after it.
  var loadBefore = Machine.load
  var loadAfter: Double?

  init() {
    let info = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    if let line = info.split(separator: "\n").first(where: { $0.hasPrefix("model name") }),
      let colon = line.firstIndex(of: ":")
    {
      processor = line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces)
    }
  }

  static var load: Double? {
    var loads = [0.0]
    // Writes as many numbers as the array has.
    let count = unsafe getloadavg(&loads, 1)
    return count == 1 ? loads[0] : nil
  }

  var line: String {
    let loads = [loadBefore, loadAfter].compactMap { $0 }.map { number($0, digits: 1) }
    return
      "\(processor), \(cores) cores, \(system), \(date), load \(loads.joined(separator: " -> "))"
  }
}
