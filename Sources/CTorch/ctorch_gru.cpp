// A GRU layer as one operation with its own gradient: all input projections in one product, one product a step for the
// recurrence, gates and their gradients in one pass each, weight gradients in one product over all steps.
#include "shim.hpp"

#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <tuple>

#include "kernels.hpp"

using namespace shim;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// The vectors of `gru_gradient_row::sums`; those that the state's weights see begin with the second.
constexpr int64_t gate_count = 4;

struct sizes {
    int64_t batch, steps, features, hidden;

    sizes(const at::Tensor &x, const at::Tensor &weight_hh)
        : batch(x.size(0)), steps(x.size(1)), features(x.size(2)), hidden(weight_hh.size(1)) {}
};

/// The lengths' place: all sequences have `whole` steps when `values` is empty.
struct ends {
    const std::vector<int64_t> &values;
    int64_t whole;

    int64_t operator[](int64_t sequence) const {
        return values.empty() ? whole : values[static_cast<size_t>(sequence)];
    }
    int64_t longest() const { return values.empty() ? whole : *std::max_element(values.begin(), values.end()); }
};

/// What the backward pass needs beside inputs and outputs.
struct trace {
    /// r, z, n of every step, [B, T, 3 H].
    at::Tensor gates;
    /// W_hn h + b_hn of every step, [B, T, H].
    at::Tensor candidates;
};

template <typename Scalar>
std::vector<Scalar> packed_transposed(const at::Tensor &weight) {
    const int64_t rows = weight.size(0), columns = weight.size(1);
    std::vector<Scalar> packed(static_cast<size_t>(packed_count<Scalar>(columns, rows)));
    kernels<Scalar>().pack(packed.data(), columns, rows, 0, columns, weight.data_ptr<Scalar>(), 1, columns);
    return packed;
}

/// Runs `count` sequences from `first` on; gates and candidates are those of these sequences. With `keeps` the
/// candidates of all steps are kept, else one row is used again and again.
template <typename Scalar>
void run_sequences(
    const sizes &size, int64_t first, int64_t count, const Scalar *x, const Scalar *initial,
    const std::vector<Scalar> &input_weight, const std::vector<Scalar> &hidden_weight, const Scalar *biases,
    const ends &ends, bool keeps, Scalar *gates, Scalar *candidates, Scalar *recurrent, Scalar *states,
    int64_t total_steps, Scalar *last) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const int64_t h = size.hidden, steps = size.steps;
    kernel.product(
        count * steps, 3 * h, size.features, x + first * steps * size.features, size.features, input_weight.data(), gates,
        3 * h, false);
    Scalar *outputs = states + first * total_steps * h;
    const Scalar *start = initial + first * h;
    int64_t longest = 0;
    for (int64_t i = 0; i < count; ++i) longest = std::max(longest, ends[first + i]);
    for (int64_t t = 0; t < longest; ++t) {
        const Scalar *before = t == 0 ? start : outputs + (t - 1) * h;
        const int64_t distance = t == 0 ? h : total_steps * h;
        kernel.product(count, 3 * h, h, before, distance, hidden_weight.data(), recurrent, 3 * h, false);
        for (int64_t i = 0; i < count; ++i) {
            if (t >= ends[first + i]) continue;
            gru_row<Scalar> row{};
            row.gates = gates + (i * steps + t) * 3 * h;
            row.recurrent = recurrent + i * 3 * h;
            row.biases = biases;
            row.before = before + i * distance;
            row.candidate = candidates + (keeps ? (i * steps + t) * h : 0);
            row.after = outputs + (i * total_steps + t) * h;
            kernel.gru_forward(h, row);
        }
    }
    for (int64_t i = 0; i < count; ++i) {
        Scalar *row = outputs + i * total_steps * h;
        std::fill(row + ends[first + i] * h, row + total_steps * h, Scalar(0));
        const Scalar *end = row + (ends[first + i] - 1) * h;
        std::copy(end, end + h, last + (first + i) * h);
    }
}

