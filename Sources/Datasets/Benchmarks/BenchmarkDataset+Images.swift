extension BenchmarkDataset {
    /// The data sets of pictures that other systems' benchmarks are made of; they are none of FedMultimodal's.
    public static let images = [mnist, cifar10]

    /// Handwritten digits, with the numbers of logistic regression in FLUTE's benchmarks (D. Dimitriadis et al.,
    /// arXiv 2203.13789): 1,000 clients, 10 a round.
    public static let mnist = image(
        name: MNISTReader.datasetName, title: "MNIST", classes: MNISTReader.classNames,
        modalities: MNISTReader.modalities,
        training: .init(learningRate: 0.03, serverLearningRate: .init(base: 1, ablation: 1)) {
            $0.batchSize = 10
            $0.rounds = 100
            $0.clientRate = 0.01
            $0.evaluatesEvery = 20
        },
        model: "softmax", counts: .init(train: 60_000, test: 10_000),
        origin: "the four IDX files of yann.lecun.com/exdb/mnist, or torchvision's folder MNIST/raw")

    /// Colour pictures of ten kinds of things, with the numbers of pfl-research's benchmark (F. Granqvist et al.,
    /// arXiv 2404.06430): 1,000 clients of 50 pictures, 50 a round.
    public static let cifar10 = image(
        name: CIFAR10Reader.datasetName, title: "CIFAR-10", classes: CIFAR10Reader.classNames,
        modalities: CIFAR10Reader.modalities,
        training: .init(learningRate: 0.1, serverLearningRate: .init(base: 1, ablation: 1)) {
            $0.batchSize = 10
            $0.rounds = 1500
            $0.clientRate = 0.05
            $0.evaluatesEvery = 10
        },
        model: "cnn", counts: .init(train: 50_000, test: 10_000),
        origin: "the binary version of www.cs.toronto.edu/~kriz/cifar.html, unpacked")

    private static func image(
        name: String, title: String, classes: [String], modalities: [Modality], training: Training, model: String,
        counts: Counts, origin: String
    ) -> BenchmarkDataset {
        BenchmarkDataset(
            name: name, title: title, classes: classes, modalities: modalities,
            dealing: .dirichlet(clients: 1000, minimum: 1), clients: 1000, publishedClients: 1000,
            development: .drawn(.rowNumbers), metric: "accuracy", training: training, model: model, counts: counts,
            origin: origin)
    }
}
