// The kernels, compiled once for each instruction set: `KERNELS` names the namespace, `VECTOR_BYTES` is the
// size of a register, `TILE_ROWS` (6 or 16) the height of a product's tile of one panel. No guard, and no includes: what is included here would be compiled for that instruction set too.
namespace KERNELS {

template <typename Scalar>
struct vector {
    static constexpr int64_t lanes = VECTOR_BYTES / sizeof(Scalar);
    typedef Scalar type __attribute__((vector_size(VECTOR_BYTES)));
    typedef Scalar loose __attribute__((vector_size(VECTOR_BYTES), aligned(alignof(Scalar)), may_alias));
};

template <typename Scalar>
inline typename vector<Scalar>::type load(const Scalar *from) {
    return *reinterpret_cast<const typename vector<Scalar>::loose *>(from);
}

template <typename Scalar>
inline void store(Scalar *to, typename vector<Scalar>::type value) {
    *reinterpret_cast<typename vector<Scalar>::loose *>(to) = value;
}

// MARK: Products

template <typename Scalar>
void pack(
    Scalar *packed, int64_t inner, int64_t columns, int64_t from, int64_t count, const Scalar *source,
    int64_t row_stride, int64_t column_stride) {
    constexpr int64_t width = panel_width<Scalar>;
    for (int64_t first = 0; first < columns; first += width) {
        Scalar *panel = packed + first * inner + from * width;
        const Scalar *column = source + first * column_stride;
        const int64_t used = columns - first < width ? columns - first : width;
        for (int64_t k = 0; k < count; ++k) {
            const Scalar *row = column + k * row_stride;
            if (used == width && column_stride == 1) {
                for (int64_t j = 0; j < width; ++j) panel[k * width + j] = row[j];
            } else {
                for (int64_t j = 0; j < width; ++j) panel[k * width + j] = j < used ? row[j * column_stride] : 0;
            }
        }
    }
}

/// `Rows` rows of one panel, whose rows are `distance` apart. A[r][k] is a[r · stride + k], or a[k · stride + r] if
/// transposed.
template <typename Scalar, int Rows, bool Transposed>
inline void tile(
    int64_t inner, const Scalar *__restrict a, int64_t stride, const Scalar *__restrict panel, int64_t distance,
    Scalar *__restrict c, int64_t c_stride, int64_t used, bool adds) {
    using V = typename vector<Scalar>::type;
    constexpr int64_t lanes = vector<Scalar>::lanes;
    constexpr int64_t parts = panel_width<Scalar> / lanes;
    V sums[Rows][parts] = {};
    if (adds && used == parts * lanes) {
        for (int r = 0; r < Rows; ++r) {
            for (int p = 0; p < parts; ++p) sums[r][p] = load(c + r * c_stride + p * lanes);
        }
    } else if (adds) {
        for (int r = 0; r < Rows; ++r) {
            for (int64_t j = 0; j < used; ++j) sums[r][j / lanes][j % lanes] = c[r * c_stride + j];
        }
    }
#pragma clang loop unroll_count(4)
    for (int64_t k = 0; k < inner; ++k) {
        V right[parts];
        for (int p = 0; p < parts; ++p) right[p] = load(panel + k * distance + p * lanes);
#pragma clang loop unroll(full)
        for (int r = 0; r < Rows; ++r) {
            const Scalar left = Transposed ? a[k * stride + r] : a[r * stride + k];
            for (int p = 0; p < parts; ++p) sums[r][p] += left * right[p];
        }
    }
    if (used == parts * lanes) {
        for (int r = 0; r < Rows; ++r) {
            for (int p = 0; p < parts; ++p) store(c + r * c_stride + p * lanes, sums[r][p]);
        }
    } else {
        for (int r = 0; r < Rows; ++r) {
            for (int64_t j = 0; j < used; ++j) c[r * c_stride + j] = sums[r][j / lanes][j % lanes];
        }
    }
}

/// The right factor: where its panels begin, and how far apart the rows of a panel are.
template <typename Scalar>
struct factor {
    const Scalar *first;
    int64_t panel_distance;
    int64_t row_distance;
};

/// Products of so few factors are bound by what they write.
constexpr int64_t shallow = 32;

/// Tall tiles fill the registers; the last rows are shared out so that no tile is very low.
inline int64_t tile_height(int64_t left) {
    const int64_t tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
    return (left + tiles - 1) / tiles;
}

/// The tile of so many rows.
template <typename Scalar, bool Transposed>
inline void any_tile(
    int64_t height, int64_t inner, const Scalar *a, int64_t stride, const Scalar *panel, int64_t distance, Scalar *c,
    int64_t c_stride, int64_t used, bool adds) {
#define TILE(ROWS)                                                                                                     \
    case ROWS: tile<Scalar, ROWS, Transposed>(inner, a, stride, panel, distance, c, c_stride, used, adds); break
    switch (height) {
        TILE(1);
        TILE(2);
        TILE(3);
        TILE(4);
        TILE(5);
        TILE(6);
#if TILE_ROWS > 6
        TILE(7);
        TILE(8);
        TILE(9);
        TILE(10);
        TILE(11);
        TILE(12);
        TILE(13);
        TILE(14);
        TILE(15);
        TILE(16);
#endif
    }
#undef TILE
}

template <typename Scalar, bool Transposed>
inline void any_product(
    int64_t rows, int64_t columns, int64_t inner, const Scalar *a, int64_t a_stride, factor<Scalar> b, Scalar *c,
    int64_t c_stride, bool adds) {
    constexpr int64_t width = panel_width<Scalar>;
    // A block of a panel stays in the first cache, a block of A in the second.
    constexpr int64_t inner_block = 256;
    constexpr int64_t row_block = 192;
    const int64_t row_offset = Transposed ? 1 : a_stride;
    const int64_t inner_offset = Transposed ? a_stride : 1;
    for (int64_t k = 0; k < inner || k == 0; k += inner_block) {
        const int64_t depth = inner - k < inner_block ? inner - k : inner_block;
        const bool adding = adds || k > 0;
        const auto at = [&](int64_t i, int64_t height, int64_t first) {
            const int64_t used = columns - first < width ? columns - first : width;
            any_tile<Scalar, Transposed>(
                height, depth, a + i * row_offset + k * inner_offset, a_stride,
                b.first + first / width * b.panel_distance + k * b.row_distance, b.row_distance,
                c + i * c_stride + first, c_stride, used, adding);
        };
        if (depth <= shallow && columns > inner_block) {
            // Little to compute for much to write: a tile's rows are written from one end to the other.
            for (int64_t i = 0, height = 0; i < rows; i += height) {
                height = tile_height(rows - i);
                for (int64_t first = 0; first < columns; first += width) at(i, height, first);
            }
            continue;
        }
        for (int64_t block = 0; block < rows; block += row_block) {
            const int64_t end = rows - block < row_block ? rows : block + row_block;
            for (int64_t first = 0; first < columns; first += width) {
                for (int64_t i = block, height = 0; i < end; i += height) {
                    height = tile_height(end - i);
                    at(i, height, first);
                }
            }
        }
    }
}

template <typename Scalar, bool Transposed>
void packed_product(
    int64_t rows, int64_t columns, int64_t inner, const Scalar *a, int64_t a_stride, const Scalar *packed, Scalar *c,
    int64_t c_stride, bool adds) {
    constexpr int64_t width = panel_width<Scalar>;
    any_product<Scalar, Transposed>(
        rows, columns, inner, a, a_stride, {packed, width * inner, width}, c, c_stride, adds);
}

template <typename Scalar>
void add_transposed_product(
    int64_t rows, int64_t columns, int64_t inner, const Scalar *a, int64_t a_stride, const Scalar *b, int64_t b_stride,
    Scalar *c, int64_t c_stride) {
    any_product<Scalar, true>(
        rows, columns, inner, a, a_stride, {b, panel_width<Scalar>, b_stride}, c, c_stride, true);
}

template <typename Scalar, bool Transposed>
void standing_product(int64_t rows, int64_t columns, int64_t inner, const Scalar *a, const Scalar *b, Scalar *c) {
    any_product<Scalar, Transposed>(
        rows, columns, inner, a, Transposed ? rows : inner, {b, panel_width<Scalar>, columns}, c, columns, false);
}

/// `Rows` rows of A with `Columns` rows of B.
template <typename Scalar, int Rows, int Columns>
inline void dot_tile(
    int64_t inner, const Scalar *__restrict a, const Scalar *__restrict b, Scalar *__restrict c, int64_t c_stride) {
    using V = typename vector<Scalar>::type;
    constexpr int64_t lanes = vector<Scalar>::lanes;
    constexpr int64_t parts = panel_width<Scalar> / lanes;
    V sums[Rows][Columns][parts] = {};
    const int64_t whole = inner - inner % panel_width<Scalar>;
    for (int64_t k = 0; k < whole; k += panel_width<Scalar>) {
        for (int64_t p = 0; p < parts; ++p) {
            V right[Columns];
            for (int j = 0; j < Columns; ++j) right[j] = load(b + j * inner + k + p * lanes);
#pragma clang loop unroll(full)
            for (int r = 0; r < Rows; ++r) {
                const V left = load(a + r * inner + k + p * lanes);
                for (int j = 0; j < Columns; ++j) sums[r][j][p] += left * right[j];
            }
        }
    }
    for (int r = 0; r < Rows; ++r) {
        for (int j = 0; j < Columns; ++j) {
            for (int64_t k = whole; k < inner; ++k) {
                const int64_t lane = k - whole;
                Scalar sum = sums[r][j][lane / lanes][lane % lanes];
                sum += a[r * inner + k] * b[j * inner + k];
                sums[r][j][lane / lanes][lane % lanes] = sum;
            }
            Scalar total = 0;
            for (int64_t lane = 0; lane < panel_width<Scalar>; ++lane) total += sums[r][j][lane / lanes][lane % lanes];
            c[r * c_stride + j] = total;
        }
    }
}

template <typename Scalar, int Columns>
inline void dot_rows(int64_t rows, int64_t inner, const Scalar *a, const Scalar *b, Scalar *c, int64_t c_stride) {
    // So many sums fill the registers.
    constexpr int tall = TILE_ROWS > 6 ? 5 : 2;
    int64_t i = 0;
    for (; i + tall <= rows; i += tall) dot_tile<Scalar, tall, Columns>(inner, a + i * inner, b, c + i * c_stride, c_stride);
    for (; i < rows; ++i) dot_tile<Scalar, 1, Columns>(inner, a + i * inner, b, c + i * c_stride, c_stride);
}

template <typename Scalar>
void product_of_rows(int64_t rows, int64_t columns, int64_t inner, const Scalar *a, const Scalar *b, Scalar *c) {
    constexpr int wide = TILE_ROWS > 6 ? 4 : 2;
    int64_t j = 0;
    for (; j + wide <= columns; j += wide) dot_rows<Scalar, wide>(rows, inner, a, b + j * inner, c + j, columns);
    for (; j < columns; ++j) dot_rows<Scalar, 1>(rows, inner, a, b + j * inner, c + j, columns);
}

template <typename Scalar>
void add_rows(int64_t rows, int64_t columns, const Scalar *a, int64_t a_stride, Scalar *sums) {
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < columns; ++j) sums[j] += a[i * a_stride + j];
    }
}

