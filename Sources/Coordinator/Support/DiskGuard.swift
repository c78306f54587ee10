internal import Durability

/// Watches the free space where the state lies.
struct DiskGuard: Sendable {
    /// How every reason of a pause for want of space begins; jobs paused so are resumed when there is space again.
    static let reason = "the disk is nearly full"

    let fileSystem: any FileSystem
    let folder: String
    let minimumFree: Int64

    /// Why no new work should start; nil when there is space. A disk that cannot be asked counts as fine.
    func shortage() -> String? {
        guard let free = try? fileSystem.freeBytes(at: folder), free < minimumFree else { return nil }
        return "\(Self.reason): \(Self.text(free)) free, minimumFreeDisk is \(Self.text(minimumFree))"
    }

    private static func text(_ bytes: Int64) -> String {
        let mebibytes = Double(bytes) / 1_048_576
        return mebibytes >= 10 ? "\(Int(mebibytes)) MiB" : "\((mebibytes * 10).rounded() / 10) MiB"
    }
}
