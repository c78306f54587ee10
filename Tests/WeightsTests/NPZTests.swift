import CZlib
import Foundation
import TestSupport
import Testing

@testable import Weights

@Suite("NPZ")
struct NPZTests {
    @Test("NumPy's archives are read", arguments: ["stored.npz", "deflated.npz"])
    func numpy(name: String) throws {
        #expect(try NPZ.read(path: Fixtures.path(name)) == Fixtures.weights(Fixtures.printable))
    }

    @Test("both element orders, both byte orders, versions 1 to 3, a scalar, local zip64 fields")
    func odd() throws {
        let weights = try NPZ.read(path: Fixtures.path("odd.npz"))
        let expected = try Fixtures.weights([
            ("fortran", .f32, [2, 3, 4]), ("fortran2", .i64, [5, 3]), ("big", .f32, [2, 3]),
            ("bigFortran", .f64, [3, 2]), ("version2", .f16, [2, 2]), ("version3", .u8, [2, 2]), ("scalar", .f64, []),
        ])
        for tensor in expected.tensors where tensor.spec.name != "scalar" {
            #expect(weights[tensor.spec.name]?.bytes == tensor.bytes, "\(tensor.spec.name)")
        }
        #expect(weights.schema == expected.schema)
        #expect(try weights.floats("scalar") == [2.5])
    }

    @Test(
        "what cannot be read is named",
        arguments: [
            ("unsupported-complex.npz", WeightsError.Code.unsupportedArray), ("unsupported-i32.npz", .unsupportedArray),
            ("unsupported-structured.npz", .unsupportedArray), ("unsupported-text.npz", .unsupportedArray),
            ("lzma.npz", .unsupportedArchive), ("official.safetensors", .invalidArchive),
        ])
    func unsupported(name: String, code: WeightsError.Code) throws {
        let path = try Fixtures.path(name)
        let message = expect(code) { _ = try NPZ.read(path: path) }
        #expect(message.hasPrefix(path))
    }

    @Test("what is written is what NumPy has read, and is read back", arguments: [false, true])
    func writes(compress: Bool) throws {
        let folder = try TemporaryFolder()
        let weights = try Fixtures.all()
        try NPZ.write(weights, to: folder.file("w.npz"), compress: compress)
        // Golden/make_golden.py loads this file with NumPy. Deflated bytes depend on zlib's version.
        if !compress { #expect(try folder.read("w.npz") == Fixtures.golden("written.npz")) }
        let back = try NPZ.read(path: folder.file("w.npz"))
        #expect(back["brain"]?.spec.dtype == .f32)
        for tensor in weights.tensors where tensor.spec.dtype != .bf16 {
            #expect(back[tensor.spec.name]?.bytes == tensor.bytes)
        }
        #expect(try back.floats("brain") == weights.floats("brain"))
    }

    @Test("zip64 is written where it is needed and read")
    func zip64() throws {
        let folder = try TemporaryFolder()
        let weights = try Fixtures.all()
        try RawFile.writing(folder.file("z.npz")) { file in
            var writer = ZipWriter(file, zip64From: 140)
            for tensor in weights.tensors {
                try tensor.withUnsafeBytes { bytes in
                    let values = tensor.spec.dtype == .bf16 ? try tensor.floats() : nil
                    let header = NPYHeader.encode(tensor.spec.dtype, tensor.spec.shape)
                    if let values {
                        try values.withUnsafeBytes { try writer.add(tensor.spec.name + ".npy", header, $0, false) }
                    } else {
                        try writer.add(tensor.spec.name + ".npy", header, bytes, false)
                    }
                }
            }
            file = try writer.finish()
        }
        #expect(try folder.read("z.npz") == Fixtures.golden("written-zip64.npz"))
        #expect(try NPZ.read(path: folder.file("z.npz")).schema.tensors.count == weights.schema.tensors.count)
    }

    @Test("large tensors compress and come back")
    func large() throws {
        let folder = try TemporaryFolder()
        let values = (0..<300_000).map { Float(($0 * 7_919) % 10_007) }
        let weights = try Weights([
            (name: "a", shape: [300, 1_000], values: values), (name: "b", shape: [], values: [1]),
        ])
        try NPZ.write(weights, to: folder.file("l"), compress: true)
        #expect(try NPZ.read(path: folder.file("l")) == weights)
    }

    @Test("limits hold before memory is taken")
    func limits() throws {
        let path = try Fixtures.path("deflated.npz")
        expect(.tooManyTensors) { _ = try NPZ.read(path: path, limits: ReadLimits(tensors: 8)) }
        expect(.headerTooLarge) { _ = try NPZ.read(path: path, limits: ReadLimits(headerBytes: 100)) }
        expect(.tooLarge) { _ = try NPZ.read(path: path, limits: ReadLimits(dataBytes: 20)) }
        expect(.tooLarge) { _ = try NPZ.read(path: path, limits: ReadLimits(dataBytes: 100)) }
    }

    @Test("no cut or changed byte of an archive crashes the reader, and wrong data is never returned")
    func fuzz() throws {
        let folder = try TemporaryFolder()
        let expected = try Fixtures.weights(Fixtures.printable)
        for name in ["stored.npz", "deflated.npz"] {
            let golden = try Fixtures.golden(name)
            for count in stride(from: 0, to: golden.count, by: 13) {
                let path = try folder.write(Array(golden[..<count]), to: "cut")
                #expect(throws: WeightsError.self) { try NPZ.read(path: path) }
            }
            var state: UInt64 = 5
            for _ in 0..<1_500 {
                var bytes = golden
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                bytes[Int(state >> 33) % bytes.count] ^= UInt8(truncatingIfNeeded: state >> 20) | 1
                let path = try folder.write(bytes, to: "changed")
                do {
                    let weights = try NPZ.read(path: path)
                    // A change that no checksum covers may rename a tensor, never alter values.
                    for tensor in weights.tensors where expected.schema[tensor.spec.name] == tensor.spec {
                        #expect(tensor.bytes == expected[tensor.spec.name]?.bytes)
                    }
                } catch {
                    #expect(error is WeightsError)
                }
            }
        }
    }
}

/// Archives made by hand that contradict themselves.
@Suite("NPZ attacks")
struct NPZAttackTests {
    /// A one-member archive whose every field can be changed.
    struct Archive {
        var name = "x.npy"
        var content: [UInt8]
        var isDeflated = false
        var declaredSize: Int?
        var declaredCRC: Int?
        var flags = 0
        var copies = 1

