import TestSupport
import Testing
import Weights

/// Every rule of the format, broken alone.
@Suite("Safetensors rules")
struct SafetensorsRulesTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var code: WeightsError.Code
        var header: String
        var dataBytes = 0
        var testDescription: String { "\(code): \(header.prefix(60))" }

        init(_ code: WeightsError.Code, _ header: String, _ dataBytes: Int = 0) {
            (self.code, self.header, self.dataBytes) = (code, header, dataBytes)
        }
    }

    private static func tensor(_ dtype: String, _ shape: String, _ offsets: String) -> String {
        #"{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"#
    }

    static let cases: [Case] = [
        Case(.headerStart, ""), Case(.headerStart, " {}"), Case(.headerStart, "[]"),
        Case(.headerSyntax, "{"), Case(.headerSyntax, "{}{}"), Case(.headerSyntax, #"{"a":1}"#),
        Case(.headerSyntax, #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1]},}"#, 1),
        Case(.headerSyntax, #"{"a" {"dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[-1]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[1.0]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[1e0]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[01]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[\"1\"]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "1", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "null", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[18446744073709551616]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[" + String(repeating: "1,", count: 32) + "1]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a\ud800":\#(tensor("U8", "[]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a\ud800\u0041":\#(tensor("U8", "[]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, #"{"a\x":\#(tensor("U8", "[]", "[0,1]"))}"#, 1),
        Case(.headerSyntax, "{\"a\n\":\(tensor("U8", "[]", "[0,1]"))}", 1),
        Case(.headerSyntax, #"{"a\u00"#),
        Case(.duplicateKey, #"{"a":\#(tensor("U8", "[]", "[0,1]")),"a":\#(tensor("U8", "[]", "[0,1]"))}"#, 1),
        Case(.duplicateKey, #"{"a":\#(tensor("U8", "[]", "[0,1]")),"\u0061":\#(tensor("U8", "[]", "[1,2]"))}"#, 2),
        Case(.duplicateKey, #"{"a":{"dtype":"U8","dtype":"U8","shape":[],"data_offsets":[0,1]}}"#, 1),
        Case(.duplicateKey, #"{"__metadata__":{"x":"1","x":"2"}}"#),
        Case(.duplicateKey, #"{"__metadata__":{},"__metadata__":{}}"#),
        Case(.invalidMetadata, #"{"__metadata__":{"x":1}}"#), Case(.invalidMetadata, #"{"__metadata__":null}"#),
        Case(.invalidMetadata, #"{"__metadata__":"x"}"#),
        Case(.missingField, #"{"a":{"dtype":"U8","shape":[]}}"#), Case(.missingField, #"{"a":{}}"#),
        Case(.missingField, #"{"a":{"shape":[],"data_offsets":[0,1]}}"#, 1),
        Case(.unknownField, #"{"a":{"dtype":"U8","shape":[],"data_offsets":[0,1],"x":1}}"#, 1),
        Case(.unknownDType, #"{"a":\#(tensor("F33", "[]", "[0,1]"))}"#, 1),
        Case(.unknownDType, #"{"a":\#(tensor("f32", "[]", "[0,4]"))}"#, 4),
        Case(.unsupportedDType, #"{"a":\#(tensor("I32", "[]", "[0,4]"))}"#, 4),
        Case(.unsupportedDType, #"{"a":\#(tensor("F8_E4M3", "[]", "[0,1]"))}"#, 1),
        Case(.invalidOffsets, #"{"a":\#(tensor("U8", "[0]", "[1,0]"))}"#, 1),
        Case(.invalidOffsets, #"{"a":\#(tensor("U8", "[1]", "[0]"))}"#, 1),
        Case(.headerSyntax, #"{"a":\#(tensor("U8", "[1]", "[0,1,2]"))}"#, 1),
        Case(.invalidOffsets, #"{"a":\#(tensor("U8", "[1]", "[0,18446744073709551615]"))}"#, 1),
        Case(.sizeOverflow, #"{"a":\#(tensor("F32", "[4294967296,4294967296]", "[0,0]"))}"#),
        Case(.sizeOverflow, #"{"a":\#(tensor("U8", "[18446744073709551615]", "[0,0]"))}"#),
        Case(.invalidName, #"{"":\#(tensor("U8", "[]", "[0,1]"))}"#, 1),
        Case(.offsetsShapeMismatch, #"{"a":\#(tensor("F32", "[2]", "[0,4]"))}"#, 4),
        Case(.offsetsShapeMismatch, #"{"a":\#(tensor("F32", "[0,9]", "[0,4]"))}"#, 4),
        Case(.offsetsGap, #"{"a":\#(tensor("U8", "[1]", "[1,2]"))}"#, 2),
        Case(.offsetsGap, #"{"a":\#(tensor("U8", "[1]", "[0,1]")),"b":\#(tensor("U8", "[1]", "[2,3]"))}"#, 3),
        Case(.offsetsOverlap, #"{"a":\#(tensor("U8", "[2]", "[0,2]")),"b":\#(tensor("U8", "[2]", "[1,3]"))}"#, 3),
        Case(.offsetsOverlap, #"{"a":\#(tensor("U8", "[2]", "[0,2]")),"b":\#(tensor("U8", "[2]", "[0,2]"))}"#, 2),
        Case(.fileTruncated, #"{"a":\#(tensor("U8", "[2]", "[0,2]"))}"#, 1),
        Case(.trailingBytes, #"{"a":\#(tensor("U8", "[2]", "[0,2]"))}"#, 3),
        Case(.trailingBytes, "{}", 1),
    ]

    private func file(_ header: [UInt8], _ dataBytes: Int) -> [UInt8] {
        withUnsafeBytes(of: UInt64(header.count).littleEndian) { Array($0) } + header
            + [UInt8](repeating: 0, count: dataBytes)
    }

    @Test("every violation has its own code, in memory and in a file", arguments: cases)
    func violation(test: Case) throws {
        let bytes = file(Array(test.header.utf8), test.dataBytes)
        let inMemory = expect(test.code) { _ = try Safetensors.decode(bytes) }
        let folder = try TemporaryFolder()
        let path = try folder.write(bytes, to: "bad")
        let inFile = expect(test.code) { _ = try SafetensorsFile(path: path) }
        #expect(inFile == path + ": " + inMemory)
    }

    @Test("lengths are checked before anything is read")
    func lengths() throws {
        expect(.fileTooShort) { _ = try Safetensors.decode([]) }
        expect(.fileTooShort) { _ = try Safetensors.decode([1, 0, 0, 0, 0, 0, 0]) }
        expect(.headerBeyondEnd) { _ = try Safetensors.decode([3, 0, 0, 0, 0, 0, 0, 0, 0x7B, 0x7D]) }
        expect(.headerTooLarge) { _ = try Safetensors.decode([1, 0xE1, 0xF5, 5, 0, 0, 0, 0]) }
        expect(.headerBeyondEnd) { _ = try Safetensors.decode([0, 0xE1, 0xF5, 5, 0, 0, 0, 0]) }
        expect(.headerTooLarge) { _ = try Safetensors.decode([UInt8](repeating: 255, count: 8)) }
        let good = file(Array("{}".utf8), 0)
        expect(.headerTooLarge) { _ = try Safetensors.decode(good, limits: ReadLimits(headerBytes: 1)) }
        let folder = try TemporaryFolder()
        expect(.fileTooShort) { _ = try SafetensorsFile(path: folder.write([1, 2], to: "short")) }
        expect(.headerBeyondEnd) {
            _ = try SafetensorsFile(path: folder.write([9] + .init(repeating: 0, count: 7), to: "b"))
        }
    }

    @Test("what the rules allow is read")
    func allowed() throws {
        #expect(try Safetensors.decode(file(Array("{}".utf8), 0)).schema.tensors.isEmpty)
        let spaced =
            "{ \"b\" : {\"shape\" : [ 2 ] ,\n\"data_offsets\":[1, 3],\t\"dtype\":\"U8\"} , \"\\u0061\\ud83d\\ude42\\/\":"
            + #"{"dtype":"BOOL","data_offsets":[0,1],"shape":[]},"e":{"dtype":"F64","data_offsets":[1,1],"shape":[0,5]}}   "#
        let weights = try Safetensors.decode(file(Array(spaced.utf8), 3))
        #expect(weights.schema.tensors.map(\.name) == ["e", "a🙂/", "b"])
    }

    @Test("limits on tensors and bytes hold before memory is taken")
    func limits() throws {
        let two = #"{"a":\#(Self.tensor("U8", "[1]", "[0,1]")),"b":\#(Self.tensor("U8", "[1]", "[1,2]"))}"#
        let bytes = file(Array(two.utf8), 2)
        expect(.tooManyTensors) { _ = try Safetensors.decode(bytes, limits: ReadLimits(tensors: 1)) }
        expect(.tooLarge) { _ = try Safetensors.decode(bytes, limits: ReadLimits(dataBytes: 1)) }
        #expect(try Safetensors.decode(bytes, limits: ReadLimits(dataBytes: 2, tensors: 2)).schema.byteCount == 2)
        let huge = #"{"a":\#(Self.tensor("U8", "[4611686018427387904]", "[0,4611686018427387904]"))}"#
        expect(.tooLarge) { _ = try Safetensors.decode(file(Array(huge.utf8), 0)) }
    }

    @Test("invalid UTF-8 is its own error")
    func utf8() {
        expect(.headerNotUTF8) { _ = try Safetensors.decode(file([0x7B, 0x22, 0xFF, 0x22, 0x7D], 0)) }
        expect(.headerNotUTF8) { _ = try Safetensors.decode(file([0x7B, 0x22, 0xC0, 0xAF, 0x22, 0x7D], 0)) }
    }

    @Test("no cut or changed byte of a file crashes the reader")
    func fuzz() throws {
        let golden = try Fixtures.golden("metadata.safetensors")
        for count in 0..<golden.count {
            #expect(throws: WeightsError.self) { try Safetensors.decode(Array(golden[..<count])) }
        }
        var state: UInt64 = 3
        for _ in 0..<3_000 {
            var bytes = golden
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            bytes[Int(state >> 33) % 520] = UInt8(truncatingIfNeeded: state >> 20)
            // Either a result or an error of ours.
            do { _ = try Safetensors.decode(bytes) } catch { #expect(error is WeightsError) }
        }
    }
}