// MARK: Descent

template <typename Scalar>
double squared_norm(int64_t count, const Scalar *g) {
    // Independent sums fill the registers without an order that depends on anything but the count.
    constexpr int64_t lanes = 16;
    double sums[lanes] = {};
    const int64_t whole = count - count % lanes;
    for (int64_t i = 0; i < whole; i += lanes) {
        for (int64_t lane = 0; lane < lanes; ++lane) {
            const double value = static_cast<double>(g[i + lane]);
            sums[lane] += value * value;
        }
    }
    for (int64_t i = whole; i < count; ++i) sums[0] += static_cast<double>(g[i]) * static_cast<double>(g[i]);
    double total = 0;
    for (int64_t lane = 0; lane < lanes; ++lane) total += sums[lane];
    return total;
}

template <typename Scalar>
void descend(
    int64_t count, const descent<Scalar> &numbers, const Scalar *__restrict g, Scalar *__restrict v,
    Scalar *__restrict p) {
    const auto [scale, rate, decay, momentum, fresh, is_first, is_nesterov] = numbers;
    if (v == nullptr) {
        for (int64_t i = 0; i < count; ++i) p[i] -= rate * (g[i] * scale + decay * p[i]);
    } else if (is_first) {
        for (int64_t i = 0; i < count; ++i) {
            const Scalar d = g[i] * scale + decay * p[i];
            v[i] = d;
            p[i] -= rate * (is_nesterov ? d + momentum * d : d);
        }
    } else {
        for (int64_t i = 0; i < count; ++i) {
            const Scalar d = g[i] * scale + decay * p[i];
            const Scalar velocity = momentum * v[i] + fresh * d;
            v[i] = velocity;
            p[i] -= rate * (is_nesterov ? d + momentum * velocity : velocity);
        }
    }
}

