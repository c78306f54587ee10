internal import CKernels
internal import Foundation

/// How fast this machine reads memory: the limit of everything that looks at each byte once.
public struct MemoryBandwidth: Sendable {
    /// Far more than the caches hold, for each thread.
    private static let bytes = 256 << 20

    /// GB/s on one core.
    public let oneCore: BenchmarkFigure
    /// GB/s on all cores together.
    public let allCores: BenchmarkFigure

    /// Measures a streaming read of memory that was written before.
    ///
    /// - Parameter repetitions: how many are counted, at least 1.
    public init(repetitions: Int = 5) {
        let cores = max(1, ProcessInfo.processInfo.activeProcessorCount)
        let memory = Words(count: Self.bytes / 8 * cores)
        let one = timed(repetitions: repetitions) { memory.read(0, of: cores) }
        let all = timed(repetitions: repetitions) {
            DispatchQueue.concurrentPerform(iterations: cores) { memory.read($0, of: cores) }
        }
        func rates(_ seconds: [Double], _ threads: Int) -> [Double] {
            seconds.map { Double(Self.bytes * threads) / $0 / 1e9 }
        }
        oneCore = BenchmarkFigure("memory read, one core", rates(one, 1), unit: "GB/s")
        allCores = BenchmarkFigure("memory read, \(cores) cores", rates(all, cores), unit: "GB/s")
    }
}

/// Memory that several threads read.
///
/// `@unchecked Sendable`: written before any thread reads it, and freed after the last one has ended.
private final class Words: @unchecked Sendable {
    private let words: UnsafeMutableBufferPointer<UInt64>
    private let result: UnsafeMutableBufferPointer<UInt64>

    init(count: Int) {
        words = .allocate(capacity: count)
        // Pages of zeros could share one page of memory.
        words.initialize(repeating: 0x0123_4567_89AB_CDEF)
        result = .allocate(capacity: 64 * 8)
        result.initialize(repeating: 0)
    }

    deinit {
        words.deallocate()
        result.deallocate()
    }

    /// Reads one of `parts` equal parts.
    func read(_ part: Int, of parts: Int) {
        let count = words.count / parts
        guard let first = words.baseAddress else { return }
        // Kept, so that the read is not optimised away; a cache line of its own for each part.
        result[part % 64 * 8] = ck_stream(first + part * count, count)
    }
}
