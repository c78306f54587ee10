// The inner loops of aggregation, and the key stream of masks, for the instruction set that the machine has.
//
// Every result has the same bits for every instruction set: the order of additions is fixed (element i of a sum goes to
// lane i mod 8), and products are contracted into fused operations only where they are exact. Nothing here allocates,
// fails or keeps state; pointers are aligned to their element.
#ifndef TRIBUTARY_CKERNELS_H
#define TRIBUTARY_CKERNELS_H

#include <stddef.h>
#include <stdint.h>

/// How many columns `ck_columns` works on at once: its scratch memory holds as many floats for each row.
#define CK_LANES 64

/// sums += weight · values.
void ck_add_f32(double *sums, const float *values, double weight, size_t count);
/// sums += weight · values.
void ck_add_f64(double *sums, const double *values, double weight, size_t count);
/// sums = (((sums + w₀ v₀) + w₁ v₁) + w₂ v₂) + w₃ v₃: the same bits as four calls of `ck_add_f32`.
void ck_add4_f32(
    double *sums, const float *first, const float *second, const float *third, const float *fourth,
    const double *weights, size_t count);
/// sums += sign of values, NaN counting as 0.
void ck_add_signs_f32(double *sums, const float *values, size_t count);
/// sums = step · sign of sums.
void ck_signs(double *sums, double step, size_t count);
/// target = float of (global + sums). Returns 1 when all are finite, else 0.
int ck_finish_f32(float *target, const double *sums, const float *global, size_t count);
/// values = float of weight · values.
void ck_scale_f32(float *values, double weight, size_t count);
/// Whether no value is NaN or infinite.
int ck_finite_f32(const float *values, size_t count);

/// words ± the key stream of ChaCha20 (RFC 8439), modulo 2³², for whole blocks of 16 words, several at a time: block number n has
/// the counter n mod 2³² and the nonce (nonce₀, nonce₁ + ⌊n / 2³²⌋, nonce₂).
///
/// - key: 8 words; nonce: 3 words; words: 16 · blocks.
/// - subtracts: whether the stream is taken away.
void ck_chacha20(
    const uint32_t *key, const uint32_t *nonce, uint64_t number, uint32_t *words, size_t blocks, int subtracts);

/// The inner products of `rows` rows: entry i(i + 1) / 2 + j for j ≤ i of `products`, in Float64.
void ck_gram_f32(const float *const *values, size_t rows, size_t count, double *products);
/// The inner product of each row with itself, in Float64.
void ck_squares_f32(const float *const *values, size_t rows, size_t count, double *squares);

/// What `ck_columns` makes of the sorted values of a column.
typedef enum {
    /// The mean of those from place `from` to before place `to`.
    ck_middle,
    /// The mean of the `to` values that are nearest to the median, the lower ones of equals.
    ck_nearest
} ck_column_kind;

/// Sorts the columns of some rows by a network of comparators and makes one number of each.
///
/// - pairs: `pair_count` comparators, each two row numbers, the lower first.
/// - scratch: CK_LANES · rows floats, aligned to 64 bytes.
void ck_columns_f32(
    const float *const *values, size_t rows, size_t count, const uint32_t *pairs, size_t pair_count,
    ck_column_kind kind, size_t from, size_t to, float *scratch, double *target);

/// The exclusive or of all words: reads memory as fast as one core can.
uint64_t ck_stream(const uint64_t *words, size_t count);

#endif
