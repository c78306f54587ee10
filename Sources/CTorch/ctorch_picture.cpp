// A convolution of pictures with bias, ReLU and, if wanted, maxima of 2 × 2 and dropout, as one operation with its own
// gradient.
//
// Inputs are [batch, rows, columns, channels]: of a window, each row is then one piece of memory, windows overlap, and a
// convolution is a sum of products, one for each row of the kernel, without any copy. Where a window's row is short
// (pictures of three channels) windows are gathered and one product does. What a picture needs stays in the cache.
#include "shim.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "kernels.hpp"

using namespace shim;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The numbers of a convolution without padding.
struct picture_sizes {
    int64_t batch, rows, columns, inputs, outputs, kernel, high, wide;
    /// Products of a convolution, elements of a window in each, and the distance between windows.
    int64_t parts, inner, stride;

    picture_sizes(const at::Tensor &x, const at::Tensor &weight)
        : batch(x.size(0)), rows(x.size(1)), columns(x.size(2)), inputs(x.size(3)), outputs(weight.size(0)),
          kernel(weight.size(2)), high(rows - kernel + 1), wide(columns - kernel + 1) {
        const bool gathers = kernel * inputs < 64;
        parts = gathers ? 1 : kernel;
        inner = kernel * inputs * (gathers ? kernel : 1);
        stride = gathers ? inner : inputs;
    }

    /// Positions from the first window's to the last one's, those at the end of rows among them, which have none.
    int64_t positions() const { return (high - 1) * columns + wide; }
    int64_t picture() const { return rows * columns * inputs; }
    int64_t pooled_high() const { return high / 2; }
    int64_t pooled_wide() const { return wide / 2; }
    int64_t pooled() const { return pooled_high() * pooled_wide(); }
};

/// The windows of one picture after another: position p's are at p · stride, part k's k rows further.
template <typename Scalar>
struct windows {
    const picture_sizes &size;
    std::vector<Scalar> copied;

    explicit windows(const picture_sizes &size) : size(size) {
        // Kernels may read a panel beyond the last element.
        const int64_t count = size.parts == 1 ? size.high * size.columns * size.inner : size.picture();
        copied.resize(static_cast<size_t>(count + panel_width<Scalar>), Scalar(0));
    }

    /// `owns` asks for memory that may be read a little beyond its end.
    const Scalar *of(const Scalar *picture, bool owns) {
        if (size.parts > 1 || size.kernel == 1) {
            if (!owns) return picture;
            std::copy(picture, picture + size.picture(), copied.data());
            return copied.data();
        }
        const int64_t piece = size.kernel * size.inputs;
        for (int64_t y = 0; y < size.high; ++y) {
            for (int64_t x = 0; x < size.wide; ++x) {
                Scalar *into = copied.data() + (y * size.columns + x) * size.inner;
                for (int64_t k = 0; k < size.kernel; ++k) {
                    const Scalar *from = picture + ((y + k) * size.columns + x) * size.inputs;
                    for (int64_t i = 0; i < piece; ++i) into[k * piece + i] = from[i];
                }
            }
        }
        return copied.data();
    }

    int64_t part_offset() const { return size.columns * size.inputs; }
};

/// `to` [columns, rows] = `from` [rows, columns] with its axes exchanged, times `scales` [columns, rows] if there are any.
template <typename Scalar>
void exchange(int64_t rows, int64_t columns, const Scalar *from, const Scalar *scales, Scalar *to) {
    for (int64_t j = 0; j < columns; ++j) {
        Scalar *into = to + j * rows;
        if (scales == nullptr) {
            for (int64_t i = 0; i < rows; ++i) into[i] = from[i * columns + j];
        } else {
            for (int64_t i = 0; i < rows; ++i) into[i] = from[i * columns + j] * scales[j * rows + i];
        }
    }
}

