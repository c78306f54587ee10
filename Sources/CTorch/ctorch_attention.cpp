// Additive self-attention pooling as one operation with its own gradient: what lies between the two linear layers stays
// in the cache, and the products over the batch are made for several sequences at once.
#include "shim.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <cmath>

#include "kernels.hpp"

using namespace shim;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct sizes {
    int64_t batch, steps, features, attention, heads;

    sizes(const at::Tensor &x, const at::Tensor &w1, const at::Tensor &w2)
        : batch(x.size(0)), steps(x.size(1)), features(x.size(2)), attention(w1.size(0)), heads(w2.size(0)) {}

    /// Sequences that are worked on at once: about so many steps together.
    int64_t group(int64_t about) const { return std::max<int64_t>(1, std::min(batch, about / steps)); }
};

/// Which steps count for nothing.
struct step_mask {
    const bool *flags = nullptr;
    bool is_per_head = false;

    step_mask(const at::Tensor &masked)
        : flags(masked.defined() ? masked.data_ptr<bool>() : nullptr),
          is_per_head(masked.defined() && masked.dim() == 3) {}

    bool operator()(const sizes &size, int64_t sequence, int64_t step, int64_t head) const {
        if (flags == nullptr) return false;
        return is_per_head ? flags[(sequence * size.heads + head) * size.steps + step]
                           : flags[sequence * size.steps + step];
    }
};

/// Room for `count` elements and a panel more, which some kernels read.
template <typename Scalar>
std::vector<Scalar> room(int64_t count) {
    return std::vector<Scalar>(static_cast<size_t>(count + panel_width<Scalar>), Scalar(0));
}

/// B[k][j] = w[j][k].
template <typename Scalar>
std::vector<Scalar> packed_transposed(const at::Tensor &w) {
    std::vector<Scalar> packed = room<Scalar>(packed_count<Scalar>(w.size(1), w.size(0)));
    kernels<Scalar>().pack(packed.data(), w.size(1), w.size(0), 0, w.size(1), w.data_ptr<Scalar>(), 1, w.size(1));
    return packed;
}

/// B[k][j] = w[k][j].
template <typename Scalar>
std::vector<Scalar> packed(const at::Tensor &w) {
    std::vector<Scalar> packed = room<Scalar>(packed_count<Scalar>(w.size(0), w.size(1)));
    kernels<Scalar>().pack(packed.data(), w.size(0), w.size(1), 0, w.size(0), w.data_ptr<Scalar>(), w.size(1), 1);
    return packed;
}

/// Scores [steps, heads] of one sequence become weights: per head, the softmax over steps.
template <typename Scalar>
void weigh(const sizes &size, int64_t sequence, const Scalar *bias, const step_mask &masked, Scalar masked_score,
           Scalar *scores) {
    for (int64_t head = 0; head < size.heads; ++head) {
        Scalar largest = -std::numeric_limits<Scalar>::infinity();
        for (int64_t t = 0; t < size.steps; ++t) {
            Scalar &score = scores[t * size.heads + head];
            score = masked(size, sequence, t, head) ? masked_score : score + bias[head];
            largest = std::max(largest, score);
        }
        Scalar total = 0;
        for (int64_t t = 0; t < size.steps; ++t) {
            Scalar &score = scores[t * size.heads + head];
            score = std::exp(score - largest);
            total += score;
        }
        for (int64_t t = 0; t < size.steps; ++t) scores[t * size.heads + head] /= total;
    }
}

