import Dispatch
import Randomness

/// A seeded generator of human-activity windows of two body-worn sensors, in the form of UCI-HAR.
///
/// It makes what the demonstration and the tests train on where no real data is at hand: accelerometer and gyroscope
/// windows of 128 samples at 50 Hz, six activities, people who differ. The signals are a caricature of the real ones,
/// with the properties that make those hard to learn:
/// - **Walking, upstairs, downstairs** are periodic with a random phase in every window, so that the mean of every class
///   is zero and no linear function of the raw samples separates them. They share one gait template and differ in
///   its overtones and in how the axes lock to each other; cadence alone does not tell them apart, because people's
///   own cadences vary more than the activities'.
/// - **Sitting, standing, laying** are sway, breathing and tremor of a few thousandths of a g. After normalisation their
///   scale is gone; what remains are the spectrum and the correlation between axes, both blurred by the person.
/// - **People** differ in cadence, overtone amplitudes and phases, how the sensor sits on the body (a rotation), sway,
///   breathing rate and noise. Windows of one person are easier than those of a new one, as in the real data.
///
/// The activities' templates belong to the generator and do not depend on the seed; people and windows do. The same
/// configuration gives the same values on one platform (the last bits of `sin` and `log` may differ between C libraries).
public struct SyntheticHAR: Sendable {
    /// The name of the data set in manifests and jobs.
    public static let datasetName = "synthetic-har"
    /// The subjects that form the test split when there are 30, the same numbers as in UCI-HAR.
    public static let testSubjects: Set<Int> = [2, 4, 9, 10, 12, 13, 18, 20, 24]

    /// What to generate.
    public struct Configuration: Sendable, Hashable {
        /// Decides people and windows.
        public var seed: UInt64
        /// How many people, 1 to 10,000, numbered from 1.
        public var subjects: Int
        /// How many windows of each activity a person has, 1 to 10,000.
        public var windowsPerActivity: Int

        /// Makes a configuration; the defaults give 30 people of 144 windows.
        public init(seed: UInt64 = 8, subjects: Int = 30, windowsPerActivity: Int = 24) {
            self.seed = seed
            self.subjects = subjects
            self.windowsPerActivity = windowsPerActivity
        }
    }

    /// What this generator makes.
    public let configuration: Configuration

    /// Makes a generator.
    ///
    /// - Throws: `DatasetError` with code `invalidArgument` for a count out of range.
    public init(_ configuration: Configuration = Configuration()) throws(DatasetError) {
        for (key, value) in [
            ("subjects", configuration.subjects), ("windowsPerActivity", configuration.windowsPerActivity),
        ] {
            guard (1...10_000).contains(value) else {
                throw DatasetError(.invalidArgument, "synthetic HAR: \(key) is \(value), expected 1...10000")
            }
        }
        guard configuration.subjects * configuration.windowsPerActivity <= 1_000_000 else {
            throw DatasetError(
                .tooLarge,
                "synthetic HAR: \(configuration.subjects) people of \(configuration.windowsPerActivity) windows an "
                    + "activity: expected at most 1,000,000 together")
        }
        self.configuration = configuration
    }

    /// The windows of some people, normalised per window and axis, ordered by person, activity and window.
    ///
    /// A person's windows do not depend on who else is asked for.
    ///
    /// - Parameters:
    ///   - subjects: the people's numbers, within `1...configuration.subjects`; nil for all.
    ///   - name: the data set's name.
    /// - Throws: `DatasetError` with code `invalidArgument` for a number out of range.
    public func dataset(
        subjects: [Int]? = nil, name: String = Self.datasetName
    ) throws(DatasetError) -> MultimodalDataset {
        let people = subjects ?? Array(1...configuration.subjects)
        if let unknown = people.first(where: { !(1...configuration.subjects).contains($0) }) {
            throw DatasetError(
                .invalidArgument, "synthetic HAR: subject \(unknown), expected 1...\(configuration.subjects)")
        }
        let ownCount = Self.activities.count * configuration.windowsPerActivity
        let windowSize = UCIHARReader.steps * 3
        var acceleration = [Float](repeating: 0, count: people.count * ownCount * windowSize)
        var rotation = acceleration
        acceleration.withUnsafeMutableBufferPointer { first in
            rotation.withUnsafeMutableBufferPointer { second in
                // Safe: each person's task writes a region of its own, and all have ended when the call returns.
                nonisolated(unsafe) let blocks = [first, second]
                DispatchQueue.concurrentPerform(iterations: people.count) { position in
                    let region = position * ownCount * windowSize..<(position + 1) * ownCount * windowSize
                    windows(of: people[position], into: blocks.map { .init(rebasing: $0[region]) })
                }
            }
        }
        let labels = people.flatMap { _ in
            Self.activities.indices.flatMap { Array(repeating: $0, count: configuration.windowsPerActivity) }
        }
        return try MultimodalDataset(
            name: name,
            classes: UCIHARReader.classNames,
            modalities: UCIHARReader.modalities,
            values: [acceleration, rotation],
            labels: labels,
            subjects: people.flatMap { Array(repeating: $0, count: ownCount) }
        )
    }

    /// Writes a person's windows of one sensor after another's into blocks of `[activities · windows, steps, 3]`.
    private func windows(of subject: Int, into blocks: [UnsafeMutableBufferPointer<Float>]) {
        let person = Person(seed: configuration.seed, subject: subject)
        var row = 0
        for (label, activity) in Self.activities.enumerated() {
            for window in 0..<configuration.windowsPerActivity {
                var stream = RandomStream(
                    seed: configuration.seed, purpose: "synthetic-har-window", round: UInt32(label),
                    client: UInt32(subject), layer: UInt32(window))
                var signal = activity.window(of: person, &stream)
                WindowNormalisation.apply(to: &signal, steps: UCIHARReader.steps, axes: 6)
                for step in 0..<UCIHARReader.steps {
                    for axis in 0..<3 {
                        let index = (row * UCIHARReader.steps + step) * 3 + axis
                        blocks[0][index] = signal[step * 6 + axis]
                        blocks[1][index] = signal[step * 6 + 3 + axis]
                    }
                }
                row += 1
            }
        }
    }

    /// The people of the training and of the test split: `testSubjects` among them are tested on, or the last third
    /// when fewer than 24 are generated.
    public var splitSubjects: (train: [Int], test: [Int]) {
        let everyone = Array(1...configuration.subjects)
        guard configuration.subjects >= 24 else {
            let trained = max(1, configuration.subjects - configuration.subjects / 3)
            return (Array(everyone[..<trained]), Array(everyone[trained...]))
        }
        return (
            everyone.filter { !Self.testSubjects.contains($0) }, everyone.filter { Self.testSubjects.contains($0) }
        )
    }
}
