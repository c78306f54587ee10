import Foundation

/// A text file of separated values, read whole: comma-separated as in RFC 4180, or with another separator.
///
/// - A record is a line, LF or CRLF. A field that starts with `"` runs to the next single `"`; in it `""` stands for
///   one quotation mark, and separators and line breaks are text. After the closing mark the field must end. A `"` later
///   in a field is text.
/// - Every record has as many fields as the first. Lines without any character are skipped.
/// - The text is UTF-8, with or without a byte order mark.
///
/// Fields are kept as they are, spaces included. Size, records, columns and field length are capped before memory is
/// taken. The first record can name the columns; `column(_:)` finds one by its name.
public struct DelimitedText: Sendable {
    /// What a file may hold.
    public struct Limits: Sendable {
        /// The largest file, in bytes.
        public var maximumBytes = 1 << 28
        /// The most records, without the header.
        public var maximumRows = 5_000_000
        /// The most columns.
        public var maximumColumns = 1024
        /// The longest field, in bytes.
        public var maximumFieldBytes = 1 << 20

        /// The defaults: 256 MiB, five million records of 1,024 columns, fields of 1 MiB.
        public init() {}
    }

    /// One record.
    public struct Row: Sendable {
        /// The line that the record starts on, from 1.
        public let line: Int
        /// The fields, as many as columns.
        public let fields: [String]

        /// The field of a column.
        ///
        /// - Parameter column: an index that `column(_:)` returned.
        public subscript(column: Int) -> String { fields[column] }
    }

    /// The file, for messages.
    public let path: String
    /// The names of the columns; empty when the file has no header.
    public let columns: [String]
    /// The records after the header, in the order of the file.
    public let rows: [Row]

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - path: the file.
    ///   - separator: the ASCII character between fields, e.g. `","` or a tabulator.
    ///   - hasHeader: whether the first record names the columns.
    ///   - isQuoted: whether quotation marks have the meaning above; otherwise they are text like any other.
    ///   - limits: what the file may hold.
    /// - Throws: `DatasetError` naming the file and line.
    public init(
        contentsOf path: String, separator: Character = ",", hasHeader: Bool = true, isQuoted: Bool = true,
        limits: Limits = Limits()
    ) throws(DatasetError) {
        let bytes = [UInt8](try BoundedFile.read(path, maximumBytes: limits.maximumBytes))
        try self.init(
            bytes, path: path, separator: separator, hasHeader: hasHeader, isQuoted: isQuoted, limits: limits)
    }

    /// Reads bytes that are already in memory; `path` is what messages call them.
    public init(
        _ bytes: [UInt8], path: String, separator: Character = ",", hasHeader: Bool = true, isQuoted: Bool = true,
        limits: Limits = Limits()
    ) throws(DatasetError) {
        guard let separator = separator.asciiValue, ![0x0A, 0x0D, 0x22].contains(separator) else {
            throw DatasetError(
                .invalidArgument, "separator '\(separator)', expected an ASCII character other than '\"' and a line end"
            )
        }
        guard bytes.count <= limits.maximumBytes else {
            throw DatasetError(
                .tooLarge, "\(path): \(bytes.count) bytes, at most \(limits.maximumBytes) are read")
        }
        var scanner = DelimitedScanner(bytes, path: path, separator: separator, isQuoted: isQuoted, limits: limits)
        var columns: [String] = []
        var width: Int?
        var rows: [Row] = []
        while let record = try scanner.next() {
            if width == nil, hasHeader {
                columns = record.fields
                width = columns.count
                continue
            }
            guard record.fields.count == width ?? record.fields.count else {
                throw DatasetError(
                    .malformed,
                    "\(path): line \(record.line): \(record.fields.count) fields, expected \(width ?? 0) as in the first"
                )
            }
            width = record.fields.count
            guard rows.count < limits.maximumRows else {
                throw DatasetError(
                    .tooLarge, "\(path): line \(record.line): more than \(limits.maximumRows) records")
            }
            rows.append(record)
        }
        if hasHeader, width == nil {
            throw DatasetError(.malformed, "\(path): no text, expected a line with the names of the columns")
        }
        self.path = path
        self.columns = columns
        self.rows = rows
    }

    /// The index of the column with one of `names`, the first that is there.
    ///
    /// - Throws: `DatasetError` with code `missing` that lists the columns that are there, or `malformed` when two have
    ///   that name.
    public func column(_ names: String...) throws(DatasetError) -> Int {
        for name in names {
            let matches = columns.indices.filter { columns[$0] == name }
            guard matches.count < 2 else {
                throw DatasetError(
                    .malformed, "\(path): line 1: \(matches.count) columns are named '\(name)', expected one")
            }
            if let match = matches.first { return match }
        }
        let shown = columns.prefix(30).map { String($0.prefix(40)) }.joined(separator: ", ")
        throw DatasetError(
            .missing,
            "\(path): line 1: no column '\(names.joined(separator: "' nor '"))'; the columns are: \(shown)")
    }

