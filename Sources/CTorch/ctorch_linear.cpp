// A linear layer for few rows and a large weight: what counts there is how often the weight goes through memory. LibTorch's
// product copies it into another order first; here it is read once forward, once for the gradient of the input, and the
// gradient of the weight is written once.
#include "shim.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include "kernels.hpp"

using namespace shim;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

template <typename Scalar>
at::Tensor forward(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
    const int64_t rows = x.size(0), inner = x.size(1), outputs = weight.size(0);
    at::Tensor result = at::empty({rows, outputs}, x.options());
    Scalar *into = result.data_ptr<Scalar>();
    kernels<Scalar>().product_of_rows(
        rows, outputs, inner, x.data_ptr<Scalar>(), weight.data_ptr<Scalar>(), into);
    const Scalar *b = bias.data_ptr<Scalar>();
    for (int64_t i = 0; i < rows; ++i) {
        for (int64_t j = 0; j < outputs; ++j) into[i * outputs + j] += b[j];
    }
    return result;
}

template <typename Scalar>
variable_list backward(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &gradient, bool wants_x) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const int64_t rows = x.size(0), inner = x.size(1), outputs = weight.size(0);
    const Scalar *own = gradient.data_ptr<Scalar>();
    at::Tensor x_gradient, weight_gradient = at::empty_like(weight), bias_gradient = at::zeros({outputs}, x.options());
    if (wants_x) {
        x_gradient = at::empty_like(x);
        kernel.standing_product(
            rows, inner, outputs, own, weight.data_ptr<Scalar>(), x_gradient.data_ptr<Scalar>());
    }
    kernel.standing_transposed_product(
        outputs, inner, rows, own, x.data_ptr<Scalar>(), weight_gradient.data_ptr<Scalar>());
    kernel.add_rows(rows, outputs, own, outputs, bias_gradient.data_ptr<Scalar>());
    return {x_gradient, weight_gradient, bias_gradient};
}

struct linear_function : torch::autograd::Function<linear_function> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
        context->save_for_backward({x, weight});
        return x.scalar_type() == at::kFloat ? ::forward<float>(x, weight, bias) : ::forward<double>(x, weight, bias);
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const auto run = saved[0].scalar_type() == at::kFloat ? ::backward<float> : ::backward<double>;
        return run(saved[0], saved[1], gradients[0].contiguous(), context->needs_input_grad(0));
    }
};

}  // namespace

bool shim::wide_linear_applies(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
    constexpr int64_t fewest = 1 << 16, most_rows = 64;
    return bias.defined() && x.dim() == 2 && weight.dim() == 2 && bias.dim() == 1 && x.size(0) >= 1
        && x.size(0) <= most_rows && weight.numel() >= fewest && x.size(1) == weight.size(1)
        && bias.size(0) == weight.size(0) && x.size(1) % panel_width<float> == 0
        && (x.scalar_type() == at::kFloat || x.scalar_type() == at::kDouble)
        && weight.scalar_type() == x.scalar_type() && bias.scalar_type() == x.scalar_type();
}

at::Tensor shim::wide_linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias) {
    const at::Tensor own = x.contiguous(), w = weight.contiguous(), b = bias.contiguous();
    if (records_any({own, w, b})) return linear_function::apply(own, w, b);
    return own.scalar_type() == at::kFloat ? forward<float>(own, w, b) : forward<double>(own, w, b);
}
