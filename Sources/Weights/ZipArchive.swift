/// The directory of a zip archive, checked: every member lies within the file, none shares bytes with another, and each
/// local header agrees with the directory. Zip64 is read. Nothing is decompressed here.
struct ZipArchive {
    struct Member {
        let name: String
        let isDeflated: Bool
        let crc: UInt32
        let compressedSize: Int
        let size: Int
        let headerOffset: Int
        /// Where the (compressed) bytes start in the file.
        var dataOffset = 0
    }

    let members: [Member]

    /// Reads the directory.
    ///
    /// - Parameters:
    ///   - file: the archive.
    ///   - limits: the largest number of members, and the largest directory in bytes.
    init(_ file: RawFile, limits: ReadLimits) throws {
        let size = try file.size()
        let end = try Self.endRecord(file, size)
        guard end.count <= limits.tensors else {
            throw WeightsError(
                .tooManyTensors,
                "the archive has \(end.count) members, at most \(limits.tensors) are accepted"
            )
        }
        guard end.directorySize <= limits.headerBytes else {
            throw WeightsError(
                .headerTooLarge,
                "the archive's directory has \(end.directorySize) bytes, at most \(limits.headerBytes) are accepted"
            )
        }
        // Each entry has at least 46 bytes and at most 46 + 3 × 65535.
        guard end.directorySize <= end.count * (46 + 3 * 65_535), end.directorySize >= end.count * 46 else {
            throw Self.invalid("the directory has \(end.directorySize) bytes for \(end.count) members")
        }
        let directory = LittleEndianReader(try file.read(at: end.directoryOffset, count: end.directorySize))
        var members: [Member] = []
        var names: Set<String> = []
        var position = 0
        for _ in 0..<end.count {
            let member = try Self.entry(directory, &position)
            guard names.insert(member.name).inserted else {
                throw WeightsError(.duplicateName, "the archive has the member \(quoted(member.name)) twice")
            }
            members.append(member)
        }
        guard position == directory.count else { throw Self.invalid("bytes after the last entry of the directory") }
        self.members = try Self.located(members, file, end.directoryOffset)
    }

    static func invalid(_ what: String) -> WeightsError {
        WeightsError(.invalidArchive, "not a valid zip archive: \(what)")
    }

    // MARK: End of the archive

    private struct End {
        var count: Int
        var directorySize: Int
        var directoryOffset: Int
    }

    private static func endRecord(_ file: RawFile, _ size: Int) throws -> End {
        let tailSize = min(size, 22 + 65_535)
        let tail = LittleEndianReader(try file.read(at: size - tailSize, count: tailSize))
        // The record with a comment that ends exactly at the end of the file.
        var found: Int?
        var position = tailSize - 22
        while position >= 0, found == nil {
            if try tail.u32(position) == 0x0605_4B50, position + 22 + (try tail.u16(position + 20)) == tailSize {
                found = position
            }
            position -= 1
        }
        guard let record = found else { throw invalid("there is no end record") }
        let start = size - tailSize + record
        guard try tail.u16(record + 4) == 0, try tail.u16(record + 6) == 0 else {
            throw WeightsError(.unsupportedArchive, "the archive is split over several files")
        }
        var end = End(
            count: try tail.u16(record + 10),
            directorySize: try tail.u32(record + 12),
            directoryOffset: try tail.u32(record + 16)
        )
        let countHere = try tail.u16(record + 8)
        var limit = start
        if start >= 20 {
            let locator = LittleEndianReader(try file.read(at: start - 20, count: 20))
            if try locator.u32(0) == 0x0706_4B50 {
                (end, limit) = try zip64End(file, try locator.u64(8), before: start - 20)
            } else {
                guard countHere == end.count else { throw invalid("two counts of members differ") }
            }
        }
        guard end.directoryOffset <= limit, end.directorySize == limit - end.directoryOffset else {
            throw invalid("the directory does not end where the end record starts")
        }
        return end
    }

    private static func zip64End(_ file: RawFile, _ offset: Int, before limit: Int) throws -> (End, Int) {
        guard offset <= limit - 56, limit >= 56 else { throw invalid("the zip64 end record lies outside") }
        let record = LittleEndianReader(try file.read(at: offset, count: 56))
        guard try record.u32(0) == 0x0606_4B50, try record.u64(4) == limit - offset - 12 else {
            throw invalid("the zip64 end record is malformed")
        }
        guard try record.u32(16) == 0, try record.u32(20) == 0 else {
            throw WeightsError(.unsupportedArchive, "the archive is split over several files")
        }
        let count = try record.u64(32)
        guard try record.u64(24) == count else { throw invalid("two counts of members differ") }
        return (
            End(count: count, directorySize: try record.u64(40), directoryOffset: try record.u64(48)), offset
        )
    }

    // MARK: Directory

