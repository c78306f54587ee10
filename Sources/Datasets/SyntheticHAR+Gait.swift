import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SyntheticHAR {
    /// A periodic movement: for every overtone and axis a phasor, axis a of a window being
    /// Re Σₕ cₕₐ · exp(i h θ(t)), θ the phase of the steps.
    struct GaitTemplate: Sendable {
        /// Multiples of the cadence; 0.5 and 1.5 are what differs between left and right steps.
        static let overtones = [0.5, 1, 1.5, 2, 3, 4]
        /// The typical size of each overtone.
        static let sizes = [0.25, 1, 0.2, 0.8, 0.4, 0.25]

        /// Cadence relative to the person's walking cadence.
        var cadence: Double
        /// `[overtone][axis]`.
        var phasors: [[Phasor]]

        /// The gait that all three activities share.
        static func shared(_ stream: inout RandomStream) -> GaitTemplate {
            let phasors = sizes.map { size in
                (0..<6).map { _ in Phasor.polar(size * exp(0.4 * stream.normal()), 2 * .pi * stream.uniform()) }
            }
            return GaitTemplate(cadence: 1, phasors: phasors)
        }

        /// The shared gait with every phasor moved at random.
        func varied(cadence: Double, _ stream: inout RandomStream) -> GaitTemplate {
            var copy = self
            copy.cadence = cadence
            for (overtone, size) in Self.sizes.enumerated() {
                let distance = Spread.gait * size / 2.0.squareRoot()
                for axis in 0..<6 {
                    copy.phasors[overtone][axis].real += distance * stream.normal()
                    copy.phasors[overtone][axis].imaginary += distance * stream.normal()
                }
            }
            return copy
        }

        /// Draws one window `[128, 6]`.
        func window(of person: Person, _ stream: inout RandomStream) -> [Double] {
            let frequency = person.cadence * cadence * (1 + 0.03 * stream.normal())
            // Two periods, because of the half overtones.
            let start = 4 * .pi * stream.uniform()
            let own = phasors.enumerated().map { overtone, axes in
                axes.enumerated().map { axis, phasor in
                    phasor * person.gait[overtone][axis] * .polar(exp(0.15 * stream.normal()), 0)
                }
            }
            var wander = 0.0
            var samples = [Double](repeating: 0, count: steps * 6)
            for step in 0..<steps {
                wander += 0.03 * stream.normal()
                let phase = 2 * .pi * frequency * Double(step) / sampleRate + start + wander
                for (overtone, multiple) in Self.overtones.enumerated() {
                    let wave = Phasor.polar(1, multiple * phase)
                    for axis in 0..<6 {
                        let phasor = own[overtone][axis]
                        samples[step * 6 + axis] += wave.real * phasor.real - wave.imaginary * phasor.imaginary
                    }
                }
            }
            for axis in 0..<6 {
                let noise = Noise.correlated(0.7, &stream)
                for step in 0..<steps { samples[step * 6 + axis] += Spread.movingNoise * noise[step] }
            }
            person.turn(&samples)
            return samples
        }
    }

    /// Noise of unit variance.
    enum Noise {
        /// First-order autoregressive noise xₜ = ρ xₜ₋₁ + √(1 − ρ²) eₜ, started in its stationary state.
        static func correlated(_ correlation: Double, _ stream: inout RandomStream) -> [Double] {
            let innovation = (1 - correlation * correlation).squareRoot()
            var state = stream.normal()
            return (0..<steps).map { _ in
                defer { state = correlation * state + innovation * stream.normal() }
                return state
            }
        }
    }
}
