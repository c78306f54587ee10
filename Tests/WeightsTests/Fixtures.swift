import Foundation
import Testing
import Weights

/// The tensors of Golden/make_golden.py.
enum Fixtures {
    static let printable: [(name: String, dtype: DType, shape: [Int])] = [
        ("layer.weight", .f32, [2, 3]), ("layer.bias", .f32, [3]), ("double", .f64, [4]), ("half", .f16, [5]),
        ("count", .i64, []), ("bytes", .u8, [2, 2]), ("flags", .bool, [3]), ("empty", .f32, [0, 3]),
        ("größe/ñ 漢", .f32, [2]),
    ]
    static let others: [(name: String, dtype: DType, shape: [Int])] = [
        ("quote\"\\\n\t\u{1}", .f32, [1]), ("brain", .bf16, [3]),
    ]

    /// Element i of n is (i − n/2)/8, or i for integers, i odd for booleans.
    static func weights(_ tensors: [(name: String, dtype: DType, shape: [Int])]) throws -> Weights {
        let specs = try tensors.map { try TensorSpec(name: $0.name, dtype: $0.dtype, shape: $0.shape) }
        var weights = Weights(zeros: try WeightsSchema(specs))
        for spec in specs {
            let count = spec.elementCount
            if spec.dtype.isFloat {
                try weights.setFloats(spec.name, (0..<count).map { Float($0 - count / 2) / 8 })
            } else {
                try weights.withUnsafeMutableBytes(of: spec.name) { bytes in
                    for index in 0..<count {
                        let value = spec.name == "count" ? 7 : spec.dtype == .bool ? index % 2 : index
                        bytes[index * spec.dtype.byteWidth] = UInt8(value)
                    }
                }
            }
        }
        return weights
    }

    static func all() throws -> Weights { try weights(printable + others) }

    static func path(_ name: String) throws -> String {
        try #require(Bundle.module.resourceURL).appendingPathComponent("Golden").appendingPathComponent(name).path
    }

    static func golden(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: URL(fileURLWithPath: path(name))))
    }
}

/// Expects a ``WeightsError`` with a code, and returns its message.
@discardableResult
func expect(
    _ code: WeightsError.Code,
    sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) -> String {
    do {
        try body()
        Issue.record("expected \(code), nothing was thrown", sourceLocation: sourceLocation)
    } catch let error as WeightsError {
        #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        return error.message
    } catch {
        Issue.record("expected \(code), got \(error)", sourceLocation: sourceLocation)
    }
    return ""
}
