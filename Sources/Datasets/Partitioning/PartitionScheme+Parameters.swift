extension PartitionScheme {
    /// The parameters of a scheme by name; nil means the scheme's default.
    ///
    /// A scheme refuses what it does not read (``PartitionScheme/parameterKeys``), so that a misspelt or misplaced
    /// number does not pass unnoticed.
    public struct Parameters: Sendable, Hashable {
        /// The seed where none is given: the FedMultimodal benchmark's.
        public static let defaultSeed: UInt64 = 8

        /// Which scheme.
        public var scheme: PartitionScheme
        /// How many clients; default 10, of the scheme `subject` 3.
        public var clients: Int?
        /// The concentration of Dirichlet draws; default 0.5, required by `fedmultimodal` unless clients are natural.
        public var alpha: Double?
        /// Classes of a client of `pathological`; default 2.
        public var classesPerClient: Int?
        /// Shards of a client of `shards`; default 2.
        public var shardsPerClient: Int?
        /// The most rows of a client of `sampled`; default 10.
        public var rowsPerClient: Int?
        /// Subjects of a client of `grouped`; default 2.
        public var groupSize: Int?
        /// Clients that a subject becomes; default 5.
        public var clientsPerSubject: Int?
        /// How sizes relate in `size-skew`; default log-normal.
        public var law: SizeLaw?
        /// The spread of sizes; default 1 in `size-skew`, 0 in `inner-dirichlet`.
        public var spread: Double?
        /// The fewest rows of a client; default 1, of `fedmultimodal` the data set's own, of `sampled` `rowsPerClient`.
        public var minimum: Int?
        /// Whether the data are read with the mistakes of the benchmark's code, by `fedmultimodal`; default no.
        public var faithful: Bool?
        /// Which of the data set's folds is read, from 1, by `fedmultimodal`; default 1.
        public var fold: Int?
        /// Whether Dirichlet sizes are evened out; default no.
        public var balanced: Bool?
        /// How strictly `continuous-skew` sorts; default 1.
        public var strictness: Double?
        /// What `continuous-skew` sorts rows by; default `roughness`.
        public var by: RowStatistic?
        /// The modality whose values are used for that, from 0; default 0.
        public var modality: Int?
        /// The scheme that deals the rows of `feature-skew` and `vertical`; default `iid`.
        public var base: PartitionScheme?
        /// The spread of the gains of `feature-skew`; default 0.2.
        public var gainSpread: Double?
        /// The spread of the offsets of `feature-skew`; default 0.2.
        public var offsetSpread: Double?
        /// The noise of the last client of `feature-skew`; default 0.1.
        public var noise: Double?
        /// Modalities of a client of `vertical`; default 1.
        public var modalitiesPerClient: Int?
        /// Whether the parties of `vertical` hold the same rows; default no.
        public var sharedRows: Bool?
        /// Decides every draw; default ``defaultSeed``. Read by every scheme that draws.
        public var seed: UInt64?

        /// A scheme with its defaults; `clients` and `alpha` are the parameters most often given.
        public init(scheme: PartitionScheme, clients: Int? = nil, alpha: Double? = nil, seed: UInt64? = nil) {
            self.scheme = scheme
            self.clients = clients
            self.alpha = alpha
            self.seed = seed
        }

        /// Reads parameters from text by key, e.g. `["scheme": "dirichlet", "clients": "20", "alpha": "0.1"]`.
        ///
        /// - Throws: `DatasetError` with code `invalidArgument` for an unknown key or scheme, or a value that is not of
        ///   its key's type.
        public init(_ values: [String: String]) throws(DatasetError) {
            guard let name = values["scheme"] else {
                throw DatasetError(.invalidArgument, "no scheme, expected one of \(PartitionScheme.names)")
            }
            self.init(scheme: try Self.scheme(name, key: "scheme"))
            for (key, text) in values.sorted(by: { $0.key < $1.key }) where key != "scheme" {
                try set(key, to: text)
            }
        }

        /// Whether the scheme, or the one under it, sorts rows by a value.
        public var sortsByValue: Bool {
            scheme == .continuousSkew || (scheme.parameterKeys.contains("base") && base == .continuousSkew)
        }

        /// The keys of the parameters that are given, without `scheme` and `seed`.
        var given: [String] {
            let all: [(String, Bool)] = [
                ("clients", clients != nil), ("alpha", alpha != nil), ("classesPerClient", classesPerClient != nil),
                ("shardsPerClient", shardsPerClient != nil), ("groupSize", groupSize != nil),
                ("rowsPerClient", rowsPerClient != nil),
                ("clientsPerSubject", clientsPerSubject != nil), ("law", law != nil), ("spread", spread != nil),
                ("minimum", minimum != nil), ("faithful", faithful != nil), ("fold", fold != nil),
                ("balanced", balanced != nil),
                ("strictness", strictness != nil), ("by", by != nil), ("modality", modality != nil),
                ("base", base != nil), ("gainSpread", gainSpread != nil), ("offsetSpread", offsetSpread != nil),
                ("noise", noise != nil), ("modalitiesPerClient", modalitiesPerClient != nil),
                ("sharedRows", sharedRows != nil),
            ]
            return all.filter(\.1).map(\.0)
        }

        private mutating func set(_ key: String, to text: String) throws(DatasetError) {
            switch key {
            case "clients": clients = try Self.number(text, key)
            case "alpha": alpha = try Self.number(text, key)
            case "classesPerClient": classesPerClient = try Self.number(text, key)
            case "shardsPerClient": shardsPerClient = try Self.number(text, key)
            case "rowsPerClient": rowsPerClient = try Self.number(text, key)
            case "groupSize": groupSize = try Self.number(text, key)
            case "clientsPerSubject": clientsPerSubject = try Self.number(text, key)
            case "spread": spread = try Self.number(text, key)
            case "minimum": minimum = try Self.number(text, key)
            case "strictness": strictness = try Self.number(text, key)
            case "modality": modality = try Self.number(text, key)
            case "gainSpread": gainSpread = try Self.number(text, key)
            case "offsetSpread": offsetSpread = try Self.number(text, key)
            case "noise": noise = try Self.number(text, key)
            case "modalitiesPerClient": modalitiesPerClient = try Self.number(text, key)
            case "fold": fold = try Self.number(text, key)
            case "seed": seed = try Self.number(text, key)
            case "faithful": faithful = try Self.number(text, key)
            case "balanced": balanced = try Self.number(text, key)
            case "sharedRows": sharedRows = try Self.number(text, key)
            case "base": base = try Self.scheme(text, key: key)
            case "law": law = try Self.word(text, key)
            case "by": by = try Self.word(text, key)
            default:
                let known = scheme.parameterKeys.union(["seed"]).sorted().joined(separator: ", ")
                throw DatasetError(
                    .invalidArgument,
                    "partition parameter '\(key.prefix(80))' is not known; scheme '\(scheme.rawValue)' reads \(known)")
            }
        }

        private static func number<Value: LosslessStringConvertible>(
            _ text: String, _ key: String
        ) throws(DatasetError) -> Value {
            guard let value = Value(text) else {
                throw DatasetError(
                    .invalidArgument, "\(key) is '\(text.prefix(80))', expected a value of type \(Value.self)")
            }
            return value
        }

        private static func word<Value: RawRepresentable<String> & CaseIterable>(
            _ text: String, _ key: String
        ) throws(DatasetError) -> Value {
            guard let value = Value(rawValue: text) else {
                let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
                throw DatasetError(.invalidArgument, "\(key) is '\(text.prefix(80))', expected one of \(known)")
            }
            return value
        }

        private static func scheme(_ name: String, key: String) throws(DatasetError) -> PartitionScheme {
            guard let scheme = PartitionScheme(rawValue: name) else {
                throw DatasetError(
                    .invalidArgument, "\(key) is '\(name.prefix(80))', expected one of \(PartitionScheme.names)")
            }
            return scheme
        }
    }
}
