internal import CTorch

/// LibTorch as it is set up in this process.
public enum TorchRuntime {
    /// What is in force, for logs, the trainer's hello and the model card.
    public struct Description: Sendable, Hashable {
        /// LibTorch's version, for example `1.13.0`.
        public var version: String
        /// The BLAS behind matrix products, for example `OpenBLAS 0.3.21 SkylakeX`.
        public var blas: String
        /// The vector instructions LibTorch's own kernels use, for example `AVX2`.
        public var cpuCapability: String
        /// The vector instructions that our own kernels use: `plain`, `avx2` or `avx512`.
        public var kernels: String
        /// Threads within an operation.
        public var threads: Int
        /// Threads between operations.
        public var interopThreads: Int
        /// Whether matrix products run on the unoptimised reference BLAS.
        public var usesReferenceBLAS: Bool

        /// One line for the log.
        public var logLine: String {
            "LibTorch \(version), BLAS \(blas), CPU \(cpuCapability), kernels \(kernels), "
                + "threads \(threads) within and \(interopThreads) between operations"
        }

        /// What the operator should mend, or nil.
        public var warning: String? {
            guard usesReferenceBLAS else { return nil }
            return "matrix products run on the reference BLAS, which is tens of times slower: "
                + "install libopenblas0-pthread (apt-get install libopenblas-dev) and start again"
        }
    }

    /// Pins LibTorch's threads within and between operations, and OpenBLAS's own pool, to `threads`, and lets the process keep
    /// freed memory for the next step.
    ///
    /// Call it before the first operation: the number between operations can be set only once. Calling it again, from
    /// any thread, sets the rest again. Results do not depend on it across processes as long as the number is the same.
    ///
    /// - Parameter threads: at least 1.
    /// - Returns: what is in force now.
    @discardableResult
    public static func configure(threads: Int) throws(TensorError) -> Description {
        guard let count = Int32(exactly: threads), count >= 1 else {
            throw TensorError(.invalidArgument, "threads: expected at least 1, found \(threads)")
        }
        try checkNative("configure") { ct_set_threads(count, $0) }
        ct_keep_freed_memory()
        return try describe()
    }

    /// Runs our own kernels for every instruction set of this machine on the same numbers and compares what comes out: equal
    /// bits where multiplications are fused with additions, equal to within rounding otherwise.
    ///
    /// - Throws: `TensorError` that names the kernel that differs.
    public static func checkKernels() throws(TensorError) {
        try checkNative("kernels") { ct_check_kernels($0) }
    }

    /// Describes the runtime without changing it.
    public static func describe() throws(TensorError) -> Description {
        var runtime = ct_runtime()
        try checkNative("describe") { ct_describe_runtime(&runtime, $0) }
        defer { ct_free_runtime(&runtime) }
        let build = runtime.build.map { String(cString: $0) } ?? ""
        let blas = BLASIdentity(
            build: build,
            file: runtime.blas_file.map { String(cString: $0) },
            openBLASConfig: runtime.openblas_config.map { String(cString: $0) },
            openBLASCore: runtime.openblas_core.map { String(cString: $0) })
        return Description(
            version: runtime.version.map { String(cString: $0) } ?? "unknown",
            blas: blas.name,
            cpuCapability: BLASIdentity.value(after: "CPU capability usage: ", in: build) ?? "unknown",
            kernels: runtime.kernels.map { String(cString: $0) } ?? "unknown",
            threads: Int(runtime.threads),
            interopThreads: Int(runtime.interop_threads),
            usesReferenceBLAS: blas.isReference)
    }
}

/// Which BLAS LibTorch calls, told from what the process has loaded.
struct BLASIdentity: Equatable {
    var name: String
    var isReference: Bool

    init(build: String, file: String?, openBLASConfig: String?, openBLASCore: String?) {
        isReference = false
        // A LibTorch with its own BLAS inside says so; then a BLAS elsewhere in the process does not matter.
        if build.contains("BLAS_INFO=mkl") || build.contains("Math Kernel Library Version") {
            name = "MKL"
            return
        }
        let path = file ?? ""
        if path.contains("openblas") || (file == nil && openBLASConfig != nil) {
            // The configuration reads "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH ...": the first two words say enough.
            let words = (openBLASConfig ?? "OpenBLAS").split(separator: " ").prefix(2).joined(separator: " ")
            name = [words, openBLASCore].compactMap(\.self).joined(separator: " ")
        } else if path.contains("mkl") {
            name = "MKL"
        } else if path.contains("blis") {
            name = "BLIS"
        } else if path.contains("atlas") {
            name = "ATLAS"
        } else if path.contains("libblas") {
            name = "reference BLAS (slow)"
            isReference = true
        } else {
            name = Self.value(after: "BLAS_INFO=", in: build).map { String($0.prefix { $0 != "," }) } ?? "unknown"
        }
    }

    /// The rest of the line after a label.
    static func value(after label: String, in text: String) -> String? {
        guard let range = text.firstRange(of: label) else { return nil }
        return String(text[range.upperBound...].prefix { $0 != "\n" })
    }
}
