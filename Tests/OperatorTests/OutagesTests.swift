import Testing

@testable import Operator

@Suite struct OutagesTests {
    private let start = ContinuousClock.now

    @Test("One outage may last two minutes")
    func tooLong() {
        var outages = Outages()
        outages.heard(rounds: 3)
        #expect(outages.missed(at: start) == .wait(isNew: true))
        #expect(outages.missed(at: start + .seconds(1)) == .wait(isNew: false))
        #expect(outages.missed(at: start + Outages.longest - .nanoseconds(1)) == .wait(isNew: false))
        #expect(outages.missed(at: start + Outages.longest) == .tooLong)
    }

    @Test("An outage ends when the coordinator is heard: the next has its own two minutes")
    func separate() {
        var outages = Outages()
        _ = outages.missed(at: start)
        outages.heard(rounds: 0)
        #expect(outages.missed(at: start + .seconds(119)) == .wait(isNew: true))
        #expect(outages.missed(at: start + .seconds(121)) == .wait(isNew: false))
        #expect(outages.count == 2)
    }

    @Test("A coordinator that ends again and again without completing a round is given up")
    func tooOften() {
        var outages = Outages()
        outages.heard(rounds: 5)
        for _ in 0..<Outages.most {
            #expect(outages.missed(at: start) == .wait(isNew: true))
            outages.heard(rounds: 5)
        }
        #expect(outages.missed(at: start) == .tooOften)
    }

    @Test("While rounds are completed it may end as often as it likes")
    func progress() {
        var outages = Outages()
        for round in 0..<100 {
            for _ in 0..<Outages.most {
                #expect(outages.missed(at: start) == .wait(isNew: true))
                outages.heard(rounds: round)
            }
            outages.heard(rounds: round + 1)
        }
    }
}
