/// Which sites a cross-site evaluation sets against each other: the work grows with the square of their number.
///
/// In a job file `true` for all, a number, or names.
public enum CrossSiteSelection: Sendable, Hashable {
    /// All sites, of which there should be at most ``limit``: a simulation refuses more, a federation takes the first.
    case all
    /// The first so many, in the order of the partition or of their names.
    case first(Int)
    /// These.
    case named([String])

    /// The most sites that are evaluated without being asked for by number or name.
    public static let limit = 50
    /// The most sites of a simulation: a million evaluations.
    public static let maximum = 1000
    /// The most sites of a federation.
    public static let federationMaximum = 200

    /// Reads a number or names with commas between them.
    public init(_ text: String) {
        if let count = Int(text) {
            self = .first(count)
        } else {
            self = .named(text.split(separator: ",").map { $0.trimmingPrefix { $0 == " " }.description })
        }
    }

    /// Those of a federation's sites that are meant.
    ///
    /// - Parameter sites: in order of their names.
    public func chosen(among sites: [String]) -> [String] {
        switch self {
        case .all: return Array(sites.prefix(Self.limit))
        case .first(let count): return Array(sites.prefix(max(0, count)))
        case .named(let names):
            let wanted = Set(names)
            return sites.filter(wanted.contains)
        }
    }

    /// What is wrong with it, found and expected; nil for nothing.
    var problem: (found: String, expected: String)? {
        let expected = "true, a number from 1 to \(Self.maximum), or as many different names"
        switch self {
        case .all: return nil
        case .first(let count): return (1...Self.maximum).contains(count) ? nil : ("\(count)", expected)
        case .named(let names):
            guard (1...Self.maximum).contains(names.count), Set(names).count == names.count else {
                return ("\(names.count) names, \(Set(names).count) of them different", expected)
            }
            return nil
        }
    }
}

extension CrossSiteSelection: Codable {
    /// Reads `true`, a number or a list.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let isWanted = try? container.decode(Bool.self) {
            guard isWanted else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "found false, expected true, a number or names, or no such key")
            }
            self = .all
        } else if let count = try? container.decode(Int.self) {
            self = .first(count)
        } else {
            self = .named(try container.decode([String].self))
        }
    }

    /// Writes what is read.
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .all: try container.encode(true)
        case .first(let count): try container.encode(count)
        case .named(let names): try container.encode(names)
        }
    }
}
