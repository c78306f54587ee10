// Gradient clipping and stochastic gradient descent over a list of parameters, each in one pass over memory.
#include "shim.hpp"

#include <cmath>

#include "kernels.hpp"

using namespace shim;

namespace {

at::Tensor checked(const at::Tensor &tensor, const char *what) {
    if (tensor.scalar_type() != at::kFloat && tensor.scalar_type() != at::kDouble) {
        throw std::invalid_argument(std::string(what) + ": expected 32-bit or 64-bit floats");
    }
    if (!tensor.is_contiguous()) throw std::invalid_argument(std::string(what) + ": expected contiguous memory");
    return tensor;
}

/// The gradient in the parameter's layout, or an undefined tensor.
at::Tensor gradient_of(const ct_tensor *parameter) {
    const at::Tensor &gradient = parameter->value.mutable_grad();
    return gradient.defined() ? gradient.contiguous() : at::Tensor();
}

double global_norm(const ct_tensor *const *parameters, size_t count) {
    double sum = 0;
    for (size_t i = 0; i < count; ++i) {
        const at::Tensor gradient = gradient_of(parameters[i]);
        if (!gradient.defined()) continue;
        checked(gradient, "gradient");
        sum += gradient.scalar_type() == at::kFloat
            ? kernels<float>().squared_norm(gradient.numel(), gradient.data_ptr<float>())
            : kernels<double>().squared_norm(gradient.numel(), gradient.data_ptr<double>());
    }
    return std::sqrt(sum);
}

/// clip_grad_norm_'s factor: min(1, maximum / (norm + 1e-6)); not a number stays not a number.
double clip_factor(double norm, double maximum) {
    const double factor = maximum / (norm + 1e-6);
    return factor > 1.0 ? 1.0 : factor;
}

template <typename Scalar>
void sgd_update(
    const at::Tensor &parameter, const at::Tensor &gradient, const at::Tensor &buffer, bool first,
    const ct_sgd &options, double factor) {
    const descent<Scalar> numbers = {
        static_cast<Scalar>(factor),
        static_cast<Scalar>(options.learning_rate),
        static_cast<Scalar>(options.weight_decay),
        static_cast<Scalar>(options.momentum),
        static_cast<Scalar>(1.0 - options.dampening),
        first,
        options.nesterov,
    };
    kernels<Scalar>().descend(
        parameter.numel(), numbers, gradient.data_ptr<Scalar>(), buffer.defined() ? buffer.data_ptr<Scalar>() : nullptr,
        parameter.data_ptr<Scalar>());
}

}  // namespace

extern "C" {

bool ct_sgd_step(
    const ct_tensor *const *parameters, ct_tensor **buffers, size_t count, ct_sgd options, double *norm,
    ct_error error) {
    return run(error, [&] {
        without_grad scope;
        double factor = 1;
        *norm = 0;
        if (options.maximum_norm > 0) {
            *norm = global_norm(parameters, count);
            factor = clip_factor(*norm, options.maximum_norm);
        }
        for (size_t i = 0; i < count; ++i) {
            const at::Tensor gradient = gradient_of(parameters[i]);
            if (!gradient.defined()) continue;
            const at::Tensor parameter = checked(parameters[i]->value, "parameter");
            if (gradient.scalar_type() != parameter.scalar_type() || gradient.numel() != parameter.numel()) {
                throw std::invalid_argument("gradient and parameter differ in type or size");
            }
            const bool first = buffers[i] == nullptr;
            if (options.momentum != 0 && first) buffers[i] = wrap(at::empty_like(parameter));
            const at::Tensor buffer = options.momentum != 0 ? checked(buffers[i]->value, "momentum") : at::Tensor();
            if (buffer.defined()
                && (buffer.scalar_type() != parameter.scalar_type() || buffer.numel() != parameter.numel())) {
                throw std::invalid_argument("momentum and parameter differ in type or size");
            }
            if (parameter.scalar_type() == at::kFloat) {
                sgd_update<float>(parameter, gradient, buffer, first, options, factor);
            } else {
                sgd_update<double>(parameter, gradient, buffer, first, options, factor);
            }
            // Tells autograd that values it may have saved have changed.
            parameter.unsafeGetTensorImpl()->bump_version();
        }
    });
}

bool ct_clip_grad_norm(
    const ct_tensor *const *parameters, size_t count, double maximum_norm, double *norm, ct_error error) {
    return run(error, [&] {
        without_grad scope;
        *norm = global_norm(parameters, count);
        const double factor = clip_factor(*norm, maximum_norm);
        for (size_t i = 0; i < count; ++i) {
            const at::Tensor &gradient = parameters[i]->value.mutable_grad();
            if (gradient.defined()) gradient.mul_(factor);
        }
    });
}

}  // extern "C"
