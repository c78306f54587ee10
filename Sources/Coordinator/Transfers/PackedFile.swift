internal import Durability

/// One update in a pack, as a file for reading. All of a pack share its descriptor, which closes with the last of them.
final class PackedFile: OpenFile {
    /// An open pack.
    final class Pack: Sendable {
        let file: any OpenFile

        init(_ file: any OpenFile) { self.file = file }

        deinit { file.close() }
    }

    private let pack: Pack
    private let offset: Int64
    private let bytes: Int64

    /// - Parameters:
    ///   - offset: where the update begins.
    ///   - bytes: its size.
    init(_ pack: Pack, at offset: Int64, bytes: Int64) {
        self.pack = pack
        self.offset = offset
        self.bytes = bytes
    }

    var path: String { "\(pack.file.path)[\(offset)..<\(offset + bytes)]" }

    func read(into buffer: UnsafeMutableRawBufferPointer, at position: Int64) throws -> Int {
        guard position >= 0, position < bytes else { return 0 }
        let count = Int(min(Int64(buffer.count), bytes - position))
        return try pack.file.read(
            into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: offset + position)
    }

    func prefetch(at position: Int64, count: Int) { pack.file.prefetch(at: offset + position, count: count) }

    func size() throws -> Int64 { bytes }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int64) throws { throw readOnly }

    func truncate(to size: Int64) throws { throw readOnly }

    func synchronise() throws {}

    /// Does nothing: the others still read.
    func close() {}

    private var readOnly: DurabilityError { DurabilityError(.invalidArgument, "\(path) is only for reading") }
}
