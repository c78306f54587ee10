// A small C ABI over LibTorch: C types only, opaque handles, no exception ever leaves a function.
//
// Conventions, for every function below:
// - A function that returns a handle returns a new one, owned by the caller (`ct_free`), or NULL on failure.
// - A function that returns bool returns false on failure.
// - On failure `*error` holds a message made with malloc, to be given to `ct_free_string`; it may be NULL when
//   no memory was left for it. On success `*error` is untouched. There is no thread-local error state.
// - No function draws random numbers.
// - A tensor may be used by one thread at a time; different tensors may be used at once.
#ifndef TRIBUTARY_CTORCH_H
#define TRIBUTARY_CTORCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma clang assume_nonnull begin

#ifdef __cplusplus
extern "C" {
#endif

/// One LibTorch tensor.
typedef struct ct_tensor ct_tensor;

/// Where a failing function puts its message.
typedef char *_Nullable *_Nonnull ct_error;

typedef enum ct_dtype {
    CT_F32 = 0,
    CT_F64 = 1,
    CT_F16 = 2,
    CT_BF16 = 3,
    CT_I64 = 4,
    CT_U8 = 5,
    CT_BOOL = 6,
    CT_OTHER = -1,
} ct_dtype;

typedef enum ct_unary_op {
    CT_NEGATE,
    CT_ABS,
    CT_EXP,
    CT_LOG,
    CT_SQRT,
    CT_SQUARE,
    CT_TANH,
    CT_SIGMOID,
    CT_RELU,
    CT_LOGICAL_NOT,
    CT_IS_FINITE,
} ct_unary_op;

typedef enum ct_binary_op {
    CT_ADD,
    CT_SUBTRACT,
    CT_MULTIPLY,
    CT_DIVIDE,
    CT_POWER,
    CT_EQUAL,
    CT_LESS,
    CT_LESS_EQUAL,
    CT_GREATER,
    CT_GREATER_EQUAL,
    CT_MATMUL,
} ct_binary_op;

typedef enum ct_reduce_op {
    CT_SUM,
    CT_MEAN,
    CT_MAX,
    CT_MIN,
    CT_ARGMAX,
} ct_reduce_op;

// MARK: Memory

void ct_free(ct_tensor *_Nullable tensor);
void ct_free_string(char *_Nullable string);

// MARK: Making and reading tensors (ctorch_tensor.cpp)

/// Copies `count` bytes (row-major, native byte order); exactly what shape and dtype need; truth values are 0 or 1.
ct_tensor *_Nullable ct_from_bytes(
    const void *_Nullable bytes, size_t count, ct_dtype dtype, const int64_t *_Nullable shape, int32_t rank,
    ct_error error);
ct_tensor *_Nullable ct_full(
    double value, ct_dtype dtype, const int64_t *_Nullable shape, int32_t rank, ct_error error);
ct_tensor *_Nullable ct_arange(int64_t count, ct_error error);

int32_t ct_rank(const ct_tensor *tensor);
/// The extent of one axis; `axis` must be below the rank, else 0.
int64_t ct_extent(const ct_tensor *tensor, int32_t axis);
int64_t ct_element_count(const ct_tensor *tensor);
ct_dtype ct_dtype_of(const ct_tensor *tensor);

/// Writes the elements row-major; `count` must be exactly the tensor's size in bytes.
bool ct_copy_to_bytes(const ct_tensor *tensor, void *_Nullable bytes, size_t count, ct_error error);
/// The value of a tensor of one element.
bool ct_item(const ct_tensor *tensor, double *value, ct_error error);

// In place, not recorded for gradients.
bool ct_copy(ct_tensor *destination, const ct_tensor *source, ct_error error);
/// Overwrites the elements with `count` bytes of the same shape, converting their type; see `ct_from_bytes`.
bool ct_copy_from_bytes(
    ct_tensor *tensor, const void *_Nullable bytes, size_t count, ct_dtype dtype, ct_error error);
bool ct_fill(ct_tensor *tensor, double value, ct_error error);
bool ct_scale(ct_tensor *tensor, double factor, ct_error error);
bool ct_add_scaled(ct_tensor *tensor, const ct_tensor *other, double factor, ct_error error);

// MARK: Gradients (ctorch_tensor.cpp)

bool ct_requires_grad(const ct_tensor *tensor);
bool ct_set_requires_grad(ct_tensor *tensor, bool flag, ct_error error);
/// `gradient` may be NULL for a tensor of one element.
bool ct_backward(const ct_tensor *tensor, const ct_tensor *_Nullable gradient, bool retain_graph, ct_error error);
/// The accumulated gradient, or NULL if there is none; shares memory with it. Never fails for another reason
/// than memory.
ct_tensor *_Nullable ct_grad(const ct_tensor *tensor);
/// Sets the gradient, or removes it when `gradient` is NULL.
bool ct_set_grad(ct_tensor *tensor, const ct_tensor *_Nullable gradient, ct_error error);
ct_tensor *_Nullable ct_detach(const ct_tensor *tensor, ct_error error);
/// Whether operations of the calling thread are recorded.
bool ct_grad_mode(void);
void ct_set_grad_mode(bool enabled);

// MARK: Elementwise, reductions, shapes (ctorch_ops.cpp)

ct_tensor *_Nullable ct_unary(ct_unary_op op, const ct_tensor *a, ct_error error);
ct_tensor *_Nullable ct_binary(ct_binary_op op, const ct_tensor *a, const ct_tensor *b, ct_error error);
/// `value` takes part as an integer when `a` holds integers and the value is whole.
ct_tensor *_Nullable ct_binary_scalar(ct_binary_op op, const ct_tensor *a, double value, ct_error error);
/// Over all elements.
ct_tensor *_Nullable ct_reduce(ct_reduce_op op, const ct_tensor *a, ct_error error);
/// Over one axis; the gradient of maximum and minimum goes to one position, as PyTorch's `max(dim)` does.
ct_tensor *_Nullable ct_reduce_axis(
    ct_reduce_op op, const ct_tensor *a, int64_t axis, bool keep_axis, ct_error error);
ct_tensor *_Nullable ct_clamp(const ct_tensor *a, double low, double high, ct_error error);
ct_tensor *_Nullable ct_masked_fill(const ct_tensor *a, const ct_tensor *mask, double value, ct_error error);
ct_tensor *_Nullable ct_where(const ct_tensor *condition, const ct_tensor *a, const ct_tensor *b, ct_error error);

ct_tensor *_Nullable ct_to_dtype(const ct_tensor *a, ct_dtype dtype, ct_error error);
ct_tensor *_Nullable ct_clone(const ct_tensor *a, ct_error error);
ct_tensor *_Nullable ct_contiguous(const ct_tensor *a, ct_error error);
ct_tensor *_Nullable ct_reshape(const ct_tensor *a, const int64_t *_Nullable shape, int32_t rank, ct_error error);
ct_tensor *_Nullable ct_expand(const ct_tensor *a, const int64_t *_Nullable shape, int32_t rank, ct_error error);
ct_tensor *_Nullable ct_permute(const ct_tensor *a, const int64_t *_Nullable axes, int32_t rank, ct_error error);
ct_tensor *_Nullable ct_transpose(const ct_tensor *a, int64_t first, int64_t second, ct_error error);
ct_tensor *_Nullable ct_unsqueeze(const ct_tensor *a, int64_t axis, ct_error error);
ct_tensor *_Nullable ct_squeeze(const ct_tensor *a, int64_t axis, ct_error error);
ct_tensor *_Nullable ct_slice(
    const ct_tensor *a, int64_t axis, int64_t start, int64_t end, int64_t step, ct_error error);
ct_tensor *_Nullable ct_select(const ct_tensor *a, int64_t axis, int64_t index, ct_error error);
ct_tensor *_Nullable ct_index_select(const ct_tensor *a, int64_t axis, const ct_tensor *indices, ct_error error);
ct_tensor *_Nullable ct_gather(const ct_tensor *a, int64_t axis, const ct_tensor *indices, ct_error error);
ct_tensor *_Nullable ct_cat(
    const ct_tensor *_Nonnull const *_Nonnull tensors, size_t count, int64_t axis, ct_error error);
ct_tensor *_Nullable ct_stack(
    const ct_tensor *_Nonnull const *_Nonnull tensors, size_t count, int64_t axis, ct_error error);

// MARK: Networks (ctorch_nn.cpp, ctorch_attention.cpp, ctorch_convolution.cpp, ctorch_picture.cpp, ctorch_gru.cpp)

/// `bias + a b`.
ct_tensor *_Nullable ct_addmm(const ct_tensor *bias, const ct_tensor *a, const ct_tensor *b, ct_error error);
/// `x wᵀ + bias`.
ct_tensor *_Nullable ct_linear(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *_Nullable bias, ct_error error);
ct_tensor *_Nullable ct_conv1d(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *_Nullable bias, int64_t stride, int64_t padding,
    int64_t dilation, int64_t groups, ct_error error);
ct_tensor *_Nullable ct_max_pool1d(
    const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding, ct_error error);
/// Over pictures x [B, in, rows, columns]; stride, padding and dilation are the same along both axes.
ct_tensor *_Nullable ct_conv2d(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *_Nullable bias, int64_t stride, int64_t padding,
    int64_t dilation, int64_t groups, ct_error error);
ct_tensor *_Nullable ct_max_pool2d(
    const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding, ct_error error);
/// Convolution along time (stride 1, zeros so that no step is lost, an odd kernel), bias, ReLU, maxima of pairs of steps
/// (an odd last step dropped) and dropout as one: x [B, T, in], weight [out, in, kernel], bias [out] to [B, T/2, out].
/// `mask` [B, out, T/2] multiplies the maxima; elements are not negative; none when NULL.
ct_tensor *_Nullable ct_pooled_convolution(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *_Nullable mask, ct_error error);
/// Convolution of pictures (stride 1, no padding), bias, ReLU and, if `pools`, maxima of 2 × 2 (an odd last row or column
/// dropped) and dropout as one: x [B, rows, columns, in], weight [out, in, kernel, kernel], bias [out] to [B, h, w, out] with
/// h = rows − kernel + 1, or pooled to [B, out, h/2, w/2]. `mask` [B, out, h/2, w/2] multiplies the maxima; none when NULL.
ct_tensor *_Nullable ct_picture_convolution(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, bool pools, const ct_tensor *_Nullable mask,
    ct_error error);
/// Additive attention over time, each head a weighted sum of the states: x [B, T, D], w1 [A, D], b1 [A], w2 [heads, A],
/// b2 [heads] to [B, heads, D]. Scores are tanh(x w1ᵀ + b1) w2ᵀ + b2, set to `masked_score` where `masked` (truth values,
/// [B, T] or [B, heads, T], none when NULL) says so; their softmax over time are the weights.
ct_tensor *_Nullable ct_additive_attention(
    const ct_tensor *x, const ct_tensor *w1, const ct_tensor *b1, const ct_tensor *w2, const ct_tensor *b2,
    const ct_tensor *_Nullable masked, double masked_score, ct_error error);
/// One GRU layer, one direction, batch first: x [B, T, D], weights in PyTorch's order of gates (r, z, n).
///
/// With `lengths` (B values from 1 to T, any order) every sequence ends at its own length: outputs after it are
/// zero and `*last` holds the state at it. The output then has `total_length` steps, or the longest length when
/// that is 0. `initial` is [1, B, H], zero when NULL.
bool ct_gru(
    const ct_tensor *x, const ct_tensor *_Nullable initial, const ct_tensor *weight_ih, const ct_tensor *weight_hh,
    const ct_tensor *_Nullable bias_ih, const ct_tensor *_Nullable bias_hh, const int64_t *_Nullable lengths,
    size_t length_count, int64_t total_length, ct_tensor *_Nullable *_Nonnull output,
    ct_tensor *_Nullable *_Nonnull last, ct_error error);
ct_tensor *_Nullable ct_softmax(const ct_tensor *a, int64_t axis, ct_error error);
ct_tensor *_Nullable ct_log_softmax(const ct_tensor *a, int64_t axis, ct_error error);
/// Negative log likelihood of class indices (I64) under log probabilities [N, C]; mean over N, or the sum.
ct_tensor *_Nullable ct_nll_loss(const ct_tensor *a, const ct_tensor *target, bool mean, ct_error error);
/// `ct_nll_loss` of the log-softmax over axis 1.
ct_tensor *_Nullable ct_cross_entropy(const ct_tensor *logits, const ct_tensor *target, bool mean, ct_error error);
/// −t log σ(x) − (1 − t) log(1 − σ(x)) of logits x and targets t of one shape; mean over all elements, or the sum.
ct_tensor *_Nullable ct_binary_cross_entropy(
    const ct_tensor *logits, const ct_tensor *target, bool mean, ct_error error);

// MARK: Optimisers (ctorch_optim.cpp)

typedef struct ct_sgd {
    double learning_rate;
    double momentum;
    double dampening;
    double weight_decay;
    /// The global L2 norm above which all gradients are scaled down; 0 or less: never.
    double maximum_norm;
    bool nesterov;
} ct_sgd;

/// One step of torch.optim.SGD over `count` parameters, those without a gradient left alone. `buffers[i]` is the
/// momentum buffer of parameter i, made here (and owned by the caller) when NULL and momentum is not 0.
/// `*norm` receives the global norm of the gradients before clipping, or 0 when `maximum_norm` is off.
bool ct_sgd_step(
    const ct_tensor *_Nonnull const *_Nonnull parameters, ct_tensor *_Nullable *_Nonnull buffers, size_t count,
    ct_sgd options, double *norm, ct_error error);
/// torch.nn.utils.clip_grad_norm_ with the L2 norm; `*norm` receives the norm before clipping.
bool ct_clip_grad_norm(
    const ct_tensor *_Nonnull const *_Nonnull parameters, size_t count, double maximum_norm, double *norm,
    ct_error error);

// MARK: The runtime (ctorch_runtime.cpp)

typedef struct ct_runtime {
    /// LibTorch's version as its headers name it.
    char *_Nullable version;
    /// LibTorch's own account of how it was built.
    char *_Nullable build;
    /// The file that holds the matrix product LibTorch calls, or NULL when it is not a separate library.
    char *_Nullable blas_file;
    /// OpenBLAS's configuration and kernel set, or NULL without OpenBLAS.
    char *_Nullable openblas_config;
    char *_Nullable openblas_core;
    /// The instruction set of our own kernels: `plain`, `avx2` or `avx512`.
    const char *_Nullable kernels;
    int32_t threads;
    int32_t interop_threads;
} ct_runtime;

/// Sets LibTorch's intra-op and inter-op threads and OpenBLAS's own pool. The inter-op number can only be set
/// before the first operation that uses that pool; later calls leave it.
bool ct_set_threads(int32_t threads, ct_error error);
/// Lets the process keep up to 64 MiB of freed memory, where the C library is glibc: what a training step frees the next
/// one takes again, and asking the system each time costs a page fault for every 4 KiB.
void ct_keep_freed_memory(void);
/// Describes the runtime; give the result to `ct_free_runtime`.
bool ct_describe_runtime(ct_runtime *runtime, ct_error error);
void ct_free_runtime(ct_runtime *runtime);

/// Runs our own kernels for every instruction set that this machine has on the same numbers: those with fused
/// multiply-add must give the same bits, the plain ones the same to within rounding. False with what differs.
bool ct_check_kernels(ct_error error);

#ifdef __cplusplus
}
#endif

#pragma clang assume_nonnull end

#endif
