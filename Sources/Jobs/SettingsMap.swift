/// Reads a free map of a job key by key and collects every problem instead of stopping at the first.
struct SettingsMap {
    private let settings: Settings
    private let place: String
    private var known: [String]
    private var problems: [String] = []

    /// Starts on a map; `place` is what it is called in messages, `main` the key that was read already, if any.
    init(_ settings: Settings, place: String, main: String? = "name") {
        self.settings = settings
        self.place = place
        known = main.map { [$0] } ?? []
    }

    /// A finite number, `standard` when the key is absent or wrong.
    mutating func double(_ key: String, _ standard: Double, in range: ClosedRange<Double>) -> Double {
        known.append(key)
        guard let setting = settings[key] else { return standard }
        guard let value = setting.doubleValue, range.contains(value) else {
            report(key, setting, "a number from \(range.lowerBound) to \(range.upperBound)")
            return standard
        }
        return value
    }

    /// A finite number, nil when the key is absent or wrong.
    mutating func optionalDouble(_ key: String, in range: ClosedRange<Double>) -> Double? {
        guard settings[key] != nil else {
            known.append(key)
            return nil
        }
        return double(key, range.lowerBound, in: range)
    }

    /// A required text of 1 to 256 bytes; empty when it is wrong.
    mutating func text(_ key: String, _ expected: String) -> String {
        known.append(key)
        guard let setting = settings[key] else {
            problems.append("\(place).\(key): found nothing, expected \(expected)")
            return ""
        }
        guard let text = setting.stringValue, (1...256).contains(text.utf8.count) else {
            report(key, setting, expected)
            return ""
        }
        return text
    }

    /// A whole number, nil when the key is absent or wrong.
    mutating func optionalInt(_ key: String, in range: ClosedRange<Int>) -> Int? {
        known.append(key)
        guard let setting = settings[key] else { return nil }
        guard let value = setting.intValue, range.contains(value) else {
            report(key, setting, "a whole number from \(range.lowerBound) to \(range.upperBound)")
            return nil
        }
        return value
    }

    /// A truth value, `standard` when the key is absent or wrong.
    mutating func bool(_ key: String, _ standard: Bool) -> Bool {
        known.append(key)
        guard let setting = settings[key] else { return standard }
        guard let value = setting.boolValue else {
            report(key, setting, "true or false")
            return standard
        }
        return value
    }

    /// One of some words, `standard` when the key is absent or wrong.
    mutating func word(_ key: String, _ standard: String, among words: [String]) -> String {
        known.append(key)
        guard let setting = settings[key] else { return standard }
        guard let value = setting.stringValue, words.contains(value) else {
            report(
                key, setting,
                "one of \(words.joined(separator: ", "))"
                    + StrategySettings.suggestion(setting.stringValue ?? "", words))
            return standard
        }
        return value
    }

    /// A required list of 1 to 1000 texts of 1 to 256 bytes; empty when it is wrong.
    mutating func words(_ key: String) -> [String] {
        known.append(key)
        let expected = "a list of 1 to 1000 names, or starts of names, of tensors"
        guard let setting = settings[key] else {
            problems.append("\(place).\(key): found nothing, expected \(expected)")
            return []
        }
        let words = (setting.listValue ?? []).compactMap(\.stringValue)
        guard (1...1000).contains(words.count), words.count == setting.listValue?.count,
            words.allSatisfy({ (1...256).contains($0.utf8.count) })
        else {
            report(key, setting, expected)
            return []
        }
        return words
    }

    /// All problems, those of unknown keys last.
    consuming func finish() -> [String] {
        for key in settings.keys.sorted() where !known.contains(key) {
            problems.append(
                "\(place): found the unknown key \"\(key.prefix(64))\", expected \(known.joined(separator: ", "))"
                    + StrategySettings.suggestion(key, known))
        }
        return problems
    }

    /// What is wrong with the word that says which kind of map this is, when it is none of `words`.
    ///
    /// - Parameters:
    ///   - key: where the word stands.
    ///   - place: what it is called in the message.
    static func wrongWord(
        _ settings: Settings, key: String = "name", place: String, among words: [String]
    ) -> String {
        let expected = "expected one of \(words.joined(separator: ", "))"
        guard let setting = settings[key] else {
            let others = settings.keys.sorted().prefix(8).map { "\"\($0.prefix(64))\"" }.joined(separator: ", ")
            let found = others.isEmpty ? "nothing" : "no key \"\(key)\" beside \(others)"
            return "\(place): found \(found), \(expected)"
        }
        return "\(place): found \(text(of: setting)), \(expected)"
            + StrategySettings.suggestion(setting.stringValue ?? "", words)
    }

    private mutating func report(_ key: String, _ setting: Setting, _ expected: String) {
        problems.append("\(place).\(key): found \(Self.text(of: setting)), expected \(expected)")
    }

    private static func text(of setting: Setting) -> String {
        switch setting {
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .double(let value): "\(value)"
        case .string(let value): "\"\(value.prefix(64))\""
        case .list(let values): "a list of \(values.count)"
        }
    }
}
