// Layers and losses.
#include "shim.hpp"

#include <algorithm>
#include <numeric>

using namespace shim;

namespace {

/// The positions of `lengths` from longest to shortest, equal ones in their order.
std::vector<int64_t> longest_first(at::IntArrayRef lengths) {
    std::vector<int64_t> order(lengths.size());
    std::iota(order.begin(), order.end(), int64_t{0});
    std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        const int64_t first = lengths[static_cast<size_t>(a)];
        const int64_t second = lengths[static_cast<size_t>(b)];
        return first != second ? first > second : a < b;
    });
    return order;
}

at::Tensor index_tensor(const std::vector<int64_t> &values) {
    at::Tensor tensor =
        at::empty({static_cast<int64_t>(values.size())}, at::TensorOptions().dtype(at::kLong));
    std::copy(values.begin(), values.end(), tensor.data_ptr<int64_t>());
    return tensor;
}

void check_lengths(at::IntArrayRef lengths, const at::Tensor &x) {
    if (static_cast<int64_t>(lengths.size()) != x.size(0)) {
        throw std::invalid_argument(
            "expected " + std::to_string(x.size(0)) + " lengths, found " + std::to_string(lengths.size()));
    }
    for (int64_t length : lengths) {
        if (length < 1 || length > x.size(1)) {
            throw std::invalid_argument(
                "length " + std::to_string(length) + " is outside 1 to " + std::to_string(x.size(1)));
        }
    }
}

/// The GRU over sequences of different lengths, as PyTorch's pack_padded_sequence(enforce_sorted=False), GRU and
/// pad_packed_sequence do it together.
std::tuple<at::Tensor, at::Tensor> gru_with_lengths(
    const at::Tensor &x, const at::Tensor &initial, at::TensorList weights, bool has_biases, at::IntArrayRef lengths,
    int64_t total_length) {
    check_lengths(lengths, x);
    const std::vector<int64_t> order = longest_first(lengths);
    std::vector<int64_t> inverse(order.size());
    std::vector<int64_t> sorted(order.size());
    for (size_t i = 0; i < order.size(); ++i) {
        inverse[static_cast<size_t>(order[i])] = static_cast<int64_t>(i);
        sorted[i] = lengths[static_cast<size_t>(order[i])];
    }
    const int64_t longest = sorted.empty() ? 0 : sorted.front();
    if (total_length != 0 && total_length < longest) {
        throw std::invalid_argument(
            "total length " + std::to_string(total_length) + " is below the longest sequence, "
            + std::to_string(longest));
    }
    const at::Tensor forward = index_tensor(order);
    const at::Tensor back = index_tensor(inverse);
    const auto [data, batch_sizes] =
        at::_pack_padded_sequence(x.index_select(0, forward), index_tensor(sorted), /*batch_first=*/true);
    const auto [packed, last] = at::gru(
        data, batch_sizes, initial.index_select(1, forward), weights, has_biases, /*num_layers=*/1,
        /*dropout=*/0.0, /*train=*/false, /*bidirectional=*/false);
    const at::Tensor padded = std::get<0>(at::_pad_packed_sequence(
        packed, batch_sizes, /*batch_first=*/true, /*padding_value=*/0.0, total_length == 0 ? longest : total_length));
    return {padded.index_select(0, back), last.index_select(1, back)};
}

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
    return make(error, [&] { return at::linear(x->value, weight->value, optional(bias)); });
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

bool ct_gru(
    const ct_tensor *input, const ct_tensor *initial, const ct_tensor *weight_ih, const ct_tensor *weight_hh,
    const ct_tensor *bias_ih, const ct_tensor *bias_hh, const int64_t *lengths, size_t length_count,
    int64_t total_length, ct_tensor **output, ct_tensor **last, ct_error error) {
    return run(error, [&] {
        const at::Tensor &x = input->value;
        if (x.dim() != 3) throw std::invalid_argument("expected an input [batch, time, features]");
        if (weight_hh->value.dim() != 2 || weight_ih->value.dim() != 2) {
            throw std::invalid_argument("expected weights of two axes");
        }
        const bool has_biases = bias_ih != nullptr && bias_hh != nullptr;
        std::vector<at::Tensor> weights = {weight_ih->value, weight_hh->value};
        if (has_biases) {
            weights.push_back(bias_ih->value);
            weights.push_back(bias_hh->value);
        }
        const at::Tensor start = initial != nullptr
            ? initial->value
            : at::zeros({1, x.size(0), weight_hh->value.size(1)}, x.options().requires_grad(false));
        const auto [states, final] = lengths == nullptr
            ? at::gru(
                  x, start, weights, has_biases, /*num_layers=*/1, /*dropout=*/0.0, /*train=*/false,
                  /*bidirectional=*/false, /*batch_first=*/true)
            : gru_with_lengths(
                  x, start, weights, has_biases, at::IntArrayRef(lengths, length_count), total_length);
        ct_tensor *first = wrap(states);
        try {
            *last = wrap(final);
        } catch (...) {
            ct_free(first);
            throw;
        }
        *output = first;
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