    /// A field as a finite decimal number.
    ///
    /// - Throws: `DatasetError` with code `malformed` naming line and column.
    public func number(_ row: Row, _ column: Int) throws(DatasetError) -> Double {
        let text = row[column]
        // `Double` would also take hexadecimal, infinities and NaN.
        if text.utf8.allSatisfy({ (0x30...0x39).contains($0) || [0x2B, 0x2D, 0x2E, 0x45, 0x65].contains($0) }),
            let value = Double(text), value.isFinite
        {
            return value
        }
        throw refusal(row, column, expected: "a finite number")
    }

    /// A field as a whole number of `range`, written with or without a fraction of zero (`7` or `7.0`).
    ///
    /// - Throws: `DatasetError` with code `malformed` naming line and column.
    public func integer(_ row: Row, _ column: Int, in range: ClosedRange<Int>) throws(DatasetError) -> Int {
        guard let value = Int(exactly: try number(row, column)), range.contains(value) else {
            throw refusal(row, column, expected: "a whole number in \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    /// The error that says what a field holds and what it should.
    public func refusal(_ row: Row, _ column: Int, expected: String) -> DatasetError {
        let name = columns.indices.contains(column) ? "column '\(columns[column])'" : "column \(column + 1)"
        return DatasetError(
            .malformed,
            "\(path): line \(row.line): \(name): found \(String(row[column].prefix(64)).debugDescription), "
                + "expected \(expected)")
    }
}

/// The records of a text, one after another.
private struct DelimitedScanner {
    private let bytes: [UInt8]
    private let path: String
    private let separator: UInt8
    private let isQuoted: Bool
    private let limits: DelimitedText.Limits
    private var position: Int
    private var line = 1

    init(_ bytes: [UInt8], path: String, separator: UInt8, isQuoted: Bool, limits: DelimitedText.Limits) {
        self.bytes = bytes
        self.path = path
        self.separator = separator
        self.isQuoted = isQuoted
        self.limits = limits
        position = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
    }

    /// The next record that has a character; nil at the end.
    mutating func next() throws(DatasetError) -> DelimitedText.Row? {
        while position < bytes.count, let end = lineEnd(at: position) {
            position += end
            line += 1
        }
        guard position < bytes.count else { return nil }
        let start = line
        var fields: [String] = []
        while true {
            guard fields.count < limits.maximumColumns else {
                throw DatasetError(.tooLarge, "\(path): line \(line): more than \(limits.maximumColumns) fields")
            }
            let isMarked = isQuoted && position < bytes.count && bytes[position] == 0x22
            fields.append(isMarked ? try quoted() : try plain())
            guard position < bytes.count else { break }
            if let end = lineEnd(at: position) {
                position += end
                line += 1
                break
            }
            // What is left is the separator: both kinds of field end at one of the three.
            position += 1
        }
        return .init(line: start, fields: fields)
    }

    /// The bytes of the line end at `index`, nil if none is there.
    private func lineEnd(at index: Int) -> Int? {
        if bytes[index] == 0x0A { return 1 }
        return bytes[index] == 0x0D && index + 1 < bytes.count && bytes[index + 1] == 0x0A ? 2 : nil
    }

    private mutating func plain() throws(DatasetError) -> String {
        let start = position
        while position < bytes.count, bytes[position] != separator, lineEnd(at: position) == nil { position += 1 }
        return try text(bytes[start..<position], line: line)
    }

    private mutating func quoted() throws(DatasetError) -> String {
        let start = line
        var content: [UInt8] = []
        position += 1
        while true {
            guard position < bytes.count else {
                throw DatasetError(
                    .malformed, "\(path): line \(start): a quoted field does not end, expected a closing '\"'")
            }
            let byte = bytes[position]
            position += 1
            if byte == 0x22 {
                guard position < bytes.count, bytes[position] == 0x22 else { break }
                position += 1
            } else if byte == 0x0A {
                line += 1
            }
            content.append(byte)
            guard content.count <= limits.maximumFieldBytes else { throw tooLong(start) }
        }
        guard position == bytes.count || bytes[position] == separator || lineEnd(at: position) != nil else {
            throw DatasetError(
                .malformed, "\(path): line \(line): text after a closing '\"', expected a separator or the line's end")
        }
        return try text(content[...], line: start)
    }

    private func text(_ slice: ArraySlice<UInt8>, line: Int) throws(DatasetError) -> String {
        guard slice.count <= limits.maximumFieldBytes else { throw tooLong(line) }
        guard let text = String(validating: slice, as: UTF8.self) else {
            throw DatasetError(.malformed, "\(path): line \(line): a field is not UTF-8 text")
        }
        return text
    }

    private func tooLong(_ line: Int) -> DatasetError {
        DatasetError(.tooLarge, "\(path): line \(line): a field of more than \(limits.maximumFieldBytes) bytes")
    }
}
