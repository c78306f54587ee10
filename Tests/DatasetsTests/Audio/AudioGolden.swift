import Foundation
import Testing

/// The values of `Golden/make_audio.py`.
struct AudioGolden: Decodable {
    var filterbank: [String: [Float]]
    var resampled: [String: [Float]]

    static func read() throws -> AudioGolden {
        let url = try #require(Bundle.module.url(forResource: "audio", withExtension: "json", subdirectory: "Golden"))
        return try JSONDecoder().decode(AudioGolden.self, from: Data(contentsOf: url))
    }

    /// The script's signal.
    static func signal(_ count: Int, seed: UInt32 = 7) -> [Float] {
        var state = seed
        return (0..<count).map { n in
            state = state &* 1_664_525 &+ 1_013_904_223
            let noise = Double(state) / 0x1p32 - 0.5
            return 4 * n >= 3 * count ? 0 : Float(Double((37 * n) % 200 - 100) / 250 + noise / 8 + 0.05)
        }
    }
}

/// A sine of amplitude 1.
func sine(_ frequency: Double, rate: Int, count: Int) -> [Float] {
    (0..<count).map { Float(sin(2 * .pi * frequency * Double($0) / Double(rate))) }
}
