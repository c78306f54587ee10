import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension BenchmarkGenerator {
    /// The steps of a modality and the features of each; a picture is one step.
    static func axes(of modality: Modality) -> (steps: Int, features: Int) {
        modality.isImage ? (1, modality.elements) : (modality.shape[0], modality.shape[1])
    }

    /// The pattern of a class: in every channel eight waves of up to three turns over the picture, which is smooth enough
    /// to outlive pooling.
    static func picture(_ shape: [Int], _ stream: inout RandomStream) -> [Float] {
        let (channels, rows, columns) = (shape[0], shape[1], shape[2])
        var values = [Float](repeating: 0, count: channels * rows * columns)
        for channel in 0..<channels {
            for _ in 0..<8 {
                let amplitude = 0.3 * stream.normal()
                let (down, across) = (Double(stream.below(4)), Double(stream.below(4)))
                let phase = 2 * Double.pi * stream.uniform()
                for row in 0..<rows {
                    for column in 0..<columns {
                        let turns = down * Double(row) / Double(rows) + across * Double(column) / Double(columns)
                        values[(channel * rows + row) * columns + column] +=
                            Float(amplitude * cos(2 * Double.pi * turns + phase))
                    }
                }
            }
        }
        return values
    }
}