/// The result; `places` is empty, or gets what the gradient of pooling needs.
template <typename Scalar>
at::Tensor forward(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias, const at::Tensor &mask, bool pools,
    at::Tensor *places) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const picture_sizes size(x, weight);
    const Scalar *w = weight.data_ptr<Scalar>();
    const int64_t area = size.kernel * size.kernel, outputs = size.outputs;
    const int64_t share = packed_count<Scalar>(size.inner, outputs);
    std::vector<Scalar> packed(static_cast<size_t>(size.parts * share));
    for (int64_t k = 0; k < area; ++k) {
        const int64_t part = size.parts == 1 ? 0 : k / size.kernel;
        const int64_t place = size.parts == 1 ? k : k % size.kernel;
        kernel.pack(
            packed.data() + part * share, size.inner, outputs, place * size.inputs, size.inputs, w + k, area,
            size.inputs * area);
    }
    at::Tensor result = pools
        ? at::empty({size.batch, outputs, size.pooled_high(), size.pooled_wide()}, x.options())
        : at::empty({size.batch, size.high, size.wide, outputs}, x.options());
    if (places != nullptr) *places = at::empty({size.batch, size.pooled(), outputs}, x.options());
    windows<Scalar> source(size);
    const Scalar *b = bias.data_ptr<Scalar>();
    const int64_t block = size.pooled() * outputs, line = size.wide * outputs;
    std::vector<Scalar> sums(static_cast<size_t>(pools ? 2 * line : 0));
    std::vector<Scalar> pooled(static_cast<size_t>(pools ? block : 0)), scratch(pooled.size());
    for (int64_t n = 0; n < size.batch; ++n) {
        const Scalar *first = source.of(x.data_ptr<Scalar>() + n * size.picture(), false);
        const auto convolve = [&](int64_t y, Scalar *into) {
            for (int64_t part = 0; part < size.parts; ++part) {
                kernel.product(
                    size.wide, outputs, size.inner, first + y * size.columns * size.stride + part * source.part_offset(),
                    size.stride, packed.data() + part * share, into, outputs, part > 0);
            }
        };
        if (!pools) {
            Scalar *into = result.data_ptr<Scalar>() + n * size.high * line;
            for (int64_t y = 0; y < size.high; ++y) {
                convolve(y, into + y * line);
                kernel.biased_relu(size.wide, outputs, b, into + y * line);
            }
            continue;
        }
        Scalar *chosen = places != nullptr ? places->data_ptr<Scalar>() + n * block : scratch.data();
        for (int64_t y = 0; y < size.pooled_high(); ++y) {
            convolve(2 * y, sums.data());
            convolve(2 * y + 1, sums.data() + line);
            const int64_t at = y * size.pooled_wide() * outputs;
            kernel.pool_picture_forward(
                size.pooled_wide(), outputs, sums.data(), sums.data() + line, b, pooled.data() + at, chosen + at);
        }
        exchange(
            size.pooled(), outputs, pooled.data(), mask.defined() ? mask.data_ptr<Scalar>() + n * block : nullptr,
            result.data_ptr<Scalar>() + n * block);
    }
    return result;
}

/// What the sums of a convolution's products are added to: the gradients, before they get their places.
template <typename Scalar>
struct picture_gradients {
    /// Undefined where it is not wanted.
    at::Tensor x;
    at::Tensor bias;
    /// The weight's, [part, output, element of a window].
    std::vector<Scalar> totals;

    picture_gradients(const picture_sizes &size, const at::Tensor &input, bool wants_x, bool is_added)
        : bias(at::zeros({size.outputs}, input.options())),
          totals(static_cast<size_t>(size.parts * size.outputs * size.inner), Scalar(0)) {
        if (wants_x) x = is_added ? at::zeros_like(input) : at::empty_like(input);
    }

    variable_list finished(const picture_sizes &size, const at::Tensor &weight) const {
        const int64_t k = size.kernel, area = k * k;
        at::Tensor weights = at::empty_like(weight);
        Scalar *into = weights.data_ptr<Scalar>();
        for (int64_t o = 0; o < size.outputs; ++o) {
            for (int64_t i = 0; i < area; ++i) {
                const int64_t part = size.parts == 1 ? 0 : i / k, place = size.parts == 1 ? i : i % k;
                const Scalar *from = totals.data() + (part * size.outputs + o) * size.inner + place * size.inputs;
                for (int64_t c = 0; c < size.inputs; ++c) into[(o * size.inputs + c) * area + i] = from[c];
            }
        }
        return {x, weights, bias};
    }
};

