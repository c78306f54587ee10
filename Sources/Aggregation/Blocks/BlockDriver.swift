internal import Dispatch
internal import Foundation
internal import Synchronization

/// Works numbered blocks off on threads of its own and hands the results over in order.
///
/// Which thread takes a block changes nothing: a block is computed from its number alone, and the results come to one
/// place in the order of the numbers. Memory is a few slots for each thread, however many blocks there are. The first
/// error by block number ends the work.
public struct BlockDriver: Sendable {
    /// How many threads compute; with 1 the calling thread does.
    public let workers: Int

    /// A driver with some threads, at least 1.
    public init(workers: Int) {
        precondition(workers > 0, "a driver needs a worker")
        self.workers = workers
    }

    /// One thread a core of this machine.
    public static let standard = BlockDriver(workers: max(1, ProcessInfo.processInfo.activeProcessorCount))

    /// Computes blocks 0 to `count` − 1.
    ///
    /// - Parameters:
    ///   - count: how many blocks.
    ///   - slot: makes what a result is kept in; used again for later blocks.
    ///   - workspace: makes what one thread computes with.
    ///   - compute: fills a slot; on any thread.
    ///   - consume: takes a slot's result; on the calling thread, in the order of the numbers.
    /// - Throws: what `workspace`, `compute` and `consume` throw. No thread runs any more by then.
    func run<Slot: AnyObject & Sendable, Workspace>(
        count: Int,
        slot makeSlot: () -> Slot,
        workspace makeWorkspace: @escaping @Sendable () throws -> Workspace,
        compute: @escaping @Sendable (Int, Workspace, Slot) throws -> Void,
        consume: (Int, Slot) throws -> Void
    ) throws {
        let threads = min(workers, count)
        guard threads > 1 else {
            guard count > 0 else { return }
            let (workspace, slot) = (try makeWorkspace(), makeSlot())
            for index in 0..<count {
                try compute(index, workspace, slot)
                try consume(index, slot)
            }
            return
        }
        let ring = Ring(slots: (0..<(2 * threads)).map { _ in makeSlot() }, count: count)
        for index in 0..<threads {
            let thread = Thread {
                ring.work(makeWorkspace, compute)
            }
            thread.name = "fold-\(index)"
            thread.start()
        }
        defer { ring.stop(threads) }
        for index in 0..<count { try ring.take(index, consume) }
    }
}

/// The results between the threads and their reader: block i lies in slot i mod n.
///
/// A thread takes the next number only when there is room: when fewer than n blocks are taken and not consumed. As blocks
/// are consumed in order, the slot of the number that it takes is free then, and nobody else has it.
private final class Ring<Slot: AnyObject & Sendable>: Sendable {
    private let slots: [Slot]
    private let full: [DispatchSemaphore]
    private let room: DispatchSemaphore
    private let count: Int
    private let next = Atomic<Int>(0)
    private let isStopped = Atomic<Bool>(false)
    private let failures = Mutex<[Int: any Error]>([:])
    private let ended = DispatchSemaphore(value: 0)

    init(slots: [Slot], count: Int) {
        self.slots = slots
        self.count = count
        full = slots.map { _ in DispatchSemaphore(value: 0) }
        // From 0: a semaphore must not end below the value that it was made with.
        room = DispatchSemaphore(value: 0)
        for _ in slots { room.signal() }
    }

    /// A thread's whole life.
    func work<Workspace>(
        _ makeWorkspace: () throws -> Workspace, _ compute: (Int, Workspace, Slot) throws -> Void
    ) {
        defer { ended.signal() }
        let workspace = Result { try makeWorkspace() }
        while true {
            room.wait()
            guard !isStopped.load(ordering: .acquiring) else { return }
            let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
            guard index < count else { return }
            do {
                try compute(index, try workspace.get(), slots[index % slots.count])
            } catch {
                failures.withLock { $0[index] = error }
            }
            full[index % slots.count].signal()
        }
    }

    /// Waits for a block and lets its slot go after `consume`.
    func take(_ index: Int, _ consume: (Int, Slot) throws -> Void) throws {
        full[index % slots.count].wait()
        if let error = failures.withLock({ $0[index] }) { throw error }
        try consume(index, slots[index % slots.count])
        room.signal()
    }

    /// Ends the threads and waits for that.
    func stop(_ threads: Int) {
        isStopped.store(true, ordering: .releasing)
        for _ in 0..<threads { room.signal() }
        for _ in 0..<threads { ended.wait() }
    }
}
