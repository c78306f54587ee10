// Making, reading and changing tensors; gradients.
#include "shim.hpp"

using namespace shim;

at::ScalarType shim::scalar_type(ct_dtype dtype) {
    switch (dtype) {
    case CT_F32: return at::kFloat;
    case CT_F64: return at::kDouble;
    case CT_F16: return at::kHalf;
    case CT_BF16: return at::kBFloat16;
    case CT_I64: return at::kLong;
    case CT_U8: return at::kByte;
    case CT_BOOL: return at::kBool;
    case CT_OTHER: break;
    }
    throw std::invalid_argument("unknown element type");
}

namespace {

void check_flags(at::ScalarType type, const void *bytes, size_t count) {
    if (type != at::kBool) return;
    const uint8_t *flags = static_cast<const uint8_t *>(bytes);
    for (size_t i = 0; i < count; ++i) {
        if (flags[i] > 1) throw std::invalid_argument("a truth value is neither 0 nor 1");
    }
}

}  // namespace

extern "C" {

void ct_free(ct_tensor *tensor) { delete tensor; }

void ct_free_string(char *string) { std::free(string); }

ct_tensor *ct_from_bytes(
    const void *bytes, size_t count, ct_dtype dtype, const int64_t *shape, int32_t rank, ct_error error) {
    return make(error, [&] {
        const at::ScalarType type = scalar_type(dtype);
        // Checked before any memory is taken, so that a false shape cannot ask for too much.
        size_t expected = c10::elementSize(type);
        for (int64_t extent : list(shape, rank)) {
            if (extent < 0 || __builtin_mul_overflow(expected, static_cast<size_t>(extent), &expected)) {
                throw std::invalid_argument("shape is negative or too large");
            }
        }
        if (expected != count) {
            throw std::invalid_argument(
                "shape needs " + std::to_string(expected) + " bytes, found " + std::to_string(count));
        }
        check_flags(type, bytes, count);
        at::Tensor tensor = at::empty(list(shape, rank), at::TensorOptions().dtype(type));
        if (count > 0) std::memcpy(tensor.data_ptr(), bytes, count);
        return tensor;
    });
}

ct_tensor *ct_full(double value, ct_dtype dtype, const int64_t *shape, int32_t rank, ct_error error) {
    return make(error, [&] {
        return at::full(list(shape, rank), value, at::TensorOptions().dtype(scalar_type(dtype)));
    });
}

ct_tensor *ct_arange(int64_t count, ct_error error) {
    return make(error, [&] { return at::arange(count, at::TensorOptions().dtype(at::kLong)); });
}

int32_t ct_rank(const ct_tensor *tensor) { return static_cast<int32_t>(tensor->value.dim()); }

int64_t ct_extent(const ct_tensor *tensor, int32_t axis) {
    const at::IntArrayRef sizes = tensor->value.sizes();
    return axis >= 0 && static_cast<size_t>(axis) < sizes.size() ? sizes[static_cast<size_t>(axis)] : 0;
}

int64_t ct_element_count(const ct_tensor *tensor) { return tensor->value.numel(); }

ct_dtype ct_dtype_of(const ct_tensor *tensor) {
    switch (tensor->value.scalar_type()) {
    case at::kFloat: return CT_F32;
    case at::kDouble: return CT_F64;
    case at::kHalf: return CT_F16;
    case at::kBFloat16: return CT_BF16;
    case at::kLong: return CT_I64;
    case at::kByte: return CT_U8;
    case at::kBool: return CT_BOOL;
    default: return CT_OTHER;
    }
}

bool ct_copy_to_bytes(const ct_tensor *tensor, void *bytes, size_t count, ct_error error) {
    return run(error, [&] {
        const at::Tensor contiguous = tensor->value.detach().contiguous();
        if (contiguous.nbytes() != count) {
            throw std::invalid_argument(
                "tensor holds " + std::to_string(contiguous.nbytes()) + " bytes, room for " + std::to_string(count));
        }
        if (count > 0) std::memcpy(bytes, contiguous.data_ptr(), count);
    });
}

bool ct_item(const ct_tensor *tensor, double *value, ct_error error) {
    return run(error, [&] { *value = tensor->value.item().toDouble(); });
}

bool ct_copy(ct_tensor *destination, const ct_tensor *source, ct_error error) {
    return run(error, [&] {
        without_grad scope;
        if (destination->value.sizes() != source->value.sizes()) {
            throw std::invalid_argument("copy between different shapes");
        }
        destination->value.copy_(source->value);
    });
}

bool ct_copy_from_bytes(ct_tensor *tensor, const void *bytes, size_t count, ct_dtype dtype, ct_error error) {
    return run(error, [&] {
        without_grad scope;
        const at::ScalarType type = scalar_type(dtype);
        const size_t expected = static_cast<size_t>(tensor->value.numel()) * c10::elementSize(type);
        if (expected != count) {
            throw std::invalid_argument(
                "shape needs " + std::to_string(expected) + " bytes, found " + std::to_string(count));
        }
        check_flags(type, bytes, count);
        if (count == 0) return;
        // Read only: the copy's source is never written.
        const at::Tensor source =
            at::from_blob(const_cast<void *>(bytes), tensor->value.sizes(), at::TensorOptions().dtype(type));
        tensor->value.copy_(source);
    });
}

bool ct_fill(ct_tensor *tensor, double value, ct_error error) {
    return run(error, [&] {
        without_grad scope;
        tensor->value.fill_(value);
    });
}

bool ct_scale(ct_tensor *tensor, double factor, ct_error error) {
    return run(error, [&] {
        without_grad scope;
        tensor->value.mul_(factor);
    });
}

bool ct_add_scaled(ct_tensor *tensor, const ct_tensor *other, double factor, ct_error error) {
    return run(error, [&] {
        without_grad scope;
        tensor->value.add_(other->value, factor);
    });
}

bool ct_requires_grad(const ct_tensor *tensor) { return tensor->value.requires_grad(); }

bool ct_set_requires_grad(ct_tensor *tensor, bool flag, ct_error error) {
    return run(error, [&] { tensor->value.set_requires_grad(flag); });
}

bool ct_backward(const ct_tensor *tensor, const ct_tensor *gradient, bool retain_graph, ct_error error) {
    return run(error, [&] {
        tensor->value.backward(gradient == nullptr ? at::Tensor() : gradient->value, retain_graph, false);
    });
}

ct_tensor *ct_grad(const ct_tensor *tensor) {
    char *ignored = nullptr;
    ct_tensor *result = guarded(&ignored, [&]() -> ct_tensor * {
        // The field itself: asking a tensor that is not a leaf for its gradient prints a warning.
        const at::Tensor &gradient = tensor->value.mutable_grad();
        return gradient.defined() ? wrap(gradient) : nullptr;
    });
    std::free(ignored);
    return result;
}

bool ct_set_grad(ct_tensor *tensor, const ct_tensor *gradient, ct_error error) {
    return run(error, [&] {
        if (gradient != nullptr && gradient->value.sizes() != tensor->value.sizes()) {
            throw std::invalid_argument("the gradient's shape is not the tensor's");
        }
        tensor->value.mutable_grad() = gradient == nullptr ? at::Tensor() : gradient->value;
    });
}

ct_tensor *ct_detach(const ct_tensor *tensor, ct_error error) {
    return make(error, [&] { return tensor->value.detach(); });
}

bool ct_grad_mode(void) { return c10::GradMode::is_enabled(); }

void ct_set_grad_mode(bool enabled) { c10::GradMode::set_enabled(enabled); }

}  // extern "C"