/// The gradients of x (if wanted), weight and bias of a convolution without pooling, whose result was `y`.
template <typename Scalar>
variable_list backward(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &y, const at::Tensor &gradient, bool wants_x) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const picture_sizes size(x, weight);
    const int64_t k = size.kernel, area = k * k, outputs = size.outputs;
    const Scalar *w = weight.data_ptr<Scalar>();
    const int64_t flipped = k * outputs, share = packed_count<Scalar>(flipped, size.inputs);
    picture_gradients<Scalar> result(size, x, wants_x, false);
    std::vector<Scalar> packed;
    if (wants_x) {
        // A convolution of the sums' gradient with the kernel turned round, one product for each of its rows.
        packed.resize(static_cast<size_t>(k * share));
        for (int64_t i = 0; i < area; ++i) {
            kernel.pack(
                packed.data() + i / k * share, flipped, size.inputs, i % k * outputs, outputs, w + area - 1 - i,
                size.inputs * area, area);
        }
    }
    // The sums' gradient in rows as long as the picture's: the zeros at the end of each are the next one's beginning too.
    const int64_t lead = (k - 1) * (size.columns + 1);
    std::vector<Scalar> spread(static_cast<size_t>((lead + size.rows * size.columns) * outputs), Scalar(0));
    Scalar *base = spread.data() + lead * outputs;
    windows<Scalar> source(size);
    const int64_t line = size.columns * outputs, row = size.wide * outputs, block = size.high * row;
    for (int64_t n = 0; n < size.batch; ++n) {
        const Scalar *own = gradient.data_ptr<Scalar>() + n * block, *values = y.data_ptr<Scalar>() + n * block;
        for (int64_t i = 0; i < size.high; ++i) {
            kernel.relu_backward(row, values + i * row, own + i * row, base + i * line);
        }
        kernel.add_rows(size.positions(), outputs, base, outputs, result.bias.template data_ptr<Scalar>());
        const Scalar *first = source.of(x.data_ptr<Scalar>() + n * size.picture(), n + 1 == size.batch);
        for (int64_t part = 0; part < size.parts; ++part) {
            kernel.add_transposed_product(
                outputs, size.inner, size.positions(), base, outputs, first + part * source.part_offset(), size.stride,
                result.totals.data() + part * outputs * size.inner, size.inner);
        }
        for (int64_t i = 0; wants_x && i < k; ++i) {
            kernel.product(
                size.rows * size.columns, size.inputs, flipped, base + ((i - k + 1) * size.columns - k + 1) * outputs,
                outputs, packed.data() + i * share, result.x.template data_ptr<Scalar>() + n * size.picture(),
                size.inputs, i > 0);
        }
    }
    return result.finished(size, weight);
}

/// The same with pooling, `places` being what it chose. Of the sums' gradient at least three in four are zero, and where ReLU
/// or dropout let nothing through all four: only the others are multiplied, each with its window and with its kernel.
template <typename Scalar>
variable_list pooled_backward(
    const at::Tensor &x, const at::Tensor &weight, const at::Tensor &mask, const at::Tensor &places,
    const at::Tensor &gradient, bool wants_x) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const picture_sizes size(x, weight);
    const int64_t k = size.kernel, area = k * k, outputs = size.outputs, wide = size.pooled_wide();
    picture_gradients<Scalar> result(size, x, wants_x, true);
    // The kernels in the order of windows, row by row.
    const int64_t piece = k * size.inputs;
    std::vector<Scalar> turned(static_cast<size_t>(wants_x ? outputs * k * piece : 0));
    const Scalar *w = weight.data_ptr<Scalar>();
    for (int64_t o = 0; wants_x && o < outputs; ++o) {
        for (int64_t i = 0; i < area; ++i) {
            Scalar *into = turned.data() + (o * area + i) * size.inputs;
            for (int64_t c = 0; c < size.inputs; ++c) into[c] = w[(o * size.inputs + c) * area + i];
        }
    }
    windows<Scalar> source(size);
    const row_parts weights{size.parts, size.inner, size.stride, source.part_offset(), outputs * size.inner};
    const row_parts pixels{k, piece, size.inputs, size.columns * size.inputs, piece};
    std::vector<int32_t> found(static_cast<size_t>(wide));
    std::vector<Scalar> values(found.size());
    const int64_t block = size.pooled() * outputs;
    Scalar *bias = result.bias.template data_ptr<Scalar>();
    for (int64_t n = 0; n < size.batch; ++n) {
        const Scalar *own = gradient.data_ptr<Scalar>() + n * block, *chosen = places.data_ptr<Scalar>() + n * block;
        const Scalar *scales = mask.defined() ? mask.data_ptr<Scalar>() + n * block : nullptr;
        const Scalar *first = source.of(x.data_ptr<Scalar>() + n * size.picture(), false);
        Scalar *back = wants_x ? result.x.template data_ptr<Scalar>() + n * size.picture() : nullptr;
        // A row of what was pooled at a time: what its windows hold stays in the first cache.
        for (int64_t y = 0; y < size.pooled_high(); ++y) {
            for (int64_t o = 0; o < outputs; ++o) {
                const int64_t at = o * size.pooled() + y * wide;
                int64_t count = 0;
                for (int64_t t = 0; t < wide; ++t) {
                    const Scalar value = scales != nullptr ? own[at + t] * scales[at + t] : own[at + t];
                    const auto place = static_cast<int64_t>(chosen[(y * wide + t) * outputs + o]);
                    const int64_t above = 2 * y * size.columns + 2 * t;
                    found[static_cast<size_t>(count)] =
                        static_cast<int32_t>(above + (place >> 1) * size.columns + (place & 1));
                    values[static_cast<size_t>(count)] = value;
                    count += place >= 0 && value != 0;
                }
                for (int64_t i = 0; i < count; ++i) bias[o] += values[static_cast<size_t>(i)];
                const scattered<Scalar> list{count, found.data(), values.data()};
                kernel.gather_rows(list, weights, first, result.totals.data() + o * size.inner);
                if (wants_x) kernel.scatter_rows(list, pixels, turned.data() + o * k * piece, back);
            }
        }
    }
    return result.finished(size, weight);
}

