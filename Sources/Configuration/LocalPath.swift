/// A path in a configuration file, relative to the folder of that file.
public struct LocalPath: Sendable, Hashable, Codable, CustomStringConvertible {
    /// The path as it can be opened: absolute, or relative to the process's current folder when the configuration
    /// file's own path was.
    public var path: String

    /// Creates a path that is used as it is.
    public init(_ path: String) { self.path = path }

    /// The path.
    public var description: String { path }

    /// Reads a path; under `ConfigurationFile` it is resolved against the file's folder.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        guard !text.isEmpty, !text.utf8.contains(0) else {
            throw DecodingError.dataCorruptedError(in: container, debugDescription: "found \"\", expected a path")
        }
        let folder = CodingUserInfoKey.configurationFolder.flatMap { decoder.userInfo[$0] as? String }
        path = folder.map { ConfigurationFile.resolve(text, in: $0) } ?? text
    }

    /// Writes the path.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(path)
    }
}
