import Foundation
import Measurement
import TestSupport
import Testing

@Suite struct MeasurementTests {
    @Test("A power law gives its exponent and factor back; a constant has the exponent 0")
    func growth() throws {
        let law = try #require(GrowthFit([1, 10, 100, 5000].map { (size: $0, cost: 3 * pow($0, 1.5)) }))
        #expect(abs(law.exponent - 1.5) < 1e-12)
        #expect(abs(law.factor - 3) < 1e-9)
        let constant = try #require(GrowthFit([(2, 7), (2000, 7)]))
        #expect(abs(constant.exponent) < 1e-12)
        #expect(GrowthFit([(5, 1), (5, 2)]) == nil)
        #expect(GrowthFit([]) == nil)
        // What has no logarithm is left out.
        #expect(GrowthFit([(0, 1), (1, 1), (10, 10)])?.exponent == GrowthFit([(1, 1), (10, 10)])?.exponent)
    }

    @Test("The kernel's figures of this process")
    func usage() throws {
        let usage = try #require(ProcessUsage(process: ProcessInfo.processInfo.processIdentifier))
        #expect(usage.residentBytes > 1 << 20)
        #expect(usage.peakBytes >= usage.residentBytes / 2)
        #expect(usage.processorSeconds >= 0)
        #expect(ProcessUsage(process: -1) == nil)
    }

    @Test("Every limit of the machine can be measured")
    func limits() throws {
        let folder = try TemporaryFolder()
        #expect(try MachineLimits.cipherSpeed(repetitions: 2, bytes: 1 << 20).count == 2)
        #expect(MachineLimits.hashSpeed(repetitions: 2, bytes: 2 << 20).allSatisfy { $0 > 0 })
        #expect(try MachineLimits.loopbackSpeed(repetitions: 2, bytes: 8 << 20).allSatisfy { $0 > 0 })
        #expect(try MachineLimits.durableFileTimes(in: folder.path, repetitions: 3).allSatisfy { $0 > 0 })
        #expect(try MachineLimits.durableWriteSpeed(in: folder.path, repetitions: 1, bytes: 2 << 20).count == 1)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
        #expect(throws: MeasurementError.self) {
            try MachineLimits.durableFileTimes(in: folder.path + "/none", repetitions: 1)
        }
    }

    @Test("A chart draws every curve; on logarithmic axes decades are marked and zeros left out")
    func chart() throws {
        func point(_ x: Double, _ value: Double) -> LineChart.Point {
            LineChart.Point(x: x, low: value, mean: value, high: value)
        }
        let linear = LineChart(
            curves: [.init(name: "a < b", points: [point(0, 1), point(4, 2)])], scale: .linear(end: 4)
        ).svg()
        #expect(linear.contains("a &lt; b"))
        #expect(linear.contains("<polyline points=\"60.0,260.0 650.0,10.0\""))
        let decades = LineChart(
            curves: [.init(name: "c", points: [point(1, 1), point(0, 5), point(10, 10), point(100, 100)])],
            scale: .logarithmic, axis: "times 2 < 3"
        ).svg()
        #expect(decades.contains("times 2 &lt; 3") && !linear.contains("times"))
        #expect(decades.contains(">1</text>") && decades.contains(">10</text>") && decades.contains(">100</text>"))
        // Equal steps for equal factors.
        #expect(decades.contains("<polyline points=\"60.0,260.0 295.0,135.0 530.0,10.0\""))
        let thousands = LineChart(
            curves: [.init(name: "d", points: [point(1, 1590), point(10, 9)])], scale: .logarithmic
        ).svg()
        #expect(thousands.contains(">1590</text>") && thousands.contains(">9</text>"))
        #expect(LineChart(curves: [], scale: .logarithmic).svg().isEmpty)
    }
}
