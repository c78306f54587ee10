// Vectorised kernels under the fused layers, for the instruction set that the machine has.
//
// Matrices are row-major. The right factor of a product is packed once into panels of `panel_width` columns, each
// [inner][panel_width] with zeros past the last column, and used many times: a recurrent weight stays packed over all
// steps. Every element of a product is one sum in the order of the inner index, whatever the number of rows, so that
// results depend neither on the batch that a row is in nor on the run.
//
// All kernels run on the calling thread. They allocate nothing and never fail; sizes are not negative.
#ifndef TRIBUTARY_CTORCH_KERNELS_HPP
#define TRIBUTARY_CTORCH_KERNELS_HPP

#include <cstddef>
#include <cstdint>
#include <vector>

namespace shim {

/// The columns of a packed panel.
template <typename Scalar>
constexpr int64_t panel_width = 64 / static_cast<int64_t>(sizeof(Scalar));

/// Elements of `columns` columns of length `inner` in packed form.
template <typename Scalar>
constexpr int64_t packed_count(int64_t inner, int64_t columns) {
    return (columns + panel_width<Scalar> - 1) / panel_width<Scalar> * panel_width<Scalar> * inner;
}

/// One step of a GRU's gates for one sequence: vectors of `hidden` elements, those of several gates one after another.
template <typename Scalar>
struct gru_row {
    /// W_i x of the gates r, z, n; replaced by the values of r, z, n.
    Scalar *gates;
    /// W_h h of the gates r, z, n.
    const Scalar *recurrent;
    /// b_i + b_h of r and z, b_i of n, b_h of n.
    const Scalar *biases;
    const Scalar *before;
    /// Receives W_hn h + b_hn.
    Scalar *candidate;
    Scalar *after;
};

/// The same backwards.
template <typename Scalar>
struct gru_gradient_row {
    /// r, z, n.
    const Scalar *gates;
    /// W_hn h + b_hn.
    const Scalar *candidate;
    const Scalar *before;
    /// The gradient of the state after the step; replaced by its direct part in the state before.
    Scalar *state;
    /// Receives the gradients of the arguments of n, r and z, then of W_hn h + b_hn: what the input's weights see are the
    /// first three, what the state's weights see are the last three.
    Scalar *sums;
};

/// The numbers of a step of stochastic gradient descent.
template <typename Scalar>
struct descent {
    /// What gradients are multiplied by before everything else.
    Scalar scale;
    Scalar rate, decay, momentum;
    /// 1 − dampening.
    Scalar fresh;
    bool is_first, is_nesterov;
};

/// Numbers that are not zero, and the rows that each belongs to.
template <typename Scalar>
struct scattered {
    int64_t count;
    const int32_t *places;
    const Scalar *values;
};

/// Rows of `width` numbers in several parts: the rows of a list are `stride` apart and their parts `list_distance`, the
/// parts of the one row on the other side `row_distance`.
struct row_parts {
    int64_t parts, width, stride, list_distance, row_distance;
};

template <typename Scalar>
struct kernel_set {
    /// Packs rows `from ..< from + count` of B [inner, columns], B[k][j] = source[k · row_stride + j · column_stride],
    /// where `source` points to row `from`.
    void (*pack)(
        Scalar *packed, int64_t inner, int64_t columns, int64_t from, int64_t count, const Scalar *source,
        int64_t row_stride, int64_t column_stride);

    /// C [rows, columns] = A B, or C += A B. A [rows, inner] has rows at a distance of `a_stride`, which may be less
    /// than `inner`: rows may overlap.
    void (*product)(
        int64_t rows, int64_t columns, int64_t inner, const Scalar *a, int64_t a_stride, const Scalar *packed, Scalar *c,
        int64_t c_stride, bool adds);

    /// C [rows, columns] = Aᵀ B, or C += Aᵀ B, with A [inner, rows].
    void (*transposed_product)(
        int64_t rows, int64_t columns, int64_t inner, const Scalar *a, int64_t a_stride, const Scalar *packed, Scalar *c,
        int64_t c_stride, bool adds);

    /// C [rows, columns] += Aᵀ B with B [inner, columns] as it stands, rows at a distance of `b_stride`, which may be less
    /// than `columns`. Up to `panel_width` elements after B's last are read, and count for nothing.
    void (*add_transposed_product)(
        int64_t rows, int64_t columns, int64_t inner, const Scalar *a, int64_t a_stride, const Scalar *b,
        int64_t b_stride, Scalar *c, int64_t c_stride);

