// The network's two kinds of layers; see leafwood/nn/trained.py, which has the same in NumPy.
#include "network.hpp"

#include <cmath>

#include "lanes.hpp"
#include "memory.hpp"
#include "parallel.hpp"

namespace leafwood {
namespace {

constexpr std::size_t kTile = 48;      // rows whose intermediate results stay in the first cache; a multiple of 4 and 8
constexpr std::size_t kPart = 16 * kTile;  // rows that a thread takes at a time
constexpr std::size_t kWidest = 16;    // floats in the widest vector

constexpr std::size_t padded(std::size_t columns) { return (columns + kWidest - 1) / kWidest * kWidest; }

// A layer's matrix and bias with columns filled up with zeros, so that they are whole vectors.
class Dense {
public:
    explicit Dense(const Linear& layer)
        : n_in(layer.n_in), n_out(layer.n_out), width(padded(layer.n_out)), matrix_(n_in * width), bias_(width) {
        for (std::size_t row = 0; row < n_in; ++row)
            std::copy_n(layer.matrix + row * n_out, n_out, matrix_.get() + row * width);
        std::copy_n(layer.bias, n_out, bias_.get());
    }

    // out (kTile, width) = in (kTile, n_in) @ matrix + bias
    template <Isa isa>
    LEAFWOOD_INLINE void apply(const float* in, std::size_t stride, float* out, std::size_t out_stride) const {
        constexpr std::size_t wide = Vectors<isa>::columns, rows = Vectors<isa>::rows;
        std::size_t column = 0;
        for (; column + wide <= width; column += wide)
            for (std::size_t row = 0; row < kTile; row += rows)
                block<isa, wide>(in + row * stride, stride, out + row * out_stride, out_stride, column);
        for (; column < width; column += kWidest)
            for (std::size_t row = 0; row < kTile; row += rows)
                block<isa, kWidest>(in + row * stride, stride, out + row * out_stride, out_stride, column);
    }

