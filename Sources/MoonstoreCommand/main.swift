import MoonstoreHost
import MoonstoreCore
import MoonValue

var c = HostConfiguration()
c.grantsFiles = true
let args = CommandLine.arguments
if args.count > 3 { c.readableFiles = Array(args[3...]) }
c.report = { print("REPORT", $0) }
c.log = { print("LOG", $0.text) }
do {
  let host = try await StoreHost(scripts: args[1], configuration: c)
  let r = try await host.run(script: args[2], arguments: args.dropFirst(3).map { .string($0) })
  print(r.text ?? "")
  print(try r.value.json())
} catch { print("ERROR", error) }
