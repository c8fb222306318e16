// The network's two kinds of layers; see leafwood/nn/trained.py, which has the same in NumPy.
#include "network.hpp"

#include <cmath>
#include <vector>

#include "lanes.hpp"
#include "memory.hpp"
#include "parallel.hpp"

namespace leafwood {
namespace {

constexpr std::size_t kTile = 48;      // rows whose intermediate results stay in the first cache; a multiple of 4 and 8
constexpr std::size_t kPart = 16 * kTile;  // rows that a thread takes at a time
constexpr std::size_t kWidest = 16;    // floats in the widest vector

constexpr std::size_t padded(std::size_t columns) { return (columns + kWidest - 1) / kWidest * kWidest; }

// A layer's matrix and bias, filled up with columns of zeros. What is read together lies together: the rows of the
// first columns, then those of the next ones.
class Dense {
public:
    explicit Dense(const Linear& layer)
        : n_in(layer.n_in), n_out(layer.n_out), width(padded(layer.n_out)), matrix_(n_in * width), bias_(width) {
        std::copy_n(layer.bias, n_out, bias_.get());
        const std::size_t most = isa == Isa::avx2 ? Vectors<Isa::avx2>::columns : Vectors<Isa::avx512>::columns;
        for (std::size_t column = 0, wide; column < n_out; column += wide) {
            wide = width - column < most ? kWidest : most;
            for (std::size_t row = 0; row < n_in; ++row)
                std::copy_n(layer.matrix + row * n_out + column, std::min(wide, n_out - column),
                            matrix_.get() + column * n_in + row * wide);
        }
    }

    // out (kTile, width) = in (kTile, n_in) @ matrix + bias, with negative values to 0 where it is rectified
    template <Isa isa, bool rectified = false>
    LEAFWOOD_INLINE void apply(const float* in, std::size_t stride, float* out) const {
        constexpr std::size_t most = Vectors<isa>::columns;
        std::size_t column = 0;
        for (; column + most <= width; column += most) blocks<isa, most, rectified>(in, stride, out, column);
        if constexpr (most > kWidest)
            if (column < width) blocks<isa, kWidest, rectified>(in, stride, out, column);
    }

    const std::size_t n_in, n_out, width;

private:
    template <Isa isa, std::size_t columns, bool rectified>
    LEAFWOOD_INLINE void blocks(const float* in, std::size_t stride, float* out, std::size_t column) const {
        constexpr std::size_t rows = Vectors<isa>::rows;
        for (std::size_t row = 0; row < kTile; row += rows)
            block<isa, columns, rectified>(in + row * stride, stride, out + row * width + column, column);
    }

    // A few rows and columns of the product, in registers.
    template <Isa isa, std::size_t columns, bool rectified>
    LEAFWOOD_INLINE void block(const float* in, std::size_t stride, float* out, std::size_t column) const {
        constexpr std::size_t rows = Vectors<isa>::rows;
        const std::size_t depth = n_in, out_stride = width;
        const float *bias = bias_.get() + column, *weights = matrix_.get() + column * depth;
        float sum[rows][columns];
        for (std::size_t m = 0; m < rows; ++m)
            for (std::size_t n = 0; n < columns; ++n) sum[m][n] = bias[n];
        for (std::size_t k = 0; k < depth; ++k, weights += columns) {
#pragma GCC unroll 8
            for (std::size_t m = 0; m < rows; ++m) {
                const float value = in[m * stride + k];
                for (std::size_t n = 0; n < columns; ++n) {
                    if constexpr (Vectors<isa>::fused)
                        sum[m][n] = __builtin_fmaf(value, weights[n], sum[m][n]);
                    else
                        sum[m][n] += value * weights[n];
                }
            }
        }
        for (std::size_t m = 0; m < rows; ++m, out += out_stride)
            for (std::size_t n = 0; n < columns; ++n) out[n] = rectified && !(sum[m][n] > 0) ? 0.0f : sum[m][n];
    }

    Buffer matrix_, bias_;
};

// The sum of a row less its mean, or of the squares of that, by eight lanes that are added up in pairs.
template <bool squared>
LEAFWOOD_INLINE float total(const float* x, std::size_t n, float mean) {
    constexpr std::size_t lanes = 8;
    const auto means = fill<lanes>(mean);
    auto sum = fill<lanes>(0.0f);
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) {
        const Lanes<float, lanes> apart = load<lanes>(x + i) - means;
        if constexpr (squared)
            sum = sum + apart * apart;
        else
            sum = sum + apart;
    }
    float part[lanes];
    store(part, sum);
    for (; i < n; ++i) part[i % lanes] += squared ? (x[i] - mean) * (x[i] - mean) : x[i] - mean;
    return ((part[0] + part[4]) + (part[2] + part[6])) + ((part[1] + part[5]) + (part[3] + part[7]));
}

// What is taken from each row of a tile and what it is multiplied by, so that its mean is 0 and its variance 1, as
// torch's LayerNorm has it. Each step is done for all of the rows before the next, so that none waits for a root.
struct Moments {
    float mean[kTile] = {}, scale[kTile] = {};

