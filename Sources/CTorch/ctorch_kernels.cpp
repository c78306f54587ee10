// The kernels for the plain instruction set and, on x86, for AVX2 and AVX-512 with fused multiply-add. The latter two give
// the same bits: every element is one sum in one order, and each multiplication is fused with its addition.
#include "kernels.hpp"

#include <cstdlib>
#include <cstring>

namespace shim {

namespace {

#define KERNELS plain
#define VECTOR_BYTES 16
#define TILE_ROWS 6
#include "kernels_body.hpp"
#undef KERNELS
#undef VECTOR_BYTES
#undef TILE_ROWS

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNELS avx2
#define VECTOR_BYTES 32
#define TILE_ROWS 6
#include "kernels_body.hpp"
#undef KERNELS
#undef VECTOR_BYTES
#undef TILE_ROWS
#pragma clang attribute pop

// On 32 registers of 16 numbers, a panel is one register wide and 16 rows fill half of them.
#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define KERNELS avx512
#define VECTOR_BYTES 64
#define TILE_ROWS 16
#include "kernels_body.hpp"
#undef KERNELS
#undef VECTOR_BYTES
#undef TILE_ROWS
#pragma clang attribute pop
#endif

enum class level { plain, avx2, avx512 };

/// The best that the machine has.
level machine_level() {
    level best = level::plain;
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        best = level::avx2;
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw")
            && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
            best = level::avx512;
        }
    }
#endif
    return best;
}

/// The best, or what TRIBUTARY_KERNELS names if the machine has it: `plain`, `avx2` or `avx512`.
level find_level() {
    const level best = machine_level();
    const char *wanted = std::getenv("TRIBUTARY_KERNELS");
    if (wanted == nullptr) return best;
    if (std::strcmp(wanted, "plain") == 0) return level::plain;
    if (std::strcmp(wanted, "avx2") == 0 && best >= level::avx2) return level::avx2;
    return best;
}

level chosen_level() {
    static const level found = find_level();
    return found;
}

template <typename Scalar>
const kernel_set<Scalar> &chosen() {
#if defined(__x86_64__)
    switch (chosen_level()) {
    case level::avx512: return avx512::set<Scalar>;
    case level::avx2: return avx2::set<Scalar>;
    case level::plain: break;
    }
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

std::vector<named_kernels> all_kernels() {
    std::vector<named_kernels> found = {{"plain", &plain::set<float>}};
#if defined(__x86_64__)
    const level best = machine_level();
    if (best >= level::avx2) found.push_back({"avx2", &avx2::set<float>});
    if (best >= level::avx512) found.push_back({"avx512", &avx512::set<float>});
#endif
    return found;
}

const char *kernel_level() {
    switch (chosen_level()) {
    case level::avx512: return "avx512";
    case level::avx2: return "avx2";
    case level::plain: break;
    }
    return "plain";
}

}  // namespace shim
