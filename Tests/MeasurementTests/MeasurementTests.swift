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

    @Test("A curve of costs is put in order, fitted through its medians, and drawn relative to its smallest size")
    func curve() throws {
        // 2 · size² through all but the smallest point, where a constant cost is in the way.
        let points = [(1000, 2e6), (100, 2e4), (10, 200), (1, 50)].map {
            GrowthCurve.Point(size: $0.0, values: [$0.1 * 9, $0.1, $0.1 / 9])
        }
        let curve = GrowthCurve(cost: "round", axis: "clients", unit: "ms", points: points)
        #expect(curve.figures.map(\.name).first == "round, 1 clients")
        #expect(curve.figures.map(\.value) == [50, 200, 2e4, 2e6])
        #expect(curve.exponents.map(\.name) == ["round over clients: exponent", "the same, three largest: exponent"])
        #expect(abs(curve.exponents[1].value - 2) < 1e-9 && curve.exponents[0].value < 1.9)
        #expect(GrowthCurve(cost: "round", axis: "clients", unit: "ms", points: [points[0]]).exponents.isEmpty)

        let other = GrowthCurve(
            cost: "peak", axis: "bytes", unit: "MB",
            points: points.map { .init(size: $0.size * 4000, values: $0.values) })
        let chart = GrowthCurve.chart([curve, other])
        #expect(chart.contains("times 1 clients, 4000 bytes"))
        #expect(chart.contains("round (ms), clients") && chart.contains("peak (MB), bytes"))
        // Both begin at the left end and have the same line.
        let lines = chart.split(separator: "<polyline points=\"").dropFirst().map { $0.prefix { $0 != "\"" } }
        #expect(lines.count == 2 && lines[0] == lines[1] && lines[0].hasPrefix("60.0,"))
    }

    @Test("Processor time is what the kernel counts for this process")
    func processorTime() throws {
        let before = ProcessorClock.seconds
        let usage = try #require(ProcessUsage(process: ProcessInfo.processInfo.processIdentifier))
        let after = ProcessorClock.seconds
        // The kernel's own figures are cut to hundredths.
        #expect(before > 0 && usage.processorSeconds > before - 0.1 && usage.processorSeconds < after + 0.1)
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
