// A convolution along time with bias, ReLU, pooling by two and dropout as one operation with its own gradient.
//
// Inputs are [batch, time, channels]: a window of `kernel` steps is then one row of memory, windows overlap, and a
// sequence's convolution is one product without any copy but the zeros around it. What a sequence needs stays in the
// cache from the product to the pooling.
#include "shim.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels.hpp"

using namespace shim;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct sizes {
    int64_t batch, steps, inputs, outputs, kernel, padding, pooled;

    sizes(const at::Tensor &x, const at::Tensor &weight)
        : batch(x.size(0)), steps(x.size(1)), inputs(x.size(2)), outputs(weight.size(0)), kernel(weight.size(2)),
          padding(kernel / 2), pooled(steps / 2) {}

    int64_t window() const { return kernel * inputs; }
};

/// A sequence with zeros around it. Elements after the last zero are allocated, for kernels that read a whole panel.
template <typename Scalar>
struct padded {
    int64_t steps, channels, padding;
    std::vector<Scalar> values;

    padded(int64_t steps, int64_t channels, int64_t padding)
        : steps(steps), channels(channels), padding(padding),
          values(static_cast<size_t>((steps + 2 * padding) * channels + panel_width<Scalar>), Scalar(0)) {}

    const Scalar *fill(const Scalar *sequence) {
        std::copy(sequence, sequence + steps * channels, values.data() + padding * channels);
        return values.data();
    }
};

/// The mask of one sequence, [channels, steps], with its axes exchanged.
template <typename Scalar>
void exchange(int64_t channels, int64_t steps, const Scalar *mask, Scalar *exchanged) {
    for (int64_t t = 0; t < steps; ++t) {
        for (int64_t c = 0; c < channels; ++c) exchanged[t * channels + c] = mask[c * steps + t];
    }
}

/// [B, T/2, O]; `factors` is empty, or gets what the gradient needs.
template <typename Scalar>
at::Tensor forward(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &mask, at::Tensor *factors) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const sizes size(x, weight);
    const Scalar *w = weight.data_ptr<Scalar>();
    std::vector<Scalar> packed(static_cast<size_t>(packed_count<Scalar>(size.window(), size.outputs)));
    for (int64_t k = 0; k < size.kernel; ++k) {
        kernel.pack(
            packed.data(), size.window(), size.outputs, k * size.inputs, size.inputs, w + k, size.kernel,
            size.inputs * size.kernel);
    }
    const int64_t block = size.pooled * size.outputs;
    at::Tensor result = at::empty({size.batch, size.pooled, size.outputs}, x.options());
    if (factors != nullptr) *factors = at::empty_like(result);
    std::vector<Scalar> sums(static_cast<size_t>(size.steps * size.outputs));
    std::vector<Scalar> exchanged(static_cast<size_t>(block));
    padded<Scalar> input(size.steps, size.inputs, size.padding);
    for (int64_t b = 0; b < size.batch; ++b) {
        const Scalar *windows = input.fill(x.data_ptr<Scalar>() + b * size.steps * size.inputs);
        kernel.product(
            size.steps, size.outputs, size.window(), windows, size.inputs, packed.data(), sums.data(), size.outputs, false);
        const Scalar *scales = nullptr;
        if (mask.defined()) {
            exchange(size.outputs, size.pooled, mask.data_ptr<Scalar>() + b * block, exchanged.data());
            scales = exchanged.data();
        }
        // Without a gradient the factors are written over what is not needed any more.
        kernel.pool_forward(
            size.pooled, size.outputs, sums.data(), bias.data_ptr<Scalar>(), scales, result.data_ptr<Scalar>() + b * block,
            factors != nullptr ? factors->data_ptr<Scalar>() + b * block : exchanged.data());
    }
    return result;
}