/// The sums [B, heads, D]; `kept` is NULL, or gets tanh(…) [B · T, A] and the weights [B · T, heads].
template <typename Scalar>
at::Tensor forward(
    const at::Tensor &x, const at::Tensor &w1, const at::Tensor &b1, const at::Tensor &w2, const at::Tensor &b2,
    const at::Tensor &masked, double masked_score, variable_list *kept) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const sizes size(x, w1, w2);
    const int64_t d = size.features, a = size.attention, group = size.group(128);
    const std::vector<Scalar> first = packed_transposed<Scalar>(w1);
    const std::vector<Scalar> second = packed_transposed<Scalar>(w2);
    const int64_t kept_rows = (kept != nullptr ? size.batch : group) * size.steps;
    // A panel more than needed: the backward pass reads whole panels.
    const at::Tensor inner = at::empty({kept_rows * a + panel_width<Scalar>}, x.options());
    const at::Tensor weights = at::empty({kept_rows, size.heads}, x.options());
    at::Tensor result = at::zeros({size.batch, size.heads, d}, x.options());
    std::vector<Scalar> states = room<Scalar>(group * size.steps * d);
    for (int64_t from = 0; from < size.batch; from += group) {
        const int64_t count = std::min(group, size.batch - from), rows = count * size.steps;
        const int64_t row = kept != nullptr ? from * size.steps : 0;
        Scalar *y = inner.data_ptr<Scalar>() + row * a;
        Scalar *scores = weights.data_ptr<Scalar>() + row * size.heads;
        const Scalar *sequences = x.data_ptr<Scalar>() + from * size.steps * d;
        std::copy(sequences, sequences + rows * d, states.data());
        kernel.product(rows, a, d, states.data(), d, first.data(), y, a, false);
        kernel.biased_tanh(rows, a, b1.data_ptr<Scalar>(), y);
        kernel.product(rows, size.heads, a, y, a, second.data(), scores, size.heads, false);
        for (int64_t i = 0; i < count; ++i) {
            Scalar *own = scores + i * size.steps * size.heads;
            weigh<Scalar>(
                size, from + i, b2.data_ptr<Scalar>(), masked, static_cast<Scalar>(masked_score), own);
            kernel.add_transposed_product(
                size.heads, d, size.steps, own, size.heads, states.data() + i * size.steps * d, d,
                result.data_ptr<Scalar>() + (from + i) * size.heads * d, d);
        }
    }
    if (kept != nullptr) *kept = {inner, weights};
    return result;
}

/// The gradient of one sequence's scores [steps, heads] from that of its weights, in place.
template <typename Scalar>
void weigh_backward(
    const sizes &size, int64_t sequence, const step_mask &masked, const Scalar *weights, Scalar *gradient,
    Scalar *bias_gradient) {
    for (int64_t head = 0; head < size.heads; ++head) {
        Scalar mean = 0;
        for (int64_t t = 0; t < size.steps; ++t) {
            mean += weights[t * size.heads + head] * gradient[t * size.heads + head];
        }
        for (int64_t t = 0; t < size.steps; ++t) {
            Scalar &own = gradient[t * size.heads + head];
            own = masked(size, sequence, t, head) ? 0 : weights[t * size.heads + head] * (own - mean);
            bias_gradient[head] += own;
        }
    }
}

/// The gradients of x and of both layers' weights and biases.
template <typename Scalar>
variable_list backward(
    const at::Tensor &x, const at::Tensor &w1, const at::Tensor &w2, const at::Tensor &masked, const at::Tensor &inner,
    const at::Tensor &weights, const at::Tensor &gradient) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const sizes size(x, w1, w2);
    const int64_t d = size.features, a = size.attention, heads = size.heads, steps = size.steps;
    const int64_t group = size.group(256);
    const std::vector<Scalar> first = packed<Scalar>(w1);
    const std::vector<Scalar> second = packed<Scalar>(w2);
    const at::Tensor x_gradient = at::empty_like(x);
    const at::Tensor w1_gradient = at::zeros_like(w1), w2_gradient = at::zeros_like(w2);
    const at::Tensor b1_gradient = at::zeros({a}, x.options()), b2_gradient = at::zeros({heads}, x.options());
    std::vector<Scalar> states = room<Scalar>(group * steps * d);
    std::vector<Scalar> inner_gradient = room<Scalar>(group * steps * a);
    std::vector<Scalar> scores = room<Scalar>(group * steps * heads);
    std::vector<Scalar> dense = room<Scalar>(packed_count<Scalar>(group * steps, d));
    std::vector<Scalar> down = room<Scalar>(packed_count<Scalar>(d, heads));
    std::vector<Scalar> across = room<Scalar>(packed_count<Scalar>(heads, d));
    for (int64_t from = 0; from < size.batch; from += group) {
        const int64_t count = std::min(group, size.batch - from), rows = count * steps, row = from * steps;
        const Scalar *y = inner.data_ptr<Scalar>() + row * a;
        const Scalar *own_weights = weights.data_ptr<Scalar>() + row * heads;
        Scalar *into = x_gradient.data_ptr<Scalar>() + row * d;
        const Scalar *sequences = x.data_ptr<Scalar>() + row * d;
        std::copy(sequences, sequences + rows * d, states.data());
        for (int64_t i = 0; i < count; ++i) {
            const Scalar *upper = gradient.data_ptr<Scalar>() + (from + i) * heads * d;
            Scalar *own = scores.data() + i * steps * heads;
            kernel.pack(down.data(), d, heads, 0, d, upper, 1, d);
            kernel.product(steps, heads, d, states.data() + i * steps * d, d, down.data(), own, heads, false);
            weigh_backward<Scalar>(
                size, from + i, masked, own_weights + i * steps * heads, own, b2_gradient.data_ptr<Scalar>());
            kernel.pack(across.data(), heads, d, 0, heads, upper, d, 1);
            kernel.product(
                steps, d, heads, own_weights + i * steps * heads, heads, across.data(), into + i * steps * d, d, false);
        }
        kernel.add_transposed_product(
            heads, a, rows, scores.data(), heads, y, a, w2_gradient.data_ptr<Scalar>(), a);
        kernel.product(rows, a, heads, scores.data(), heads, second.data(), inner_gradient.data(), a, false);
        kernel.tanh_backward(rows, a, y, inner_gradient.data(), b1_gradient.data_ptr<Scalar>());
        kernel.product(rows, d, a, inner_gradient.data(), a, first.data(), into, d, true);
        // Used for many rows, so worth packing.
        kernel.pack(dense.data(), rows, d, 0, rows, states.data(), d, 1);
        kernel.transposed_product(
            a, d, rows, inner_gradient.data(), a, dense.data(), w1_gradient.data_ptr<Scalar>(), d, true);
    }
    return {x_gradient, w1_gradient, b1_gradient, w2_gradient, b2_gradient};
}

