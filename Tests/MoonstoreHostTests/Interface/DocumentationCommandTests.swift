import Foundation
import MoonValue
import MoonstoreHost
import MoonstoreInterface
import TestSupport
import Testing

/// `:doc`, completion and hints of what scripts get from the host.
@Suite struct DocumentationCommandTests {
  @Test func `A function is shown with all that is known of it`() async throws {
    let repl = try await TestSession()
    let text = await repl(":doc bus.send")
    for part in [
      "bus.send(type, payload?, options?)\nSends a message to those who hear its type.",
      "priority?", "gives   string? id", "effect  sends", "right   call", "error   notData: ",
      "example\n  bus.subscribe(",
    ] {
      #expect(text.contains(part), "\(part) in\n\(text)")
    }
    #expect(await repl(":doc task:wait").contains("task:wait(timeout?)"))
    #expect(await repl(":doc Message").contains("payload?"))
    #expect(await repl(":doc http").hasSuffix("this host does not grant it"))
  }

  @Test func `Everything that is described can be shown`() async throws {
    let repl = try await TestSession()
    for name in ScriptInterface.current.names {
      let text = await repl(":doc \(name)")
      #expect(!text.hasPrefix("error: "), "\(text)")
    }
  }

  @Test func `Alone it lists the libraries, and what is mistyped gets a suggestion`() async throws {
    let repl = try await TestSession()
    let listed = await repl(":doc")
    for name in ["bus", "registry", "sleep", "effects", "string"] { #expect(listed.contains(name)) }
    #expect(await repl(":doc bus.sent").contains("did you mean 'bus.send'?"))
    #expect(await repl(":doc countr").contains("did you mean 'counter'?"))
  }

  @Test func `Functions are completed with their parameters, and hinted at`() async throws {
    let repl = try await TestSession()
    let items = await repl.session.completions(for: "bus.subs").items
    #expect(items == [ReplCompletion("subscribe", "function", "(type, handler)")])
    let globals = await repl.session.completions(for: "sle").items
    #expect(globals == [ReplCompletion("sleep", "function", "(seconds)")])
    let inside = await repl.session.completions(for: "bus.subscribe('a', ")
    #expect(inside.hint.hasPrefix("bus.subscribe(type, handler)  handler: fun(message: Message)"))
    let later = await repl.session.completions(for: "bus.send('a', f(1, 2), ")
    #expect(later.hint.hasSuffix("options: SendOptions"))
    #expect(await repl.session.completions(for: "counter:add(").hint == "counter:add(by)")
    #expect(await repl.session.completions(for: "x = {").hint.isEmpty)
    let documented = await repl.session.completions(for: ":doc bus.sen").items.map(\.text)
    #expect(documented == ["bus.send"])
    #expect(await repl.session.completions(for: "htt").items.isEmpty)
  }

  @Test func `The page about the prompt names every command`() throws {
    let page = try String(
      contentsOfFile: "\(TestProject.checkout)/Sources/MoonstoreHost/Documentation.docc/Prompt.md",
      encoding: .utf8
    )
    for command in ReplCommand.all { #expect(page.contains("`\(command.name)"), "\(command.name)") }
  }
}
