import Testing
import Wire
import WireMessages

@Suite struct HelloTests {
    private let hello = ClientHello(
        software: "tributary-client 0.1",
        datasets: [DatasetCard(name: "uci-har", examples: ["train": 12, "test": 3], modalities: ["acc"], classes: 6)],
        models: ["har"], holding: [TaskIdentity(job: "a", round: 0, attempt: 0, kind: .evaluate)])

    @Test func survivesTheWire() throws {
        #expect(try ClientHello(hello.message) == hello)
    }

    @Test func refusesADataSetThatComesTwice() {
        var twice = hello
        twice.datasets += hello.datasets
        #expect(throws: WireError.self) { try ClientHello(twice.message) }
    }

    @Test func refusesListsThatAreTooLong() {
        var message = hello.message
        message.datasets = Array(repeating: message.datasets[0], count: WireLimits.datasets + 1)
        #expect(throws: WireError.self) { try ClientHello(message) }
        message = hello.message
        message.holding = Array(repeating: message.holding[0], count: WireLimits.holding + 1)
        #expect(throws: WireError.self) { try ClientHello(message) }
        message = hello.message
        message.features = Array(repeating: "x", count: WireLimits.names + 1)
        #expect(throws: WireError.self) { try ClientHello(message) }
    }

    @Test(arguments: ["", "a\nb", "a\u{202E}b", String(repeating: "x", count: 129)])
    func refusesNamesThatAreNone(name: String) {
        var message = hello.message
        message.datasets[0].name = name
        #expect(throws: WireError.self) { try ClientHello(message) }
        message = hello.message
        message.datasets[0].modalities = [name]
        #expect(throws: WireError.self) { try ClientHello(message) }
    }

    @Test func cleansTextForPeople() throws {
        var message = hello.message
        message.software = "evil\u{1B}[2J" + String(repeating: "x", count: 5000)
        let software = try ClientHello(message).software
        #expect(software.hasPrefix("evil [2J"))
        #expect(software.utf8.count <= WireLimits.textBytes)
    }

    @Test func theLowerVersionIsSpoken() throws {
        #expect(try ProtocolVersion.negotiated(with: 1) == 1)
        #expect(try ProtocolVersion.negotiated(with: 99) == ProtocolVersion.current)
        #expect(throws: WireError.self) { try ProtocolVersion.negotiated(with: 0) }
    }
}
