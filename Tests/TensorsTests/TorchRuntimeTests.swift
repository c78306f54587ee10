import Testing

@testable import Tensors

@Suite struct TorchRuntimeTests {
    @Test func pinsThreadsAndSaysWhatIsInForce() throws {
        let runtime = try TorchRuntime.configure(threads: 1)
        #expect(runtime.threads == 1)
        #expect(runtime.version.contains("."))
        #expect(runtime.logLine.contains("LibTorch \(runtime.version)"))
        #expect(!runtime.blas.isEmpty && !runtime.cpuCapability.isEmpty)
        #expect((runtime.warning != nil) == runtime.usesReferenceBLAS)
        #expect(try TorchRuntime.configure(threads: 1) == TorchRuntime.describe())
    }

    @Test func kernelsOfEveryInstructionSetAgree() throws {
        #expect(["plain", "avx2", "avx512"].contains(try TorchRuntime.describe().kernels))
        try TorchRuntime.checkKernels()
    }

    @Test(arguments: [0, -1, 1 << 40])
    func refusesANumberOfThreads(_ threads: Int) {
        #expect(throws: TensorError.self) { try TorchRuntime.configure(threads: threads) }
    }

    @Test(
        arguments: [
            (
                "BLAS_INFO=generic, ", "/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblasp-r0.3.21.so",
                "OpenBLAS 0.3.21 NO_LAPACKE DYNAMIC_ARCH", "Haswell", "OpenBLAS 0.3.21 Haswell", false
            ),
            (
                "BLAS_INFO=generic, ", "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0", nil, nil,
                "reference BLAS (slow)", true
            ),
            (
                "BLAS_INFO=generic, ", "/usr/lib/x86_64-linux-gnu/blas/libblas.so.3.11.0", "OpenBLAS 0.3.21 X", "Zen",
                "reference BLAS (slow)", true
            ),
            ("BLAS_INFO=mkl, BUILD_TYPE=Release", nil, "OpenBLAS 0.3.21 X", "Zen", "MKL", false),
            ("BLAS_INFO=open, BUILD_TYPE=Release", nil, nil, nil, "open", false),
            ("", nil, nil, nil, "unknown", false),
            ("", "/usr/lib/x86_64-linux-gnu/libmkl_rt.so", nil, nil, "MKL", false),
            ("", "/usr/lib/x86_64-linux-gnu/blis-openmp/libblas.so.3", nil, nil, "BLIS", false),
            ("", "/usr/lib/x86_64-linux-gnu/atlas/libblas.so.3", nil, nil, "ATLAS", false),
        ] as [(String, String?, String?, String?, String, Bool)])
    func tellsTheBLAS(
        _ build: String, _ file: String?, _ config: String?, _ core: String?, _ name: String, _ isReference: Bool
    ) {
        let identity = BLASIdentity(build: build, file: file, openBLASConfig: config, openBLASCore: core)
        #expect(identity.name == name)
        #expect(identity.isReference == isReference)
    }
}
