import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SyntheticHAR {
    /// A posture: four hidden movements (breathing, slow sway, sway, tremor) and how they reach the six axes.
    struct SwayTemplate: Sendable {
        /// Cut-off frequencies of the three movements after breathing, in Hz.
        static let cutoffs = [0.7, 1.6, 4.0]

        /// How strong each movement is.
        var weights: [Double]
        /// `[movement][axis]`.
        var loadings: [[Double]]

        /// The loadings that all three postures share.
        static func shared(_ stream: inout RandomStream) -> SwayTemplate {
            let loadings = (0..<4).map { _ in (0..<6).map { _ in stream.normal() } }
            return SwayTemplate(weights: [1, 1, 1, 1], loadings: loadings)
        }

        /// The shared posture with other weights and every loading moved at random.
        func varied(weights: [Double], _ stream: inout RandomStream) -> SwayTemplate {
            SwayTemplate(
                weights: weights,
                loadings: loadings.map { axes in axes.map { $0 + Spread.posture * stream.normal() } })
        }

        /// Draws one window `[128, 6]`.
        func window(of person: Person, _ stream: inout RandomStream) -> [Double] {
            let own = loadings.enumerated().map { movement, axes in
                axes.enumerated().map { axis, loading in
                    let personal = Spread.personPosture * person.posture[movement][axis]
                    return weights[movement] * (loading + personal + 0.25 * stream.normal())
                }
            }
            let rate = person.breathing * (1 + 0.1 * stream.normal())
            let start = 2 * .pi * stream.uniform()
            var movements = [(0..<steps).map { 1.2 * sin(2 * .pi * rate * Double($0) / sampleRate + start) }]
            for cutoff in Self.cutoffs {
                movements.append(Noise.correlated(exp(-2 * .pi * cutoff / sampleRate), &stream))
            }
            var samples = [Double](repeating: 0, count: steps * 6)
            for step in 0..<steps {
                for axis in 0..<6 {
                    var sum = 0.0
                    for movement in 0..<4 { sum += own[movement][axis] * movements[movement][step] }
                    samples[step * 6 + axis] = sum
                }
            }
            if stream.uniform() < 0.15 { addBump(to: &samples, &stream) }
            person.turn(&samples)
            for index in samples.indices {
                samples[index] += Spread.stillNoise * person.noise * stream.normal()
                // A still body moves by hundredths of a g: the constant of the normalisation matters as in real data.
                samples[index] *= 0.01
            }
            return samples
        }

        /// A small movement that fades within a second: somebody shifts their weight.
        private func addBump(to samples: inout [Double], _ stream: inout RandomStream) {
            let begin = Int(stream.uniform() * Double(steps))
            let heights = (0..<6).map { _ in 2 * stream.normal() }
            for step in begin..<steps {
                let fade = exp(-Double(step - begin) / (0.3 * sampleRate))
                for axis in 0..<6 { samples[step * 6 + axis] += fade * heights[axis] }
            }
        }
    }
}
