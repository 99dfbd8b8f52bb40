import MoonstoreCore
import Testing

struct RanksTests {
  private let line = Ranks.Line(.handler, owner: "script", "type")
  private let other = Ranks.Line(.handler, owner: "other", "type")

  @Test func `A new registration comes after all others`() {
    var ranks = Ranks()
    let all = (0..<5).map { _ in ranks.next(in: line) }
    #expect(all == all.sorted())
    ranks.giveUp(all[0], in: line)
    #expect(ranks.next(in: line) > all[4])
  }

  @Test
  func `While scripts are replaced, new registrations inherit the ranks of their predecessors`() {
    var ranks = Ranks()
    let (a, b, c, d) = (
      ranks.next(in: line), ranks.next(in: other), ranks.next(in: line), ranks.next(in: line)
    )
    ranks.beginReplacing()
    // In whatever order they go.
    for rank in [d, a, c] { ranks.giveUp(rank, in: line) }
    #expect(ranks.next(in: line) == a)
    #expect(ranks.next(in: other) > d)
    #expect(ranks.next(in: line) == c)
    ranks.endReplacing()
    #expect(ranks.next(in: line) > d)
    #expect(b < d)
  }

  @Test func `A rank that was taken back is not given to another`() {
    var ranks = Ranks()
    let (a, b) = (ranks.next(in: line), ranks.next(in: line))
    ranks.beginReplacing()
    ranks.giveUp(a, in: line)
    ranks.takeBack(a)
    ranks.giveUp(b, in: line)
    #expect(ranks.next(in: line) == b)
    #expect(ranks.next(in: line) > b)
    // Given up twice, it is given once.
    ranks.giveUp(a, in: line)
    ranks.takeBack(a)
    ranks.giveUp(a, in: line)
    #expect(ranks.next(in: line) == a)
    #expect(ranks.next(in: line) > b)
  }
}
