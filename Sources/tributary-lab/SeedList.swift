import ArgumentParser

/// The seeds of repetitions, as `8,16,24`.
struct SeedList {
    let seeds: [UInt64]

    init(_ text: String) throws {
        seeds = try text.split(separator: ",").map { word in
            guard let seed = UInt64(word) else {
                throw ValidationError("--seeds: found \"\(word)\", expected whole numbers with commas between")
            }
            return seed
        }
        guard !seeds.isEmpty, Set(seeds).count == seeds.count else {
            throw ValidationError("--seeds: expected at least one seed and none twice")
        }
    }
}
