#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// The natural logarithm of the platform.
func logarithm(_ value: Double) -> Double { log(value) }

/// `base` to the power of `exponent`, as the platform has it.
func power(_ base: Double, _ exponent: Double) -> Double { pow(base, exponent) }
