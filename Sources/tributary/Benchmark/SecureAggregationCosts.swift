import Measurement

/// What secure aggregation costs along two axes: over clients with one size of the model, and over the model's size with
/// one number of clients.
struct SecureAggregationCosts {
    private let clients: Int
    private let elements: Int
    private var points: [(cost: String, axis: String, point: GrowthCurve.Point)] = []

    /// Costs that do not have any point yet.
    ///
    /// - Parameters:
    ///   - clients: how many clients the axis of elements has.
    ///   - elements: how many elements the axis of clients has.
    init(clients: Int, elements: Int) {
        self.clients = clients
        self.elements = elements
    }

    /// Takes a round; one that lies on neither axis is left out.
    mutating func add(_ measure: SecureAggregationMeasure, clients: Int, elements: Int, dropOuts: Int) {
        var costs = [(dropOuts == 0 ? "nobody left" : "\(dropOuts) % left", measure.unmasking)]
        if dropOuts == 0 { costs.insert(("each client", measure.secondsOfClient), at: 0) }
        for (cost, seconds) in costs where !seconds.isEmpty {
            let values = seconds.map { $0 * 1000 }
            if elements == self.elements {
                points.append((cost, "clients", .init(size: Double(clients), values: values)))
            }
            if clients == self.clients {
                points.append((cost, "elements", .init(size: Double(elements), values: values)))
            }
        }
    }

    /// The costs that have at least two points.
    var curves: [GrowthCurve] {
        ["clients", "elements"].flatMap { axis in
            ["each client", "nobody left", "10 % left", "30 % left"].map { cost in
                GrowthCurve(
                    cost: cost, axis: axis, unit: "ms",
                    points: points.filter { $0.cost == cost && $0.axis == axis }.map(\.point))
            }
        }.filter { $0.points.count > 1 }
    }
}
