import Datasets
import Foundation
import Testing

@Suite struct RealFFTTests {
    @Test(arguments: [2, 4, 8, 16, 64, 512])
    func agreesWithTheSlowTransform(count: Int) {
        let signal = AudioGolden.signal(count, seed: UInt32(count)).map { Double($0) }
        var fft = RealFFT(count: count)
        // Twice, as the working memory is kept.
        _ = fft.spectrum(of: signal.map { 1 - $0 })
        let (real, imaginary) = fft.spectrum(of: signal)
        #expect(real.count == count / 2 + 1)
        for k in 0...count / 2 {
            var re = 0.0
            var im = 0.0
            for (n, x) in signal.enumerated() {
                let angle = -2 * Double.pi * Double(k * n % count) / Double(count)
                re += x * cos(angle)
                im += x * sin(angle)
            }
            #expect(abs(re - real[k]) < 1e-10 && abs(im - imaginary[k]) < 1e-10, "\(count), \(k)")
        }
    }

    @Test func powerKeepsTheEnergy() {
        let signal = AudioGolden.signal(1024).map { Double($0) }
        var fft = RealFFT(count: 1024)
        var power = [Double](repeating: 0, count: 513)
        fft.powerSpectrum(of: signal, into: &power)
        // Parseval: the inner frequencies stand for their mirror images too.
        let energy = (power.reduce(0, +) * 2 - power[0] - power[512]) / 1024
        #expect(abs(energy - signal.reduce(0) { $0 + $1 * $1 }) < 1e-9)
    }
}