// MARK: Gates

typedef float floats __attribute__((vector_size(VECTOR_BYTES)));
typedef int32_t ints __attribute__((vector_size(VECTOR_BYTES)));

/// e^x − 1 = 2^n (e^r − 1) + (2^n − 1) with x = n ln 2 + r, |r| ≤ ln 2 / 2 and the series of e^r − 1 to the eighth power:
/// within a few units in the last place for x from −87 to 88, limited to that range outside; NaN stays.
inline floats exp_minus_one(floats x) {
    x = x < -87.0f ? floats{} - 87.0f : x;
    x = x > 88.0f ? floats{} + 88.0f : x;
    // Adding and taking away 1.5 · 2^23 rounds to a whole number.
    const floats shifted = x * 1.44269504088896f + 12582912.0f;
    const floats n = shifted - 12582912.0f;
    // ln 2 in two parts, the first exact in products with small whole numbers.
    const floats r = (x - n * 0.693359375f) + n * 2.12194440054690e-4f;
    floats series = r * (1.0f / 40320) + 1.0f / 5040;
    series = series * r + 1.0f / 720;
    series = series * r + 1.0f / 120;
    series = series * r + 1.0f / 24;
    series = series * r + 1.0f / 6;
    series = series * r + 0.5f;
    series = series * r * r + r;
    const ints exponent = (reinterpret_cast<ints>(shifted) - 0x4B400000 + 127) << 23;
    const floats power = reinterpret_cast<floats>(exponent);
    return power * series + (power - 1.0f);
}

