// Shared by the shim's sources: LibTorch's headers, the handle, and the guard that keeps exceptions inside.
#ifndef TRIBUTARY_CTORCH_SHIM_HPP
#define TRIBUTARY_CTORCH_SHIM_HPP

#if !__has_include(<ATen/ATen.h>) || !__has_include(<torch/version.h>)
#ifdef TRIBUTARY_TORCH_ROOT
#error "TORCH_ROOT does not hold LibTorch: expected $TORCH_ROOT/include/ATen/ATen.h. Name a folder with include and lib (the torch folder of a PyTorch wheel serves), or unset TORCH_ROOT and install Debian's package libtorch-dev."
#else
#error "LibTorch is missing: install Debian's package libtorch-dev (apt-get install libtorch-dev), or set TORCH_ROOT to a folder that holds LibTorch's include and lib (the torch folder of a PyTorch wheel serves)."
#endif
#endif

// About the C++ ABI: Debian's LibTorch and PyTorch wheels from 2.7 on use libstdc++'s C++11 strings, as this
// compiler does by default. Older wheels were built with _GLIBCXX_USE_CXX11_ABI=0: the link then fails on
// symbols with std::string in them. Use a newer wheel or the "cxx11 ABI" archive of LibTorch instead.

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/GradMode.h>
#include <torch/version.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <initializer_list>
#include <new>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "ctorch.h"

/// The handle: a LibTorch tensor, itself a counted reference.
struct ct_tensor {
    at::Tensor value;
};

namespace shim {

/// Puts a copy of the message where the caller looks for it.
inline void report(ct_error error, const char *message) noexcept { *error = ::strdup(message); }

/// Runs `body`, turning every exception into a message and the value-initialised result (NULL or false).
template <typename Body>
auto guarded(ct_error error, Body &&body) noexcept -> decltype(body()) {
    try {
        // The number of threads is set for each thread at its first operation (OpenMP keeps one a thread).
        at::internal::lazy_init_num_threads();
        return body();
    } catch (const c10::Error &caught) {
        // Without the backtrace, which names this machine's files and says nothing to the reader.
        report(error, caught.what_without_backtrace());
    } catch (const std::bad_alloc &) {
        report(error, "out of memory");
    } catch (const std::exception &caught) {
        report(error, caught.what());
    } catch (...) {
        report(error, "unknown C++ exception");
    }
    return {};
}

inline ct_tensor *wrap(at::Tensor value) { return new ct_tensor{std::move(value)}; }

/// `guarded` for bodies that return a tensor.
template <typename Body>
ct_tensor *make(ct_error error, Body &&body) noexcept {
    return guarded(error, [&]() -> ct_tensor * { return wrap(body()); });
}

/// `guarded` for bodies that return nothing.
template <typename Body>
bool run(ct_error error, Body &&body) noexcept {
    return guarded(error, [&] {
        body();
        return true;
    });
}

inline at::IntArrayRef list(const int64_t *values, int32_t count) {
    return count == 0 ? at::IntArrayRef() : at::IntArrayRef(values, static_cast<size_t>(count));
}

inline std::vector<at::Tensor> list(const ct_tensor *const *tensors, size_t count) {
    std::vector<at::Tensor> values;
    values.reserve(count);
    for (size_t i = 0; i < count; ++i) values.push_back(tensors[i]->value);
    return values;
}

inline c10::optional<at::Tensor> optional(const ct_tensor *tensor) {
    return tensor == nullptr ? c10::optional<at::Tensor>() : c10::optional<at::Tensor>(tensor->value);
}

at::ScalarType scalar_type(ct_dtype dtype);

/// Throws unless `tensor` has this shape and x's element type.
inline void check_shape(const at::Tensor &tensor, at::IntArrayRef shape, const at::Tensor &x, const char *what) {
    if (tensor.sizes() == shape && tensor.scalar_type() == x.scalar_type()) return;
    std::ostringstream message;
    message << what << ": expected " << x.scalar_type() << " " << shape << ", found " << tensor.scalar_type() << " "
            << tensor.sizes();
    throw std::invalid_argument(message.str());
}

/// A linear layer with a large weight and few rows of x, see ctorch_linear.cpp; whether it is for these tensors, and it.
bool wide_linear_applies(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);
at::Tensor wide_linear(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias);

/// Whether an operation on these tensors is recorded for gradients.
inline bool records_any(std::initializer_list<at::Tensor> tensors) {
    if (!c10::GradMode::is_enabled()) return false;
    for (const at::Tensor &tensor : tensors) {
        if (tensor.requires_grad()) return true;
    }
    return false;
}

/// Restores the calling thread's gradient recording at the end of a scope that must not be recorded.
struct without_grad {
    bool before = c10::GradMode::is_enabled();
    without_grad() { c10::GradMode::set_enabled(false); }
    ~without_grad() { c10::GradMode::set_enabled(before); }
};

}  // namespace shim

#endif