/// States [B, total, H] and last states [1, B, H]; fills the trace when there is one.
template <typename Scalar>
std::tuple<at::Tensor, at::Tensor> forward(
    const at::Tensor &x, const at::Tensor &initial, const at::Tensor &weight_ih, const at::Tensor &weight_hh,
    const at::Tensor &bias_ih, const at::Tensor &bias_hh, const std::vector<int64_t> &lengths, int64_t total_steps,
    trace *kept) {
    const sizes size(x, weight_hh);
    const int64_t h = size.hidden;
    const std::vector<Scalar> input_weight = packed_transposed<Scalar>(weight_ih);
    const std::vector<Scalar> hidden_weight = packed_transposed<Scalar>(weight_hh);
    const Scalar *input_bias = bias_ih.data_ptr<Scalar>();
    const Scalar *hidden_bias = bias_hh.data_ptr<Scalar>();
    std::vector<Scalar> biases(input_bias, input_bias + 3 * h);
    for (int64_t j = 0; j < 2 * h; ++j) biases[static_cast<size_t>(j)] += hidden_bias[j];
    biases.insert(biases.end(), hidden_bias + 2 * h, hidden_bias + 3 * h);

    at::Tensor states = at::empty({size.batch, total_steps, h}, x.options());
    at::Tensor last = at::empty({1, size.batch, h}, x.options());
    // Without a trace a few sequences at a time, so that what is computed stays in the cache.
    const int64_t at_once = kept != nullptr ? size.batch : std::min<int64_t>(size.batch, 12);
    const at::Tensor gates = at::empty({at_once, size.steps, 3 * h}, x.options());
    const at::Tensor candidates = at::empty({kept != nullptr ? size.batch * size.steps : 1, h}, x.options());
    const at::Tensor recurrent = at::empty({at_once, 3 * h}, x.options());
    for (int64_t first = 0; first < size.batch; first += at_once) {
        run_sequences<Scalar>(
            size, first, std::min(at_once, size.batch - first), x.data_ptr<Scalar>(), initial.data_ptr<Scalar>(),
            input_weight, hidden_weight, biases.data(), ends{lengths, size.steps}, kept != nullptr,
            gates.data_ptr<Scalar>(), candidates.data_ptr<Scalar>(), recurrent.data_ptr<Scalar>(),
            states.data_ptr<Scalar>(), total_steps, last.data_ptr<Scalar>());
    }
    if (kept != nullptr) *kept = {gates, candidates};
    return {states, last};
}

