import Tensors

/// Which steps of padded sequences lie after an example's end.
enum StepMask {
    /// Truth values `[B, steps]`, true from each example's length on.
    static func beyond(_ lengths: [Int], steps: Int) throws(TensorError) -> Tensor {
        let flags = lengths.flatMap { length in (0..<steps).map { $0 >= length } }
        return try Tensor(flags, shape: [lengths.count, steps])
    }

    /// Truth values `[B, rows, steps]`, true throughout the rows from each example's length on.
    static func rowsBeyond(_ lengths: [Int], rows: Int, steps: Int) throws(TensorError) -> Tensor {
        try beyond(lengths, steps: rows).unsqueezed(2).expanded([lengths.count, rows, steps])
    }
}
