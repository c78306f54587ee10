/// What one check of ``SiteCheck`` found.
public struct CheckResult: Sendable, Hashable, Codable, CustomStringConvertible {
    /// How it went.
    public enum Status: String, Sendable, Hashable, Codable {
        /// All is well.
        case ok
        /// It works now and may not for long, or could not be judged.
        case warning
        /// It does not work.
        case failed
    }

    /// What was checked: "identity", "name", "port", "session", "clock", "disk", "data", "trainer" or "schema".
    public var check: String
    /// How it went.
    public var status: Status
    /// What was found.
    public var message: String
    /// What to do; nil when there is nothing to do.
    public var remedy: String?

    /// Creates a result.
    public init(_ check: String, _ status: Status, _ message: String, remedy: String? = nil) {
        self.check = check
        self.status = status
        self.message = message
        self.remedy = remedy
    }

    /// One line for people.
    public var description: String {
        let mark =
            switch status {
            case .ok: "ok      "
            case .warning: "warning "
            case .failed: "failed  "
            }
        let name = check.padding(to: 9)
        return "\(mark) \(name) \(message)" + (remedy.map { "\n                   to mend it: \($0)" } ?? "")
    }
}

extension String {
    fileprivate func padding(to width: Int) -> String {
        self + String(repeating: " ", count: max(0, width - count))
    }
}