inline floats sigmoid(floats x) { return 1.0f / (2.0f + exp_minus_one(-x)); }

/// From e^(−2|x|) − 1, so that small values keep their precision; the sign is x's.
inline floats hyperbolic_tangent(floats x) {
    const ints sign = reinterpret_cast<ints>(x) & static_cast<int32_t>(0x80000000);
    const floats magnitude = reinterpret_cast<floats>(reinterpret_cast<ints>(x) ^ sign);
    const floats e = exp_minus_one(magnitude * -2.0f);
    const floats size = -e / (2.0f + e);
    return reinterpret_cast<floats>(reinterpret_cast<ints>(size) | sign);
}

typedef double doubles __attribute__((vector_size(VECTOR_BYTES)));

inline doubles sigmoid(doubles x) {
    for (int64_t i = 0; i < vector<double>::lanes; ++i) x[i] = 1.0 / (1.0 + __builtin_exp(-x[i]));
    return x;
}

inline doubles hyperbolic_tangent(doubles x) {
    for (int64_t i = 0; i < vector<double>::lanes; ++i) x[i] = __builtin_tanh(x[i]);
    return x;
}

/// Calls `body(position, read, write)` for whole vectors, then once for what is left, through copies.
template <typename Scalar, typename Body>
inline void in_vectors(int64_t count, Body body) {
    using V = typename vector<Scalar>::type;
    constexpr int64_t lanes = vector<Scalar>::lanes;
    const int64_t whole = count - count % lanes;
    for (int64_t i = 0; i < whole; i += lanes) {
        body(i, [](const Scalar *from) { return load(from); }, [](Scalar *to, V value) { store(to, value); });
    }
    if (whole == count) return;
    const int64_t rest = count - whole;
    body(
        whole,
        [rest](const Scalar *from) {
            V value = {};
            for (int64_t j = 0; j < rest; ++j) value[j] = from[j];
            return value;
        },
        [rest](Scalar *to, V value) {
            for (int64_t j = 0; j < rest; ++j) to[j] = value[j];
        });
}

