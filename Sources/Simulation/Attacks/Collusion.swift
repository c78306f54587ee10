internal import Aggregation
internal import Weights

/// The one update that colluding clients send.
enum Collusion {
    /// How many elements of each update are in memory at once.
    private static let block = 4096

    /// Works the update out block by block from the honest updates of all colluders, which stay where they are. Means and
    /// deviations (with 1/m) are summed in Float64 in the order given; tensors of other types are the first one's.
    ///
    /// - Parameter members: at least one, all with one schema.
    static func update(of members: [KeptWeights], _ attack: any ColludingAttack) throws -> Weights {
        guard let first = members.first else { throw SimulationError(.failed, "nobody colludes") }
        var update = Weights(zeros: first.schema)
        for (index, spec) in first.schema.tensors.enumerated() where spec.dtype != .f32 {
            try update.withUnsafeMutableBytes(of: spec.name) {
                try first.readBlock(tensor: index, byteOffset: 0, into: $0)
            }
        }
        var rows = [[Float]](repeating: [Float](repeating: 0, count: block), count: members.count)
        let number = Double(members.count)
        try update.changeFloats { tensor, values in
            for start in stride(from: 0, to: values.count, by: block) {
                let count = min(block, values.count - start)
                for (row, member) in members.enumerated() {
                    try rows[row].withUnsafeMutableBytes { bytes in
                        let width = MemoryLayout<Float>.stride
                        try member.readBlock(
                            tensor: tensor, byteOffset: start * width,
                            into: UnsafeMutableRawBufferPointer(rebasing: bytes[..<(count * width)]))
                    }
                }
                for index in 0..<count {
                    var mean = 0.0
                    for row in rows { mean += Double(row[index]) }
                    mean /= number
                    var squares = 0.0
                    for row in rows {
                        let distance = Double(row[index]) - mean
                        squares += distance * distance
                    }
                    values[start + index] = Float(
                        attack.element(mean: mean, deviation: (squares / number).squareRoot()))
                }
            }
        }
        return update
    }
}