    LEAFWOOD_INLINE void of(const float* x, std::size_t stride, std::size_t n, std::size_t count) {
        const auto columns = static_cast<float>(n);
        for (std::size_t row = 0; row < count; ++row) mean[row] = total<false>(x + row * stride, n, 0.0f) / columns;
        for (std::size_t row = 0; row < count; ++row) scale[row] = total<true>(x + row * stride, n, mean[row]);
        for (std::size_t row = 0; row < kTile; ++row) scale[row] = 1.0f / std::sqrt(scale[row] / columns + 1e-5f);
    }

    LEAFWOOD_INLINE void standardise(const float* x, std::size_t n, std::size_t row, float* out) const {
        const float less = mean[row], factor = scale[row];
        for (std::size_t i = 0; i < n; ++i) out[i] = (x[i] - less) * factor;
    }
};

LEAFWOOD_INLINE void copy(const float* from, std::size_t n, float* to) {
    constexpr std::size_t lanes = 8;
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes) store(to + i, load<lanes>(from + i));
    for (; i < n; ++i) to[i] = from[i];
}

// The greatest of the rows of a table, by column, from column i as far as so many whole vectors go; where they end.
template <std::size_t width, std::size_t vectors>
LEAFWOOD_INLINE std::size_t greatest_of(
    const float* table, std::size_t stride, const std::int32_t* rows, std::size_t k, std::size_t i, std::size_t n,
    float* out) {
    for (; i + vectors * width <= n; i += vectors * width) {
        Lanes<float, width> best[vectors];
        for (std::size_t v = 0; v < vectors; ++v)
            best[v] = load<width>(table + static_cast<std::size_t>(rows[0]) * stride + i + v * width);
        for (std::size_t j = 1; j < k; ++j) {
            const float* from = table + static_cast<std::size_t>(rows[j]) * stride + i;
            for (std::size_t v = 0; v < vectors; ++v) best[v] = greater<width>(load<width>(from + v * width), best[v]);
        }
        for (std::size_t v = 0; v < vectors; ++v) store(out + i + v * width, best[v]);
    }
    return i;
}

// out (n,) = greatest of the rows of a table, by column.
template <Isa isa>
LEAFWOOD_INLINE void greatest(
    const float* table, std::size_t stride, const std::int32_t* rows, std::size_t k, std::size_t n, float* out) {
    constexpr std::size_t width = Vectors<isa>::width;
    std::size_t i = greatest_of<width, 4>(table, stride, rows, k, 0, n, out);
    i = greatest_of<width, 2>(table, stride, rows, k, i, n, out);
    i = greatest_of<width, 1>(table, stride, rows, k, i, n, out);
    i = greatest_of<4, 2>(table, stride, rows, k, i, n, out);
    i = greatest_of<1, 1>(table, stride, rows, k, i, n, out);
}

// What each voxel sends to its neighbours: normalised channels and place through a layer.
struct Messages {
    const Table& x;
    const Table& pos;
    const Dense& node;
    Moments* moments;  // a tile each
    float* out;        // (n, node.width)
    Buffer in{kTile * padded(x.columns + 3)};

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        const std::size_t width = x.columns, stride = padded(width + 3);
        for (std::size_t first = begin; first < end; first += kTile) {
            const std::size_t count = std::min(kTile, end - first);
            Moments& found = moments[first / kTile];
            found.of(x.row(first), width, width, count);
            for (std::size_t row = 0; row < count; ++row) {
                float* here = in.get() + row * stride;
                found.standardise(x.row(first + row), width, row, here);
                copy(pos.row(first + row), 3, here + width);
            }
            node.apply<isa>(in.get(), stride, out + first * node.width);
        }
    }
};

