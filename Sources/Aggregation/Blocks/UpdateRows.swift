internal import CKernels
import Weights

/// Reads the same elements of several updates into rows of Float32, with room for one block of each.
///
/// Used from one thread.
final class UpdateRows {
    private let order: UpdateOrder
    private let elements: Int
    /// Bytes of updates that are not F32, and their values.
    private lazy var other = BlockMemory(bytes: elements * 8)
    private lazy var values = BlockMemory(bytes: elements * 8)
    private let memory: BlockMemory
    private var ahead = ReadAhead()
    /// Where each row is.
    let pointers: UnsafeMutableBufferPointer<UnsafePointer<Float>?>

    /// Room for `count` rows of at most `elements` elements.
    init(_ order: UpdateOrder, count: Int, elements: Int) {
        self.order = order
        // Rows start at multiples of a cache line.
        let stride = (elements + 15) / 16 * 16
        self.elements = stride
        memory = BlockMemory(bytes: count * stride * 4)
        pointers = .allocate(capacity: count)
        let rows = memory.buffer(of: Float.self, count: count * stride)
        for row in 0..<count {
            pointers.initializeElement(at: row, to: rows.baseAddress.map { UnsafePointer($0 + row * stride) })
        }
    }

    deinit {
        pointers.deallocate()
    }

    /// The room of a row.
    func row(_ row: Int, count: Int) -> UnsafeMutableBufferPointer<Float> {
        UnsafeMutableBufferPointer(
            rebasing: memory.buffer(of: Float.self, count: (row + 1) * elements)[(row * elements)...].prefix(count))
    }

    /// Whether a float tensor of an update lies there as F32.
    func isPlain(_ position: Int, _ tensor: Int) -> Bool {
        order.updates[position].schema.tensors[order.indices[position][tensor]].dtype == .f32
    }

    /// Reads an update's elements into a row, each multiplied by `scale`; other float types are rounded to Float32.
    ///
    /// - Parameter isChecked: whether NaN and infinity are looked for.
    /// - Throws: ``AggregationError`` `unreadable`, `notFinite`.
    func read(
        _ position: Int, _ tensor: Int, start: Int, count: Int, into row: Int, scale: Double = 1,
        isChecked: Bool = false, name: String = ""
    ) throws {
        let target = self.row(row, count: count)
        guard let base = target.baseAddress else { return }
        let place = order.indices[position][tensor]
        if isPlain(position, tensor) {
            let bytes = UnsafeMutableRawBufferPointer(target)
            try ahead.read(order.updates[position], tensor: place, at: start * 4, count: bytes.count, key: position) {
                try order.read(position, tensor: place, at: start * 4, into: bytes)
            }
        } else {
            let doubles = try self.doubles(position, tensor, start: start, count: count)
            for element in 0..<count { target[element] = Float(doubles[element]) }
        }
        if scale != 1 { ck_scale_f32(base, scale, count) }
        if isChecked, ck_finite_f32(base, count) == 0 { throw order.notFinite(position, tensor: name) }
    }

    /// An update's elements in Float64; valid until the next call.
    func doubles(_ position: Int, _ tensor: Int, start: Int, count: Int) throws -> UnsafeMutableBufferPointer<Double> {
        let place = order.indices[position][tensor]
        let dtype = order.updates[position].schema.tensors[place].dtype
        let source = UnsafeMutableRawBufferPointer(rebasing: other.bytes[..<(count * dtype.byteWidth)])
        try order.read(position, tensor: place, at: start * dtype.byteWidth, into: source)
        let target = values.buffer(of: Double.self, count: count)
        FloatConversion.doubles(from: UnsafeRawBufferPointer(source), as: dtype, into: target)
        return target
    }
}
