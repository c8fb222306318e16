// Kernels of the neighbour graph.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "tables.hpp"

namespace leafwood {

// The k nearest of n points to each of them, nearest first, of equal ones the first in the table first.
// `codes` (n,) are ascending Morton codes of the points' cells of edge `size`, k <= n.
void nearest(const Table& xyz, const std::uint64_t* codes, double size, std::size_t k, std::int32_t* index,
             float* distance, int threads);

// Five features (n, 5) for each scale, of the first so many neighbours of each point; see graph/features/eigen.py.
void eigen_features(const Table& xyz, const Links& neighbours, const std::size_t* scales, std::size_t n_scales,
                    float* out, int threads);

// Margins (n,) drawn towards those of the neighbours but the first; see postprocess/regularize.py.
void smooth(const float* margin, const Table& pos, const Links& neighbours, float reach, float pull, float* out,
            int threads);

// Means (n, c) of the values (n, c) of each point's neighbours.
void mean_over(const Table& values, const Links& neighbours, float* out, int threads);

// Maxima (n, c) of them.
void max_over(const Table& values, const Links& neighbours, float* out, int threads);

// The cheapest ways from the ground to each place, along `links` (n, c) to the nearest others or `straight` at a cost of the
// place's own. Columns (n, 3 + lengths): the longest way beyond each place, the mass there, the way behind it, and for
// each of `lengths` the way back to the first place with so much way beyond it. One thread.
void tree_paths(const Table& xyz, const Links& links, const float* straight, const float* mass,
                const std::vector<float>& lengths, float* out);

// The Morton codes of the points' cells floor(xyz / size + offset), ascending, and whose they are; of points with equal
// codes the first comes first. False where a cell is not one of 0 to 2^21 - 1.
bool in_morton_order(const Table& xyz, double size, double offset, std::int64_t* order, std::uint64_t* codes);

// Sums (groups, c) of the values (n, c) of each group, added in their order; out is zero before.
template <class Value, class Group>
void sums_of_groups(const Matrix<Value>& values, const Group* group, double* out) {
    for (std::size_t i = 0; i < values.rows; ++i) {
        double* to = out + static_cast<std::size_t>(group[i]) * values.columns;
        for (std::size_t c = 0; c < values.columns; ++c) to[c] += static_cast<double>(values.row(i)[c]);
    }
}

}  // namespace leafwood
