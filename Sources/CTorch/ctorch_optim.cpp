// Gradient clipping and stochastic gradient descent over a list of parameters, each in one pass over memory.
#include "shim.hpp"

#include <cmath>

using namespace shim;

namespace {

template <typename Scalar>
double squared_norm(const at::Tensor &gradient) {
    const Scalar *g = gradient.data_ptr<Scalar>();
    // Four independent sums let the compiler use vector registers without changing the order between runs.
    double sums[4] = {0, 0, 0, 0};
    const int64_t count = gradient.numel();
    int64_t i = 0;
    for (; i + 4 <= count; i += 4) {
        for (int64_t lane = 0; lane < 4; ++lane) {
            const double value = static_cast<double>(g[i + lane]);
            sums[lane] += value * value;
        }
    }
    for (; i < count; ++i) sums[0] += static_cast<double>(g[i]) * static_cast<double>(g[i]);
    return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

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
        sum += gradient.scalar_type() == at::kFloat ? squared_norm<float>(gradient) : squared_norm<double>(gradient);
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
    Scalar *p = parameter.data_ptr<Scalar>();
    const Scalar *g = gradient.data_ptr<Scalar>();
    Scalar *v = buffer.defined() ? buffer.data_ptr<Scalar>() : nullptr;
    const Scalar rate = static_cast<Scalar>(options.learning_rate);
    const Scalar decay = static_cast<Scalar>(options.weight_decay);
    const Scalar momentum = static_cast<Scalar>(options.momentum);
    const Scalar fresh = static_cast<Scalar>(1.0 - options.dampening);
    const Scalar scale = static_cast<Scalar>(factor);
    const int64_t count = parameter.numel();
    if (v == nullptr) {
        for (int64_t i = 0; i < count; ++i) p[i] -= rate * (g[i] * scale + decay * p[i]);
        return;
    }
    for (int64_t i = 0; i < count; ++i) {
        const Scalar d = g[i] * scale + decay * p[i];
        v[i] = first ? d : momentum * v[i] + fresh * d;
        p[i] -= rate * (options.nesterov ? d + momentum * v[i] : v[i]);
    }
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