    const std::size_t n_in, n_out, width;

private:
    // A few rows and columns of the product, in registers.
    template <Isa isa, std::size_t columns>
    LEAFWOOD_INLINE void block(
        const float* in, std::size_t stride, float* out, std::size_t out_stride, std::size_t column) const {
        constexpr std::size_t rows = Vectors<isa>::rows;
        float sum[rows][columns];
        for (std::size_t m = 0; m < rows; ++m)
            for (std::size_t n = 0; n < columns; ++n) sum[m][n] = bias_.get()[column + n];
        const float* weights = matrix_.get() + column;
        for (std::size_t k = 0; k < n_in; ++k, weights += width) {
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
        for (std::size_t m = 0; m < rows; ++m)
            for (std::size_t n = 0; n < columns; ++n) out[m * out_stride + column + n] = sum[m][n];
    }

    Buffer matrix_, bias_;
};

LEAFWOOD_INLINE float total(const float* x, std::size_t n) {
    constexpr std::size_t lanes = 8;
    float part[lanes] = {};
    std::size_t i = 0;
    for (; i + lanes <= n; i += lanes)
        for (std::size_t j = 0; j < lanes; ++j) part[j] += x[i + j];
    float sum = 0;
    for (std::size_t j = 0; j < lanes; ++j) sum += part[j];
    for (; i < n; ++i) sum += x[i];
    return sum;
}

// Mean 0 and variance 1, as torch's LayerNorm has it.
LEAFWOOD_INLINE void standardise(const float* x, std::size_t n, float* out, float* scratch) {
    const float mean = total(x, n) / static_cast<float>(n);
    for (std::size_t i = 0; i < n; ++i) out[i] = x[i] - mean;
    for (std::size_t i = 0; i < n; ++i) scratch[i] = out[i] * out[i];
    const float scale = 1.0f / std::sqrt(total(scratch, n) / static_cast<float>(n) + 1e-5f);
    for (std::size_t i = 0; i < n; ++i) out[i] *= scale;
}

// Negative values to 0; n is a multiple of the widest vector.
template <Isa isa>
LEAFWOOD_INLINE void rectify(float* x, std::size_t n) {
    constexpr std::size_t width = Vectors<isa>::width;
    for (std::size_t i = 0; i < n; i += width) store(x + i, greater<width>(load<width>(x + i), fill<width>(0.0f)));
}

// The greatest of the rows of a table, by column, from column i as far as whole blocks go; where they end.
template <std::size_t width>
LEAFWOOD_INLINE std::size_t greatest_of(
    const float* table, std::size_t stride, const std::int32_t* rows, std::size_t k, std::size_t i, std::size_t n,
    float* out) {
    for (; i + width <= n; i += width) {
        auto best = load<width>(table + static_cast<std::size_t>(rows[0]) * stride + i);
        for (std::size_t j = 1; j < k; ++j)
            best = greater<width>(load<width>(table + static_cast<std::size_t>(rows[j]) * stride + i), best);
        store(out + i, best);
    }
    return i;
}

// out (n,) = greatest of the rows of a table, by column.
template <Isa isa>
LEAFWOOD_INLINE void greatest(
    const float* table, std::size_t stride, const std::int32_t* rows, std::size_t k, std::size_t n, float* out) {
    std::size_t i = greatest_of<Vectors<isa>::width>(table, stride, rows, k, 0, n, out);
    i = greatest_of<4>(table, stride, rows, k, i, n, out);
    for (; i < n; ++i) {
        out[i] = table[static_cast<std::size_t>(rows[0]) * stride + i];
        for (std::size_t j = 1; j < k; ++j)
            out[i] = std::max(out[i], table[static_cast<std::size_t>(rows[j]) * stride + i]);
    }
}

// What each voxel sends to its neighbours: normalised channels and place through a layer.
struct Messages {
    const Table& x;
    const Table& pos;
    const Dense& node;
    float* out;  // (n, node.width)
    Buffer in{kTile * padded(x.columns + 3)}, scratch{x.columns};

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        const std::size_t width = x.columns, stride = padded(width + 3);
        for (std::size_t first = begin; first < end; first += kTile) {
            const std::size_t count = std::min(kTile, end - first);
            for (std::size_t row = 0; row < count; ++row) {
                standardise(x.row(first + row), width, in.get() + row * stride, scratch.get());
                std::copy_n(pos.row(first + row), 3, in.get() + row * stride + width);
            }
            node.apply<isa>(in.get(), stride, out + first * node.width, node.width);
        }
    }
};

// A voxel's channels after the convolution and the two layers that follow it.
struct Update {
    const Table& x;
    const Table& pos;
    const Links& neighbours;
    const float* messages;
    const Dense &node, &offset, &first_layer, &second_layer;
    float* out;
    Buffer in{kTile * padded(2 * x.columns)}, place{kTile * kWidest}, moved{kTile * offset.width}, near{node.width},
        hidden{kTile * first_layer.width}, last{kTile * second_layer.width}, scratch{x.columns};

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        constexpr std::size_t lanes = Vectors<isa>::width;
        const std::size_t width = x.columns, stride = padded(2 * width);
        for (std::size_t first = begin; first < end; first += kTile) {
            const std::size_t count = std::min(kTile, end - first);
            for (std::size_t row = 0; row < count; ++row)
                std::copy_n(pos.row(first + row), 3, place.get() + row * kWidest);
            offset.apply<isa>(place.get(), kWidest, moved.get(), offset.width);
            for (std::size_t row = 0; row < count; ++row) {
                float* here = in.get() + row * stride;
                standardise(x.row(first + row), width, here, scratch.get());
                greatest<isa>(messages, node.width, neighbours.row(first + row), neighbours.columns, width, near.get());
                const float* from = moved.get() + row * offset.width;
                for (std::size_t i = 0; i < node.width; i += lanes)
                    store(near.get() + i, load<lanes>(near.get() + i) - load<lanes>(from + i));
                rectify<isa>(near.get(), node.width);
                std::copy_n(near.get(), width, here + width);
            }
            first_layer.apply<isa>(in.get(), stride, hidden.get(), first_layer.width);
            rectify<isa>(hidden.get(), kTile * first_layer.width);
            second_layer.apply<isa>(hidden.get(), first_layer.width, last.get(), second_layer.width);
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
    Buffer in{kTile * padded(first_layer.n_in)}, hidden{kTile * first_layer.width}, last{kTile * second_layer.width},
        scratch{first_layer.width};

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        constexpr std::size_t lanes = Vectors<isa>::width;
        const std::size_t stride = padded(first_layer.n_in), width = first_layer.n_out;
        for (std::size_t first = begin; first < end; first += kTile) {
            const std::size_t count = std::min(kTile, end - first);
            for (std::size_t row = 0; row < count; ++row) {
                float* here = in.get() + row * stride;
                std::copy_n(own.row(first + row), own.columns, here);
                if (from) gather<isa>(first + row, here + own.columns);
            }
            first_layer.apply<isa>(in.get(), stride, hidden.get(), first_layer.width);
            for (std::size_t row = 0; row < count; ++row) {
                float* here = hidden.get() + row * first_layer.width;
                standardise(here, width, here, scratch.get());
                for (std::size_t i = 0; i < first_layer.width; i += lanes)
                    store(here + i, load<lanes>(here + i) * load<lanes>(scale + i) + load<lanes>(shift + i));
                rectify<isa>(here, first_layer.width);
            }
            second_layer.apply<isa>(hidden.get(), first_layer.width, last.get(), second_layer.width);
            for (std::size_t row = 0; row < count; ++row)
                std::copy_n(last.get() + row * second_layer.width, second_layer.n_out,
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
    parallel(x.rows, kPart, threads, [&] { return worker(Messages{x, pos, node, messages.get()}); });
    parallel(x.rows, kPart, threads, [&] {
        return worker(Update{x, pos, neighbours, messages.get(), node, offset, first, second, out});
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