    private static func entry(_ directory: LittleEndianReader, _ position: inout Int) throws -> Member {
        let start = position
        guard try directory.u32(start) == 0x0201_4B50 else { throw invalid("a directory entry is malformed") }
        let flags = try directory.u16(start + 8)
        let method = try directory.u16(start + 10)
        var (compressed, size) = (try directory.u32(start + 20), try directory.u32(start + 24))
        let (nameLength, extraLength) = (try directory.u16(start + 28), try directory.u16(start + 30))
        let commentLength = try directory.u16(start + 32)
        var offset = try directory.u32(start + 42)
        let nameBytes = try directory.slice(start + 46, nameLength)
        guard let name = String(validating: nameBytes, as: UTF8.self) else {
            throw invalid("the name of a member is not UTF-8")
        }
        // Bit 0: encrypted; bits 5 and 13: patched or with a masked header.
        guard flags & 0x2021 == 0, try directory.u16(start + 34) == 0 else {
            throw WeightsError(.unsupportedArchive, "member \(quoted(name)) is encrypted, patched or on another disk")
        }
        guard method == 0 || method == 8 else {
            throw WeightsError(
                .unsupportedArchive,
                "member \(quoted(name)) uses compression method \(method); stored (0) and deflate (8) are supported"
            )
        }
        let wanted = [size == 0xFFFF_FFFF, compressed == 0xFFFF_FFFF, offset == 0xFFFF_FFFF]
        if wanted.contains(true) {
            let large = try zip64Extra(directory, start + 46 + nameLength, extraLength, wanted)
            var values = large.makeIterator()
            if wanted[0], let value = values.next() { size = value }
            if wanted[1], let value = values.next() { compressed = value }
            if wanted[2], let value = values.next() { offset = value }
        }
        guard method == 8 || compressed == size else {
            throw invalid("stored member \(quoted(name)) has two different sizes")
        }
        position = start + 46 + nameLength + extraLength + commentLength
        guard position <= directory.count else { throw invalid("a directory entry is cut short") }
        return Member(
            name: name,
            isDeflated: method == 8,
            crc: UInt32(truncatingIfNeeded: try directory.u32(start + 16)),
            compressedSize: compressed,
            size: size,
            headerOffset: offset
        )
    }

    /// The 64-bit values of a zip64 extra field, as many as `wanted` says.
    private static func zip64Extra(
        _ directory: LittleEndianReader,
        _ start: Int,
        _ length: Int,
        _ wanted: [Bool]
    ) throws -> [Int] {
        var position = start
        let end = start + length
        while position + 4 <= end {
            let (kind, size) = (try directory.u16(position), try directory.u16(position + 2))
            guard position + 4 + size <= end else { break }
            if kind == 1 {
                let count = wanted.count { $0 }
                guard size >= count * 8 else { break }
                return try (0..<count).map { try directory.u64(position + 4 + $0 * 8) }
            }
            position += 4 + size
        }
        throw invalid("the 64-bit sizes of a member are missing")
    }

    // MARK: Local headers

    /// The members with the place of their bytes, after a check that no two overlap and none reaches the directory.
    private static func located(_ members: [Member], _ file: RawFile, _ directoryOffset: Int) throws -> [Member] {
        var located = members
        var end = 0
        for index in members.indices.sorted(by: { members[$0].headerOffset < members[$1].headerOffset }) {
            let member = members[index]
            guard member.headerOffset >= end else { throw invalid("member \(quoted(member.name)) overlaps another") }
            guard member.headerOffset <= directoryOffset - 30 else {
                throw invalid("member \(quoted(member.name)) lies outside")
            }
            let header = LittleEndianReader(try file.read(at: member.headerOffset, count: 30))
            let (nameLength, extraLength) = (try header.u16(26), try header.u16(28))
            let nameStart = member.headerOffset + 30
            guard try header.u32(0) == 0x0403_4B50, nameStart + nameLength + extraLength <= directoryOffset,
                try header.u16(8) == (member.isDeflated ? 8 : 0),
                try file.read(at: nameStart, count: nameLength).elementsEqual(member.name.utf8)
            else {
                throw invalid("the local header of member \(quoted(member.name)) does not match the directory")
            }
            located[index].dataOffset = nameStart + nameLength + extraLength
            guard member.compressedSize <= directoryOffset - located[index].dataOffset else {
                throw invalid("member \(quoted(member.name)) lies outside")
            }
            end = located[index].dataOffset + member.compressedSize
        }
        return located
    }
}

/// Numbers at positions of a byte array; beyond the end is an error of the archive.
struct LittleEndianReader {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    var count: Int { bytes.count }

    func slice(_ position: Int, _ count: Int) throws -> ArraySlice<UInt8> {
        guard position >= 0, count >= 0, position <= bytes.count - count else {
            throw ZipArchive.invalid("it is cut short")
        }
        return bytes[position..<(position + count)]
    }

    func u16(_ position: Int) throws -> Int { Int(try number(position, 2)) }
    func u32(_ position: Int) throws -> Int { Int(try number(position, 4)) }

    func u64(_ position: Int) throws -> Int {
        guard let value = Int(exactly: try number(position, 8)) else {
            throw ZipArchive.invalid("a size is beyond 2^63")
        }
        return value
    }

    private func number(_ position: Int, _ count: Int) throws -> UInt64 {
        try slice(position, count).reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
}
