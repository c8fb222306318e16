// Means, maxima and smoothing over neighbours; see postprocess/regularize.py and graph/features/returns.py.
#include <algorithm>
#include <cmath>
#include <vector>

#include "graph.hpp"
#include "lanes.hpp"
#include "memory.hpp"
#include "parallel.hpp"

namespace leafwood {
namespace {

constexpr std::size_t kPart = 4096;
constexpr std::size_t kLanes = 8;

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

// Means of rows that are filled up to whole vectors.
struct Means {
    const Table values;
    const Links& neighbours;
    const std::size_t columns;  // that are asked for
    float* out;

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        const auto number = fill<kLanes>(static_cast<float>(neighbours.columns));
        for (std::size_t i = begin; i < end; ++i) {
            const std::int32_t* links = neighbours.row(i);
            for (std::size_t column = 0; column < columns; column += kLanes) {
                auto sum = fill<kLanes>(0.0f);
                for (std::size_t j = 0; j < neighbours.columns; ++j)
                    sum = sum + load<kLanes>(values.row(static_cast<std::size_t>(links[j])) + column);
                float mean[kLanes];
                store(mean, sum / number);
                for (std::size_t c = column; c < std::min(column + kLanes, columns); ++c)
                    out[i * columns + c] = mean[c - column];
            }
        }
    }
};

}  // namespace

void smooth(const float* margin, const Table& pos, const Links& neighbours, float reach, float pull, float* out,
            int threads) {
    const std::size_t count = neighbours.columns - 1;
    const float factor = -0.5f / (reach * reach);
    parallel(pos.rows, kPart, threads, [&] {
        return [&, weight = std::vector<float>(count)](std::size_t begin, std::size_t end) mutable {
            for (std::size_t i = begin; i < end; ++i) {
                const std::int32_t* others = neighbours.row(i) + 1;
                weigh(pos, others, count, pos.row(i), factor, weight.data());
                float around = 0;
                for (std::size_t j = 0; j < count; ++j) around += weight[j] * margin[others[j]];
                out[i] = (1 - pull) * margin[i] + pull * around;
            }
        };
    });
}

void mean_over(const Table& values, const Links& neighbours, float* out, int threads) {
    const std::size_t width = (values.columns + kLanes - 1) / kLanes * kLanes;
    const Buffer padded(values.rows * width);
    for (std::size_t i = 0; i < values.rows; ++i)
        std::copy_n(values.row(i), values.columns, padded.get() + i * width);
    parallel(neighbours.rows, kPart, threads, [&] {
        return [work = Means{{padded.get(), values.rows, width}, neighbours, values.columns, out}](
                   std::size_t begin, std::size_t end) mutable { with_best(work, begin, end); };
    });
}

void max_over(const Table& values, const Links& neighbours, float* out, int threads) {
    const std::size_t columns = values.columns;
    parallel(neighbours.rows, kPart, threads, [&] {
        return [&](std::size_t begin, std::size_t end) {
            for (std::size_t i = begin; i < end; ++i) {
                const std::int32_t* links = neighbours.row(i);
                float* most = out + i * columns;
                std::copy_n(values.row(static_cast<std::size_t>(links[0])), columns, most);
                for (std::size_t j = 1; j < neighbours.columns; ++j) {
                    const float* other = values.row(static_cast<std::size_t>(links[j]));
                    for (std::size_t c = 0; c < columns; ++c) most[c] = std::max(most[c], other[c]);
                }
            }
        };
    });
}

}  // namespace leafwood
