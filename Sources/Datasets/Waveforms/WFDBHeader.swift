/// The header file (`.hea`) of a record in PhysioNet's WFDB format: names, formats and scales of its signals.
///
/// Understood are records of one segment whose signals have one sample a frame and no skew. Comment lines start with
/// `#`. Source: G. Moody, "WFDB applications guide", header(5).
public struct WFDBHeader: Sendable {
    /// The most signals a record may have.
    public static let maximumSignals = 256
    /// The most samples a signal may have.
    public static let maximumSamples = 1 << 28
    /// The largest header file, in bytes.
    public static let maximumBytes = 1 << 20

    /// How samples are stored.
    public enum Format: Int, Sendable, CaseIterable {
        /// 8 bits, offset binary.
        case offset8 = 80
        /// 16 bits, two's complement, least significant byte first.
        case signed16 = 16
        /// Two samples of 12 bits, two's complement, in three bytes.
        case packed12 = 212

        /// The number that stands for a sample that is not there.
        public var missing: Int {
            switch self {
            case .offset8: -128
            case .signed16: -32768
            case .packed12: -2048
            }
        }

        /// The bytes of `samples` samples.
        public func bytes(for samples: Int) -> Int {
            switch self {
            case .offset8: samples
            case .signed16: 2 * samples
            case .packed12: (3 * samples + 1) / 2
            }
        }
    }

    /// One signal's line.
    public struct Signal: Sendable {
        /// The name of the file with the samples, in the header's folder.
        public var file: String
        /// How samples are stored.
        public var format: Format
        /// Where the file's samples begin, in bytes.
        public var offset: Int
        /// Stored units a physical unit.
        public var gain: Double
        /// The stored number of physical zero.
        public var baseline: Int
        /// The physical unit.
        public var units: String
        /// The sum of all samples modulo 2^16, where the header gives one.
        public var checksum: Int?
        /// What the signal is, e.g. a lead's name; empty where the header does not say.
        public var description: String
    }

    /// The record's name.
    public let name: String
    /// Samples a second of each signal.
    public let sampleRate: Double
    /// The samples of each signal.
    public let samples: Int
    /// The signals, in the order in which they alternate in their files.
    public let signals: [Signal]

