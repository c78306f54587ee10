/// Reads an IDX file of unsigned bytes, the format of MNIST (Y. LeCun, C. Cortes, C. J. C. Burges): two zero bytes, 8 for
/// bytes, the number of axes, each extent as four bytes with the highest first, then the elements, row-major.
struct IDXFile {
    /// The most bytes of elements that are read.
    static let maximumBytes = 1 << 30

    /// The extent of every axis.
    let shape: [Int]
    /// The elements.
    let elements: [UInt8]

    /// Reads a file, gzipped when its name ends with `.gz`.
    ///
    /// - Parameters:
    ///   - inner: the extents that all axes but the first must have; they are checked, like the size, before memory is
    ///     taken.
    /// - Throws: `DatasetError` naming the file, what was found and what was expected.
    init(_ path: String, inner: [Int]) throws(DatasetError) {
        let file = try SequentialFile(path, maximumBytes: Self.maximumBytes)
        let rank = inner.count + 1
        let magic = try file.read(4)
        guard magic == [0, 0, 8, UInt8(rank)] else {
            let expected = [0, 0, 8, rank]
            throw DatasetError(
                .malformed, "\(path): begins with the bytes \(magic), expected \(expected): IDX, bytes, \(rank) axes")
        }
        let header = try file.read(4 * rank)
        let shape = (0..<rank).map { axis in header[4 * axis..<4 * axis + 4].reduce(0) { $0 << 8 | Int($1) } }
        guard Array(shape.dropFirst()) == inner else {
            throw DatasetError(.mismatch, "\(path): shape \(shape), expected [count] + \(inner)")
        }
        let (count, overflow) = shape[0].multipliedReportingOverflow(by: inner.reduce(1, *))
        guard !overflow, count <= Self.maximumBytes else {
            throw DatasetError(.tooLarge, "\(path): shape \(shape), at most \(Self.maximumBytes) bytes are read")
        }
        let declared = try file.declaredBytes()
        guard declared == 4 + 4 * rank + count else {
            throw DatasetError(
                .malformed, "\(path): holds \(declared) bytes, expected \(4 + 4 * rank + count) for the shape \(shape)")
        }
        elements = try file.read(count)
        try file.finish()
        self.shape = shape
    }
}
