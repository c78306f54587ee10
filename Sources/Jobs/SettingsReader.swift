import Configuration

/// Reads a free map of a job key by key: typed, ranged, and with a suggestion for a key or word that nobody knows. The
/// first mistake is thrown, as the kind of error that whoever reads has.
public struct SettingsReader<Failure: Error> {
    private let settings: Settings
    private let place: String
    private let failure: (String) -> Failure

    /// Starts on a map.
    ///
    /// - Parameters:
    ///   - place: what the map is called in messages, e.g. `training`.
    ///   - known: every key that may be there.
    ///   - failure: makes the error of a message.
    /// - Throws: the error for the first key (in alphabetical order) that is not known.
    public init(
        _ settings: Settings,
        place: String,
        known: [String],
        failure: @escaping (String) -> Failure
    ) throws(Failure) {
        self.settings = settings
        self.place = place
        self.failure = failure
        for key in settings.keys.sorted() where !known.contains(key) {
            throw failure("\(place): unknown key '\(key.prefix(64))'" + Suggestion.text(for: key, among: known))
        }
    }

    /// A whole number, `standard` when the key is absent.
    public func int(_ key: String, _ standard: Int, in range: ClosedRange<Int>) throws(Failure) -> Int {
        try optionalInt(key, in: range) ?? standard
    }

    /// A whole number, nil when the key is absent.
    public func optionalInt(_ key: String, in range: ClosedRange<Int>) throws(Failure) -> Int? {
        guard let setting = settings[key] else { return nil }
        guard let value = setting.intValue, range.contains(value) else {
            throw wrong(key, setting, "a whole number in \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    /// A finite number, `standard` when the key is absent.
    public func double(_ key: String, _ standard: Double, in range: ClosedRange<Double>) throws(Failure) -> Double {
        guard let setting = settings[key] else { return standard }
        guard let value = setting.doubleValue, range.contains(value) else {
            throw wrong(key, setting, "a number in \(range.lowerBound)...\(range.upperBound)")
        }
        return value
    }

    /// One of some words, `standard` when the key is absent.
    public func word(_ key: String, _ standard: String, among words: [String]) throws(Failure) -> String {
        guard let setting = settings[key] else { return standard }
        guard let value = setting.stringValue else {
            throw wrong(key, setting, "one of \(words.joined(separator: ", "))")
        }
        guard words.contains(value) else {
            throw failure(
                "\(place).\(key): unknown value '\(value.prefix(64))'" + Suggestion.text(for: value, among: words))
        }
        return value
    }

    /// A list of texts, nil when the key is absent.
    public func optionalWords(_ key: String) throws(Failure) -> [String]? {
        guard let setting = settings[key] else { return nil }
        guard let list = setting.listValue, !list.isEmpty else { throw wrong(key, setting, "a list of names") }
        var words: [String] = []
        for entry in list {
            guard let word = entry.stringValue else { throw wrong(key, setting, "a list of names") }
            words.append(word)
        }
        return words
    }

    /// A list of whole numbers, a single one counting as a list of one; nil when the key is absent.
    public func optionalInts(_ key: String, in range: ClosedRange<Int>) throws(Failure) -> [Int]? {
        guard let setting = settings[key] else { return nil }
        let expected = "whole numbers in \(range.lowerBound)...\(range.upperBound)"
        var numbers: [Int] = []
        for entry in setting.listValue ?? [setting] {
            guard let number = entry.intValue, range.contains(number) else { throw wrong(key, entry, expected) }
            numbers.append(number)
        }
        guard !numbers.isEmpty else { throw wrong(key, setting, expected) }
        return numbers
    }

    /// A list of some words, a single one counting as a list of one; nil when the key is absent.
    public func optionalWords(_ key: String, among words: [String]) throws(Failure) -> [String]? {
        let found: [String]?
        if let word = settings[key]?.stringValue { found = [word] } else { found = try optionalWords(key) }
        guard let found else { return nil }
        for value in found where !words.contains(value) {
            throw failure(
                "\(place).\(key): unknown value '\(value.prefix(64))'" + Suggestion.text(for: value, among: words))
        }
        return found
    }

    /// Yes or no, `standard` when the key is absent.
    public func bool(_ key: String, _ standard: Bool) throws(Failure) -> Bool {
        guard let setting = settings[key] else { return standard }
        guard let value = setting.boolValue else { throw wrong(key, setting, "true or false") }
        return value
    }

    private func wrong(_ key: String, _ setting: Setting, _ expected: String) -> Failure {
        let found =
            switch setting {
            case .bool(let value): "\(value)"
            case .int(let value): "\(value)"
            case .double(let value): "\(value)"
            case .string(let value): "'\(value.prefix(64))'"
            case .list(let values): "a list of \(values.count)"
            }
        return failure("\(place).\(key): found \(found), expected \(expected)")
    }
}
