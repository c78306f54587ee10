// Elementwise operations, reductions and changes of shape.
#include "shim.hpp"

#include <cmath>

using namespace shim;

namespace {

at::Scalar scalar_for(const at::Tensor &tensor, double value) {
    const bool integral = at::isIntegralType(tensor.scalar_type(), /*includeBool=*/true);
    if (integral && std::trunc(value) == value && std::abs(value) < 9.0e15) {
        return at::Scalar(static_cast<int64_t>(value));
    }
    return at::Scalar(value);
}

[[noreturn]] void unknown_operation() { throw std::invalid_argument("unknown operation"); }

}  // namespace

extern "C" {

ct_tensor *ct_unary(ct_unary_op op, const ct_tensor *tensor, ct_error error) {
    return make(error, [&] {
        const at::Tensor &a = tensor->value;
        switch (op) {
        case CT_NEGATE: return a.neg();
        case CT_ABS: return a.abs();
        case CT_EXP: return a.exp();
        case CT_LOG: return a.log();
        case CT_SQRT: return a.sqrt();
        case CT_SQUARE: return a.square();
        case CT_TANH: return a.tanh();
        case CT_SIGMOID: return a.sigmoid();
        case CT_RELU: return a.relu();
        case CT_LOGICAL_NOT: return a.logical_not();
        case CT_IS_FINITE: return a.isfinite();
        }
        unknown_operation();
    });
}

ct_tensor *ct_binary(ct_binary_op op, const ct_tensor *first, const ct_tensor *second, ct_error error) {
    return make(error, [&] {
        const at::Tensor &a = first->value;
        const at::Tensor &b = second->value;
        switch (op) {
        case CT_ADD: return a.add(b);
        case CT_SUBTRACT: return a.sub(b);
        case CT_MULTIPLY: return a.mul(b);
        case CT_DIVIDE: return a.div(b);
        case CT_POWER: return a.pow(b);
        case CT_EQUAL: return a.eq(b);
        case CT_LESS: return a.lt(b);
        case CT_LESS_EQUAL: return a.le(b);
        case CT_GREATER: return a.gt(b);
        case CT_GREATER_EQUAL: return a.ge(b);
        case CT_MATMUL: return a.matmul(b);
        }
        unknown_operation();
    });
}

ct_tensor *ct_binary_scalar(ct_binary_op op, const ct_tensor *tensor, double value, ct_error error) {
    return make(error, [&] {
        const at::Tensor &a = tensor->value;
        const at::Scalar b = scalar_for(a, value);
        switch (op) {
        case CT_ADD: return a.add(b);
        case CT_SUBTRACT: return a.sub(b);
        case CT_MULTIPLY: return a.mul(b);
        case CT_DIVIDE: return a.div(b);
        case CT_POWER: return a.pow(b);
        case CT_EQUAL: return a.eq(b);
        case CT_LESS: return a.lt(b);
        case CT_LESS_EQUAL: return a.le(b);
        case CT_GREATER: return a.gt(b);
        case CT_GREATER_EQUAL: return a.ge(b);
        case CT_MATMUL: break;
        }
        unknown_operation();
    });
}

ct_tensor *ct_reduce(ct_reduce_op op, const ct_tensor *tensor, ct_error error) {
    return make(error, [&] {
        const at::Tensor &a = tensor->value;
        switch (op) {
        case CT_SUM: return a.sum();
        case CT_MEAN: return a.mean();
        case CT_MAX: return a.max();
        case CT_MIN: return a.min();
        case CT_ARGMAX: return a.argmax();
        }
        unknown_operation();
    });
}

ct_tensor *ct_reduce_axis(ct_reduce_op op, const ct_tensor *tensor, int64_t axis, bool keep_axis, ct_error error) {
    return make(error, [&] {
        const at::Tensor &a = tensor->value;
        switch (op) {
        case CT_SUM: return a.sum(at::IntArrayRef(axis), keep_axis);
        case CT_MEAN: return a.mean(at::IntArrayRef(axis), keep_axis);
        case CT_MAX: return std::get<0>(a.max(axis, keep_axis));
        case CT_MIN: return std::get<0>(a.min(axis, keep_axis));
        case CT_ARGMAX: return a.argmax(axis, keep_axis);
        }
        unknown_operation();
    });
}

ct_tensor *ct_clamp(const ct_tensor *a, double low, double high, ct_error error) {
    return make(error, [&] { return a->value.clamp(low, high); });
}

ct_tensor *ct_masked_fill(const ct_tensor *a, const ct_tensor *mask, double value, ct_error error) {
    return make(error, [&] { return a->value.masked_fill(mask->value, value); });
}

ct_tensor *ct_where(const ct_tensor *condition, const ct_tensor *a, const ct_tensor *b, ct_error error) {
    return make(error, [&] { return at::where(condition->value, a->value, b->value); });
}

ct_tensor *ct_to_dtype(const ct_tensor *a, ct_dtype dtype, ct_error error) {
    return make(error, [&] { return a->value.to(scalar_type(dtype)); });
}

ct_tensor *ct_clone(const ct_tensor *a, ct_error error) {
    return make(error, [&] { return a->value.clone(); });
}

ct_tensor *ct_contiguous(const ct_tensor *a, ct_error error) {
    return make(error, [&] { return a->value.contiguous(); });
}

ct_tensor *ct_reshape(const ct_tensor *a, const int64_t *shape, int32_t rank, ct_error error) {
    return make(error, [&] { return a->value.reshape(list(shape, rank)); });
}

ct_tensor *ct_expand(const ct_tensor *a, const int64_t *shape, int32_t rank, ct_error error) {
    return make(error, [&] { return a->value.expand(list(shape, rank)); });
}

ct_tensor *ct_permute(const ct_tensor *a, const int64_t *axes, int32_t rank, ct_error error) {
    return make(error, [&] { return a->value.permute(list(axes, rank)); });
}

ct_tensor *ct_transpose(const ct_tensor *a, int64_t first, int64_t second, ct_error error) {
    return make(error, [&] { return a->value.transpose(first, second); });
}

ct_tensor *ct_unsqueeze(const ct_tensor *a, int64_t axis, ct_error error) {
    return make(error, [&] { return a->value.unsqueeze(axis); });
}

ct_tensor *ct_squeeze(const ct_tensor *a, int64_t axis, ct_error error) {
    return make(error, [&] { return a->value.squeeze(axis); });
}

ct_tensor *ct_slice(const ct_tensor *a, int64_t axis, int64_t start, int64_t end, int64_t step, ct_error error) {
    return make(error, [&] { return a->value.slice(axis, start, end, step); });
}

ct_tensor *ct_select(const ct_tensor *a, int64_t axis, int64_t index, ct_error error) {
    return make(error, [&] { return a->value.select(axis, index); });
}

ct_tensor *ct_index_select(const ct_tensor *a, int64_t axis, const ct_tensor *indices, ct_error error) {
    return make(error, [&] { return a->value.index_select(axis, indices->value); });
}

ct_tensor *ct_gather(const ct_tensor *a, int64_t axis, const ct_tensor *indices, ct_error error) {
    return make(error, [&] { return a->value.gather(axis, indices->value); });
}

ct_tensor *ct_cat(const ct_tensor *const *tensors, size_t count, int64_t axis, ct_error error) {
    return make(error, [&] { return at::cat(list(tensors, count), axis); });
}

ct_tensor *ct_stack(const ct_tensor *const *tensors, size_t count, int64_t axis, ct_error error) {
    return make(error, [&] { return at::stack(list(tensors, count), axis); });
}

}  // extern "C"
