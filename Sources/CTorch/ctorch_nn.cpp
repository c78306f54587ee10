// Layers and losses.
#include "shim.hpp"

using namespace shim;

namespace {

at::Tensor checked_classes(const at::Tensor &scores, const at::Tensor &target) {
    if (scores.dim() != 2 || target.dim() != 1 || scores.size(0) != target.size(0)) {
        throw std::invalid_argument("expected scores [N, C] and N class indices");
    }
    return target;
}

int64_t reduction(bool mean) { return mean ? at::Reduction::Mean : at::Reduction::Sum; }

}  // namespace

extern "C" {

ct_tensor *ct_addmm(const ct_tensor *bias, const ct_tensor *a, const ct_tensor *b, ct_error error) {
    return make(error, [&] { return at::addmm(bias->value, a->value, b->value); });
}

ct_tensor *ct_linear(const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, ct_error error) {
    return make(error, [&] {
        return wide_linear_applies(x->value, weight->value, bias != nullptr ? bias->value : at::Tensor())
            ? wide_linear(x->value, weight->value, bias->value)
            : at::linear(x->value, weight->value, optional(bias));
    });
}

ct_tensor *ct_conv1d(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding,
    int64_t dilation, int64_t groups, ct_error error) {
    return make(error, [&] {
        return at::conv1d(
            x->value, weight->value, optional(bias), at::IntArrayRef(stride), at::IntArrayRef(padding),
            at::IntArrayRef(dilation), groups);
    });
}

ct_tensor *ct_max_pool1d(const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding, ct_error error) {
    return make(error, [&] {
        return at::max_pool1d(
            x->value, at::IntArrayRef(kernel), at::IntArrayRef(stride), at::IntArrayRef(padding));
    });
}

ct_tensor *ct_conv2d(
    const ct_tensor *x, const ct_tensor *weight, const ct_tensor *bias, int64_t stride, int64_t padding,
    int64_t dilation, int64_t groups, ct_error error) {
    return make(error, [&] {
        const std::vector<int64_t> strides(2, stride), paddings(2, padding), dilations(2, dilation);
        return at::conv2d(x->value, weight->value, optional(bias), strides, paddings, dilations, groups);
    });
}

ct_tensor *ct_max_pool2d(const ct_tensor *x, int64_t kernel, int64_t stride, int64_t padding, ct_error error) {
    return make(error, [&] {
        const std::vector<int64_t> kernels(2, kernel), strides(2, stride), paddings(2, padding);
        return at::max_pool2d(x->value, kernels, strides, paddings);
    });
}

ct_tensor *ct_softmax(const ct_tensor *a, int64_t axis, ct_error error) {
    return make(error, [&] { return a->value.softmax(axis); });
}

ct_tensor *ct_log_softmax(const ct_tensor *a, int64_t axis, ct_error error) {
    return make(error, [&] { return a->value.log_softmax(axis); });
}

ct_tensor *ct_nll_loss(const ct_tensor *a, const ct_tensor *target, bool mean, ct_error error) {
    return make(error, [&] {
        return at::nll_loss(a->value, checked_classes(a->value, target->value), {}, reduction(mean));
    });
}

ct_tensor *ct_cross_entropy(const ct_tensor *logits, const ct_tensor *target, bool mean, ct_error error) {
    return make(error, [&] {
        const at::Tensor classes = checked_classes(logits->value, target->value);
        return at::nll_loss(logits->value.log_softmax(1), classes, {}, reduction(mean));
    });
}

ct_tensor *ct_binary_cross_entropy(
    const ct_tensor *logits, const ct_tensor *target, bool mean, ct_error error) {
    return make(error, [&] {
        if (logits->value.sizes() != target->value.sizes()) {
            throw std::invalid_argument("expected logits and targets of one shape");
        }
        return at::binary_cross_entropy_with_logits(logits->value, target->value, {}, {}, reduction(mean));
    });
}

}  // extern "C"
