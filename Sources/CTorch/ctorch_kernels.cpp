// The kernels for the plain instruction set and, on x86, for AVX2 with fused multiply-add and for AVX-512. The last two
// give the same bits: every sum has the same order, whatever the width of a register.
#include "kernels.hpp"

namespace shim {

namespace {

#define KERNELS plain
#define VECTOR_BYTES 16
#include "kernels_body.hpp"
#undef KERNELS
#undef VECTOR_BYTES

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNELS avx2
#define VECTOR_BYTES 32
#include "kernels_body.hpp"
#undef KERNELS
#undef VECTOR_BYTES
#pragma clang attribute pop

#pragma clang attribute push(__attribute__((target("avx512f,avx512dq,avx512bw,avx512vl,avx2,fma"))), apply_to = function)
#define KERNELS avx512
#define VECTOR_BYTES 64
#include "kernels_body.hpp"
#undef KERNELS
#undef VECTOR_BYTES
#pragma clang attribute pop

bool has_avx512() {
    static const bool found = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")
        && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
    return found;
}

bool has_avx2() {
    static const bool found = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    return found;
}
#endif

template <typename Scalar>
const kernel_set<Scalar> &chosen() {
#if defined(__x86_64__)
    if (has_avx512()) return avx512::set<Scalar>;
    if (has_avx2()) return avx2::set<Scalar>;
#endif
    return plain::set<Scalar>;
}

}  // namespace

template <>
const kernel_set<float> &kernels<float>() {
    return chosen<float>();
}

template <>
const kernel_set<double> &kernels<double>() {
    return chosen<double>();
}

}  // namespace shim
