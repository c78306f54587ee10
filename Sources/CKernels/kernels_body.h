// The kernels, compiled once for each instruction set. No guard and no includes: what is included here would be compiled
// for that instruction set too. The compiler vectorises the plain loops.

static void KERNEL(add_f32)(double *restrict sums, const float *restrict values, double weight, size_t count) {
    for (size_t i = 0; i < count; ++i) sums[i] += weight * (double)values[i];
}

static void KERNEL(add_f64)(double *restrict sums, const double *restrict values, double weight, size_t count) {
    for (size_t i = 0; i < count; ++i) sums[i] += weight * values[i];
}

static void KERNEL(add4_f32)(
    double *restrict sums, const float *restrict first, const float *restrict second, const float *restrict third,
    const float *restrict fourth, const double *weights, size_t count) {
    const double a = weights[0], b = weights[1], c = weights[2], d = weights[3];
    for (size_t i = 0; i < count; ++i) {
        double sum = sums[i];
        sum += a * (double)first[i];
        sum += b * (double)second[i];
        sum += c * (double)third[i];
        sum += d * (double)fourth[i];
        sums[i] = sum;
    }
}

static void KERNEL(add_signs_f32)(double *restrict sums, const float *restrict values, size_t count) {
    for (size_t i = 0; i < count; ++i) sums[i] += (values[i] > 0 ? 1.0 : 0.0) - (values[i] < 0 ? 1.0 : 0.0);
}

static void KERNEL(signs)(double *restrict sums, double step, size_t count) {
    for (size_t i = 0; i < count; ++i) sums[i] = sums[i] > 0 ? step : sums[i] < 0 ? -step : 0;
}

static int KERNEL(finite_f32)(const float *restrict values, size_t count) {
    const uint32_t *restrict bits = (const uint32_t *)values;
    uint32_t found = 0;
    for (size_t i = 0; i < count; ++i) found |= (bits[i] & 0x7F800000u) == 0x7F800000u;
    return !found;
}

static int KERNEL(finish_f32)(
    float *restrict target, const double *restrict sums, const float *restrict global, size_t count) {
    for (size_t i = 0; i < count; ++i) target[i] = (float)(sums[i] + (double)global[i]);
    return KERNEL(finite_f32)(target, count);
}

static void KERNEL(scale_f32)(float *values, double weight, size_t count) {
    for (size_t i = 0; i < count; ++i) values[i] = (float)(weight * (double)values[i]);
}

static uint64_t KERNEL(stream)(const uint64_t *words, size_t count) {
    u8_vector parts[4] = {};
    size_t i = 0;
    for (; i + 32 <= count; i += 32) {
        for (int p = 0; p < 4; ++p) parts[p] ^= *(const u8_loose *)(words + i + 8 * p);
    }
    uint64_t all = 0;
    for (; i < count; ++i) all ^= words[i];
    for (int p = 0; p < 4; ++p) {
        for (int l = 0; l < 8; ++l) all ^= parts[p][l];
    }
    return all;
}

// MARK: Inner products. The product of two floats is exact in Float64, so that fusing it changes no bit.

/// Columns of one pass over all pairs of rows, so that they stay in the first-level cache.
#define GRAM_CHUNK 1024

/// The products of four rows with four others over at most GRAM_CHUNK columns are added to `products`.
static void KERNEL(gram_tile)(
    const float *const *left, const float *const *right, size_t start, size_t count, double *restrict products) {
#pragma clang fp contract(fast)
    d8 sums[4][4] = {};
    const float *a[4], *b[4];
    for (int r = 0; r < 4; ++r) {
        a[r] = left[r] + start;
        b[r] = right[r] + start;
    }
    size_t i = 0;
    for (; i + 8 <= count; i += 8) {
        d8 columns[4];
        for (int c = 0; c < 4; ++c) columns[c] = WIDEN(b[c] + i);
        for (int r = 0; r < 4; ++r) {
            const d8 row = WIDEN(a[r] + i);
            for (int c = 0; c < 4; ++c) sums[r][c] += row * columns[c];
        }
    }
    for (int r = 0; r < 4; ++r) {
        for (int c = 0; c < 4; ++c) {
            double lanes[8];
            memcpy(lanes, &sums[r][c], sizeof lanes);
            for (size_t k = i; k < count; ++k) lanes[k & 7] += (double)a[r][k] * (double)b[c][k];
            products[4 * r + c] = REDUCE(lanes);
        }
    }
}

