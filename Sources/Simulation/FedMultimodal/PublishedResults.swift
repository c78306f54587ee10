/// What the FedMultimodal paper prints (Feng et al., KDD 2023, arXiv 2306.09486), to stand beside our own figures.
///
/// Scores are percentages of the data set's own metric at the best dev round. Relative changes under corruption are
/// percentages of the clean score; those of figures 4 to 6 were read off drawings, to about 0.3.
public enum PublishedResults {
    /// The table's columns, in order.
    private static let algorithms = ["fedavg", "fedprox", "fedrs", "fedopt"]

    /// Table 4: data set, alpha (nil where clients are natural), then concat and attention, four algorithms each.
    private static let table: [(dataset: String, alpha: Double?, scores: [Double?])] = [
        ("meld", nil, [48.08, 48.47, 49.21, 50.66, 54.37, 54.67, 53.82, 55.37]),
        ("crema-d", nil, [61.52, 61.64, 62.17, 61.14, 61.66, 62.03, 60.41, 62.66]),
        ("ku-har", nil, [61.56, 61.13, 61.26, 68.82, 61.78, 61.78, 62.04, 71.41]),
        ("ptb-xl", nil, [61.87, 61.00, nil, 62.83, 61.88, 61.71, nil, 62.42]),
        ("ucf101", 5.0, [67.98, 67.98, 67.98, 74.38, 75.13, 74.51, 75.27, 75.89]),
        ("mit10", 5.0, [55.39, 55.39, 55.29, 55.47, 57.10, 57.93, 56.82, 57.25]),
        ("mit51", 5.0, [28.96, 28.62, 27.67, 35.01, 33.90, 34.46, 33.74, 35.62]),
        ("hateful-memes", 5.0, [58.23, 59.90, 57.98, 58.97, 57.83, 59.09, 56.67, 59.51]),
        ("crisismmd", 5.0, [43.67, 43.37, 44.30, 43.44, 39.11, 39.36, 41.01, 38.74]),
        ("uci-har", 5.0, [78.78, 78.07, 77.87, 84.83, 77.75, 77.38, 76.82, 85.17]),
        ("ucf101", 0.1, [64.57, 64.55, 61.17, 74.17, 74.53, 74.71, 73.27, 75.05]),
        ("mit10", 0.1, [44.84, 50.03, 45.92, 50.10, 42.96, 45.47, 46.23, 50.76]),
        ("mit51", 0.1, [28.63, 27.98, 27.92, 33.46, 32.41, 32.55, 31.99, 35.35]),
        ("hateful-memes", 0.1, [51.02, 59.86, 51.28, 58.08, 49.68, 59.44, 49.80, 60.51]),
        ("crisismmd", 0.1, [9.90, 10.65, 9.28, 26.82, 8.49, 25.31, 10.12, 27.59]),
        ("uci-har", 0.1, [77.50, 77.34, 73.68, 78.97, 76.66, 76.58, 68.65, 79.80]),
    ]

    /// Table 4's score of a cell, in percent; nil where the paper has none.
    ///
    /// - Parameter fusion: `concat` or `attention`.
    public static func score(dataset: String, alpha: Double?, fusion: String, algorithm: String) -> Double? {
        guard let row = table.first(where: { $0.dataset == dataset && $0.alpha == alpha }),
            let column = algorithms.firstIndex(of: algorithm)
        else { return nil }
        switch fusion {
        case "concat": return row.scores[column]
        case "attention": return row.scores[column + algorithms.count]
        default: return nil
        }
    }

    /// The rates of figures 4 to 6.
    public static let rates = [0.1, 0.2, 0.3, 0.4, 0.5]

    /// Figures 4 (missing modality), 5 (missing labels) and 6 (erroneous labels): the relative change of the score in
    /// percent at `rates`, for FedOpt with attention and alpha 0.1 or natural clients.
    private static let curves: [String: [CorruptionKind: [Double]]] = [
        "meld": [
            .missingModality: [-2.6, -2.9, -5.6, -3.6, -6.2], .missingLabels: [-0.8, -1.3, -1.3, -1.5, -2.4],
            .erroneousLabels: [-1.4, -6.2, -6.8, -17.7, -25.3],
        ],
        "crema-d": [
            .missingModality: [0.7, -2.3, -1.0, -1.6, -3.9], .missingLabels: [0, -2.4, -2.8, -1.3, -2.6],
            .erroneousLabels: [-3.3, -7.6, -12.5, -19.1, -25.8],
        ],
        "ucf101": [
            .missingModality: [-0.6, 0, -1.6, -1.9, -5.9], .missingLabels: [-1.1, -0.3, -2.3, -2.1, -6.4],
            .erroneousLabels: [-5.3, -6.2, -12.9, -19.1, -27.3],
        ],
        "mit10": [
            .missingModality: [0, -2.9, -1.9, -6.9, -13.8], .missingLabels: [-1.7, -2.6, -2.1, -4.1, -7.1],
            .erroneousLabels: [-2.4, -3.3, -12.2, -16.3, -20.6],
        ],
        "mit51": [
            .missingModality: [-0.6, -0.6, -1.3, -2.6, -3.3], .missingLabels: [-0.6, -1.4, -0.9, -5.8, -9.4],
            .erroneousLabels: [-2.4, -4.8, -7.4, -12.0, -15.3],
        ],
        "hateful-memes": [
            .missingModality: [-2.9, -5.6, -7.9, -7.9, -2.9], .missingLabels: [-6.7, -4.6, -3.5, -4.7, -3.6],
            .erroneousLabels: [-1.4, -4.3, -5.1, -6.2, -13.9],
        ],
        "crisismmd": [
            .missingModality: [-1.3, 1.8, -37.0, -39.5, -60.3], .missingLabels: [-2.1, -3.2, -6.0, -6.0, -7.7],
            .erroneousLabels: [-12.9, -45.5, -50.3, -53.1, -58.4],
        ],
        "uci-har": [
            .missingModality: [-1.3, -1.6, -4.2, -8.9, -9.9], .missingLabels: [0, 0.9, -3.5, -0.6, -2.1],
            .erroneousLabels: [-8.6, -23.0, -44.3, -48.8, -72.2],
        ],
        "ku-har": [
            .missingModality: [-2.9, -10.8, -12.5, -19.7, -42.5], .missingLabels: [-4.5, -4.1, -3.3, -8.4, -16.0],
            .erroneousLabels: [-46.4, -83.2, -85.2, -87.6, -89.5],
        ],
        "ptb-xl": [
            .missingModality: [-1.3, -10.5, -13.5, -13.5, -17.4], .missingLabels: [0, -0.9, -1.7, -3.0, -3.0],
        ],
    ]

    /// The relative change under corruption in percent; nil where the paper shows none.
    public static func relativeChange(dataset: String, kind: CorruptionKind, rate: Double) -> Double? {
        guard let index = rates.firstIndex(of: rate), let curve = curves[dataset]?[kind] else { return nil }
        return curve[index]
    }
}
