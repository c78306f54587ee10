/// Scaling every window on its own, as the FedMultimodal benchmark (Feng et al., KDD 2023) does for inertial data.
public enum WindowNormalisation {
    /// The constant added to the standard deviation.
    public static let epsilon = 1e-5

    /// Replaces every axis of every window by (x − mean) / (std + 1e-5), with the population standard deviation.
    ///
    /// Mean and deviation are taken over the window's steps, in Float64 and in two passes; a constant axis becomes zero.
    ///
    /// - Parameters:
    ///   - values: windows of shape `[steps, axes]`, row-major, one after another.
    ///   - steps: the number of samples of a window.
    ///   - axes: the number of axes.
    public static func apply(to values: inout [Float], steps: Int, axes: Int) {
        precondition(steps > 0 && axes > 0, "a window has at least one step and one axis")
        precondition(values.count % (steps * axes) == 0, "the values must be whole windows")
        let size = steps * axes
        values.withUnsafeMutableBufferPointer { buffer in
            for start in stride(from: 0, to: buffer.count, by: size) {
                for axis in 0..<axes {
                    normalise(buffer, from: start + axis, stride: axes, count: steps)
                }
            }
        }
    }

    private static func normalise(_ buffer: UnsafeMutableBufferPointer<Float>, from: Int, stride: Int, count: Int) {
        var sum = 0.0
        for step in 0..<count { sum += Double(buffer[from + step * stride]) }
        let mean = sum / Double(count)
        var squares = 0.0
        for step in 0..<count {
            let distance = Double(buffer[from + step * stride]) - mean
            squares += distance * distance
        }
        let scale = 1 / ((squares / Double(count)).squareRoot() + epsilon)
        for step in 0..<count {
            let index = from + step * stride
            buffer[index] = Float((Double(buffer[index]) - mean) * scale)
        }
    }
}