template <typename Scalar>
void gru_forward(int64_t hidden, const gru_row<Scalar> &row) {
    using V = typename vector<Scalar>::type;
    const int64_t h = hidden;
    in_vectors<Scalar>(h, [&](int64_t i, auto read, auto write) {
        Scalar *g = row.gates + i;
        const Scalar *u = row.recurrent + i;
        const Scalar *b = row.biases + i;
        const V r = sigmoid(read(g) + read(u) + read(b));
        const V z = sigmoid(read(g + h) + read(u + h) + read(b + h));
        const V candidate = read(u + 2 * h) + read(b + 3 * h);
        const V n = hyperbolic_tangent(read(g + 2 * h) + read(b + 2 * h) + r * candidate);
        write(g, r);
        write(g + h, z);
        write(g + 2 * h, n);
        write(row.candidate + i, candidate);
        write(row.after + i, n + z * (read(row.before + i) - n));
    });
}

template <typename Scalar>
void gru_backward(int64_t hidden, const gru_gradient_row<Scalar> &row) {
    using V = typename vector<Scalar>::type;
    const int64_t h = hidden;
    in_vectors<Scalar>(h, [&](int64_t i, auto read, auto write) {
        const Scalar *g = row.gates + i;
        const V r = read(g), z = read(g + h), n = read(g + 2 * h), d = read(row.state + i);
        const V dn = d * (1 - z) * (1 - n * n);
        write(row.sums + i, dn);
        write(row.sums + h + i, dn * read(row.candidate + i) * r * (1 - r));
        write(row.sums + 2 * h + i, d * (read(row.before + i) - n) * z * (1 - z));
        write(row.sums + 3 * h + i, dn * r);
        write(row.state + i, d * z);
    });
}

template <typename Scalar>
void biased_tanh(int64_t rows, int64_t columns, const Scalar *bias, Scalar *a) {
    for (int64_t row = 0; row < rows; ++row) {
        in_vectors<Scalar>(columns, [&](int64_t i, auto read, auto write) {
            Scalar *at = a + row * columns + i;
            write(at, hyperbolic_tangent(read(at) + read(bias + i)));
        });
    }
}

template <typename Scalar>
void tanh_backward(int64_t rows, int64_t columns, const Scalar *y, Scalar *gradient, Scalar *sums) {
    for (int64_t row = 0; row < rows; ++row) {
        in_vectors<Scalar>(columns, [&](int64_t i, auto read, auto write) {
            const auto value = read(y + row * columns + i);
            const auto product = read(gradient + row * columns + i) * (1 - value * value);
            write(gradient + row * columns + i, product);
            write(sums + i, read(sums + i) + product);
        });
    }
}