/// The gradients of x, the initial state, both weights and both biases.
template <typename Scalar>
variable_list backward(
    const at::Tensor &x, const at::Tensor &initial, const at::Tensor &weight_ih, const at::Tensor &weight_hh,
    const trace &kept, const at::Tensor &states, const at::Tensor &states_gradient, const at::Tensor &last_gradient,
    const std::vector<int64_t> &lengths, bool wants_x) {
    const kernel_set<Scalar> &kernel = kernels<Scalar>();
    const sizes size(x, weight_hh);
    const int64_t h = size.hidden, steps = size.steps, rows = size.batch * steps, total = states.size(1);
    const ends ends{lengths, steps};
    const Scalar *gates = kept.gates.data_ptr<Scalar>();
    const Scalar *candidates = kept.candidates.data_ptr<Scalar>();
    const Scalar *outputs = states.data_ptr<Scalar>();
    const Scalar *start = initial.data_ptr<Scalar>();
    const Scalar *from_states = states_gradient.defined() ? states_gradient.data_ptr<Scalar>() : nullptr;
    const Scalar *from_last = last_gradient.defined() ? last_gradient.data_ptr<Scalar>() : nullptr;

    // B[k][j] = W_hh[k][j], rows r, z, n.
    std::vector<Scalar> packed(static_cast<size_t>(packed_count<Scalar>(3 * h, h)));
    kernel.pack(packed.data(), 3 * h, h, 0, 3 * h, weight_hh.data_ptr<Scalar>(), h, 1);

    const at::Tensor sums_tensor = at::empty({rows, gate_count * h}, x.options());
    Scalar *sums = sums_tensor.data_ptr<Scalar>();
    at::Tensor initial_gradient = at::zeros_like(initial);
    Scalar *state = initial_gradient.data_ptr<Scalar>();
    const int64_t longest = ends.longest();
    for (int64_t i = 0; i < size.batch; ++i) {
        for (int64_t t = ends[i]; t < steps; ++t) {
            Scalar *row = sums + (i * steps + t) * gate_count * h;
            std::fill(row, row + gate_count * h, Scalar(0));
        }
    }
    for (int64_t t = longest - 1; t >= 0; --t) {
        for (int64_t i = 0; i < size.batch; ++i) {
            if (t >= ends[i]) continue;
            Scalar *at_row = state + i * h;
            if (from_states != nullptr) kernel.add_rows(1, h, from_states + (i * total + t) * h, h, at_row);
            if (from_last != nullptr && t == ends[i] - 1) kernel.add_rows(1, h, from_last + i * h, h, at_row);
            gru_gradient_row<Scalar> row{};
            row.gates = gates + (i * steps + t) * 3 * h;
            row.candidate = candidates + (i * steps + t) * h;
            row.before = t == 0 ? start + i * h : outputs + (i * total + t - 1) * h;
            row.state = at_row;
            row.sums = sums + (i * steps + t) * gate_count * h;
            kernel.gru_backward(h, row);
        }
        // Sequences that have ended add zeros.
        kernel.product(
            size.batch, h, 3 * h, sums + (t * gate_count + 1) * h, steps * gate_count * h, packed.data(), state,
            h, true);
    }

    at::Tensor x_gradient;
    if (wants_x) {
        x_gradient = at::empty_like(x);
        packed.resize(static_cast<size_t>(packed_count<Scalar>(3 * h, size.features)));
        const Scalar *w = weight_ih.data_ptr<Scalar>();
        // The rows of W_ih in the order of the sums: n, r, z.
        kernel.pack(packed.data(), 3 * h, size.features, 0, h, w + 2 * h * size.features, size.features, 1);
        kernel.pack(packed.data(), 3 * h, size.features, h, 2 * h, w, size.features, 1);
        kernel.product(
            rows, size.features, 3 * h, sums, gate_count * h, packed.data(), x_gradient.data_ptr<Scalar>(),
            size.features, false);
    }

    at::Tensor input_gradient = at::empty_like(weight_ih);
    packed.resize(static_cast<size_t>(packed_count<Scalar>(rows, std::max(size.features, h))));
    kernel.pack(packed.data(), rows, size.features, 0, rows, x.data_ptr<Scalar>(), size.features, 1);
    Scalar *into = input_gradient.data_ptr<Scalar>();
    kernel.transposed_product(
        2 * h, size.features, rows, sums + h, gate_count * h, packed.data(), into, size.features, false);
    kernel.transposed_product(
        h, size.features, rows, sums, gate_count * h, packed.data(), into + 2 * h * size.features, size.features, false);

    at::Tensor hidden_gradient = at::empty_like(weight_hh);
    for (int64_t i = 0; i < size.batch; ++i) {
        kernel.pack(packed.data(), rows, h, i * steps, 1, start + i * h, h, 1);
        // Past the longest sequence there are no states, and the gates' gradients are zero.
        const int64_t present = std::min(steps, total + 1) - 1;
        kernel.pack(packed.data(), rows, h, i * steps + 1, present, outputs + i * total * h, h, 1);
        for (int64_t t = present + 1; t < steps; ++t) {
            kernel.pack(packed.data(), rows, h, i * steps + t, 1, start + i * h, h, 1);
        }
    }
    kernel.transposed_product(
        3 * h, h, rows, sums + h, gate_count * h, packed.data(), hidden_gradient.data_ptr<Scalar>(), h,
        false);

    std::vector<Scalar> totals(static_cast<size_t>(gate_count * h), Scalar(0));
    kernel.add_rows(rows, gate_count * h, sums, gate_count * h, totals.data());
    at::Tensor input_bias = at::empty({3 * h}, x.options());
    at::Tensor hidden_bias = at::empty({3 * h}, x.options());
    const Scalar *total_of = totals.data();
    std::copy(total_of + h, total_of + 3 * h, input_bias.data_ptr<Scalar>());
    std::copy(total_of, total_of + h, input_bias.data_ptr<Scalar>() + 2 * h);
    std::copy(total_of + h, total_of + 4 * h, hidden_bias.data_ptr<Scalar>());
    return {x_gradient, initial_gradient, input_gradient, hidden_gradient, input_bias, hidden_bias};
}

/// `undefined` or dense memory that the kernels can walk.
at::Tensor dense(const at::Tensor &tensor) { return tensor.defined() ? tensor.contiguous() : tensor; }

struct recurrence : torch::autograd::Function<recurrence> {
    static variable_list forward(
        AutogradContext *context, const at::Tensor &x, const at::Tensor &initial, const at::Tensor &weight_ih,
        const at::Tensor &weight_hh, const at::Tensor &bias_ih, const at::Tensor &bias_hh, std::vector<int64_t> lengths,
        int64_t total_steps) {
        trace kept;
        const auto run = x.scalar_type() == at::kFloat ? ::forward<float> : ::forward<double>;
        const auto [states, last] =
            run(x, initial, weight_ih, weight_hh, bias_ih, bias_hh, lengths, total_steps, &kept);
        context->save_for_backward({x, initial, weight_ih, weight_hh, kept.gates, kept.candidates, states});
        context->saved_data["lengths"] = std::move(lengths);
        // A missing gradient stays undefined instead of becoming zeros.
        context->set_materialize_grads(false);
        return {states, last};
    }

