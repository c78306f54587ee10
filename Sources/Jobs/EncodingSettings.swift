public import Weights

/// A job's `encoding` map, read: how updates are written for the wire.
///
/// | `name` | other keys (default) |
/// |---|---|
/// | `f32` | none |
/// | `bf16`, `f16` | `errorFeedback` (false) |
/// | `int8` | `block` (256), `errorFeedback` (true) |
/// | `top-k` | `fraction` (0.05), `errorFeedback` (true) |
///
/// Any other key is an error. An empty map is `f32`.
public struct EncodingSettings: Sendable, Hashable {
    /// The encodings.
    public enum Name: String, Sendable, CaseIterable {
        case f32, bf16, f16, int8
        case topK = "top-k"
    }

    /// The encoding.
    public private(set) var name = Name.f32
    /// How many elements share a scale (`int8`).
    public private(set) var block = 256
    /// The share of each tensor's elements that is sent (`top-k`).
    public private(set) var fraction = 0.05
    /// Whether what is left out goes into the client's next update.
    public private(set) var hasErrorFeedback = false

    /// Reads a map.
    ///
    /// - Throws: `JobsError` with the code `invalidSpecification` that names every problem, one a line.
    public init(_ settings: Settings) throws(JobsError) {
        let (value, problems) = Self.read(settings)
        guard problems.isEmpty else {
            throw JobsError(
                code: .invalidSpecification, message: "job specification: " + problems.joined(separator: "\n"))
        }
        self = value
    }

    private init() {}

    /// Everything that is wrong with a map, each with the key, what was found and what is expected.
    public static func problems(of settings: Settings) -> [String] { read(settings).problems }

    /// The encoding that it asks for.
    public var encoding: UpdateEncoding {
        let method: UpdateEncoding.Method =
            switch name {
            case .f32: .f32
            case .bf16: .bf16
            case .f16: .f16
            case .int8: .int8(block: block)
            case .topK: .topK(fraction: fraction)
            }
        return UpdateEncoding(method, hasErrorFeedback: hasErrorFeedback)
    }

    private static func read(_ settings: Settings) -> (value: EncodingSettings, problems: [String]) {
        var value = EncodingSettings()
        if settings.isEmpty { return (value, []) }
        let names = Name.allCases.map(\.rawValue)
        guard let text = settings["name"]?.stringValue, let name = Name(rawValue: text) else {
            return (value, [SettingsMap.wrongWord(settings, place: "encoding", among: names)])
        }
        value.name = name
        var map = SettingsMap(settings, place: "encoding")
        switch name {
        case .f32: break
        case .bf16, .f16: value.hasErrorFeedback = map.bool("errorFeedback", false)
        case .int8:
            value.block = map.optionalInt("block", in: 8...UpdateEncoder.chunk) ?? 256
            value.hasErrorFeedback = map.bool("errorFeedback", true)
        case .topK:
            value.fraction = map.double("fraction", 0.05, in: 1e-6...0.4)
            value.hasErrorFeedback = map.bool("errorFeedback", true)
        }
        return (value, map.finish())
    }
}

extension JobSpecification {
    /// How updates of this job are written. Tensors that a strategy adds (`aux.`: controls, step counts) stay in f32:
    /// servers divide by them or add them up over rounds, and what they do with them is not made for a rounding error.
    ///
    /// - Parameter update: ``updateSchema(for:)``.
    /// - Throws: `JobsError` with the code `invalidSpecification` when the encoding is not valid, or when a tensor has
    ///   the name of another one's encoded part.
    public func encodedSchema(for update: WeightsSchema) throws -> EncodedSchema {
        let encoding = try EncodingSettings(self.encoding).encoding
        do {
            return try EncodedSchema(update, encoding, leaving: AuxiliaryTensors.isAuxiliary)
        } catch {
            throw JobsError(
                code: .invalidSpecification,
                message: "job specification: encoding: the tensors' names do not allow it", cause: error)
        }
    }
}
