import MoonLua
import MoonValue
import Testing

#if canImport(Glibc)
import Glibc
#endif

@Suite(.serialized) struct LuaMemoryTests {
  /// What the process has resident, in bytes; nil where nobody tells.
  static func resident() -> Int? {
    #if canImport(Glibc)
    guard let file = unsafe fopen("/proc/self/statm", "r") else { return nil }
    defer { unsafe fclose(file) }
    var line = [CChar](repeating: 0, count: 128)
    guard unsafe fgets(&line, 128, file) != nil else { return nil }
    let text = String(
      decoding: line.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) },
      as: UTF8.self
    )
    return text.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 4096 }
    #else
    return nil
    #endif
  }

  static func use(_ vm: LuaVM) throws {
    let echo = try vm.makeFunction { $0 }
    let fail = try vm.makeFunction { _ in throw Refusal(reason: "x") }
    let script =
      "local e, f = ...; pcall(f); pcall(f, {}); return e({1}), e(f), e('text'), e(coroutine.create(e))"
    let results = try vm.load(script, name: "a").call(.function(echo), .function(fail))
    guard results.count == 4 else { throw Refusal(reason: "results") }
  }

  static func comeAndGo(_ count: Int) throws {
    for number in 0..<count {
      let vm = try LuaVM()
      if number % 10 == 0 { try use(vm) }
      if number % 2 == 0 { vm.close() }
    }
  }

  @Test func `Ten thousand machines leave nothing behind`() async {
    // A process of its own, so that what other tests hold does not count. The first round fills what
    // allocators keep for themselves.
    await #expect(processExitsWith: .success) {
      try LuaMemoryTests.comeAndGo(10_000)
      guard let before = LuaMemoryTests.resident() else { return }
      try LuaMemoryTests.comeAndGo(10_000)
      let after = LuaMemoryTests.resident() ?? before
      // Each machine takes about 20 kB, so that one in ten left behind would show.
      #expect(after - before < 16 << 20)
    }
  }

  @Test func `A machine goes when its last handle goes`() throws {
    weak var machine: LuaMachine?
    do {
      var vm: LuaVM? = try LuaVM()
      machine = vm?.machine
      let table = try vm?.makeTable()
      vm = nil
      #expect(machine != nil)
      withExtendedLifetime(table) {}
    }
    #expect(machine == nil)
  }

  @Test func `A machine with a call that waits can go`() async throws {
    weak var machine: LuaMachine?
    do {
      let vm = try LuaVM()
      machine = vm.machine
      let close = try vm.makeAsyncFunction { [unowned vm] _ in
        vm.close()
        return []
      }
      let function = try vm.load("(...)()", name: "a")
      #expect(await luaError(waiting: { try await function.callAsync([.function(close)]) }) != nil)
    }
    #expect(machine == nil)
  }

  @Test func `Calls, handles and errors leave nothing in the machine`() async throws {
    let vm = try LuaVM()
    let wait = try vm.makeAsyncFunction { $0 }
    let function = try vm.load("local w = ...; w({1}); return {w('x'), {}}", name: "a")
    func round() async throws {
      for _ in 0..<200 {
        try LuaMemoryTests.use(vm)
        try await function.callAsync([.function(wait)])
        _ = luaError { try vm.run("error({message = string.rep('x', 100)})") }
        _ = try vm.makeTable([1, ["a": "b"]]).pairs()
        _ = luaError { try vm.run("(", name: "wrong") }
      }
      vm.collectGarbage()
    }
    try await round()
    // A native function stays as long as its machine, so the first round's are there in both.
    let before = vm.memory
    let tokens = vm.machine.tokenCount
    try await round()
    #expect(vm.memory - before < 100_000)
    #expect(tokens == 0)
    #expect(vm.machine.tokenCount == 0)
  }
}
