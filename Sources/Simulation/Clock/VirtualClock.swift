internal import Datasets
internal import Foundation
internal import Jobs
internal import Randomness

/// How fast and how reliable each client of a simulation is, and so when every result arrives.
///
/// A pure function of the settings, the seed and names: what a client is comes from the streams (seed, `"clock-…"`, client),
/// what happens to a task from (seed, `"clock-task"` and `"clock-drop-out"`, round, client, layer = attempt). No draw
/// depends on any other, on the order of events, or on what training gives.
struct VirtualClock: Sendable {
    /// The job's `clock` map.
    let settings: ClockSettings
    /// The seed of all draws.
    let seed: UInt64
    /// How often a task goes over the client's examples.
    let epochs: Int
    /// The size of the global weights, and that of an update.
    let bytesDown: Int
    /// See `bytesDown`.
    let bytesUp: Int

    /// A clock for tasks of one job.
    ///
    /// - Parameter seed: the job's; the settings' own goes before it.
    init(_ settings: ClockSettings, seed: UInt64, epochs: Int, bytesDown: Int, bytesUp: Int) {
        self.settings = settings
        self.seed = settings.seed ?? seed
        self.epochs = epochs
        self.bytesDown = bytesDown
        self.bytesUp = bytesUp
    }

    /// When a client is there; nil for always.
    func window(of client: String) -> AvailabilityWindow? {
        let period = Self.milliseconds(settings.period)
        guard period > 0 else { return nil }
        var stream = RandomStream(seed: seed, purpose: "clock-window", client: clientIndex(client))
        let share = settings.onShare.draw(&stream)
        let phase = stream.uniform() * settings.phaseSpread
        let open = Int64((share * Double(period)).rounded())
        guard open < period else { return nil }
        return AvailabilityWindow(period: period, open: open, phase: Int64(phase * Double(period)))
    }

    /// A task that is handed to a client at `start`.
    ///
    /// - Parameter examples: how many the client has.
    func task(
        client name: String, examples: Int, round: Int, attempt: Int, start: Int64, deadline: Int64
    ) -> VirtualTask {
        let client = clientIndex(name)
        func own(_ quantity: ClockQuantity, _ purpose: String) -> Double {
            var stream = RandomStream(seed: seed, purpose: "clock-" + purpose, client: client)
            return quantity.draw(&stream)
        }
        func luck(_ purpose: String) -> RandomStream {
            RandomStream(
                seed: seed, purpose: "clock-" + purpose, round: UInt32(truncatingIfNeeded: round), client: client,
                layer: UInt32(truncatingIfNeeded: attempt))
        }
        func transfer(_ bytes: Int, _ megabits: Double, _ latency: Double) -> Int64 {
            Self.milliseconds(latency + Double(bytes) * 8 / (megabits * 1e6))
        }
        var variation = luck("task")
        let factor = ClockQuantity(means: [1], law: .logNormal, spread: settings.taskSpread).draw(&variation)
        let latency = own(settings.latency, "latency")
        let down = transfer(bytesDown, own(settings.downMegabits, "down"), latency)
        let up = transfer(bytesUp, own(settings.upMegabits, "up"), latency)
        let training = Self.milliseconds(
            own(settings.secondsPerExample, "speed") * Double(examples) * Double(epochs) * factor)
        var reliability = RandomStream(seed: seed, purpose: "clock-reliability", client: client)
        let probability = settings.dropOut.draw(&reliability)
        var dropOut = luck("drop-out")
        let drops = dropOut.uniform() < probability
        let moment = Int64(dropOut.uniform() * Double(down + training + up))
        return VirtualTask(
            start: start, deadline: deadline, down: down, training: training, up: up, bytesDown: bytesDown,
            bytesUp: bytesUp, dropAfter: drops ? moment : nil, window: window(of: name))
    }

    /// Whole milliseconds, rounded up, at most a third of `AvailabilityWindow.longest`: so long that no deadline is later.
    static func milliseconds(_ seconds: Double) -> Int64 {
        let most = Double(AvailabilityWindow.longest / 3)
        // Not a number is no bytes over no bandwidth.
        guard !seconds.isNaN else { return 0 }
        return Int64(min((seconds * 1000).rounded(.up), most))
    }
}
