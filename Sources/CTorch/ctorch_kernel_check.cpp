// Our own kernels of one instruction set against those of another.
#include "kernels.hpp"
#include "shim.hpp"

#include <array>
#include <cmath>
#include <cstring>
#include <functional>

using namespace shim;

namespace {

/// Numbers between -1 and 1 that depend on nothing but their position.
std::vector<float> numbers(int64_t count, uint32_t seed) {
    std::vector<float> values(static_cast<size_t>(count));
    uint32_t state = seed * 2654435761u + 1;
    for (auto &value : values) {
        state = state * 1664525u + 1013904223u;
        value = static_cast<float>(static_cast<int32_t>(state)) / 2147483648.0f;
    }
    return values;
}

using outcome = std::vector<float>;

struct kernel_case {
    std::string name;
    std::function<outcome(const kernel_set<float> &)> run;
};

std::vector<kernel_case> cases() {
    std::vector<kernel_case> all;
    const int64_t shapes[][3] = {{1, 1, 1}, {5, 17, 3}, {16, 384, 128}, {17, 33, 300}, {35, 40, 260}, {200, 16, 64}};
    for (const auto &extent : shapes) {
        const int64_t rows = extent[0], columns = extent[1], inner = extent[2];
        const std::string shape =
            std::to_string(rows) + " x " + std::to_string(inner) + " x " + std::to_string(columns);
        auto packed = [=](const kernel_set<float> &set) {
            const auto b = numbers(inner * columns, 2);
            std::vector<float> packed(static_cast<size_t>(packed_count<float>(inner, columns)));
            set.pack(packed.data(), inner, columns, 0, inner, b.data(), columns, 1);
            return packed;
        };
        for (const bool adds : {false, true}) {
            all.push_back({"product " + shape, [=](const kernel_set<float> &set) {
                const auto a = numbers(rows * inner, 1), b = packed(set);
                outcome c = numbers(rows * columns, 3);
                set.product(rows, columns, inner, a.data(), inner, b.data(), c.data(), columns, adds);
                return c;
            }});
            all.push_back({"transposed product " + shape, [=](const kernel_set<float> &set) {
                const auto a = numbers(inner * rows, 1), b = packed(set);
                outcome c = numbers(rows * columns, 3);
                set.transposed_product(rows, columns, inner, a.data(), rows, b.data(), c.data(), columns, adds);
                return c;
            }});
        }
        all.push_back({"added transposed product " + shape, [=](const kernel_set<float> &set) {
            const auto a = numbers(inner * rows, 1), b = numbers(inner * columns + panel_width<float>, 2);
            outcome c = numbers(rows * columns, 3);
            set.add_transposed_product(rows, columns, inner, a.data(), rows, b.data(), columns, c.data(), columns);
            return c;
        }});
    }
    for (const auto &extent : {std::array<int64_t, 3>{1, 3, 5}, {10, 7, 160}, {11, 16, 333}}) {
        const int64_t rows = extent[0], columns = extent[1], inner = extent[2];
        all.push_back({"product of rows " + std::to_string(inner), [=](const kernel_set<float> &set) {
            const auto a = numbers(rows * inner, 1), b = numbers(columns * inner, 2);
            outcome c(static_cast<size_t>(rows * columns));
            set.product_of_rows(rows, columns, inner, a.data(), b.data(), c.data());
            return c;
        }});
        all.push_back({"standing products " + std::to_string(inner), [=](const kernel_set<float> &set) {
            const auto a = numbers(rows * inner, 1), b = numbers(inner * 48, 2);
            outcome c(static_cast<size_t>(2 * rows * 48));
            set.standing_product(rows, 48, inner, a.data(), b.data(), c.data());
            set.standing_transposed_product(rows, 48, inner, a.data(), b.data(), c.data() + rows * 48);
            return c;
        }});
    }
    // Rows that overlap, of whole steps and with what is left of one.
    for (const int64_t width : {3, 27, 96, 205}) {
        all.push_back({"scattered rows " + std::to_string(width), [=](const kernel_set<float> &set) {
            const std::vector<int32_t> places = {0, 1, 2, 5, 5, 9};
            const auto values = numbers(6, 1), row = numbers(2 * width, 2);
            const int64_t stride = (width + 2) / 3, far = 10 * stride + width;
            auto list = numbers(2 * far, 3), sums = numbers(2 * width, 4);
            const scattered<float> found{6, places.data(), values.data()};
            const row_parts parts{2, width, stride, far, width};
            set.gather_rows(found, parts, list.data(), sums.data());
            set.scatter_rows(found, parts, row.data(), list.data());
            list.insert(list.end(), sums.begin(), sums.end());
            return list;
        }});
    }
    for (const int64_t hidden : {7, 16, 128}) {
        const std::string size = std::to_string(hidden);
        all.push_back({"GRU forward " + size, [=](const kernel_set<float> &set) {
            auto gates = numbers(3 * hidden, 1);
            const auto recurrent = numbers(3 * hidden, 2), biases = numbers(4 * hidden, 3), before = numbers(hidden, 4);
            outcome rest(static_cast<size_t>(2 * hidden));
            set.gru_forward(
                hidden, {gates.data(), recurrent.data(), biases.data(), before.data(), rest.data(), rest.data() + hidden});
            gates.insert(gates.end(), rest.begin(), rest.end());
            return gates;
        }});
        all.push_back({"GRU backward " + size, [=](const kernel_set<float> &set) {
            const auto gates = numbers(3 * hidden, 1), candidate = numbers(hidden, 2), before = numbers(hidden, 3);
            auto state = numbers(hidden, 4);
            outcome sums(static_cast<size_t>(4 * hidden));
            set.gru_backward(hidden, {gates.data(), candidate.data(), before.data(), state.data(), sums.data()});
            sums.insert(sums.end(), state.begin(), state.end());
            return sums;
        }});
        all.push_back({"pooling " + size, [=](const kernel_set<float> &set) {
            const auto sums = numbers(2 * 3 * hidden, 1), bias = numbers(hidden, 2), mask = numbers(3 * hidden, 3);
            outcome pooled(static_cast<size_t>(3 * hidden)), factors(pooled), back(static_cast<size_t>(6 * hidden));
            set.pool_forward(3, hidden, sums.data(), bias.data(), mask.data(), pooled.data(), factors.data());
            set.pool_backward(3, hidden, pooled.data(), factors.data(), back.data());
            back.insert(back.end(), pooled.begin(), pooled.end());
            return back;
        }});
        all.push_back({"pooling of pictures " + size, [=](const kernel_set<float> &set) {
            const auto above = numbers(6 * hidden, 1), below = numbers(6 * hidden, 2), bias = numbers(hidden, 3);
            auto values = above;
            outcome pooled(static_cast<size_t>(3 * hidden)), places(pooled), back(static_cast<size_t>(6 * hidden));
            set.pool_picture_forward(
                3, hidden, above.data(), below.data(), bias.data(), pooled.data(), places.data());
            set.biased_relu(6, hidden, bias.data(), values.data());
            set.relu_backward(6 * hidden, values.data(), below.data(), back.data());
            back.insert(back.end(), pooled.begin(), pooled.end());
            back.insert(back.end(), places.begin(), places.end());
            back.insert(back.end(), values.begin(), values.end());
            return back;
        }});
        all.push_back({"tanh " + size, [=](const kernel_set<float> &set) {
            auto values = numbers(5 * hidden, 1), gradient = numbers(5 * hidden, 2), sums = numbers(hidden, 3);
            const auto bias = numbers(hidden, 4);
            set.biased_tanh(5, hidden, bias.data(), values.data());
            set.tanh_backward(5, hidden, values.data(), gradient.data(), sums.data());
            set.add_rows(5, hidden, values.data(), hidden, sums.data());
            gradient.insert(gradient.end(), sums.begin(), sums.end());
            return gradient;
        }});
        all.push_back({"descent " + size, [=](const kernel_set<float> &set) {
            const auto gradient = numbers(hidden, 1);
            auto velocity = numbers(hidden, 2), values = numbers(hidden, 3);
            descent<float> step{0.5f, 0.05f, 1e-5f, 0.9f, 1.0f, false, false};
            set.descend(hidden, step, gradient.data(), velocity.data(), values.data());
            values.push_back(static_cast<float>(set.squared_norm(hidden, gradient.data())));
            return values;
        }});
    }
    return all;
}

}  // namespace

extern "C" bool ct_check_kernels(ct_error error) {
    return run(error, [&] {
        const auto sets = all_kernels();
        for (const auto &one : cases()) {
            const outcome plain = one.run(*sets[0].set);
            outcome fused;
            for (size_t i = 1; i < sets.size(); ++i) {
                const outcome own = one.run(*sets[i].set);
                for (size_t j = 0; j < own.size(); ++j) {
                    if (!(std::fabs(own[j] - plain[j]) <= 1e-4f * (1 + std::fabs(plain[j])))) {
                        throw std::runtime_error(
                            one.name + ": element " + std::to_string(j) + " is " + std::to_string(own[j]) + " with "
                            + sets[i].name + " and " + std::to_string(plain[j]) + " with plain");
                    }
                }
                if (!fused.empty() && std::memcmp(fused.data(), own.data(), own.size() * sizeof(float)) != 0) {
                    throw std::runtime_error(one.name + ": the bits of " + sets[i].name + " differ");
                }
                fused = own;
            }
        }
    });
}
