public import Foundation

/// Reads configuration: a YAML file, then environment variables over it, then overrides (flags) over both, decoded to
/// a `Decodable` type with every key checked.
///
/// - A key of the file or of an override that the type does not ask for is an error that names file, line, column and
///   the nearest known key. So are missing keys and values of the wrong kind or out of range.
/// - The environment variable of the key path `listen.port` under the prefix `TRIBUTARY_COORDINATOR` is
///   `TRIBUTARY_COORDINATOR_LISTEN_PORT`; `minimumFreeDisk` is `…_MINIMUM_FREE_DISK`. Elements of lists and free maps
///   have none. An empty variable counts as not set. Other variables with the prefix are ignored.
/// - The value of a variable or override is a YAML scalar, or a list or map in brackets: `[a, b]`.
/// - Scalars follow YAML 1.2: only `true` and `false` are truth values, a quoted scalar is text.
/// - Anchors, aliases, tags (but `!!str`) and several documents are refused; files are at most 1 MiB.
public enum ConfigurationFile {
    /// The largest file that is read, in bytes.
    public static let maximumBytes = 1 << 20

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - type: What to decode.
    ///   - path: The file; names in errors are this path as given.
    ///   - environmentPrefix: The prefix of the environment overlay; nil for no overlay.
    ///   - environment: The environment.
    ///   - overrides: Values by dotted key path, for instance `["listen.port": "0"]`; list elements by their index.
    /// - Throws: `ConfigurationError`.
    public static func load<T: Decodable>(
        _ type: T.Type, path: String, environmentPrefix: String? = nil,
        environment: [String: String] = ProcessInfo.processInfo.environment, overrides: [String: String] = [:]
    ) throws -> T {
        try decode(
            type, yaml: try contents(of: path), name: path, folder: folder(of: path),
            environmentPrefix: environmentPrefix, environment: environment, overrides: overrides
        )
    }

    /// Decodes YAML text as `load` does.
    ///
    /// - Parameters:
    ///   - type: What to decode.
    ///   - yaml: The text; empty text is an empty map.
    ///   - name: What stands for the file in errors.
    ///   - folder: The folder that `LocalPath` values are relative to.
    ///   - environmentPrefix: The prefix of the environment overlay; nil for no overlay.
    ///   - environment: The environment.
    ///   - overrides: Values by dotted key path.
    /// - Throws: `ConfigurationError`.
    public static func decode<T: Decodable>(
        _ type: T.Type, yaml: String, name: String = "configuration", folder: String = ".",
        environmentPrefix: String? = nil, environment: [String: String] = [:], overrides: [String: String] = [:]
    ) throws -> T {
        guard yaml.utf8.count <= maximumBytes else {
            throw ConfigurationError(
                code: .tooLarge,
                message: "\(name): found \(yaml.utf8.count) bytes, expected at most \(maximumBytes)"
            )
        }
        var root = try NodeParser(name: name).parse(yaml)
        for (path, text) in overrides.sorted(by: { $0.key < $1.key }) {
            let value = try NodeParser.value(text, origin: .override(path))
            root = try root.replacing(path.split(separator: ".", omittingEmptySubsequences: false)[...], with: value)
        }
        let session = DecodingSession(
            name: name, folder: folder, environmentPrefix: environmentPrefix, environment: environment)
        let value = try session.decode(type, from: root, path: [])
        try session.checkEveryKeyWasKnown()
        return value
    }

    /// The folder of a file, "." when the path has none.
    public static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    /// The path as seen from `folder`: absolute paths stay, `~/` is the home folder, everything else lies in `folder`.
    public static func resolve(_ path: String, in folder: String) -> String {
        if path.hasPrefix("/") { return path }
        if path == "~" || path.hasPrefix("~/") {
            return FileManager.default.homeDirectoryForCurrentUser.path + path.dropFirst()
        }
        if path.isEmpty || path == "." { return folder }
        return folder == "." ? path : (folder.hasSuffix("/") ? folder : folder + "/") + path
    }

    private static func contents(of path: String) throws -> String {
        let data: Data
        do {
            let file = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? file.close() }
            data = try file.read(upToCount: maximumBytes + 1) ?? Data()
        } catch {
            let cause = (error as NSError).userInfo[NSUnderlyingErrorKey] as? NSError
            let reason =
                cause.flatMap { $0.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32($0.code))) : nil }
                ?? error.localizedDescription
            throw ConfigurationError(code: .unreadable, message: "\(path): cannot be read: \(reason)")
        }
        guard data.count <= maximumBytes else {
            throw ConfigurationError(
                code: .tooLarge, message: "\(path): found more than \(maximumBytes) bytes, expected at most that")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw ConfigurationError(code: .syntax, message: "\(path): the file is not UTF-8 text")
        }
        return text
    }
}