struct additive_attention : torch::autograd::Function<additive_attention> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &w1, const at::Tensor &b1, const at::Tensor &w2,
        const at::Tensor &b2, const c10::optional<at::Tensor> &masked, double masked_score) {
        variable_list kept;
        const auto run = x.scalar_type() == at::kFloat ? ::forward<float> : ::forward<double>;
        const at::Tensor mask = masked.value_or(at::Tensor());
        at::Tensor result = run(x, w1, b1, w2, b2, mask, masked_score, &kept);
        context->save_for_backward({x, w1, w2, kept[0], kept[1], mask});
        return result;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const auto run = saved[0].scalar_type() == at::kFloat ? ::backward<float> : ::backward<double>;
        variable_list result =
            run(saved[0], saved[1], saved[2], saved[5], saved[3], saved[4], gradients[0].contiguous());
        result.resize(7);
        return result;
    }
};

}  // namespace

extern "C" {

ct_tensor *ct_additive_attention(
    const ct_tensor *input, const ct_tensor *first, const ct_tensor *first_bias, const ct_tensor *second,
    const ct_tensor *second_bias, const ct_tensor *masked, double masked_score, ct_error error) {
    return make(error, [&] {
        const at::Tensor x = input->value.contiguous();
        if (x.dim() != 3 || x.size(1) < 1 || (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)) {
            throw std::invalid_argument("expected states [batch, time, features] of 32-bit or 64-bit floats");
        }
        const at::Tensor w1 = first->value.contiguous(), b1 = first_bias->value.contiguous();
        const at::Tensor w2 = second->value.contiguous(), b2 = second_bias->value.contiguous();
        if (w1.dim() != 2 || w2.dim() != 2) throw std::invalid_argument("expected weights of two axes");
        const sizes size(x, w1, w2);
        check_shape(w1, {size.attention, size.features}, x, "first weight");
        check_shape(b1, {size.attention}, x, "first bias");
        check_shape(w2, {size.heads, size.attention}, x, "second weight");
        check_shape(b2, {size.heads}, x, "second bias");
        c10::optional<at::Tensor> mask;
        if (masked != nullptr) {
            mask = masked->value.contiguous();
            const bool fits = mask->sizes() == at::IntArrayRef({size.batch, size.steps})
                || mask->sizes() == at::IntArrayRef({size.batch, size.heads, size.steps});
            if (!fits || mask->scalar_type() != at::kBool) {
                throw std::invalid_argument("expected a mask of truth values [batch, time] or [batch, heads, time]");
            }
        }
        if (records_any({x, w1, b1, w2, b2})) {
            return additive_attention::apply(x, w1, b1, w2, b2, mask, masked_score);
        }
        const auto run = x.scalar_type() == at::kFloat ? forward<float> : forward<double>;
        return run(x, w1, b1, w2, b2, mask.value_or(at::Tensor()), masked_score, nullptr);
    });
}

}  // extern "C"
