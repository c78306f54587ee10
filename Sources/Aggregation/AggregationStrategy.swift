public import Weights

/// Turns the global weights and the updates of a round into the next global weights.
///
/// An implementation is a pure function: the same global weights, updates and rules give the same bytes, in whatever
/// order the updates are listed. It reads in blocks and holds memory in proportion to a block, not to the model.
public protocol AggregationStrategy: Sendable {
    /// The name in job specifications, for example `fedavg`.
    var name: String { get }

    /// Folds a round.
    ///
    /// - Parameters:
    ///   - global: the weights that the clients started from.
    ///   - updates: at least one, each of another client, with names and shapes of `global`.
    ///   - rules: which tensors are averaged, kept or taken from one client.
    ///   - progress: called after each block; what it throws ends the fold.
    ///   - sink: takes the next weights as the bytes of a canonical safetensors file, in order; the pointer is valid
    ///     during the call only. What it throws ends the fold.
    /// - Returns: which clients went in with which weight.
    /// - Throws: ``AggregationError``; what `progress` and `sink` throw.
    func aggregate(
        global: any TensorBlocks,
        updates: [any UpdateSource],
        rules: TensorRules,
        progress: (AggregationProgress) throws -> Void,
        sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> AggregationReport
}

/// How far a fold has come.
public struct AggregationProgress: Sendable, Hashable {
    /// Bytes of the new weights handed to the sink, without the header.
    public let bytesDone: Int
    /// All bytes of the new weights, without the header.
    public let bytesTotal: Int

    /// A state of progress.
    public init(bytesDone: Int, bytesTotal: Int) {
        self.bytesDone = bytesDone
        self.bytesTotal = bytesTotal
    }

    /// Whether at least half is done.
    public var isPastHalf: Bool { bytesDone >= bytesTotal - bytesDone }
}

/// What went into a fold.
public struct AggregationReport: Sendable, Hashable {
    /// A client's part.
    public struct Contribution: Sendable, Hashable {
        /// The client.
        public let clientID: String
        /// Its examples.
        public let examples: Int
        /// Its weight in the result: the factor of its update in a sum, clipping included; an even share where a rule
        /// looks at every coordinate by itself.
        public let weight: Double

        /// A client's part.
        public init(clientID: String, examples: Int, weight: Double) {
            self.clientID = clientID
            self.examples = examples
            self.weight = weight
        }
    }

    /// An update that the pipeline did not combine.
    public struct LeftOut: Sendable, Hashable {
        /// The client.
        public let clientID: String
        /// Why, in words.
        public let reason: String

        /// An update that was left out.
        public init(clientID: String, reason: String) {
            self.clientID = clientID
            self.reason = reason
        }
    }

    /// The clients in the order in which they were folded.
    public let contributions: [Contribution]
    /// The sum of their examples.
    public let examples: Int
    /// Those whose weight is 0 because a gate left them out, with the reason.
    public let leftOut: [LeftOut]

    /// A report.
    public init(contributions: [Contribution], examples: Int, leftOut: [LeftOut] = []) {
        self.contributions = contributions
        self.examples = examples
        self.leftOut = leftOut
    }
}

extension AggregationStrategy {
    /// Folds a round without a progress hook.
    public func aggregate(
        global: any TensorBlocks,
        updates: [any UpdateSource],
        rules: TensorRules = .defaults,
        sink: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> AggregationReport {
        try aggregate(global: global, updates: updates, rules: rules, progress: { _ in }, sink: sink)
    }

    /// Folds a round into memory, for virtual clients and tests.
    public func aggregate(
        global: any TensorBlocks,
        updates: [any UpdateSource],
        rules: TensorRules = .defaults,
        report: (AggregationReport) -> Void = { _ in }
    ) throws -> Weights {
        // The header comes first in one piece; what follows is the data in order.
        var headerBytes = Safetensors.canonicalHeader(global.schema).count
        var position = 0
        return try Weights(
            schema: global.schema,
            initializingWith: { target in
                let made = try aggregate(global: global, updates: updates, rules: rules) { bytes in
                    let skipped = min(headerBytes, bytes.count)
                    headerBytes -= skipped
                    let data = UnsafeRawBufferPointer(rebasing: bytes[skipped...])
                    UnsafeMutableRawBufferPointer(rebasing: target[position..<(position + data.count)])
                        .copyMemory(from: data)
                    position += data.count
                }
                report(made)
            })
    }
}
