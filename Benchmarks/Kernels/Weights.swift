import Benchmark
import Foundation
import Weights

/// Four million float32 values in two tensors, 16 MiB.
func model() throws -> Weights {
    let count = 1 << 21
    let values = (0..<count).map { Float($0 % 1009) / 1009 - 0.5 }
    return try Weights([("a", [count], values), ("b", [2048, count / 2048], values)])
}

/// Safetensors in memory and in files, and scans over bytes.
func weights() {
    Benchmark("safetensors: encode 16 MiB") { benchmark, model in
        for _ in benchmark.scaledIterations { blackHole(Safetensors.encode(model)) }
    } setup: {
        try model()
    }
    Benchmark("safetensors: decode 16 MiB") { (benchmark: Benchmark, bytes: [UInt8]) throws -> Void in
        for _ in benchmark.scaledIterations { blackHole(try Safetensors.decode(bytes)) }
    } setup: {
        Safetensors.encode(try model())
    }
    Benchmark("safetensors: write a file of 16 MiB") { (benchmark: Benchmark, file: ModelFile) throws -> Void in
        for _ in benchmark.scaledIterations { try Safetensors.write(file.model, to: file.path) }
    } setup: {
        try ModelFile()
    }
    Benchmark("safetensors: read a file of 16 MiB") { (benchmark: Benchmark, file: ModelFile) throws -> Void in
        for _ in benchmark.scaledIterations { blackHole(try SafetensorsFile(path: file.path).read()) }
    } setup: {
        let file = try ModelFile()
        try Safetensors.write(file.model, to: file.path)
        return file
    }
    Benchmark("all finite: 16 MiB of float32") { benchmark, model in
        for _ in benchmark.scaledIterations {
            blackHole(model.withUnsafeBytes { FloatKernels.allFinite($0, as: .f32) })
        }
    } setup: {
        try model()
    }
    Benchmark("sum of squares: 16 MiB of float32") { benchmark, model in
        for _ in benchmark.scaledIterations {
            blackHole(model.withUnsafeBytes { FloatKernels.sumOfSquares($0, as: .f32) })
        }
    } setup: {
        try model()
    }
}

/// A model and a place for its file, which goes with the last reference.
final class ModelFile {
    let model: Weights
    let path: String

    init() throws {
        model = try Kernels.model()
        path =
            FileManager.default.temporaryDirectory
            .appendingPathComponent("tributary-kernels-\(UUID().uuidString).safetensors").path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
