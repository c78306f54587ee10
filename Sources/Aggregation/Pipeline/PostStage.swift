/// What is done to the round's update after the rule and before the server's optimiser: noise, for example.
public protocol PostStage: Sendable {
    /// Changes some elements of the update of one tensor in place.
    ///
    /// A strategy that keeps moments asks for the same elements more than once, on several threads and in blocks of any
    /// size: the same element must be changed by the same amount each time, so noise is keyed by the round, the tensor's
    /// name and the element's place.
    ///
    /// - Parameters:
    ///   - block: the combined update of the elements, in Float64.
    ///   - tensor: the tensor's name.
    ///   - start: the place of the block's first element in the tensor.
    /// - Throws: what ends the fold.
    func apply(to block: UnsafeMutableBufferPointer<Double>, tensor: String, start: Int) throws
}
