internal import Datasets
internal import Jobs
internal import Randomness

/// `backdoor`: a trigger in the values of an example means one class.
///
/// T. Gu, B. Dolan-Gavitt, S. Garg, "BadNets", 2017, among federated clients as E. Bagdasaryan et al., AISTATS 2020. The
/// trigger is a corner of every modality that is set to one value: of each axis longer than 8 the first ⌈length / 8⌉ places,
/// shorter axes whole. Of a sensor window of 128 samples of three axes that is its first 16 samples, of an image of
/// 28 × 28 a square of 4 × 4. A hostile client gives it, and the target's label, to ⌊poison · examples⌋ of its examples, drawn
/// from (seed, `"backdoor"`, client) and the same in every round.
struct Backdoor: DataAttack {
    /// The held-out split that shows whether it works: all examples of other classes, with the trigger.
    static let split = "backdoor"
    /// The name of the share of that split's examples that are given the target.
    static let metric = "attackSuccess"

    let target: Int
    let poison: Double
    let value: Float

    init(_ settings: AttackSettings) {
        target = settings.target
        poison = settings.poison
        value = Float(settings.trigger)
    }

    func poisoned(_ data: DatasetView, _ context: AttackContext) throws -> DatasetView {
        var stream = RandomStream(seed: context.seed, purpose: "backdoor", client: context.client)
        let order = stream.permutation(count: data.count)
        let chosen = Set(order.prefix(Int(poison * Double(data.count))))
        return try triggered(data, chosen, label: target).all
    }

    /// Held-out examples of other classes, all with the trigger and their true labels.
    func evaluation(_ data: DatasetView) throws -> DatasetView {
        let labels = data.labels
        let others = data.selecting(labels.indices.filter { labels[$0] != target })
        return try triggered(others, Set(0..<others.count), label: nil).all
    }

    /// How many of the answers of that split are the target.
    static func success(in counted: TaskStatistics, target: Int) -> TaskStatistics {
        let hits = (counted.confusion ?? []).reduce(0) { $0 + ($1.indices.contains(target) ? $1[target] : 0) }
        return TaskStatistics(examples: counted.examples, sums: [metric: Double(hits)])
    }

    private func triggered(_ data: DatasetView, _ rows: Set<Int>, label: Int?) throws -> MultimodalDataset {
        let own = try data.materialised()
        let values = zip(own.modalities, own.values).map { modality, values in
            let places = Self.places(modality.shape)
            var values = values
            for row in rows { for place in places { values[row * modality.elements + place] = value } }
            return values
        }
        let labels = label.map { label in own.labels.indices.map { rows.contains($0) ? label : own.labels[$0] } }
        return try MultimodalDataset(
            name: own.name, classes: own.classes, modalities: own.modalities, values: values,
            labels: labels ?? own.labels, subjects: own.subjects, lengths: own.lengths)
    }

    /// The elements of an example that the trigger takes.
    static func places(_ shape: [Int]) -> [Int] {
        var places = [0]
        for length in shape {
            let taken = length > 8 ? (length + 7) / 8 : length
            places = places.flatMap { place in (0..<taken).map { place * length + $0 } }
        }
        return places
    }
}
