internal import Foundation

/// The discrete Fourier transform of a power of two complex numbers, in place; radix 2, O(n log n).
///
/// J. Cooley, J. Tukey, "An algorithm for the machine calculation of complex Fourier series", 1965.
struct FourierTransform {
    let count: Int
    /// cos and −sin of 2πk/n for k < n/2.
    private let cosines: [Double]
    private let sines: [Double]

    /// Prepares transforms of `count` numbers, a power of two.
    init(count: Int) {
        precondition(count > 0 && count & (count - 1) == 0, "the transform needs a power of two")
        self.count = count
        cosines = (0..<count / 2).map { cos(2 * Double.pi * Double($0) / Double(count)) }
        sines = (0..<count / 2).map { -sin(2 * Double.pi * Double($0) / Double(count)) }
    }

    /// X(k) = Σ x(j) e^(−2πi jk/n).
    func forward(_ real: inout [Double], _ imaginary: inout [Double]) {
        transform(&real, &imaginary, direction: 1)
    }

    /// x(j) = (1/n) Σ X(k) e^(2πi jk/n).
    func inverse(_ real: inout [Double], _ imaginary: inout [Double]) {
        transform(&real, &imaginary, direction: -1)
        let scale = 1 / Double(count)
        for index in 0..<count {
            real[index] *= scale
            imaginary[index] *= scale
        }
    }

    private func transform(_ real: inout [Double], _ imaginary: inout [Double], direction: Double) {
        precondition(real.count == count && imaginary.count == count, "the transform needs \(count) numbers")
        real.withUnsafeMutableBufferPointer { re in
            imaginary.withUnsafeMutableBufferPointer { im in
                cosines.withUnsafeBufferPointer { cosines in
                    sines.withUnsafeBufferPointer { sines in
                        reverseBits(re, im)
                        butterflies(re, im, cosines, sines, direction)
                    }
                }
            }
        }
    }

    private func reverseBits(_ re: UnsafeMutableBufferPointer<Double>, _ im: UnsafeMutableBufferPointer<Double>) {
        var target = 0
        for index in 1..<max(1, count) {
            var bit = count >> 1
            while target & bit != 0 {
                target ^= bit
                bit >>= 1
            }
            target |= bit
            if index < target {
                re.swapAt(index, target)
                im.swapAt(index, target)
            }
        }
    }

    private func butterflies(
        _ re: UnsafeMutableBufferPointer<Double>, _ im: UnsafeMutableBufferPointer<Double>,
        _ cosines: UnsafeBufferPointer<Double>, _ sines: UnsafeBufferPointer<Double>, _ direction: Double
    ) {
        var half = 1
        while half < count {
            let stride = count / (2 * half)
            var start = 0
            while start < count {
                for k in 0..<half {
                    let c = cosines[k &* stride]
                    let s = direction * sines[k &* stride]
                    let (low, high) = (start &+ k, start &+ k &+ half)
                    let tr = re[high] * c - im[high] * s
                    let ti = re[high] * s + im[high] * c
                    re[high] = re[low] - tr
                    im[high] = im[low] - ti
                    re[low] += tr
                    im[low] += ti
                }
                start &+= 2 &* half
            }
            half *= 2
        }
    }
}
