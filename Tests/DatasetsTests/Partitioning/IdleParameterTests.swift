import Datasets
import Testing

/// Parameters of a partition that would change nothing are found.
@Suite struct IdleParameterTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var values: [String: String]
        var data: String
        var key: String?

        var testDescription: String { "\(data) \(values.sorted { $0.key < $1.key })" }

        init(_ data: String, _ scheme: String, _ values: [String: String] = [:], idle key: String? = nil) {
            self.data = data
            self.values = values.merging(["scheme": scheme]) { $1 }
            self.key = key
        }
    }

    static let cases = [
        Case("uci-har", "natural", ["seed": "3"], idle: "seed"),
        Case("uci-har", "subject", ["seed": "3"], idle: "seed"),
        Case("uci-har", "subject"), Case("uci-har", "iid", ["seed": "3"]),
        Case("uci-har", "vertical", ["base": "natural", "seed": "3"], idle: "seed"),
        Case("uci-har", "vertical", ["seed": "3"]), Case("uci-har", "feature-skew", ["base": "natural", "seed": "3"]),
        Case("meld", "fedmultimodal", ["seed": "3"], idle: "seed"), Case("ku-har", "fedmultimodal", ["seed": "3"]),
        Case("crisismmd", "fedmultimodal", ["alpha": "5", "seed": "3"]),
        Case("uci-har", "continuous-skew", ["seed": "3"], idle: "seed"),
        Case("uci-har", "continuous-skew", ["seed": "3", "strictness": "0.5"]),
        Case("uci-har", "continuous-skew", ["by": "label", "modality": "1"], idle: "modality"),
        Case("uci-har", "continuous-skew", ["by": "rms", "modality": "1"]),
        Case("uci-har", "continuous-skew", ["by": "rms", "strictness": "0"], idle: "by"),
        Case("uci-har", "size-skew", ["law": "linear", "spread": "2"], idle: "spread"),
        Case("uci-har", "size-skew", ["law": "exponential", "spread": "2"]),
        Case("uci-har", "fedmultimodal", ["alpha": "5", "faithful": "true"], idle: "faithful"),
        Case("ku-har", "fedmultimodal", ["faithful": "true"]),
        Case("synthetic-ku-har", "fedmultimodal", ["faithful": "true"], idle: "faithful"),
    ]

    @Test(arguments: cases)
    func isFound(_ one: Case) throws {
        let parameters = try PartitionScheme.Parameters(one.values)
        let idle = parameters.idle(for: try .init(named: one.data))
        #expect(idle?.key == one.key)
        #expect(idle.map { !$0.reason.isEmpty } ?? true)
    }
}