// A voxel's channels after the convolution and the two layers that follow it.
struct Update {
    const Table& x;
    const Table& pos;
    const Links& neighbours;
    const Moments* moments;
    const float* messages;
    const Dense &node, &offset, &first_layer, &second_layer;
    float* out;
    Buffer in{kTile * padded(x.columns + node.width)}, place{kTile * kWidest}, moved{kTile * offset.width},
        near{node.width}, hidden{kTile * first_layer.width}, last{kTile * second_layer.width};

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        constexpr std::size_t lanes = Vectors<isa>::width;
        const std::size_t width = x.columns, stride = padded(width + node.width);
        const auto zero = fill<lanes>(0.0f);
        for (std::size_t first = begin; first < end; first += kTile) {
            const std::size_t count = std::min(kTile, end - first);
            for (std::size_t row = 0; row < count; ++row) copy(pos.row(first + row), 3, place.get() + row * kWidest);
            offset.apply<isa>(place.get(), kWidest, moved.get());
            for (std::size_t row = 0; row < count; ++row) {
                float* here = in.get() + row * stride;
                moments[first / kTile].standardise(x.row(first + row), width, row, here);
                const std::int32_t* links = neighbours.row(first + row);
                greatest<isa>(messages, node.width, links, neighbours.columns, node.width, near.get());
                const float* from = moved.get() + row * offset.width;
                for (std::size_t i = 0; i < node.width; i += lanes)
                    store(here + width + i, greater<lanes>(load<lanes>(near.get() + i) - load<lanes>(from + i), zero));
            }
            first_layer.apply<isa, true>(in.get(), stride, hidden.get());
            second_layer.apply<isa>(hidden.get(), first_layer.width, last.get());
            for (std::size_t row = 0; row < count; ++row) {
                const float *own = x.row(first + row), *change = last.get() + row * second_layer.width;
                float* result = out + (first + row) * width;
                for (std::size_t i = 0; i < width; ++i) result[i] = own[i] + change[i];
            }
        }
    }
};

// Channels from a voxel's own and those of its children or its parent; see `layers`.
struct Rows {
    const Table& own;
    const Gathered* from;
    const Dense &first_layer, &second_layer;
    const float *scale, *shift;  // (first_layer.width,)
    float* out;
    Buffer in{kTile * padded(first_layer.n_in)}, hidden{kTile * first_layer.width}, last{kTile * second_layer.width};

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        constexpr std::size_t lanes = Vectors<isa>::width;
        const std::size_t stride = padded(first_layer.n_in), width = first_layer.n_out;
        const auto zero = fill<lanes>(0.0f);
        Moments moments;
        for (std::size_t first = begin; first < end; first += kTile) {
            const std::size_t count = std::min(kTile, end - first);
            for (std::size_t row = 0; row < count; ++row) {
                float* here = in.get() + row * stride;
                copy(own.row(first + row), own.columns, here);
                if (from) gather<isa>(first + row, here + own.columns);
            }
            first_layer.apply<isa>(in.get(), stride, hidden.get());
            moments.of(hidden.get(), first_layer.width, width, count);
            for (std::size_t row = 0; row < count; ++row) {
                float* here = hidden.get() + row * first_layer.width;
                const auto mean = fill<lanes>(moments.mean[row]), factor = fill<lanes>(moments.scale[row]);
                for (std::size_t i = 0; i < first_layer.width; i += lanes) {
                    const auto standard = (load<lanes>(here + i) - mean) * factor;
                    store(here + i, greater<lanes>(standard * load<lanes>(scale + i) + load<lanes>(shift + i), zero));
                }
            }
            second_layer.apply<isa>(hidden.get(), first_layer.width, last.get());
            for (std::size_t row = 0; row < count; ++row)
                copy(last.get() + row * second_layer.width, second_layer.n_out,
                     out + (first + row) * second_layer.n_out);
        }
    }

    template <Isa isa>
    LEAFWOOD_INLINE void gather(std::size_t row, float* here) const {
        const std::int32_t* links = from->links.row(row);
        const float *place = from->pos.row(row), *other = from->other_pos.row(links[0]);
        for (std::size_t axis = 0; axis < 3; ++axis) here[axis] = (other[axis] - place[axis]) / from->size;
        greatest<isa>(from->x.data, from->x.columns, links, from->links.columns, from->x.columns, here + 3);
    }
};

template <class Work>
auto worker(Work work) {
    return [work = std::move(work)](std::size_t begin, std::size_t end) mutable { with_best(work, begin, end); };
}

}  // namespace

void convolve(const Table& x, const Table& pos, const Links& neighbours, const Block& block, float* out, int threads) {
    const Dense node(block.node), offset(block.offset), first(block.first), second(block.second);
    // whole tiles are written, so the last one may reach beyond the last row
    const Buffer messages((x.rows + kTile) * node.width, false);
    std::vector<Moments> moments(x.rows / kTile + 1);
    parallel(x.rows, kPart, threads, [&] { return worker(Messages{x, pos, node, moments.data(), messages.get()}); });
    parallel(x.rows, kPart, threads, [&] {
        return worker(Update{x, pos, neighbours, moments.data(), messages.get(), node, offset, first, second, out});
    });
}

void layers(const Table& own, const Gathered* from, const TwoLayers& weights, float* out, int threads) {
    const Dense first(weights.first), second(weights.second);
    const Buffer scale(first.width), shift(first.width);
    std::copy_n(weights.scale, first.n_out, scale.get());
    std::copy_n(weights.shift, first.n_out, shift.get());
    parallel(own.rows, kPart, threads,
             [&] { return worker(Rows{own, from, first, second, scale.get(), shift.get(), out}); });
}

}  // namespace leafwood