/// The gradients of x (if wanted), weight and bias.
template <typename Scalar>
variable_list backward(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &factors, const at::Tensor &gradient, bool wants_x) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const sizes size(x, weight);
    const int64_t window = size.window(), flipped = size.kernel * size.outputs;
    const Scalar *w = weight.data_ptr<Scalar>();
    std::vector<Scalar> packed;
    at::Tensor x_gradient;
    if (wants_x) {
        x_gradient = at::empty_like(x);
        // A convolution of the sums' gradient with the kernel turned round: B[(j, o)][c] = w[o][c][kernel − 1 − j].
        packed.resize(static_cast<size_t>(packed_count<Scalar>(flipped, size.inputs)));
        for (int64_t j = 0; j < size.kernel; ++j) {
            kernel.pack(
                packed.data(), flipped, size.inputs, j * size.outputs, size.outputs, w + size.kernel - 1 - j, window,
                size.kernel);
        }
    }
    std::vector<Scalar> totals(static_cast<size_t>(size.outputs * window), Scalar(0));
    at::Tensor bias_gradient = at::zeros({size.outputs}, x.options());
    const int64_t block = size.pooled * size.outputs;
    // With an odd number of steps the last is not pooled, and its gradient stays zero.
    std::vector<Scalar> sums(static_cast<size_t>(size.steps * size.outputs), Scalar(0));
    padded<Scalar> input(size.steps, size.inputs, size.padding);
    padded<Scalar> output(size.steps, size.outputs, size.padding);
    for (int64_t b = 0; b < size.batch; ++b) {
        kernel.pool_backward(
            size.pooled, size.outputs, gradient.data_ptr<Scalar>() + b * block, factors.data_ptr<Scalar>() + b * block,
            sums.data());
        kernel.add_rows(size.steps, size.outputs, sums.data(), size.outputs, bias_gradient.data_ptr<Scalar>());
        const Scalar *windows = input.fill(x.data_ptr<Scalar>() + b * size.steps * size.inputs);
        kernel.add_transposed_product(
            size.outputs, window, size.steps, sums.data(), size.outputs, windows, size.inputs, totals.data(), window);
        if (wants_x) {
            kernel.product(
                size.steps, size.inputs, flipped, output.fill(sums.data()), size.outputs, packed.data(),
                x_gradient.data_ptr<Scalar>() + b * size.steps * size.inputs, size.inputs, false);
        }
    }
    at::Tensor weight_gradient = at::empty_like(weight);
    Scalar *into = weight_gradient.data_ptr<Scalar>();
    for (int64_t o = 0; o < size.outputs; ++o) {
        for (int64_t k = 0; k < size.kernel; ++k) {
            for (int64_t c = 0; c < size.inputs; ++c) {
                into[o * window + c * size.kernel + k] =
                    totals[static_cast<size_t>(o * window + k * size.inputs + c)];
            }
        }
    }
    return {x_gradient, weight_gradient, bias_gradient};
}

struct pooled_convolution : torch::autograd::Function<pooled_convolution> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
        const c10::optional<at::Tensor> &mask) {
        at::Tensor factors;
        const auto run = x.scalar_type() == at::kFloat ? ::forward<float> : ::forward<double>;
        at::Tensor result = run(x, weight, bias, mask.value_or(at::Tensor()), &factors);
        context->save_for_backward({x, weight, factors});
        return result;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const auto run = saved[0].scalar_type() == at::kFloat ? ::backward<float> : ::backward<double>;
        variable_list result =
            run(saved[0], saved[1], saved[2], gradients[0].contiguous(), context->needs_input_grad(0));
        result.resize(4);
        return result;
    }
};

}  // namespace

extern "C" {

ct_tensor *ct_pooled_convolution(
    const ct_tensor *input, const ct_tensor *weight, const ct_tensor *bias, const ct_tensor *mask, ct_error error) {
    return make(error, [&] {
        const at::Tensor x = input->value.contiguous();
        if (x.dim() != 3 || x.size(1) < 2 || (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)) {
            throw std::invalid_argument(
                "expected an input [batch, at least 2 steps, channels] of 32-bit or 64-bit floats");
        }
        const at::Tensor w = weight->value.contiguous();
        if (w.dim() != 3 || w.size(2) % 2 == 0) throw std::invalid_argument("expected a weight of an odd kernel");
        const sizes size(x, w);
        const at::Tensor b = bias->value.contiguous();
        const at::Tensor scales = mask != nullptr ? mask->value.contiguous() : at::Tensor();
        check_shape(w, {size.outputs, size.inputs, size.kernel}, x, "weight");
        check_shape(b, {size.outputs}, x, "bias");
        if (mask != nullptr) check_shape(scales, {size.batch, size.outputs, size.pooled}, x, "mask");
        if (records_any({x, w, b})) {
            return pooled_convolution::apply(
                x, w, b, scales.defined() ? c10::optional<at::Tensor>(scales) : c10::optional<at::Tensor>());
        }
        return x.scalar_type() == at::kFloat ? forward<float>(x, w, b, scales, nullptr)
                                             : forward<double>(x, w, b, scales, nullptr);
    });
}

}  // extern "C"
