// The network's kernels and what they read.
#pragma once

#include <cstddef>

#include "tables.hpp"

namespace leafwood {

// out = in @ matrix + bias, matrix (n_in, n_out).
struct Linear {
    const float* matrix;
    const float* bias;
    std::size_t n_in, n_out;
};

// A convolution and the two layers after it: `node` reads a voxel's normalised channels and its place, `offset` the
// place alone, `first` the normalised channels and the greatest message.
struct Block {
    Linear node, offset, first, second;
};

// Rows of another level: `links` says which, `x` are their channels, `size` the metres that count as 1.
struct Gathered {
    Table x, pos, other_pos;
    Links links;
    float size;
};

// A layer, normalisation with scale and shift, rectification, a layer.
struct TwoLayers {
    Linear first;
    const float *scale, *shift;
    Linear second;
};

// out (m, c): a voxel's channels x (m, c) after a block. They may be the same memory: once the messages are made, a row
// is read for its own result alone.
void convolve(const Table& x, const Table& pos, const Links& neighbours, const Block& block, float* out, int threads);

// out (m, n_out) from a voxel's own channels and, unless `from` is null, its offset from the first row that it is linked
// to and the greatest channels of all of them.
void layers(const Table& own, const Gathered* from, const TwoLayers& weights, float* out, int threads);

}  // namespace leafwood
