extension BenchmarkDataset {
    /// The ten data sets, in the order of the paper.
    public static let all = [
        meld, cremaD, ucf101, mit10, mit51, uciHAR, kuHAR, ptbXL, hatefulMemes, crisisMMD,
    ]

    /// Emotion of utterances of a television series, from speech and words.
    public static let meld = BenchmarkDataset(
        name: "meld", title: "MELD",
        classes: ["neutral", "sadness", "joy", "anger"],
        modalities: [audio(1000), text(HashedText.maximumTokens)],
        dealing: .natural(minimum: 11), clients: 86, publishedClients: 86, development: .given,
        numbersClients: true,
        metric: "UAR",
        training: .init(learningRate: 0.01, serverLearningRate: .init(base: 0.002, ablation: 0.005)),
        model: "ser",
        counts: .init(train: 7318, dev: 628, test: 1774, classes: [4122, 628, 1554, 1014], clients: 11...223),
        origin: "the files train_sent_emo.csv, dev_sent_emo.csv and test_sent_emo.csv of github.com/declare-lab/MELD")

    /// Emotion of acted sentences, from sound and frames.
    public static let cremaD = BenchmarkDataset(
        name: CREMADReader.datasetName, title: "CREMA-D",
        classes: CREMADReader.classNames,
        modalities: [audio(600), video(10)],
        dealing: .natural(minimum: 1), clients: 72, publishedClients: 72, development: .drawn(.names),
        repetition: .folds(BenchmarkRules.folds, seed: 8),
        firstCorruptionIndex: 2,
        metric: "UAR",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.025, ablation: 0.025)),
        model: "mmaction",
        counts: .init(train: 3798, test: 1000, clients: 40...66),
        origin: "github.com/CheyneyComputerScience/CREMA-D")

    /// Actions, the 51 classes of videos with sound.
    public static let ucf101 = BenchmarkDataset(
        name: UCF101Reader.datasetName, title: "UCF101",
        classes: UCF101Reader.classNames,
        modalities: [audio(500), video(10)],
        dealing: .dirichlet(clients: 100, minimum: 5), clients: 100, publishedClients: 100, development: .drawn(.names),
        repetition: .folds(UCF101Reader.folds, seed: 8),
        metric: "accuracy",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.01, ablation: 0.025)),
        model: "mmaction",
        counts: .init(train: 4893, test: 1944),
        origin: "crcv.ucf.edu/data/UCF101.php")

    /// Ten actions of Moments in Time.
    public static let mit10 = moments(
        name: "mit10", title: "MiT10", classes: 10, clients: 200, published: 200, train: 40_600, test: 1000,
        serverLearningRate: .init(base: 0.025, ablation: 0.005))

    /// Fifty-one actions of Moments in Time. The paper counts 2000 clients, its code makes 1000.
    public static let mit51 = moments(
        name: "mit51", title: "MiT51", classes: 51, clients: 1000, published: 2000, train: 152_500, test: 5100,
        serverLearningRate: .init(base: 0.025, ablation: 0.025))

    /// Activity from a telephone's sensors.
    public static let uciHAR = BenchmarkDataset(
        name: UCIHARReader.datasetName, title: "UCI-HAR",
        classes: UCIHARReader.classNames,
        modalities: UCIHARReader.modalities,
        dealing: .withinSubjects(clients: 5, minimum: 5), clients: 105, publishedClients: 105,
        development: .drawn(.rowNumbers),
        firstCorruptionIndex: 2,
        metric: "macroF1",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.025, ablation: 0.025)),
        model: "har",
        counts: .init(train: 7352, test: 2947),
        origin: "archive.ics.uci.edu, data set 240: Human Activity Recognition Using Smartphones")

    /// Activity from a telephone's sensors, eight classes of eighteen. The benchmark's code keeps half of every window,
    /// which is what is read with its mistakes: shapes of `[64, 3]`.
    public static let kuHAR = BenchmarkDataset(
        name: KUHARReader.datasetName, title: "KU-HAR",
        classes: KUHARReader.classNames,
        modalities: KUHARReader.modalities(isFaithful: false),
        dealing: .natural(minimum: 1), clients: 65, publishedClients: 66, development: .drawn(.names),
        repetition: .folds(BenchmarkRules.folds, seed: 8),
        firstCorruptionIndex: 2,
        hasReadingMistakes: true,
        metric: "macroF1",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.025, ablation: 0.025)),
        model: "har",
        counts: .init(train: 8240, test: 2060, clients: 20...300),
        origin: "data.mendeley.com/datasets/45f952y38r: the trimmed interpolated data")

    /// Diagnoses, several at once, from twelve leads of an electrocardiogram. The paper counts 34 clients, release
    /// 1.0.3 of the data has 33.
    public static let ptbXL = BenchmarkDataset(
        name: PTBXLReader.datasetName, title: "PTB-XL",
        classes: PTBXLReader.classNames,
        isMultilabel: true,
        modalities: PTBXLReader.modalities,
        dealing: .natural(minimum: 10), clients: 33, publishedClients: 34, development: .given,
        firstCorruptionIndex: 2,
        metric: "macroF1",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.01, ablation: 0.01)) {
            $0.clientRate = 0.25
            $0.batchSize = 64
            $0.evaluatesEvery = 5
        },
        model: "ecg",
        counts: .init(train: 17_400, dev: 2180, test: 2200, clients: 10...5000),
        origin: "physionet.org/content/ptb-xl, the records of 100 Hz")

    /// Whether a post of a picture and words is hateful. The paper counts 50 clients, its code makes 40.
    public static let hatefulMemes = BenchmarkDataset(
        name: HatefulMemesReader.datasetName, title: "Hateful Memes",
        classes: HatefulMemesReader.classNames,
        modalities: [image, text(32)],
        dealing: .dirichlet(clients: 40, minimum: 1), clients: 40, publishedClients: 50, development: .given,
        metric: "UAR",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.005, ablation: 0.025)) {
            $0.clientRate = 0.25
            $0.proximalTerm = 0.1
        },
        model: "image-text",
        counts: .init(train: 8500, dev: 500, test: 1000, classes: [0.64, 0.36]),
        origin: "the challenge's files train.jsonl, dev_seen.jsonl and test_seen.jsonl, from those who have its licence"
    )

    /// What a post about a disaster shows.
    public static let crisisMMD = BenchmarkDataset(
        name: "crisismmd", title: "CrisisMMD",
        classes: [
            "not_humanitarian", "infrastructure_and_utility_damage", "vehicle_damage",
            "rescue_volunteering_or_donation_effort", "other_relevant_information", "affected_individuals",
            "injured_or_dead_people", "missing_or_found_people",
        ],
        modalities: [image, text(HashedText.maximumTokens)],
        dealing: .dirichlet(clients: 100, minimum: 1), clients: 100, publishedClients: 100, development: .given,
        hasReadingMistakes: true,
        metric: "macroF1",
        training: .init(learningRate: 0.05, serverLearningRate: .init(base: 0.004, ablation: 0.005)),
        model: "image-text",
        counts: .init(
            train: 13_608, dev: 2237, test: 2237, classes: [8708, 3624, 304, 2231, 2529, 562, 110, 14]),
        origin: "the unpacked datasplit of version 2.0 of crisisnlp.qcri.org/crisismmd")

    private static func moments(
        name: String, title: String, classes: Int, clients: Int, published: Int, train: Int, test: Int,
        serverLearningRate: ServerLearningRate
    ) -> BenchmarkDataset {
        BenchmarkDataset(
            name: name, title: title,
            classes: (0..<classes).map(numberedClass),
            modalities: [audio(150), video(8)],
            dealing: .dirichlet(clients: clients, minimum: 5), clients: clients, publishedClients: published,
            development: .drawn(.names),
            metric: "accuracy",
            training: .init(learningRate: 0.05, serverLearningRate: serverLearningRate) {
                $0.clientRate = 0.05
                $0.rounds = 300
                $0.evaluatesEvery = 5
            },
            model: "mmaction",
            counts: .init(train: train, test: test),
            origin: "moments.csail.mit.edu, by application")
    }

    /// Log-mel spectra of 80 bands.
    private static func audio(_ frames: Int) -> Modality {
        Modality(name: "audio", shape: [frames, 80], hasLengths: true)
    }

    /// MobileNetV2's features of frames.
    private static func video(_ frames: Int) -> Modality {
        Modality(name: "video", shape: [frames, 1280], hasLengths: true)
    }

    /// Features of tokens.
    private static func text(_ tokens: Int) -> Modality {
        Modality(name: "text", shape: [tokens, 512], hasLengths: true)
    }

    /// MobileNetV2's features of one picture.
    private static let image = Modality(name: "image", shape: [1, 1280])
}

extension BenchmarkDataset.Training {
    /// Numbers that differ from the usual ones in what `change` sets.
    init(
        learningRate: Double, serverLearningRate: BenchmarkDataset.ServerLearningRate, _ change: (inout Self) -> Void
    ) {
        self.init(learningRate: learningRate, serverLearningRate: serverLearningRate)
        change(&self)
    }
}
