import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SyntheticHAR {
    /// What makes one person's windows differ from another's.
    struct Person: Sendable {
        /// Steps a second when walking.
        var cadence: Double
        /// Factors on the gait's phasors, `[overtone][axis]`.
        var gait: [[Phasor]]
        /// Shifts of the posture's loadings, `[movement][axis]`, of unit variance.
        var posture: [[Double]]
        /// Breaths a second.
        var breathing: Double
        /// A factor on the noise of still windows.
        var noise: Double
        /// How both sensors sit on the body: a rotation matrix by rows.
        var rotation: [Double]

        /// Draws the person of a number.
        init(seed: UInt64, subject: Int) {
            var stream = RandomStream(seed: seed, purpose: "synthetic-har-person", client: UInt32(subject))
            cadence = min(max(1.9 + 0.12 * stream.normal(), 1.5), 2.4)
            gait = GaitTemplate.overtones.map { _ in
                (0..<6).map { _ in
                    .polar(exp(Spread.personAmplitude * stream.normal()), Spread.personPhase * stream.normal())
                }
            }
            posture = (0..<4).map { _ in (0..<6).map { _ in stream.normal() } }
            breathing = min(max(0.27 + 0.05 * stream.normal(), 0.15), 0.4)
            noise = exp(0.3 * stream.normal())
            rotation = Self.rotation(about: (0..<3).map { _ in Spread.orientation * stream.normal() })
        }

        /// Turns both sensors of a window `[128, 6]` as this person wears them.
        func turn(_ samples: inout [Double]) {
            for start in stride(from: 0, to: samples.count, by: 3) {
                let (x, y, z) = (samples[start], samples[start + 1], samples[start + 2])
                for row in 0..<3 {
                    samples[start + row] = rotation[row * 3] * x + rotation[row * 3 + 1] * y + rotation[row * 3 + 2] * z
                }
            }
        }

        /// The rotation about a vector by its length in radians, I + sin φ K + (1 − cos φ) K² (Rodrigues).
        private static func rotation(about vector: [Double]) -> [Double] {
            let angle = vector.reduce(0) { $0 + $1 * $1 }.squareRoot()
            guard angle > 1e-12 else { return [1, 0, 0, 0, 1, 0, 0, 0, 1] }
            let (x, y, z) = (vector[0] / angle, vector[1] / angle, vector[2] / angle)
            let k = [0, -z, y, z, 0, -x, -y, x, 0]
            return (0..<9).map { index in
                let (row, column) = (index / 3, index % 3)
                let square = (0..<3).reduce(0) { $0 + k[row * 3 + $1] * k[$1 * 3 + column] }
                return (row == column ? 1 : 0) + sin(angle) * k[index] + (1 - cos(angle)) * square
            }
        }
    }
}
