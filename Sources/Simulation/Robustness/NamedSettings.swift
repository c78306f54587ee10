public import Jobs

/// A name with numbers of its own, as options write it: `alie`, `alie:z=1.5`, `centred-clipping:radius=0.5:iterations=3`.
public struct NamedSettings: Sendable, Hashable, Codable {
    /// The name.
    public var name: String
    /// The numbers and words, by key.
    public var settings: Settings

    /// A name with its settings. Numbers without a fraction become whole ones, as JSON gives them back.
    public init(_ name: String, _ settings: Settings = [:]) {
        self.name = name
        self.settings = settings.mapValues { $0.intValue.map(Setting.int) ?? $0 }
    }

    /// Reads the written form; nil when a part has no `=` or nothing stands before it.
    public init?(parsing text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        guard let first = parts.first, !first.isEmpty else { return nil }
        var settings: Settings = [:]
        for part in parts.dropFirst() {
            guard let sign = part.firstIndex(of: "="), sign > part.startIndex else { return nil }
            let value = String(part[part.index(after: sign)...])
            settings[String(part[..<sign])] =
                Int(value).map(Setting.int) ?? Double(value).map(Setting.double) ?? .string(value)
        }
        self.init(first, settings)
    }

    /// The written form, with the keys in alphabetical order.
    public var text: String {
        settings.sorted { $0.key < $1.key }.reduce(name) { text, entry in
            switch entry.value {
            case .int(let value): "\(text):\(entry.key)=\(value)"
            case .double(let value): "\(text):\(entry.key)=\(value)"
            case .string(let value): "\(text):\(entry.key)=\(value)"
            case .bool, .list: text
            }
        }
    }
}