    /// Reads a header file.
    ///
    /// - Throws: `DatasetError` naming the file and line.
    public init(contentsOf path: String) throws(DatasetError) {
        let bytes = try BoundedFile.read(path, maximumBytes: Self.maximumBytes)
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw DatasetError(.malformed, "\(path): not UTF-8 text")
        }
        try self.init(text, path: path)
    }

    /// Reads a header's text; `path` is what messages call it.
    public init(_ text: String, path: String) throws(DatasetError) {
        var lines: [WFDBLine] = []
        // CR LF is one character of its own.
        let rows = text.split(omittingEmptySubsequences: false) { $0 == "\n" || $0 == "\r\n" }
        for (index, line) in rows.enumerated() {
            let line = WFDBLine(line, path: path, number: index + 1)
            if let first = line.fields.first, !first.hasPrefix("#") { lines.append(line) }
        }
        guard let record = lines.first else {
            throw DatasetError(.malformed, "\(path): no text, expected a record line")
        }
        name = record.fields[0]
        guard !name.contains("/") else { throw record.refusal(0, "a record of one segment") }
        let count = try record.integer(1, in: 1...Self.maximumSignals, expected: "the number of signals")
        // "rate/counter frequency(counter value)": only the rate matters here.
        let rate = record.field(2)?.prefix { $0 != "/" && $0 != "(" }
        guard let rate, let value = WFDBLine.number(rate), value > 0 else {
            throw record.refusal(2, "samples a second")
        }
        sampleRate = value
        samples = try record.integer(3, in: 1...Self.maximumSamples, expected: "samples a signal")
        guard lines.count == count + 1 else {
            throw DatasetError(
                .mismatch,
                "\(path): line \(record.number): \(count) signals, and \(lines.count - 1) lines describe one each")
        }
        var signals: [Signal] = []
        for line in lines.dropFirst() { signals.append(try Self.signal(line)) }
        self.signals = signals
    }

    private static func signal(_ line: WFDBLine) throws(DatasetError) -> Signal {
        let file = line.fields[0]
        guard !file.contains("/"), file != ".", file != "..", file != "-", file != "~" else {
            throw line.refusal(0, "the name of a file in the header's folder")
        }
        let (format, offset) = try storage(line)
        let scale = try scale(line)
        let zero = try line.optionalInteger(4, expected: "the converter's zero")
        return Signal(
            file: file, format: format, offset: offset, gain: scale.gain, baseline: scale.baseline ?? zero ?? 0,
            units: scale.units, checksum: try line.optionalInteger(6, expected: "a checksum"),
            description: line.rest(from: 8))
    }

    /// The format field: `format[xSAMPLES][:SKEW][+OFFSET]`.
    private static func storage(_ line: WFDBLine) throws(DatasetError) -> (Format, Int) {
        let text = line.field(1) ?? ""
        let parts = text.split(separator: "+", maxSplits: 1, omittingEmptySubsequences: false)
        guard let code = parts.first.flatMap({ Int($0) }), let format = Format(rawValue: code) else {
            throw line.refusal(1, "format 16, 80 or 212 with one sample a frame and no skew")
        }
        guard parts.count == 2 else { return (format, 0) }
        guard let offset = Int(parts[1]), (0...1 << 30).contains(offset) else {
            throw line.refusal(1, "an offset in bytes behind '+'")
        }
        return (format, offset)
    }

    /// The gain field: `GAIN[(BASELINE)][/UNITS]`; a gain that is absent or 0 is 200 units a millivolt.
    private static func scale(
        _ line: WFDBLine
    ) throws(DatasetError) -> (gain: Double, baseline: Int?, units: String) {
        guard let text = line.field(2) else { return (200, nil, "mV") }
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let numbers = parts[0].split(separator: "(", maxSplits: 1, omittingEmptySubsequences: false)
        var baseline: Int?
        if numbers.count == 2 {
            baseline = numbers[1].last == ")" ? Int(numbers[1].dropLast()) : nil
            guard let found = baseline, abs(found) <= 1 << 31 else {
                throw line.refusal(2, "a baseline in parentheses")
            }
        }
        guard let gain = WFDBLine.number(numbers[0]), gain >= 0 else { throw line.refusal(2, "a gain of at least 0") }
        return (gain == 0 ? 200 : gain, baseline, parts.count == 2 ? String(parts[1]) : "mV")
    }
}

/// A line of a header and its fields.
private struct WFDBLine {
    let path: String
    let number: Int
    let fields: [String]

    init(_ text: Substring, path: String, number: Int) {
        self.path = path
        self.number = number
        fields = text.split { $0 == " " || $0 == "\t" }.map { String($0) }
    }

    func field(_ index: Int) -> String? { fields.indices.contains(index) ? fields[index] : nil }

    /// The fields from `index` on, one space between them.
    func rest(from index: Int) -> String { fields.dropFirst(index).joined(separator: " ") }

    func integer(_ index: Int, in range: ClosedRange<Int>, expected: String) throws(DatasetError) -> Int {
        guard let value = field(index).flatMap({ Int($0) }), range.contains(value) else {
            throw refusal(index, "\(expected), \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    /// The field if the line is long enough.
    func optionalInteger(_ index: Int, expected: String) throws(DatasetError) -> Int? {
        guard field(index) != nil else { return nil }
        return try integer(index, in: -(1 << 31)...1 << 31, expected: expected)
    }

    func refusal(_ index: Int, _ expected: String) -> DatasetError {
        let found = field(index).map { String($0.prefix(64)).debugDescription } ?? "nothing"
        return DatasetError(
            .malformed, "\(path): line \(number): field \(index + 1): found \(found), expected \(expected)")
    }

    /// A finite decimal number.
    static func number(_ text: Substring) -> Double? {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }),
            let value = Double(text), value.isFinite
        else { return nil }
        return value
    }
}
