import Foundation
import TestSupport
import Testing

@testable import Datasets

/// MNIST and CIFAR-10 in their publishers' files, made here, and everything that can be wrong with them.
@Suite struct ImageReaderTests {
    private static func big(_ number: Int) -> [UInt8] {
        (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) }
    }

    private static func pixel(_ row: Int, _ place: Int) -> UInt8 { UInt8((row * 31 + place * 7) % 256) }

    private static func images(_ count: Int) -> [UInt8] {
        [0, 0, 8, 3] + big(count) + big(28) + big(28)
            + (0..<count).flatMap { row in (0..<784).map { pixel(row, $0) } }
    }

    private static func labels(_ count: Int) -> [UInt8] {
        [0, 0, 8, 1] + big(count) + (0..<count).map { UInt8($0 % 10) }
    }

    /// The same bytes as gzip makes them.
    private static func gzip(_ path: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/gzip")
        process.arguments = [path]
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    private static func mnist(_ folder: TemporaryFolder, isZipped: Bool) throws {
        for (name, bytes) in [
            ("train-images-idx3-ubyte", images(12)), ("train-labels-idx1-ubyte", labels(12)),
            ("t10k-images-idx3-ubyte", images(5)), ("t10k-labels-idx1-ubyte", labels(5)),
        ] {
            try Data(bytes).write(to: URL(fileURLWithPath: folder.file(name)))
            if isZipped { try gzip(folder.file(name)) }
        }
    }

    @Test(arguments: [false, true])
    func digitsAreRead(isZipped: Bool) throws {
        let folder = try TemporaryFolder()
        try Self.mnist(folder, isZipped: isZipped)
        let splits = try BenchmarkDataset.mnist.read(path: folder.path).splits
        let test = try #require(splits.heldOut["test"])
        #expect(splits.train.count == 12 && test.count == 5)
        #expect(test.labels == [0, 1, 2, 3, 4])
        #expect(test.modalities == [Modality(name: "image", shape: [1, 28, 28])])
        #expect(
            splits.train.values[0].enumerated().allSatisfy {
                $1 == Float(Double(Self.pixel($0 / 784, $0 % 784)) / 255)
            })
    }

    private struct Damage: CustomTestStringConvertible {
        var name: String
        var file: String
        var message: String
        var change: (inout Data) -> Void

        var testDescription: String { name }
    }

    @Test func damagedDigitsAreNamed() throws {
        let images = "train-images-idx3-ubyte"
        let cases = [
            Damage(name: "magic", file: images, message: "begins with the bytes") { $0[2] = 9 },
            Damage(name: "rows", file: images, message: "expected [count] + [28, 28]") { $0[11] = 27 },
            Damage(name: "count", file: images, message: "expected 10208 for the shape") { $0[7] = 13 },
            Damage(name: "huge", file: images, message: "at most") { $0[4] = 255 },
            Damage(name: "short", file: images, message: "expected 9424 for the shape") { $0.removeLast() },
            Damage(name: "empty", file: images, message: "ends after 0 bytes") { $0.removeAll() },
            Damage(name: "labels", file: "train-labels-idx1-ubyte", message: "11 labels for 12 images") {
                $0[7] = 11
                $0.removeLast()
            },
            Damage(name: "class", file: "train-labels-idx1-ubyte", message: "labels row 0 is 10") { $0[8] = 10 },
        ]
        for damage in cases {
            let folder = try TemporaryFolder()
            try Self.mnist(folder, isZipped: false)
            let url = URL(fileURLWithPath: folder.file(damage.file))
            var bytes = try Data(contentsOf: url)
            damage.change(&bytes)
            try bytes.write(to: url)
            let error = try #require(throws: DatasetError.self, "\(damage.name)") {
                try BenchmarkDataset.mnist.read(path: folder.path)
            }
            #expect(error.message.contains(damage.message), "\(damage.name): \(error)")
        }
    }

    @Test func damagedCompressionIsNamed() throws {
        for (name, message, change) in [
            (
                "damaged", "zlib status",
                { (bytes: inout Data) in
                    bytes[bytes.count / 2] ^= 0xFF; bytes[bytes.count / 2 + 1] ^= 0xFF
                }
            ),
            ("cut", "compressed ones can hold", { (bytes: inout Data) in bytes.removeLast(20) }),
            ("no gzip", "no gzip, or damaged", { (bytes: inout Data) in bytes[0] = 0 }),
            ("a bomb's size", "compressed ones can hold", { (bytes: inout Data) in bytes[bytes.count - 1] = 0x7F }),
            ("another size", "expected 9424", { (bytes: inout Data) in bytes[bytes.count - 4] ^= 1 }),
        ] as [(String, String, (inout Data) -> Void)] {
            let folder = try TemporaryFolder()
            try Self.mnist(folder, isZipped: true)
            let url = URL(fileURLWithPath: folder.file("train-images-idx3-ubyte.gz"))
            var bytes = try Data(contentsOf: url)
            change(&bytes)
            try bytes.write(to: url)
            let error = try #require(throws: DatasetError.self, "\(name)") {
                try BenchmarkDataset.mnist.read(path: folder.path)
            }
            #expect(error.code == .malformed && error.message.contains(message), "\(name): \(error)")
        }
    }

    private static func records(_ count: Int, from first: Int) -> Data {
        Data(
            (first..<first + count).flatMap { row in
                [UInt8(row % 10)] + (0..<3072).map { pixel(row, $0) }
            })
    }

    @Test(arguments: [false, true])
    func picturesAreRead(isSubset: Bool) throws {
        let folder = try TemporaryFolder()
        let names = isSubset ? ["train_6.bin"] : ["data_batch_1.bin", "data_batch_2.bin"]
        for (index, name) in names.enumerated() {
            let count = 6 / names.count
            try Self.records(count, from: index * count).write(to: URL(fileURLWithPath: folder.file(name)))
        }
        let test = folder.file(isSubset ? "test_2.bin" : "test_batch.bin")
        try Self.records(2, from: 0).write(to: URL(fileURLWithPath: test))
        if isSubset { try Self.gzip(folder.file("train_6.bin")) }
        let splits = try BenchmarkDataset.cifar10.read(path: folder.path).splits
        #expect(splits.train.labels == [0, 1, 2, 3, 4, 5])
        #expect(splits.heldOut["test"]?.count == 2)
        #expect(splits.train.modalities == [Modality(name: "image", shape: [3, 32, 32])])
        for (place, value) in splits.train.values[0].enumerated() {
            let (row, pixel) = (place / 3072, place % 3072)
            let channel = pixel / 1024
            let expected =
                (Double(Self.pixel(row, pixel)) / 255 - CIFAR10Reader.means[channel])
                / CIFAR10Reader.deviations[channel]
            guard value == Float(expected) else {
                Issue.record("value \(place) is \(value), expected \(expected)")
                return
            }
        }
    }

    @Test func damagedPicturesAreNamed() throws {
        for (change, message) in [
            ({ $0.removeLast() }, "expected a multiple of 3073"), ({ $0[3073] = 11 }, "the label of record 1 is 11"),
        ] as [((inout Data) -> Void, String)] {
            let folder = try TemporaryFolder()
            var bytes = Self.records(3, from: 0)
            try bytes.write(to: URL(fileURLWithPath: folder.file("test_batch.bin")))
            change(&bytes)
            try bytes.write(to: URL(fileURLWithPath: folder.file("data_batch_1.bin")))
            let error = try #require(throws: DatasetError.self) {
                try BenchmarkDataset.cifar10.read(path: folder.path)
            }
            #expect(error.message.contains(message), "\(error)")
        }
    }

    /// Generated pictures have the form of the real ones, are dealt by the usual schemes, and tell their class.
    @Test(arguments: BenchmarkDataset.images)
    func standInsHaveTheForm(_ benchmark: BenchmarkDataset) throws {
        let contents = try BenchmarkGenerator(benchmark, scale: 0.004).contents()
        let train = contents.splits.train
        #expect(train.modalities == benchmark.modalities)
        #expect(contents.splits.heldOut.keys.sorted() == ["test"])
        for scheme in [PartitionScheme.iid, .dirichlet, .shards, .pathological, .sizeSkew] {
            let partition = try PartitionScheme.make(.init(scheme: scheme, clients: 10), for: contents.benchmark)
                .partition(PartitionInput(train))
            #expect(partition.clients.count == 10, "\(scheme)")
        }
        // The nearest mean of a class is the example's own.
        let (elements, classes) = (train.modalities[0].elements, train.classes.count)
        var means = [[Float]](repeating: Array(repeating: 0, count: elements), count: classes)
        let counts = train.all.classCounts
        for (row, label) in train.labels.enumerated() {
            for place in 0..<elements {
                means[label][place] += train.values[0][row * elements + place] / Float(counts[label])
            }
        }
        let test = try #require(contents.splits.heldOut["test"])
        let right = (0..<test.count).count { row in
            let distances = means.map { mean in
                (0..<elements).reduce(Float(0)) {
                    let difference = test.values[0][row * elements + $1] - mean[$1]
                    return $0 + difference * difference
                }
            }
            return distances.indices.min { distances[$0] < distances[$1] } == test.labels[row]
        }
        #expect(right * 10 >= test.count * 9)
    }

    @Test(
        .enabled(
            if: ProcessInfo.processInfo.environment["TRIBUTARY_DATA"].map {
                FileManager.default.fileExists(atPath: "\($0)/mnist")
                    && FileManager.default.fileExists(atPath: "\($0)/cifar10-subset")
            } ?? false, "TRIBUTARY_DATA has no mnist and cifar10-subset"))
    func theRealFilesAreRead() throws {
        let data = ProcessInfo.processInfo.environment["TRIBUTARY_DATA"]
        let digits = try BenchmarkDataset.mnist.read(path: data).splits
        #expect(digits.train.count == 60_000 && digits.heldOut["test"]?.count == 10_000)
        #expect(digits.train.labels.prefix(10) == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4])
        #expect(digits.train.all.classCounts == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
        let pictures = try BenchmarkDataset.cifar10.read(path: data).splits
        #expect(pictures.train.all.classCounts == Array(repeating: 500, count: 10))
        #expect(pictures.heldOut["test"]?.count == 1000)
    }
}
