import Crypto
import Foundation

/// Short marks of the data of a simulation, to notice that a run goes on with other data than it was begun with.
///
/// Each is the first 16 hexadecimal digits of a SHA-256. They are for mistakes, not against deceit: of the values of a
/// modality at most ``sampledRuns`` runs of ``runLength`` numbers at even steps are looked at, which takes milliseconds.
public struct DataFingerprint: Sendable, Hashable, Codable {
    /// How many runs of values are looked at, of each modality of a split.
    static let sampledRuns = 1024
    /// How many neighbouring values a run has.
    static let runLength = 64

    /// Of names, classes, shapes, labels, targets, lengths and a sample of the values of every split.
    public var data: String
    /// Of who has which rows of the training split, with what sets them apart, and which are held out.
    public var partition: String

    /// Marks a data set with its partition.
    ///
    /// - Parameters:
    ///   - train: the training split.
    ///   - heldOut: the splits that come with it.
    ///   - partition: who trains on what.
    public init(train: MultimodalDataset, heldOut: [String: MultimodalDataset], partition: Partition) {
        var splits = [(name: "train", data: train)]
        for (name, dataset) in heldOut.sorted(by: { $0.key < $1.key }) { splits.append((name, dataset)) }
        data = Self.data(splits)
        var digest = Digest()
        for client in partition.clients {
            digest.add(client.id)
            digest.add(client.rows)
            digest.add([client.place ?? -1])
            if let traits = client.traits { digest.add(traits.fingerprint) }
        }
        for list in partition.heldOut {
            digest.add("held out \(list.name)")
            digest.add(list.rows)
        }
        self.partition = digest.text
    }

    /// The mark of splits alone.
    public static func data(_ splits: [(name: String, data: MultimodalDataset)]) -> String {
        var digest = Digest()
        for (name, data) in splits {
            digest.add("\(name) \(data.name) \(data.classes)")
            digest.add(data.labels)
            if let targets = data.targets { digest.add(targets[...]) }
            for (index, modality) in data.modalities.enumerated() {
                digest.add("\(modality.name) \(modality.shape)")
                if let lengths = data.lengths[index] { digest.add(lengths) }
                let values = data.values[index]
                let count = max(1, min(sampledRuns, values.count / runLength))
                for run in 0..<count {
                    // From the first values to the last; of a small modality nearly all.
                    let start = count == 1 ? 0 : (values.count - runLength) * run / (count - 1)
                    digest.add(values[start..<min(start + runLength, values.count)])
                }
            }
        }
        return digest.text
    }

    /// A SHA-256 over parts that cannot run into one another.
    private struct Digest {
        private var hash = SHA256()

        mutating func add(_ text: String) {
            hash.update(data: Data("\(text.utf8.count) \(text)".utf8))
        }

        mutating func add(_ numbers: [Int]) {
            add("\(numbers.count) numbers")
            numbers.map { Int64($0).littleEndian }.withUnsafeBytes { hash.update(bufferPointer: $0) }
        }

        mutating func add(_ values: ArraySlice<Float>) {
            add("\(values.count) values")
            values.map(\.bitPattern.littleEndian).withUnsafeBytes { hash.update(bufferPointer: $0) }
        }

        var text: String {
            hash.finalize().prefix(8).map { byte in
                let digits = String(byte, radix: 16)
                return byte < 16 ? "0" + digits : digits
            }.joined()
        }
    }
}

extension ClientTraits {
    /// The traits as a text in which equal ones are equal.
    fileprivate var fingerprint: String {
        "\(modalities.map { $0.sorted() } ?? []) \(gain) \(offset) \(noise)"
    }
}
