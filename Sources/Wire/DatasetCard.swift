public import WireMessages

/// What one client holds of one data set.
public struct DatasetCard: Sendable, Hashable, Codable {
    /// The data set's name, matched against the job's `data`.
    public var name: String
    /// How many examples each split holds.
    public var examples: [String: Int]
    /// The modalities in the manifest's order.
    public var modalities: [String]
    /// The number of classes; 0 when the task is not classification.
    public var classes: Int

    /// Creates a card.
    public init(name: String, examples: [String: Int], modalities: [String] = [], classes: Int = 0) {
        self.name = name
        self.examples = examples
        self.modalities = modalities
        self.classes = classes
    }

    /// Reads a peer's card.
    ///
    /// - Throws: ``WireError`` when a name is empty or too long, or there are too many splits, modalities or classes.
    public init(_ message: Tributary_V1_DatasetCard) throws {
        let name = try FieldCheck.name(message.name, "dataset.name")
        try FieldCheck.entries(message.examples.count, "dataset.examples", atMost: WireLimits.splits)
        try FieldCheck.entries(message.modalities.count, "dataset.modalities", atMost: WireLimits.modalities)
        guard message.classes <= UInt32(WireLimits.classes) else {
            throw WireError(
                .tooLarge, "dataset.classes: found \(message.classes), expected at most \(WireLimits.classes)")
        }
        var examples: [String: Int] = [:]
        for (split, count) in message.examples {
            examples[try FieldCheck.name(split, "dataset.examples")] =
                try FieldCheck.count(count, "dataset.examples.\(split)")
        }
        let modalities = try message.modalities.map { try FieldCheck.name($0, "dataset.modalities") }
        self.init(name: name, examples: examples, modalities: modalities, classes: Int(message.classes))
    }

    /// The card as a message.
    public var message: Tributary_V1_DatasetCard {
        var message = Tributary_V1_DatasetCard()
        message.name = name
        message.examples = examples.mapValues { UInt64(clamping: $0) }
        message.modalities = modalities
        message.classes = UInt32(clamping: classes)
        return message
    }
}