        init(_ content: [UInt8]) { self.content = content }

        func bytes() -> [UInt8] {
            let crc = content.withUnsafeBufferPointer { Int(crc32(0, $0.baseAddress, UInt32($0.count))) }
            let packed = isDeflated ? Archive.deflate(content) : content
            let fields =
                number(flags, 2) + number(isDeflated ? 8 : 0, 2) + number(0, 4) + number(declaredCRC ?? crc, 4)
                + number(packed.count, 4) + number(declaredSize ?? content.count, 4) + number(name.utf8.count, 2)
            let local = number(0x0403_4B50, 4) + number(20, 2) + fields + number(0, 2) + Array(name.utf8) + packed
            var directory: [UInt8] = []
            for copy in 0..<copies {
                let name = copy == 0 ? name : String(name.dropFirst()) + "\(copy)"
                directory +=
                    number(0x0201_4B50, 4) + number(20, 2) + number(20, 2) + fields + number(0, 12)
                    + number(0, 4) + Array(name.utf8)
            }
            let end =
                number(0x0605_4B50, 4) + number(0, 4) + number(copies, 2) + number(copies, 2)
                + number(directory.count, 4) + number(local.count, 4) + number(0, 2)
            return local + directory + end
        }

        private func number(_ value: Int, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: $0 < 8 ? value >> (8 * $0) : 0) }
        }

