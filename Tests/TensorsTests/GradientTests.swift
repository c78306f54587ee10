import Tensors
import Testing
import Weights

@Suite struct GradientTests {
    @Test func gradientsAccumulateUntilRemoved() throws {
        let x = try Tensor([1, 2] as [Float]).requireGradient()
        #expect(x.gradient == nil)
        try (x * 3).sum().backward()
        try (x * 3).sum().backward()
        #expect(try x.gradient?.floats() == [6, 6])
        try x.zeroGradient()
        #expect(x.gradient == nil)
        try x.setGradient(Tensor([7, 8] as [Float]))
        #expect(try x.gradient?.floats() == [7, 8])
    }

    @Test func retainedGraphRunsTwice() throws {
        let x = try Tensor([3] as [Float]).requireGradient()
        let y = try x.square().sum()
        try y.backward(retainGraph: true)
        try y.backward()
        #expect(try x.gradient?.floats() == [12])
        #expect(throws: TensorError.self) { try y.backward() }
    }

    @Test func noGradRestoresWhatWasInForce() throws {
        struct Stop: Error {}
        let x = try Tensor([1] as [Float]).requireGradient()
        #expect(Tensor.isRecording)
        let inside = try noGrad {
            #expect(!Tensor.isRecording)
            noGrad { #expect(!Tensor.isRecording) }
            #expect(!Tensor.isRecording)
            return try x * 2
        }
        #expect(!inside.requiresGradient)
        #expect(throws: Stop.self) { try noGrad { throw Stop() } }
        #expect(Tensor.isRecording)
        #expect(try (x * 2).requiresGradient)
        #expect(try !x.detached().requiresGradient)
    }

    @Test func changesInPlaceAreNotRecorded() throws {
        let x = try Tensor([1, 2] as [Float]).requireGradient()
        try x.scale(by: 2)
        try x.add(Tensor([1, 1] as [Float]), times: -3)
        #expect(try x.floats() == [-1, 1])
        try x.assign(Tensor([4, 5] as [Double]))
        #expect(try x.floats() == [4, 5])
        #expect(x.requiresGradient && x.dtype == .f32)
        #expect(throws: TensorError.self) { try x.assign(Tensor([1, 2, 3] as [Float])) }
    }

    @Test(arguments: ["plain", "decay", "momentum", "dampening", "nesterov", "clipped", "unclipped"])
    func descentFollowsPyTorch(_ name: String) throws {
        let descents: [String: GradientStep.Descent] = [
            "plain": .init(learningRate: 0.1),
            "decay": .init(learningRate: 0.1, weightDecay: 0.01),
            "momentum": .init(learningRate: 0.05, momentum: 0.9, weightDecay: 0.00001),
            "dampening": .init(learningRate: 0.05, momentum: 0.9, dampening: 0.3),
            "nesterov": .init(learningRate: 0.05, momentum: 0.8, weightDecay: 0.01, isNesterov: true),
            "clipped": .init(learningRate: 0.05, momentum: 0.9, maximumNorm: 1.5),
            "unclipped": .init(learningRate: 0.05, momentum: 0.9, maximumNorm: 1000),
        ]
        let golden = try GoldenFile("descents")
        let descent = try #require(descents[name])
        let parameters = try (0..<3).map { try golden.tensor("\(name)/start/\($0)").requireGradient() }
        var momentum: [Tensor?] = [nil, nil, nil]
        for step in 0..<3 {
            for (index, parameter) in parameters.enumerated() {
                let key = "\(name)/grad/\(step)/\(index)"
                try parameter.setGradient(golden.contains(key) ? golden.tensor(key) : nil)
            }
            let norm = try GradientStep.descend(parameters, momentum: &momentum, descent)
            if golden.contains("\(name)/norm/\(step)") {
                try expectClose(Tensor.scalar(norm), golden.tensor("\(name)/norm/\(step)"), "\(name): norm \(step)")
            } else {
                #expect(norm == 0)
            }
            for (index, parameter) in parameters.enumerated() {
                try expectClose(
                    parameter, golden.tensor("\(name)/end/\(step)/\(index)"), "\(name): step \(step) of \(index)")
            }
        }
    }

    @Test(arguments: [("clipped", 1.5), ("unclipped", 1000)])
    func clippingFollowsPyTorch(_ name: String, _ maximum: Double) throws {
        let golden = try GoldenFile("descents")
        for step in 0..<3 {
            let parameters = try (0..<3).map { try golden.tensor("\(name)/start/\($0)").requireGradient() }
            for (index, parameter) in parameters.enumerated() where golden.contains("\(name)/grad/\(step)/\(index)") {
                try parameter.setGradient(golden.tensor("\(name)/grad/\(step)/\(index)"))
            }
            let norm = try GradientStep.clip(parameters, toNorm: maximum)
            try expectClose(Tensor.scalar(norm), golden.tensor("\(name)/norm/\(step)"), "\(name): norm \(step)")
            for (index, parameter) in parameters.enumerated() {
                guard let gradient = parameter.gradient else { continue }
                try expectClose(
                    gradient, golden.tensor("\(name)/clipped/\(step)/\(index)"), "\(name): gradient \(index)")
            }
        }
    }

    @Test func clippingReportsANormThatIsNotFinite() throws {
        let x = try Tensor([1, 2] as [Float]).requireGradient()
        try x.setGradient(Tensor([.nan, 1] as [Float]))
        #expect(try GradientStep.clip([x], toNorm: 1).isNaN)
    }

    @Test func descentRefusesWhatDoesNotFit() throws {
        let x = try Tensor([1, 2] as [Float]).requireGradient()
        var none: [Tensor?] = []
        #expect(throws: TensorError.self) {
            try GradientStep.descend([x], momentum: &none, .init(learningRate: 1))
        }
        try x.setGradient(Tensor([1, 1] as [Float]))
        var other: [Tensor?] = [try Tensor([1] as [Float])]
        #expect(throws: TensorError.self) {
            try GradientStep.descend([x], momentum: &other, .init(learningRate: 1, momentum: 0.5))
        }
        #expect(try x.floats() == [1, 2])
    }
}