// MARK: Pooling

template <typename Scalar>
void pool_forward(
    int64_t steps, int64_t channels, const Scalar *sums, const Scalar *bias, const Scalar *mask, Scalar *pooled,
    Scalar *factors) {
    using V = typename vector<Scalar>::type;
    for (int64_t t = 0; t < steps; ++t) {
        const Scalar *pair = sums + 2 * t * channels;
        in_vectors<Scalar>(channels, [&](int64_t i, auto read, auto write) {
            const V b = read(bias + i);
            const V first = read(pair + i) + b, second = read(pair + channels + i) + b;
            V scale = V{} + 1;
            if (mask != nullptr) scale = read(mask + t * channels + i);
            // As PyTorch's: the first of equals, and what is not a number wins.
            const auto later = (second > first) | (second != second);
            const V larger = later ? second : first;
            const V positive = larger < 0 ? V{} : larger;
            write(pooled + t * channels + i, positive * scale);
            write(factors + t * channels + i, larger <= 0 ? V{} : later ? -scale : scale);
        });
    }
}

template <typename Scalar>
void pool_backward(
    int64_t steps, int64_t channels, const Scalar *gradient, const Scalar *factors, Scalar *sums_gradient) {
    using V = typename vector<Scalar>::type;
    for (int64_t t = 0; t < steps; ++t) {
        Scalar *pair = sums_gradient + 2 * t * channels;
        in_vectors<Scalar>(channels, [&](int64_t i, auto read, auto write) {
            const V g = read(gradient + t * channels + i), f = read(factors + t * channels + i);
            write(pair + i, f > 0 ? g * f : V{});
            write(pair + channels + i, f < 0 ? -(g * f) : V{});
        });
    }
}

template <typename Scalar>
void biased_relu(int64_t rows, int64_t columns, const Scalar *bias, Scalar *a) {
    using V = typename vector<Scalar>::type;
    for (int64_t row = 0; row < rows; ++row) {
        in_vectors<Scalar>(columns, [&](int64_t i, auto read, auto write) {
            Scalar *at = a + row * columns + i;
            const V value = read(at) + read(bias + i);
            write(at, value < 0 ? V{} : value);
        });
    }
}

template <typename Scalar>
void relu_backward(int64_t count, const Scalar *y, const Scalar *gradient, Scalar *sums_gradient) {
    using V = typename vector<Scalar>::type;
    in_vectors<Scalar>(count, [&](int64_t i, auto read, auto write) {
        write(sums_gradient + i, read(y + i) <= 0 ? V{} : read(gradient + i));
    });
}

template <typename Scalar>
void pool_picture_forward(
    int64_t columns, int64_t channels, const Scalar *above, const Scalar *below, const Scalar *bias, Scalar *pooled,
    Scalar *places) {
    using V = typename vector<Scalar>::type;
    for (int64_t t = 0; t < columns; ++t) {
        const int64_t left = 2 * t * channels, right = left + channels;
        in_vectors<Scalar>(channels, [&](int64_t i, auto read, auto write) {
            const V b = read(bias + i);
            V largest = read(above + left + i) + b, place = V{};
            // As PyTorch's: the first of equals, and what is not a number wins.
            const auto consider = [&](V value, Scalar number) {
                const auto wins = (value > largest) | (value != value);
                largest = wins ? value : largest;
                place = wins ? V{} + number : place;
            };
            consider(read(above + right + i) + b, 1);
            consider(read(below + left + i) + b, 2);
            consider(read(below + right + i) + b, 3);
            write(pooled + t * channels + i, largest < 0 ? V{} : largest);
            write(places + t * channels + i, largest <= 0 ? V{} - 1 : place);
        });
    }
}

/// So many elements of a row are one step: the same for every instruction set, since rows that overlap give other bits in
/// another order.
constexpr int64_t row_step = 96;

