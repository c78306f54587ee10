/// Turns bytes of images into numbers: (p / 255 − mean) / deviation, each channel with its own two.
struct PixelTable {
    /// The 256 values of every channel.
    private let values: [[Float]]

    /// One mean and one deviation a channel, of pixels scaled to 0...1.
    init(mean: [Double], deviation: [Double]) {
        values = zip(mean, deviation).map { mean, deviation in
            (0..<256).map { Float((Double($0) / 255 - mean) / deviation) }
        }
    }

    /// The values of images whose channels follow one another.
    ///
    /// - Parameters:
    ///   - bytes: records of `skipped` bytes and `pixels` for each channel.
    ///   - count: the records.
    ///   - pixels: of one channel.
    ///   - skipped: bytes before the first channel.
    /// - Returns: `[count, channels, pixels]`.
    func values(of bytes: [UInt8], count: Int, pixels: Int, skipped: Int = 0) -> [Float] {
        let channels = values.count
        let record = skipped + channels * pixels
        precondition(bytes.count == count * record, "as many bytes as the records have")
        return [Float](unsafeUninitializedCapacity: count * channels * pixels) { target, initialised in
            bytes.withUnsafeBufferPointer { source in
                for (channel, table) in values.enumerated() {
                    table.withUnsafeBufferPointer { table in
                        for row in 0..<count {
                            let from = row * record + skipped + channel * pixels
                            let into = (row * channels + channel) * pixels
                            for pixel in 0..<pixels { target[into + pixel] = table[Int(source[from + pixel])] }
                        }
                    }
                }
            }
            initialised = count * channels * pixels
        }
    }
}