struct picture_convolution : torch::autograd::Function<picture_convolution> {
    static at::Tensor forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &weight, const at::Tensor &bias,
        const c10::optional<at::Tensor> &mask, bool pools) {
        at::Tensor places;
        const at::Tensor scales = mask.value_or(at::Tensor());
        const auto run = x.scalar_type() == at::kFloat ? ::forward<float> : ::forward<double>;
        at::Tensor result = run(x, weight, bias, scales, pools, pools ? &places : nullptr);
        context->save_for_backward({x, weight, scales, pools ? places : result});
        context->saved_data["pools"] = pools;
        return result;
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const at::Tensor gradient = gradients[0].contiguous();
        const bool is_float = saved[0].scalar_type() == at::kFloat, wants_x = context->needs_input_grad(0);
        variable_list result;
        if (context->saved_data["pools"].toBool()) {
            const auto run = is_float ? pooled_backward<float> : pooled_backward<double>;
            result = run(saved[0], saved[1], saved[2], saved[3], gradient, wants_x);
        } else {
            const auto run = is_float ? ::backward<float> : ::backward<double>;
            result = run(saved[0], saved[1], saved[3], gradient, wants_x);
        }
        result.resize(5);
        return result;
    }
};

}  // namespace

extern "C" {

ct_tensor *ct_picture_convolution(
    const ct_tensor *input, const ct_tensor *weight, const ct_tensor *bias, bool pools, const ct_tensor *mask,
    ct_error error) {
    return make(error, [&] {
        const at::Tensor x = input->value.contiguous();
        if (x.dim() != 4 || (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)) {
            throw std::invalid_argument("expected an input [batch, rows, columns, channels] of 32-bit or 64-bit floats");
        }
        const at::Tensor w = weight->value.contiguous();
        if (w.dim() != 4 || w.numel() == 0) throw std::invalid_argument("expected a weight [out, in, kernel, kernel]");
        const picture_sizes size(x, w);
        const int64_t least = pools ? 2 : 1;
        if (size.high < least || size.wide < least) throw std::invalid_argument("the picture is smaller than the kernel");
        if (mask != nullptr && !pools) throw std::invalid_argument("a mask is for pooled pictures");
        const at::Tensor b = bias->value.contiguous();
        const at::Tensor scales = mask != nullptr ? mask->value.contiguous() : at::Tensor();
        check_shape(w, {size.outputs, size.inputs, size.kernel, size.kernel}, x, "weight");
        check_shape(b, {size.outputs}, x, "bias");
        if (mask != nullptr) {
            check_shape(
                scales, {size.batch, size.outputs, size.pooled_high(), size.pooled_wide()}, x, "mask");
        }
        if (records_any({x, w, b})) {
            return picture_convolution::apply(
                x, w, b, scales.defined() ? c10::optional<at::Tensor>(scales) : c10::optional<at::Tensor>(), pools);
        }
        return x.scalar_type() == at::kFloat ? forward<float>(x, w, b, scales, pools, nullptr)
                                             : forward<double>(x, w, b, scales, pools, nullptr);
    });
}

}  // extern "C"
