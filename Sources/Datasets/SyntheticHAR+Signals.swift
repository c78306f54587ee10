import Randomness

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

extension SyntheticHAR {
    /// The six activities in the order of the labels.
    static let activities: [Activity] = {
        var stream = RandomStream(seed: 1, purpose: "synthetic-har-activities")
        let gait = GaitTemplate.shared(&stream)
        let sway = SwayTemplate.shared(&stream)
        return [
            .moving(gait.varied(cadence: 1.0, &stream)),
            .moving(gait.varied(cadence: 0.9, &stream)),
            .moving(gait.varied(cadence: 1.07, &stream)),
            .still(sway.varied(weights: [0.5, 1.0, 0.8, 0.5], &stream)),
            .still(sway.varied(weights: [0.3, 0.8, 1.0, 0.7], &stream)),
            .still(sway.varied(weights: [1.1, 0.9, 0.5, 0.4], &stream)),
        ]
    }()

    /// How one activity makes a window.
    enum Activity: Sendable {
        case moving(GaitTemplate)
        case still(SwayTemplate)

        /// Draws one window `[128, 6]`: three axes of acceleration, three of angular velocity.
        func window(of person: Person, _ stream: inout RandomStream) -> [Float] {
            let signal =
                switch self {
                case .moving(let gait): gait.window(of: person, &stream)
                case .still(let sway): sway.window(of: person, &stream)
                }
            return signal.map { Float($0) }
        }
    }

    /// A complex number as far as waves need it.
    struct Phasor: Sendable {
        var real: Double
        var imaginary: Double

        static func polar(_ length: Double, _ angle: Double) -> Phasor {
            Phasor(real: length * cos(angle), imaginary: length * sin(angle))
        }

        static func * (a: Phasor, b: Phasor) -> Phasor {
            Phasor(
                real: a.real * b.real - a.imaginary * b.imaginary,
                imaginary: a.real * b.imaginary + a.imaginary * b.real)
        }
    }

    /// How strongly things vary; fixed by trial so that the HAR model learns well and not perfectly.
    enum Spread {
        /// Distance of the three gaits from their common template, relative to the overtone's size.
        static let gait = 0.9
        /// Distance of the three postures from their common template.
        static let posture = 0.9
        /// A person's overtone phases, in radians.
        static let personPhase = 0.4
        /// A person's overtone amplitudes, as the deviation of the logarithm.
        static let personAmplitude = 0.35
        /// A person's posture, relative to the template.
        static let personPosture = 0.22
        /// How the sensor sits, in radians about each axis.
        static let orientation = 0.25
        /// Noise on top of moving windows.
        static let movingNoise = 0.18
        /// White noise on top of still windows.
        static let stillNoise = 0.3
    }

    static let steps = UCIHARReader.steps
    static let sampleRate = 50.0
}
