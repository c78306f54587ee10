/// Tells the disk early about the bytes of a large file that will be synchronised: while the rest is still on its way, so
/// that the synchronisation at the end is short.
public struct WriteBehind: Sendable {
    /// Files are told about in pieces of this many bytes; smaller ones not at all.
    public static let piece: Int64 = 8 << 20

    private var told: Int64

    /// Starts at the end of what a file holds already.
    public init(from start: Int64 = 0) { told = start }

    /// Everything before `end` was written.
    public mutating func wrote(to end: Int64, of file: any OpenFile) {
        while end - told >= Self.piece {
            file.beginSynchronising(told..<(told + Self.piece))
            told += Self.piece
        }
    }
}