    static variable_list backward(AutogradContext *context, variable_list gradients) {
        const variable_list saved = context->get_saved_variables();
        const std::vector<int64_t> lengths = context->saved_data["lengths"].toIntVector();
        const trace kept{saved[4], saved[5]};
        const at::Tensor from_states = dense(gradients[0]);
        const at::Tensor from_last = dense(gradients[1]);
        const auto run = saved[0].scalar_type() == at::kFloat ? ::backward<float> : ::backward<double>;
        variable_list result = run(
            saved[0], saved[1], saved[2], saved[3], kept, saved[6], from_states, from_last, lengths,
            context->needs_input_grad(0));
        result.resize(8);
        return result;
    }
};

void check_lengths(at::IntArrayRef lengths, const at::Tensor &x, int64_t total_length) {
    if (static_cast<int64_t>(lengths.size()) != x.size(0)) {
        throw std::invalid_argument(
            "expected " + std::to_string(x.size(0)) + " lengths, found " + std::to_string(lengths.size()));
    }
    int64_t longest = 0;
    for (int64_t length : lengths) {
        if (length < 1 || length > x.size(1)) {
            throw std::invalid_argument(
                "length " + std::to_string(length) + " is outside 1 to " + std::to_string(x.size(1)));
        }
        longest = std::max(longest, length);
    }
    if (total_length != 0 && total_length < longest) {
        throw std::invalid_argument(
            "total length " + std::to_string(total_length) + " is below the longest sequence, "
            + std::to_string(longest));
    }
}

}  // namespace

extern "C" {

bool ct_gru(
    const ct_tensor *input, const ct_tensor *initial, const ct_tensor *weight_ih, const ct_tensor *weight_hh,
    const ct_tensor *bias_ih, const ct_tensor *bias_hh, const int64_t *lengths, size_t length_count,
    int64_t total_length, ct_tensor **output, ct_tensor **last, ct_error error) {
    return run(error, [&] {
        const at::Tensor x = input->value.contiguous();
        if (x.dim() != 3 || x.size(1) < 1 || (x.scalar_type() != at::kFloat && x.scalar_type() != at::kDouble)) {
            throw std::invalid_argument("expected an input [batch, time, features] of 32-bit or 64-bit floats");
        }
        if (weight_hh->value.dim() != 2) throw std::invalid_argument("expected weights of two axes");
        const sizes size(x, weight_hh->value);
        const int64_t h = size.hidden;
        const at::TensorOptions options = x.options().requires_grad(false);
        const auto or_zeros = [&](const ct_tensor *tensor, at::IntArrayRef shape) {
            return tensor != nullptr ? tensor->value.contiguous() : at::zeros(shape, options);
        };
        const at::Tensor start = or_zeros(initial, {1, size.batch, h});
        const at::Tensor input_weight = weight_ih->value.contiguous();
        const at::Tensor hidden_weight = weight_hh->value.contiguous();
        const at::Tensor input_bias = or_zeros(bias_ih, {3 * h});
        const at::Tensor hidden_bias = or_zeros(bias_hh, {3 * h});
        check_shape(start, {1, size.batch, h}, x, "initial state");
        check_shape(input_weight, {3 * h, size.features}, x, "input weight");
        check_shape(hidden_weight, {3 * h, h}, x, "hidden weight");
        check_shape(input_bias, {3 * h}, x, "input bias");
        check_shape(hidden_bias, {3 * h}, x, "hidden bias");
        std::vector<int64_t> steps;
        int64_t total = size.steps;
        if (lengths != nullptr) {
            const at::IntArrayRef given(lengths, length_count);
            check_lengths(given, x, total_length);
            steps = given.vec();
            total = total_length != 0 ? total_length : ends{steps, size.steps}.longest();
        }
        variable_list results;
        if (records_any({x, start, input_weight, hidden_weight, input_bias, hidden_bias})) {
            results = recurrence::apply(
                x, start, input_weight, hidden_weight, input_bias, hidden_bias, std::move(steps), total);
        } else {
            const auto run = x.scalar_type() == at::kFloat ? forward<float> : forward<double>;
            const auto [states, final] =
                run(x, start, input_weight, hidden_weight, input_bias, hidden_bias, steps, total, nullptr);
            results = {states, final};
        }
        ct_tensor *first = wrap(results[0]);
        try {
            *last = wrap(results[1]);
        } catch (...) {
            ct_free(first);
            throw;
        }
        *output = first;
    });
}

}  // extern "C"