        static func deflate(_ content: [UInt8]) -> [UInt8] {
            var stream = z_stream()
            var output = [UInt8](repeating: 0, count: content.count + 1_000)
            var input = content
            let size = CInt(MemoryLayout<z_stream>.size)
            deflateInit2_(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY, ZLIB_VERSION, size)
            let count = output.withUnsafeMutableBufferPointer { output in
                input.withUnsafeMutableBufferPointer { input in
                    (stream.next_in, stream.avail_in) = (input.baseAddress, UInt32(input.count))
                    (stream.next_out, stream.avail_out) = (output.baseAddress, UInt32(output.count))
                    _ = CZlib.deflate(&stream, Z_FINISH)
                    return output.count - Int(stream.avail_out)
                }
            }
            deflateEnd(&stream)
            return Array(output[..<count])
        }
    }

    private func npy(_ dictionary: String, _ data: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let text = Array(dictionary.utf8)
        let length = [UInt8(text.count & 255), UInt8(text.count >> 8)] + (version == 1 ? [] : [0, 0])
        return [0x93] + Array("NUMPY".utf8) + [version, 0] + length + text + data
    }

    private func array(_ shape: String, _ bytes: Int, _ descr: String = "|u1") -> [UInt8] {
        npy("{'descr': '\(descr)', 'fortran_order': False, 'shape': \(shape), }\n", [UInt8](repeating: 0, count: bytes))
    }

    private func read(_ bytes: [UInt8], _ limits: ReadLimits = .defaults) throws -> Weights {
        let folder = try TemporaryFolder()
        return try NPZ.read(path: folder.write(bytes, to: "attack.npz"), limits: limits)
    }

    @Test("the archive made by hand is read when nothing is wrong", arguments: [false, true])
    func sound(isDeflated: Bool) throws {
        var archive = Archive(array("(3,)", 3))
        archive.isDeflated = isDeflated
        #expect(try read(archive.bytes())["x"]?.spec.shape == [3])
    }

    @Test("a member that decompresses to more or less than it declares", arguments: [-1, 1, 1_000_000])
    func bomb(difference: Int) throws {
        // The shape agrees with the declared size; the stream does not.
        let real = 2_000_000
        let header = array("(\(real + difference),)", 0)
        var archive = Archive(header + [UInt8](repeating: 0, count: real))
        archive.isDeflated = true
        archive.declaredSize = header.count + real + difference
        expect(.memberSizeMismatch) { _ = try read(archive.bytes()) }
    }

    @Test("a shape that does not fit the declared size takes no memory")
    func shape() throws {
        expect(.memberSizeMismatch) { _ = try read(Archive(array("(1000000000000,)", 3)).bytes()) }
        expect(.sizeOverflow) { _ = try read(Archive(array("(4294967296, 4294967296, 4294967296)", 3)).bytes()) }
        expect(.sizeOverflow) { _ = try read(Archive(array("(99999999999999999999,)", 3)).bytes()) }
        var archive = Archive(array("(4000000000,)", 0))
        archive.isDeflated = true
        archive.declaredSize = archive.content.count + 4_000_000_000
        expect(.tooLarge) { _ = try read(archive.bytes(), ReadLimits(dataBytes: 1 << 20)) }
    }

    @Test("members that share bytes, encryption, a wrong checksum, a wrong name")
    func others() throws {
        var archive = Archive(array("(3,)", 3))
        archive.copies = 2
        expect(.invalidArchive) { _ = try read(archive.bytes()) }
        archive = Archive(array("(3,)", 3))
        archive.flags = 1
        expect(.unsupportedArchive) { _ = try read(archive.bytes()) }
        archive.flags = 0
        archive.declaredCRC = 1
        expect(.checksumMismatch) { _ = try read(archive.bytes()) }
        archive.isDeflated = true
        expect(.checksumMismatch) { _ = try read(archive.bytes()) }
        archive = Archive(array("(3,)", 3))
        archive.name = "x.txt"
        expect(.invalidArray) { _ = try read(archive.bytes()) }
        archive.name = ".npy"
        expect(.invalidName) { _ = try read(archive.bytes()) }
    }

    @Test(
        "npy headers that are not exactly the dictionary",
        arguments: [
            ("", WeightsError.Code.invalidArray), ("{}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (3)}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (03,)}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (-3,)}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (3, 1}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (3 1)}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': 0, 'shape': (3,)}", .invalidArray),
            ("{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (3,)}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (3,), 'x': 1}", .invalidArray),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (3,)} {}", .invalidArray),
            ("{'descr': '|u1, 'fortran_order': False, 'shape': (3,)}", .invalidArray),
            ("{'descr': '|\\x75\\x31', 'fortran_order': False, 'shape': (3,)}", .invalidArray),
            ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (3,)}", .unsupportedArray),
            ("{'descr': '|f4', 'fortran_order': False, 'shape': (3,)}", .unsupportedArray),
            ("{'descr': '|O', 'fortran_order': False, 'shape': (3,)}", .unsupportedArray),
            ("{'descr': '', 'fortran_order': False, 'shape': (3,)}", .unsupportedArray),
            ("{'descr': 'ü', 'fortran_order': False, 'shape': (3,)}", .unsupportedArray),
        ])
    func dictionary(text: String, code: WeightsError.Code) throws {
        expect(code) { _ = try read(Archive(npy(text, [1, 2, 3])).bytes()) }
        expect(code) { _ = try read(Archive(npy(text, [1, 2, 3], version: 2)).bytes()) }
    }

    @Test("what NumPy accepts otherwise is accepted")
    func variants() throws {
        for text in [
            "{'shape':(3L,),\"descr\":\"u1\",'fortran_order':True}",
            "{'descr':'>u1','fortran_order':False,'shape':(3,),}\n",
        ] {
            #expect(try read(Archive(npy(text, [1, 2, 3])).bytes())["x"]?.bytes == [1, 2, 3])
        }
        expect(.unsupportedArray) { _ = try read(Archive(npy("{}", [], version: 4)).bytes()) }
        expect(.invalidArray) { _ = try read(Archive([1, 2, 3]).bytes()) }
        expect(.invalidArray) { _ = try read(Archive(npy("{}", [])[..<9] + []).bytes()) }
    }
}
