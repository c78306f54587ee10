import Testing
import Wire

@Suite struct InlineTransferTests {
    @Test(arguments: [(0, false), (1, true), (16384, true), (16385, false), (Int64.max, false), (-1, false)])
    func sizeAloneDecides(bytes: Int64, fits: Bool) {
        #expect(InlineTransfer.fits(bytes) == fits)
    }

    @Test func bothSidesSayThatTheyKnowIt() {
        #expect(InlineTransfer.isUnderstood(ProtocolVersion.features))
        #expect(InlineTransfer.isUnderstood(ClientHello(software: "test", datasets: []).features))
        #expect(!InlineTransfer.isUnderstood(["secure-aggregation"]))
    }
}
