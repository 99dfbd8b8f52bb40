import MoonstoreCore
import Testing

struct RanksTests {
  @Test func `Whoever comes stands behind all others`() {
    var ranks = Ranks()
    let all = (0..<5).map { _ in ranks.next(in: "line") }
    #expect(all == all.sorted())
    ranks.giveUp(all[0], in: "line")
    #expect(ranks.next(in: "line") > all[4])
  }

  @Test func `While something is replaced, those who come take the places of those who went`() {
    var ranks = Ranks()
    let (a, b, c, d) = (
      ranks.next(in: "x"), ranks.next(in: "y"), ranks.next(in: "x"), ranks.next(in: "x")
    )
    ranks.beginReplacing()
    // In whatever order they go.
    for rank in [d, a, c] { ranks.giveUp(rank, in: "x") }
    #expect(ranks.next(in: "x") == a)
    #expect(ranks.next(in: "y") > d)
    #expect(ranks.next(in: "x") == c)
    ranks.endReplacing()
    #expect(ranks.next(in: "x") > d)
    #expect(b < d)
  }

  @Test func `An element goes back to its place in a list`() {
    var list = [1, 3, 5]
    list.insert(4) { $0 }
    list.insert(9) { $0 }
    list.insert(0) { $0 }
    #expect(list == [0, 1, 3, 4, 5, 9])
  }
}
