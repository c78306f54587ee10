import Measurement
import Tensors

/// What the machine can do at most: the limit of figures whose time goes into multiplications and additions.
enum MatrixProduct {
    /// The speed of a product of 1024 × 1024 matrices on one thread, in GFLOP/s.
    static func peak(repetitions: Int) throws -> BenchmarkFigure {
        let values = [Float](repeating: 0.5, count: 1 << 20)
        let matrix = try Tensor(values, shape: [1024, 1024])
        let rates = try timed(repetitions: repetitions) {
            _ = try noGrad { () throws(TensorError) in try matrix.matmul(matrix) }
        }.map { 2 * 1024.0 * 1024 * 1024 / $0 }
        return BenchmarkFigure("matrix product", rates.map { $0 / 1e9 }, unit: "GFLOP/s")
    }

    /// Multiply-adds of the forward pass of one window through the activity model: two towers of three convolutions
    /// (kernel 5, 128, 64 and 32 steps) and a recurrence of 16 steps over 128 features, the attention over 32 steps, and
    /// the classifier.
    static let activityMultiplyAdds: Double = {
        let tower = 128 * 5 * 3 * 32 + 64 * 5 * 32 * 64 + 32 * 5 * 64 * 128 + 16 * 2 * 3 * 128 * 128
        return Double(2 * tower + 32 * (128 * 512 + 512 * 6 + 6 * 128) + 768 * 64 + 64 * 6)
    }()

    /// Multiply-adds of a training step of one picture of CIFAR-10: forward once, backward twice (with respect to inputs
    /// and to weights), but for the pictures themselves, which need no gradient.
    static let pictureTrainingMultiplyAdds: Double = {
        let (first, second, dense) = (30 * 30 * 32 * 27, 28 * 28 * 64 * 288, 12_544 * 128 + 128 * 10)
        return Double(2 * first + 3 * second + 3 * dense)
    }()
}
