// Means and smoothing over neighbours; see postprocess/regularize.py and graph/features/returns.py.
#include <cmath>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "parallel.hpp"

namespace leafwood {
namespace {

constexpr std::size_t kPart = 4096;

// Weights of a point's neighbours but the first: a Gaussian over the distance to the median one, the sum 1.
void weigh(const Table& pos, const std::int32_t* others, std::size_t count, const float* here, float factor,
           float* weight) {
    for (std::size_t j = 0; j < count; ++j) {
        const float* there = pos.row(others[j]);
        const float x = there[0] - here[0], y = there[1] - here[1], z = there[2] - here[2];
        weight[j] = x * x + y * y + z * z;
    }
    const float typical = std::max(weight[count / 2], 1e-12f);  // nearest first, so that the middle is the median
    float most = -INFINITY, sum = 0;
    for (std::size_t j = 0; j < count; ++j) {
        weight[j] = weight[j] / typical * factor;
        most = std::max(most, weight[j]);
    }
    for (std::size_t j = 0; j < count; ++j) {
        weight[j] = std::exp(weight[j] - most);
        sum += weight[j];
    }
    for (std::size_t j = 0; j < count; ++j) weight[j] /= sum;
}

}  // namespace

void smooth(const float* margin, const Table& pos, const Links& neighbours, float reach, float pull, int steps,
            float* out, int threads) {
    const std::size_t n = pos.rows, count = neighbours.columns - 1;
    const float factor = -0.5f / (reach * reach);
    std::vector<float> weight(n * count), found(margin, margin + n), next(n);
    parallel(n, kPart, threads, [&] {
        return [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i)
                weigh(pos, neighbours.row(i) + 1, count, pos.row(i), factor, weight.data() + i * count);
        };
    });
    for (int step = 0; step < steps; ++step) {
        parallel(n, kPart, threads, [&] {
            return [&](std::size_t begin, std::size_t end) {
                for (std::size_t i = begin; i < end; ++i) {
                    const std::int32_t* others = neighbours.row(i) + 1;
                    float around = 0;
                    for (std::size_t j = 0; j < count; ++j) around += weight[i * count + j] * found[others[j]];
                    next[i] = (1 - pull) * margin[i] + pull * around;
                }
            };
        });
        std::swap(found, next);
    }
    std::copy(found.begin(), found.end(), out);
}

void mean_over(const Table& values, const Links& neighbours, float* out, int threads) {
    const std::size_t columns = values.columns;
    parallel(neighbours.rows, kPart, threads, [&] {
        return [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                float* to = out + i * columns;
                std::fill(to, to + columns, 0.0f);
                for (std::size_t j = 0; j < neighbours.columns; ++j) {
                    const float* from = values.row(neighbours.row(i)[j]);
                    for (std::size_t c = 0; c < columns; ++c) to[c] += from[c];
                }
                for (std::size_t c = 0; c < columns; ++c) to[c] /= static_cast<float>(neighbours.columns);
            }
        };
    });
}

}  // namespace leafwood
