import Foundation

/// A record in PhysioNet's WFDB format, read whole: stored numbers of every signal, checked against its checksum.
///
/// Signals of one file alternate sample by sample. Formats 16, 80 and 212 are understood (``WFDBHeader/Format``);
/// source: G. Moody, "WFDB applications guide", signal(5). A signal file may be longer than the header says.
public struct WFDBRecord: Sendable {
    /// What the header says.
    public let header: WFDBHeader
    /// The stored samples of each signal, in the header's order.
    public let digital: [[Int16]]

    /// Reads a record.
    ///
    /// - Parameters:
    ///   - path: the header's path without `.hea`.
    ///   - maximumBytes: the largest signal file read.
    /// - Throws: `DatasetError` naming the file; `mismatch` when a signal's sum is not its checksum.
    public init(path: String, maximumBytes: Int = 1 << 28) throws(DatasetError) {
        let header = try WFDBHeader(contentsOf: path + ".hea")
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        var digital = [[Int16]](repeating: [], count: header.signals.count)
        for (file, indices) in Self.groups(header) {
            let first = header.signals[indices[0]]
            guard
                indices.allSatisfy({
                    header.signals[$0].format == first.format && header.signals[$0].offset == first.offset
                })
            else {
                throw DatasetError(
                    .malformed, "\(path).hea: the signals in \(file) differ in format or offset, expected one of each")
            }
            let bytes = try BoundedFile.read(folder + file, maximumBytes: maximumBytes)
            let total = header.samples * indices.count
            let needed = first.offset + first.format.bytes(for: total)
            guard bytes.count >= needed else {
                throw DatasetError(
                    .mismatch,
                    "\(folder)\(file): \(bytes.count) bytes, expected at least \(needed): \(header.samples) samples of "
                        + "\(indices.count) signals in format \(first.format.rawValue)")
            }
            let samples = Self.samples(bytes.dropFirst(first.offset), format: first.format, count: total)
            for (place, index) in indices.enumerated() {
                digital[index] = stride(from: place, to: total, by: indices.count).map { samples[$0] }
            }
        }
        for (signal, samples) in zip(header.signals, digital) {
            let sum = samples.reduce(into: UInt16(0)) { $0 &+= UInt16(bitPattern: $1) }
            guard let checksum = signal.checksum, UInt16(truncatingIfNeeded: checksum) != sum else { continue }
            throw DatasetError(
                .mismatch,
                "\(folder)\(signal.file): signal '\(signal.description)' sums to \(sum) modulo 65536, and \(path).hea "
                    + "gives the checksum \(checksum): the file is damaged")
        }
        self.header = header
        self.digital = digital
    }

    /// A signal in its physical unit: (stored − baseline) / gain; NaN for a sample that is not there.
    public func physical(_ index: Int) -> [Double] {
        let signal = header.signals[index]
        return digital[index].map { sample in
            Int(sample) == signal.format.missing
                ? .nan : Double(Int(sample) - signal.baseline) / signal.gain
        }
    }

    /// The files in their order, each with its signals.
    private static func groups(_ header: WFDBHeader) -> [(file: String, indices: [Int])] {
        var groups: [(file: String, indices: [Int])] = []
        for (index, signal) in header.signals.enumerated() {
            if let known = groups.firstIndex(where: { $0.file == signal.file }) {
                groups[known].indices.append(index)
            } else {
                groups.append((signal.file, [index]))
            }
        }
        return groups
    }

    private static func samples(_ bytes: Data, format: WFDBHeader.Format, count: Int) -> [Int16] {
        bytes.withUnsafeBytes { raw in
            switch format {
            case .offset8:
                (0..<count).map { Int16(raw[$0]) - 128 }
            case .signed16:
                (0..<count).map { Int16(bitPattern: UInt16(raw[2 * $0]) | UInt16(raw[2 * $0 + 1]) << 8) }
            case .packed12:
                (0..<count).map { index in
                    // Bytes a, b, c hold b's low half with a, then b's high half with c; the shifts carry the sign.
                    let start = index / 2 * 3
                    let high = UInt16(raw[start + 1])
                    let word =
                        index % 2 == 0
                        ? high << 12 | UInt16(raw[start]) << 4 : (high & 0xF0) << 8 | UInt16(raw[start + 2]) << 4
                    return Int16(bitPattern: word) >> 4
                }
            }
        }
    }
}