static void KERNEL(gram_f32)(const float *const *values, size_t rows, size_t count, double *restrict products) {
    memset(products, 0, rows * (rows + 1) / 2 * sizeof(double));
    for (size_t start = 0; start < count; start += GRAM_CHUNK) {
        const size_t length = count - start < GRAM_CHUNK ? count - start : GRAM_CHUNK;
        for (size_t i = 0; i < rows; i += 4) {
            for (size_t j = 0; j <= i; j += 4) {
                // Past the last row the last one stands in; its products are dropped.
                const float *left[4], *right[4];
                for (size_t r = 0; r < 4; ++r) {
                    left[r] = values[i + r < rows ? i + r : rows - 1];
                    right[r] = values[j + r < rows ? j + r : rows - 1];
                }
                double tile[16];
                KERNEL(gram_tile)(left, right, start, length, tile);
                for (size_t r = 0; r < 4 && i + r < rows; ++r) {
                    for (size_t c = 0; c < 4 && j + c <= i + r; ++c) {
                        products[(i + r) * (i + r + 1) / 2 + j + c] += tile[4 * r + c];
                    }
                }
            }
        }
    }
}

static void KERNEL(squares_f32)(const float *const *values, size_t rows, size_t count, double *restrict squares) {
#pragma clang fp contract(fast)
    for (size_t row = 0; row < rows; ++row) {
        const float *from = values[row];
        double total = 0;
        for (size_t start = 0; start < count; start += GRAM_CHUNK) {
            const size_t length = count - start < GRAM_CHUNK ? count - start : GRAM_CHUNK;
            d8 sum = {};
            size_t i = 0;
            for (; i + 8 <= length; i += 8) {
                const d8 lanes = WIDEN(from + start + i);
                sum += lanes * lanes;
            }
            double lanes[8];
            memcpy(lanes, &sum, sizeof lanes);
            for (; i < length; ++i) lanes[i & 7] += (double)from[start + i] * (double)from[start + i];
            total += REDUCE(lanes);
        }
        squares[row] = total;
    }
}

// MARK: Columns

static inline void KERNEL(comparator)(float *restrict low, float *restrict high) {
    for (int l = 0; l < CK_LANES; ++l) {
        const float a = low[l], b = high[l];
        low[l] = b < a ? b : a;
        high[l] = b < a ? a : b;
    }
}

/// The mean of the rows from `from` to before `to` of each lane.
static inline void KERNEL(middle)(const float *restrict sorted, size_t from, size_t to, double *restrict result) {
    double sums[CK_LANES] = {0};
    for (size_t r = from; r < to; ++r) {
        for (int l = 0; l < CK_LANES; ++l) sums[l] += (double)sorted[r * CK_LANES + l];
    }
    const double count = (double)(to - from);
    for (int l = 0; l < CK_LANES; ++l) result[l] = sums[l] / count;
}

/// The mean of the `kept` rows of each lane that are nearest to the lane's median: of the windows of sorted values the one
/// whose farther end is nearest.
static inline void KERNEL(nearest)(const float *restrict sorted, size_t rows, size_t kept, double *restrict result) {
    double median[CK_LANES], best[CK_LANES], start[CK_LANES] = {0};
    KERNEL(middle)(sorted, (rows - 1) / 2, rows / 2 + 1, median);
    for (size_t first = 0; first + kept <= rows; ++first) {
        for (int l = 0; l < CK_LANES; ++l) {
            const double below = median[l] - (double)sorted[first * CK_LANES + l];
            const double above = (double)sorted[(first + kept - 1) * CK_LANES + l] - median[l];
            const double reach = below < above ? above : below;
            const int wins = first == 0 || reach < best[l];
            best[l] = wins ? reach : best[l];
            start[l] = wins ? (double)first : start[l];
        }
    }
    double sums[CK_LANES] = {0};
    for (size_t r = 0; r < rows; ++r) {
        const double place = (double)r;
        for (int l = 0; l < CK_LANES; ++l) {
            const int inside = place >= start[l] && place < start[l] + (double)kept;
            sums[l] += inside ? (double)sorted[r * CK_LANES + l] : 0;
        }
    }
    const double count = (double)kept;
    for (int l = 0; l < CK_LANES; ++l) result[l] = sums[l] / count;
}

