// The kernels for the plain instruction set and, on x86, for AVX2 and AVX-512.
#include "ckernels.h"

#include <string.h>

#pragma clang diagnostic ignored "-Wpsabi"

typedef double d8 __attribute__((vector_size(64)));
typedef float f8 __attribute__((vector_size(32)));
typedef float f8_loose __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint64_t u8_vector __attribute__((vector_size(64)));
typedef uint64_t u8_loose __attribute__((vector_size(64), aligned(8), may_alias));

#define WIDEN(from) __builtin_convertvector(*(const f8_loose *)(from), d8)
#define REDUCE(v) ((((v)[0] + (v)[4]) + ((v)[2] + (v)[6])) + (((v)[1] + (v)[5]) + ((v)[3] + (v)[7])))

// A word of the state of as many blocks as a register holds.
typedef uint32_t w4 __attribute__((vector_size(16)));
typedef uint32_t w8 __attribute__((vector_size(32)));
typedef uint32_t w16 __attribute__((vector_size(64)));

#define KERNEL(name) name##_plain
#define WORDS w4
#include "kernels_body.h"
#undef WORDS
#undef KERNEL

#if defined(__x86_64__)
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#define KERNEL(name) name##_avx2
#define WORDS w8
#include "kernels_body.h"
#undef WORDS
#undef KERNEL
#pragma clang attribute pop

#pragma clang attribute push( \
    __attribute__((target("avx2,fma,avx512f,avx512bw,avx512dq,avx512vl"))), apply_to = function)
#define KERNEL(name) name##_avx512
#define WORDS w16
#include "kernels_body.h"
#undef WORDS
#undef KERNEL
#pragma clang attribute pop

static int level(void) {
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma")) return 0;
    const int wide = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    return wide ? 2 : 1;
}

#define CALL(name, ...) \
    (level() == 2 ? name##_avx512(__VA_ARGS__) : level() == 1 ? name##_avx2(__VA_ARGS__) : name##_plain(__VA_ARGS__))
#else
#define CALL(name, ...) name##_plain(__VA_ARGS__)
#endif

void ck_add_f32(double *sums, const float *values, double weight, size_t count) {
    CALL(add_f32, sums, values, weight, count);
}

void ck_add_f64(double *sums, const double *values, double weight, size_t count) {
    CALL(add_f64, sums, values, weight, count);
}

void ck_add4_f32(
    double *sums, const float *first, const float *second, const float *third, const float *fourth,
    const double *weights, size_t count) {
    CALL(add4_f32, sums, first, second, third, fourth, weights, count);
}

void ck_add_signs_f32(double *sums, const float *values, size_t count) {
    CALL(add_signs_f32, sums, values, count);
}

void ck_signs(double *sums, double step, size_t count) {
    CALL(signs, sums, step, count);
}

int ck_finish_f32(float *target, const double *sums, const float *global, size_t count) {
    return CALL(finish_f32, target, sums, global, count);
}

void ck_scale_f32(float *values, double weight, size_t count) {
    CALL(scale_f32, values, weight, count);
}

int ck_finite_f32(const float *values, size_t count) {
    return CALL(finite_f32, values, count);
}

void ck_chacha20(
    const uint32_t *key, const uint32_t *nonce, uint64_t number, uint32_t *words, size_t blocks, int subtracts) {
    CALL(chacha20, key, nonce, number, words, blocks, subtracts);
}

void ck_gram_f32(const float *const *values, size_t rows, size_t count, double *products) {
    CALL(gram_f32, values, rows, count, products);
}

void ck_squares_f32(const float *const *values, size_t rows, size_t count, double *squares) {
    CALL(squares_f32, values, rows, count, squares);
}

void ck_columns_f32(
    const float *const *values, size_t rows, size_t count, const uint32_t *pairs, size_t pair_count,
    ck_column_kind kind, size_t from, size_t to, float *scratch, double *target) {
    CALL(columns_f32, values, rows, count, pairs, pair_count, kind, from, to, scratch, target);
}

uint64_t ck_stream(const uint64_t *words, size_t count) {
    return CALL(stream, words, count);
}
