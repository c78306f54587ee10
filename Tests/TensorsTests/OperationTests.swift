import Tensors
import Testing
import Weights

/// Every operation against PyTorch: the result, and the gradient of every float input.
@Suite struct OperationTests {
    @Test func everyGoldenCaseIsTested() throws {
        let golden = try GoldenFile("operations")
        let names = Set(golden.names(after: "").compactMap { $0.split(separator: "/").first.map(String.init) })
        #expect(names == Set(operations.keys))
    }

    @Test(arguments: operations.keys.sorted())
    func agreesWithPyTorch(_ name: String) throws {
        let golden = try GoldenFile("operations")
        let operation = try #require(operations[name])
        var inputs: [String: Tensor] = [:]
        for key in golden.names(after: "\(name)/in/") {
            let tensor = try golden.tensor("\(name)/in/\(key)")
            if golden.contains("\(name)/grad/\(key)") { try tensor.requireGradient() }
            inputs[key] = tensor
        }

        let output = try operation(inputs)
        try expectClose(output, golden.tensor("\(name)/out"), "\(name): result")

        guard golden.contains("\(name)/up") else { return }
        try output.backward(golden.tensor("\(name)/up"))
        for (key, tensor) in inputs where tensor.requiresGradient {
            try expectClose(
                #require(tensor.gradient), golden.tensor("\(name)/grad/\(key)"), "\(name): gradient of \(key)")
        }
    }

    @Test func comparisonsCoverTheBoundary() throws {
        let values = try Tensor([1.0, 2.0, 3.0] as [Float])
        let twos = try Tensor([2.0, 2.0, 2.0] as [Float])
        #expect(try values.less(2).bools() == [true, false, false])
        #expect(try values.lessOrEqual(twos).bools() == [true, true, false])
        #expect(try values.greater(2).bools() == [false, false, true])
        #expect(try values.greater(twos).bools() == [false, false, true])
        #expect(try values.greaterOrEqual(twos).bools() == [false, true, true])
        #expect(try values.greaterOrEqual(2).bools() == [false, true, true])
        #expect(try values.equal(2).logicalNot().bools() == [true, false, true])
        #expect(try Tensor([1, .nan, .infinity] as [Float]).isFinite().bools() == [true, false, false])
    }

    @Test func integersStayIntegersUnderWholeScalars() throws {
        let values = try Tensor([1, 2, 3])
        #expect(try (values * 2 + 1).dtype == .i64)
        #expect(try (values * 2 + 1).integers() == [3, 5, 7])
        #expect(try (values * 0.5).dtype == .f32)
        #expect(try Tensor.arange(4).integers() == [0, 1, 2, 3])
    }

    @Test func viewsShareMemoryAndClonesDoNot() throws {
        let matrix = try Tensor.zeros([2, 3])
        let clone = try matrix.cloned()
        try matrix.select(axis: 0, index: 1).fill(5)
        #expect(try matrix.floats() == [0, 0, 0, 5, 5, 5])
        #expect(try clone.floats() == [0, 0, 0, 0, 0, 0])
        #expect(try matrix.transposed(0, 1).contiguous().floats() == [0, 5, 0, 5, 0, 5])
    }
}
