internal import Foundation

/// The noise of DP-FTRL: prefix sums of rounds get the sum of the noises of the tree's nodes that make the prefix up.
///
/// P. Kairouz et al., "Practical and private (deep) learning without sampling or shuffling", ICML 2021; C. Dwork, M. Naor,
/// T. Pitassi, G. Rothblum, "Differential privacy under continual observation", STOC 2010. After t rounds the nodes are
/// those of the binary digits of t. Every node has its own stream, so nothing is carried from round to round: the noise of
/// a round's step is the prefix noise after it minus the one before it.
public struct TreeNoise: Sendable {
    /// The purpose of the streams of nodes.
    public static let purpose = "tree"

    /// A node: the rounds from index·2^level on, 2^level of them.
    struct Node: Hashable {
        let level: Int
        let index: Int
    }

    private let secret: PrivacySecret

    /// The noise of one job.
    public init(_ secret: PrivacySecret) { self.secret = secret }

    /// The nodes whose noises make up the prefix of `rounds` rounds.
    static func nodes(prefix rounds: Int) -> [Node] {
        var nodes: [Node] = []
        var start = 0
        for level in (0..<Int.bitWidth - 1).reversed() where rounds >> level & 1 == 1 {
            nodes.append(Node(level: level, index: start >> level))
            start += 1 << level
        }
        return nodes
    }

    /// Adds deviation · (N(round + 1) − N(round)) to elements of a tensor, with N(t) the prefix noise after t rounds.
    public func addIncrement(
        round: Int, tensor: Int, start: Int, deviation: Double, to values: UnsafeMutableBufferPointer<Double>
    ) {
        let before = Set(Self.nodes(prefix: round))
        let after = Set(Self.nodes(prefix: round + 1))
        func add(_ nodes: Set<Node>, _ sign: Double) {
            for node in nodes.sorted(by: { $0.level < $1.level }) {
                stream(of: node).addNormals(tensor: tensor, start: start, deviation: sign * deviation, to: values)
            }
        }
        add(after.subtracting(before), 1)
        add(before.subtracting(after), -1)
    }

    private func stream(of node: Node) -> NoiseStream {
        secret.stream(purpose: Self.purpose, round: node.index, attempt: node.level)
    }
}