    /// C [rows, columns] = A B with B [inner, columns] as it stands, columns a multiple of `panel_width`: for few rows, for
    /// which packing B would take longer than the product.
    void (*standing_product)(
        int64_t rows, int64_t columns, int64_t inner, const Scalar *a, const Scalar *b, Scalar *c);

    /// C [rows, columns] = Aᵀ B with A [inner, rows], likewise.
    void (*standing_transposed_product)(
        int64_t rows, int64_t columns, int64_t inner, const Scalar *a, const Scalar *b, Scalar *c);

    /// C [rows, columns] = A Bᵀ with B [columns, inner] as it stands. An element is `panel_width` sums of every so many
    /// products, added up at the end.
    void (*product_of_rows)(
        int64_t rows, int64_t columns, int64_t inner, const Scalar *a, const Scalar *b, Scalar *c);

    void (*gru_forward)(int64_t hidden, const gru_row<Scalar> &row);
    void (*gru_backward)(int64_t hidden, const gru_gradient_row<Scalar> &row);

    /// Bias, ReLU, maxima of pairs of steps and dropout of a convolution's sums [2 steps, channels]: `pooled` and
    /// `factors` are [steps, channels]. A factor is what the pooled value's gradient is multiplied by for the first step
    /// of its pair where it is positive, and minus that for the second where it is negative. `mask` [steps, channels]
    /// holds 0 or a scale, or is NULL.
    void (*pool_forward)(
        int64_t steps, int64_t channels, const Scalar *sums, const Scalar *bias, const Scalar *mask, Scalar *pooled,
        Scalar *factors);

    /// The gradient of the sums from that of what was pooled.
    void (*pool_backward)(
        int64_t steps, int64_t channels, const Scalar *gradient, const Scalar *factors, Scalar *sums_gradient);

    /// a[i][j] = max(a[i][j] + bias[j], 0) in dense rows; what is not a number stays.
    void (*biased_relu)(int64_t rows, int64_t columns, const Scalar *bias, Scalar *a);

    /// The gradient of what went into a ReLU with the values y.
    void (*relu_backward)(int64_t count, const Scalar *y, const Scalar *gradient, Scalar *sums_gradient);

    /// Bias, ReLU and maxima of 2 × 2 of two rows of sums, each [2 columns, channels], to [columns, channels]. A place is 0
    /// or 1 where the largest is above, 2 or 3 where it is below, and −1 where ReLU lets nothing through.
    void (*pool_picture_forward)(
        int64_t columns, int64_t channels, const Scalar *above, const Scalar *below, const Scalar *bias, Scalar *pooled,
        Scalar *places);

    /// For each of `rows.parts` parts: into[j] += Σ values[i] · from[places[i] · stride + j], one after another.
    void (*gather_rows)(const scattered<Scalar> &list, const row_parts &rows, const Scalar *from, Scalar *into);

    /// For each of `rows.parts` parts: into[places[i] · stride + j] += values[i] · from[j], one i after another.
    void (*scatter_rows)(const scattered<Scalar> &list, const row_parts &rows, const Scalar *from, Scalar *into);

    /// a[i][j] = tanh(a[i][j] + bias[j]) in dense rows.
    void (*biased_tanh)(int64_t rows, int64_t columns, const Scalar *bias, Scalar *a);

    /// gradient[i][j] *= 1 − y[i][j]², with y = tanh, in dense rows, and their sums over i are added to `sums`.
    void (*tanh_backward)(int64_t rows, int64_t columns, const Scalar *y, Scalar *gradient, Scalar *sums);

    /// Σ g², in 64-bit floats and a fixed order.
    double (*squared_norm)(int64_t count, const Scalar *g);

    /// g ← scale · g + decay · p; v ← g at the first step, then momentum · v + fresh · g; p ← p − rate · v (or
    /// rate · (g + momentum · v) with Nesterov). Without momentum `v` is NULL and stands for g.
    void (*descend)(int64_t count, const descent<Scalar> &numbers, const Scalar *g, Scalar *v, Scalar *p);

    /// sums[j] += Σ_i a[i][j] over `rows` rows.
    void (*add_rows)(int64_t rows, int64_t columns, const Scalar *a, int64_t a_stride, Scalar *sums);
};

/// The kernels for this machine.
template <typename Scalar>
const kernel_set<Scalar> &kernels();

/// The instruction set of those: `plain`, `avx2` or `avx512`. The environment's TRIBUTARY_KERNELS can name a lower one than
/// the machine has.
const char *kernel_level();

/// The kernels of one instruction set.
struct named_kernels {
    const char *name;
    const kernel_set<float> *set;
};

/// All that this machine can run, the plain ones first.
std::vector<named_kernels> all_kernels();

}  // namespace shim

#endif