template <typename Scalar, int64_t Count>
inline void gather_block(
    const scattered<Scalar> &list, int64_t stride, const Scalar *__restrict from, Scalar *__restrict into) {
    using V = typename vector<Scalar>::type;
    constexpr int64_t lanes = vector<Scalar>::lanes;
    V sums[Count];
    for (int64_t v = 0; v < Count; ++v) sums[v] = load(into + v * lanes);
    for (int64_t i = 0; i < list.count; ++i) {
        const Scalar *row = from + list.places[i] * stride;
        const Scalar value = list.values[i];
#pragma clang loop unroll(full)
        for (int64_t v = 0; v < Count; ++v) sums[v] += value * load(row + v * lanes);
    }
    for (int64_t v = 0; v < Count; ++v) store(into + v * lanes, sums[v]);
}

template <typename Scalar>
void gather_rows(const scattered<Scalar> &list, const row_parts &rows, const Scalar *from, Scalar *into) {
    constexpr int64_t lanes = vector<Scalar>::lanes;
    for (int64_t part = 0; part < rows.parts; ++part, from += rows.list_distance, into += rows.row_distance) {
        int64_t j = 0;
        for (; j + row_step <= rows.width; j += row_step) {
            gather_block<Scalar, row_step / lanes>(list, rows.stride, from + j, into + j);
        }
        for (; j + lanes <= rows.width; j += lanes) {
            gather_block<Scalar, 1>(list, rows.stride, from + j, into + j);
        }
        for (; j < rows.width; ++j) {
            Scalar sum = into[j];
            for (int64_t i = 0; i < list.count; ++i) sum += list.values[i] * from[list.places[i] * rows.stride + j];
            into[j] = sum;
        }
    }
}

template <typename Scalar>
void scatter_rows(const scattered<Scalar> &list, const row_parts &rows, const Scalar *from, Scalar *into) {
    using V = typename vector<Scalar>::type;
    constexpr int64_t lanes = vector<Scalar>::lanes, count = row_step / lanes;
    for (int64_t part = 0; part < rows.parts; ++part, from += rows.row_distance, into += rows.list_distance) {
        int64_t first = 0;
        for (; first + row_step <= rows.width; first += row_step) {
            V row[count];
            for (int64_t v = 0; v < count; ++v) row[v] = load(from + first + v * lanes);
            for (int64_t i = 0; i < list.count; ++i) {
                Scalar *to = into + list.places[i] * rows.stride + first;
                const Scalar value = list.values[i];
#pragma clang loop unroll(full)
                for (int64_t v = 0; v < count; ++v) store(to + v * lanes, load(to + v * lanes) + value * row[v]);
            }
        }
        for (int64_t i = 0; i < list.count && first < rows.width; ++i) {
            Scalar *to = into + list.places[i] * rows.stride;
            const Scalar value = list.values[i];
            int64_t j = first;
            for (; j + lanes <= rows.width; j += lanes) store(to + j, load(to + j) + value * load(from + j));
            for (; j < rows.width; ++j) to[j] += value * from[j];
        }
    }
}

template <typename Scalar>
constexpr kernel_set<Scalar> set = {
    pack<Scalar>, packed_product<Scalar, false>, packed_product<Scalar, true>, add_transposed_product<Scalar>,
    standing_product<Scalar, false>, standing_product<Scalar, true>, product_of_rows<Scalar>,
    gru_forward<Scalar>, gru_backward<Scalar>, pool_forward<Scalar>, pool_backward<Scalar>, biased_relu<Scalar>,
    relu_backward<Scalar>, pool_picture_forward<Scalar>, gather_rows<Scalar>, scatter_rows<Scalar>,
    biased_tanh<Scalar>, tanh_backward<Scalar>, squared_norm<Scalar>, descend<Scalar>, add_rows<Scalar>,
};

}  // namespace KERNELS