static void KERNEL(columns_f32)(
    const float *const *values, size_t rows, size_t count, const uint32_t *pairs, size_t pair_count,
    ck_column_kind kind, size_t from, size_t to, float *scratch, double *target) {
    for (size_t start = 0; start < count; start += CK_LANES) {
        const size_t length = count - start < CK_LANES ? count - start : CK_LANES;
        for (size_t r = 0; r < rows; ++r) {
            float *row = scratch + r * CK_LANES;
            memcpy(row, values[r] + start, length * sizeof(float));
            for (size_t l = length; l < CK_LANES; ++l) row[l] = 0;
        }
        for (size_t p = 0; p < pair_count; ++p) {
            KERNEL(comparator)(scratch + pairs[2 * p] * CK_LANES, scratch + pairs[2 * p + 1] * CK_LANES);
        }
        double result[CK_LANES] = {0};
        if (kind == ck_middle) {
            KERNEL(middle)(scratch, from, to, result);
        } else {
            KERNEL(nearest)(scratch, rows, to, result);
        }
        memcpy(target + start, result, length * sizeof(double));
    }
}

#define ROTATE(v, bits) (((v) << (bits)) | ((v) >> (32 - (bits))))
#define QUARTER(a, b, c, d) \
    a += b, d = ROTATE(d ^ a, 16), c += d, b = ROTATE(b ^ c, 12), a += b, d = ROTATE(d ^ a, 8), c += d, \
        b = ROTATE(b ^ c, 7)

static void KERNEL(chacha20)(
    const uint32_t *key, const uint32_t *nonce, uint64_t number, uint32_t *words, size_t blocks, int subtracts) {
    enum { lanes = sizeof(WORDS) / 4 };
    const WORDS zero = {0};
    WORDS start[16];
    start[0] = zero + 0x61707865u;
    start[1] = zero + 0x3320646Eu;
    start[2] = zero + 0x79622D32u;
    start[3] = zero + 0x6B206574u;
    for (int i = 0; i < 8; ++i) start[4 + i] = zero + key[i];
    start[13] = zero + nonce[0];
    start[15] = zero + nonce[2];
    while (blocks > 0) {
        const size_t count = blocks < lanes ? blocks : lanes;
        for (int i = 0; i < lanes; ++i) {
            start[12][i] = (uint32_t)(number + i);
            start[14][i] = nonce[1] + (uint32_t)((number + i) >> 32);
        }
        WORDS s0 = start[0], s1 = start[1], s2 = start[2], s3 = start[3], s4 = start[4], s5 = start[5],
              s6 = start[6], s7 = start[7], s8 = start[8], s9 = start[9], s10 = start[10], s11 = start[11],
              s12 = start[12], s13 = start[13], s14 = start[14], s15 = start[15];
        for (int round = 0; round < 10; ++round) {
            QUARTER(s0, s4, s8, s12);
            QUARTER(s1, s5, s9, s13);
            QUARTER(s2, s6, s10, s14);
            QUARTER(s3, s7, s11, s15);
            QUARTER(s0, s5, s10, s15);
            QUARTER(s1, s6, s11, s12);
            QUARTER(s2, s7, s8, s13);
            QUARTER(s3, s4, s9, s14);
        }
        const WORDS stream[16] = {
            s0 + start[0], s1 + start[1], s2 + start[2], s3 + start[3], s4 + start[4], s5 + start[5],
            s6 + start[6], s7 + start[7], s8 + start[8], s9 + start[9], s10 + start[10], s11 + start[11],
            s12 + start[12], s13 + start[13], s14 + start[14], s15 + start[15]};
        const uint32_t *from = (const uint32_t *)stream;
        for (size_t block = 0; block < count; ++block) {
            uint32_t *target = words + block * 16;
            for (int word = 0; word < 16; ++word) {
                const uint32_t value = from[word * lanes + block];
                target[word] = subtracts ? target[word] - value : target[word] + value;
            }
        }
        words += count * 16;
        number += count;
        blocks -= count;
    }
}

#undef ROTATE
#undef QUARTER
