public import Weights

/// An update whose 32-bit float tensors are multiplied with a factor as they are read: s(τ) Δ for an update that is τ versions
/// old (Nguyen et al., AISTATS 2022).
///
/// Tensors of other types hold values and not differences; they are shown as they are.
public struct DiscountedUpdate: UpdateSource {
    private let update: any UpdateSource
    private let factor: Float

    /// The client.
    public var clientID: String { update.clientID }
    /// How many examples the client trained on, as it said: the factor does not change its weight in a mean.
    public var examples: Int { update.examples }
    /// The mean loss that it reported, if any.
    public var loss: Double? { update.loss }
    /// The update's tensors.
    public var schema: WeightsSchema { update.schema }

    /// Shows an update with a factor.
    public init(_ update: any UpdateSource, factor: Double) {
        self.update = update
        self.factor = Float(factor)
    }

    /// Reads values and multiplies them, each rounded once.
    public func readBlock(tensor index: Int, byteOffset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        try update.readBlock(tensor: index, byteOffset: byteOffset, into: buffer)
        let size = MemoryLayout<Float>.size
        guard schema.tensors[index].dtype == .f32, byteOffset % size == 0 else { return }
        for offset in stride(from: 0, to: buffer.count - buffer.count % size, by: size) {
            let value = buffer.loadUnaligned(fromByteOffset: offset, as: Float.self)
            buffer.storeBytes(of: value * factor, toByteOffset: offset, as: Float.self)
        }
    }

    /// Has the system read ahead.
    public func prefetch(tensor index: Int, byteOffset: Int, count: Int) {
        update.prefetch(tensor: index, byteOffset: byteOffset, count: count)
    }
}
