/// What is wrong with tensors or with a file of tensors. The message names the file or tensor, what was found and what
/// was expected.
public struct WeightsError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure. Every rule of the file formats has its own.
    public enum Code: String, Sendable, CaseIterable {
        // MARK: Tensors and schemas

        /// A tensor's name is empty or reserved (`__metadata__`).
        case invalidName
        /// Two tensors have the same name.
        case duplicateName
        /// A dimension is negative, or there are too many dimensions.
        case invalidShape
        /// The number of elements or bytes does not fit.
        case sizeOverflow
        /// The bytes given do not have the size that the schema says.
        case byteCountMismatch
        /// No tensor of that name.
        case unknownTensor
        /// The tensor's dtype does not allow the operation.
        case unsuitableDType
        /// The two operands have different schemas.
        case schemaMismatch
        /// A position outside a tensor or file.
        case outOfRange
        /// A value is NaN or infinite where it must not be.
        case notFinite
        /// The places of an encoded tensor's elements are not ascending or not within it.
        case invalidIndex

        // MARK: Safetensors

        /// Fewer than the 8 bytes of the header's length.
        case fileTooShort
        /// The header is longer than the cap.
        case headerTooLarge
        /// The header goes beyond the end of the file.
        case headerBeyondEnd
        /// The header does not start with `{`.
        case headerStart
        /// The header is not UTF-8.
        case headerNotUTF8
        /// The header is not JSON of the form expected.
        case headerSyntax
        /// A key stands twice in the header.
        case duplicateKey
        /// `__metadata__` is not an object of strings.
        case invalidMetadata
        /// A tensor lacks dtype, shape or data_offsets.
        case missingField
        /// A tensor has a field that the format does not know.
        case unknownField
        /// A dtype that the format does not know.
        case unknownDType
        /// A dtype that the format knows and this library does not.
        case unsupportedDType
        /// data_offsets are not two numbers, the first at most the second.
        case invalidOffsets
        /// Shape and dtype need another number of bytes than data_offsets span.
        case offsetsShapeMismatch
        /// Bytes between two tensors, or before the first, that belong to none.
        case offsetsGap
        /// Two tensors share bytes.
        case offsetsOverlap
        /// The tensors need more bytes than the file has.
        case fileTruncated
        /// The file goes on after the last tensor.
        case trailingBytes

        // MARK: NPZ and NPY

        /// The file is not a zip archive, or the archive contradicts itself.
        case invalidArchive
        /// Encrypted, split, or compressed with another method than deflate.
        case unsupportedArchive
        /// The CRC-32 of a member is wrong.
        case checksumMismatch
        /// A member does not decompress to the size it declares.
        case memberSizeMismatch
        /// A member is not an npy array, or its header is malformed.
        case invalidArray
        /// An npy version or data type that this library does not read.
        case unsupportedArray

        // MARK: Limits and files

        /// More tensors than the limit.
        case tooManyTensors
        /// More bytes than the limit.
        case tooLarge
        /// The operating system refused.
        case inputOutput
    }

    /// The kind of failure.
    public var code: Code
    /// What was found where, and what was expected.
    public var message: String
    /// The error behind it, where there is one.
    public var cause: (any Error)?

    /// An error with its parts.
    public init(_ code: Code, _ message: String, cause: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.cause = cause
    }

    /// The message and the code.
    public var description: String {
        cause.map { "\(message) [\(code.rawValue)]: \($0)" } ?? "\(message) [\(code.rawValue)]"
    }

    /// The same error with the name of the file or member in front.
    func within(_ place: String) -> WeightsError {
        WeightsError(code, "\(place): \(message)", cause: cause)
    }
}

/// How much a reader accepts before it takes memory.
public struct ReadLimits: Sendable, Hashable {
    /// Largest safetensors header in bytes. The format's own cap is 100 MB.
    public var headerBytes: Int
    /// Largest sum of the tensors' bytes.
    public var dataBytes: Int
    /// Largest number of tensors.
    public var tensors: Int

    /// Limits; the defaults take any file the format allows up to 64 GiB and 100,000 tensors.
    public init(headerBytes: Int = 100_000_000, dataBytes: Int = 64 << 30, tensors: Int = 100_000) {
        self.headerBytes = headerBytes
        self.dataBytes = dataBytes
        self.tensors = tensors
    }

    /// The defaults of the initialiser.
    public static let defaults = ReadLimits()
}

/// A name from a file, shortened and made printable for a message.
func quoted(_ name: String) -> String {
    var text = ""
    for scalar in name.unicodeScalars.prefix(100) {
        text.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? "\u{FFFD}" : scalar)
    }
    return name.unicodeScalars.count > 100 ? "'\(text)…'" : "'\(text)'"
}
