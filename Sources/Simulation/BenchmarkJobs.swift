public import Jobs

/// The jobs that `tributary benchmark simulate` measures.
public enum BenchmarkJobs {
    /// Logistic regression on MNIST as FLUTE measures it; `Configs/benchmarks/mnist-softmax.yaml` is the same.
    public static func digits(isGenerated: Bool = false) -> JobSpecification {
        JobSpecification(
            name: "mnist-softmax", model: ["name": "softmax", "features": 784, "classes": 10],
            data: isGenerated ? "synthetic-mnist" : "mnist", rounds: 100, seed: 8,
            clients: .init(minimum: 1000, perRound: 10), strategy: ["name": "fedavg"],
            partition: ["scheme": "shards", "clients": 1000, "shardsPerClient": 2],
            training: training(learningRate: 0.03),
            evaluation: .init(every: 20, split: "test", settings: ["batchSize": 1000]),
            selectBy: MetricSelector("accuracy"))
    }

    /// Rounds of pfl-research's CIFAR-10 benchmark, each 50 clients of 50 pictures, without evaluation. Clients draw their
    /// pictures from all, so that a subset of the data makes the same rounds.
    public static func pictures(rounds: Int, isGenerated: Bool = false) -> JobSpecification {
        JobSpecification(
            name: "cifar10-cnn", model: ["name": "cnn", "shape": [3, 32, 32], "classes": 10],
            data: isGenerated ? "synthetic-cifar10" : "cifar10", rounds: rounds, seed: 8,
            clients: .init(minimum: 1000, perRound: 50), strategy: ["name": "fedavg"],
            partition: ["scheme": "sampled", "clients": 1000, "rowsPerClient": 50],
            training: training(learningRate: 0.1), evaluation: .init(every: 0),
            selectBy: MetricSelector("accuracy"))
    }

    /// Rounds of the FedMultimodal benchmark on UCI-HAR, each with an evaluation of both held-out splits.
    ///
    /// - Throws: `JobsError` when the numbers do not hold together.
    public static func activity(rounds: Int, isGenerated: Bool = false) throws -> JobSpecification {
        try BenchmarkCell(
            dataset: isGenerated ? "synthetic-uci-har" : "uci-har", fusion: "attention", alpha: 5, algorithm: "fedavg"
        ).job(seed: 8, rounds: rounds, testsAlways: true)
    }

    /// One round over sixty generated pictures: nothing but the start of a simulation and its end.
    public static func nothing() -> JobSpecification {
        JobSpecification(
            name: "start", model: ["name": "softmax"], data: "synthetic-mnist", rounds: 1, seed: 8,
            clients: .init(minimum: 2), strategy: ["name": "fedavg"], partition: ["scheme": "iid", "clients": 2],
            training: training(learningRate: 0.03), evaluation: .init(every: 0), selectBy: MetricSelector("accuracy"))
    }

    private static func training(learningRate: Double) -> Settings {
        [
            "epochs": 1, "batchSize": 10, "learningRate": .double(learningRate), "momentum": 0, "weightDecay": 0,
            "clipNorm": 0,
        ]
    }
}
