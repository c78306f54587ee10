/// One training task on the clock: what it takes, and so when its result arrives.
///
/// A task loads the weights, trains and sends its update, one after the other. Times are milliseconds of simulated time.
struct VirtualTask: Sendable, Hashable {
    /// When it was handed out.
    let start: Int64
    /// When its round ends whatever happens.
    let deadline: Int64
    /// How long each part takes while the client is there.
    let down: Int64
    /// See `down`.
    let training: Int64
    /// See `down`.
    let up: Int64
    /// What the first and the last part carry.
    let bytesDown: Int
    /// See `bytesDown`.
    let bytesUp: Int
    /// How much work is done before the client drops out; nil when it does not.
    let dropAfter: Int64?
    /// When the client is there; nil for always.
    let window: AvailabilityWindow?

    /// All the work, were nothing to go wrong.
    private var whole: Int64 { down + training + up }

    /// When the result arrives; nil for a client that drops out, or for never.
    var finish: Int64? { dropAfter == nil ? end(of: whole) : nil }

    /// When the client drops out.
    var drop: Int64? { dropAfter.flatMap { end(of: $0) } }

    private func end(of work: Int64) -> Int64? {
        guard let window else { return start + work }
        return window.end(of: work, from: start)
    }

    /// How long the client has worked at `time`.
    func work(until time: Int64) -> Int64 {
        let spent = window.map { $0.openTime(from: start, to: time) } ?? max(0, time - start)
        return min(spent, dropAfter ?? whole)
    }

    /// What was carried by `time`; a part that has begun counts by the share of its time.
    func bytes(until time: Int64) -> (down: Int, up: Int) {
        func share(_ bytes: Int, _ spent: Int64, of length: Int64) -> Int {
            if spent >= length { return bytes }
            return spent <= 0 ? 0 : Int(Double(bytes) * (Double(spent) / Double(length)))
        }
        let work = work(until: time)
        let isOver = dropAfter == nil && work >= whole
        return (
            share(bytesDown, work, of: down),
            isOver ? bytesUp : up == 0 ? 0 : share(bytesUp, work - down - training, of: up)
        )
    }
}
