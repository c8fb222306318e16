// Exact nearest neighbours on the cells of a voxel pyramid.
//
// Points in Morton order lie bucket by bucket, whatever the size of the buckets: a bucket of twice the edge is a run of
// codes that agree in all but the last three bits. A point's neighbours are looked for among the points of its own
// bucket and the 26 around it. What lies in none of them is farther away than the border of that block, so where k
// points are nearer than the border they are the nearest ones; where they are not, the point tries again with buckets
// of twice the edge. The neighbours of all points of a bucket are looked for together, among candidates that are
// gathered once.
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "graph.hpp"
#include "lanes.hpp"
#include "parallel.hpp"

namespace leafwood {
namespace {

constexpr std::size_t kPart = 2048;  // points that a thread takes at a time
constexpr std::size_t kLanes = 16;   // candidates that are looked at together
constexpr int kAxisBits = 21;
constexpr std::size_t kFew = 256;  // candidates up to which comparing all with all is the fastest way to sort them
constexpr double kOccupied = 0.3;  // points of a bucket, over k, from which its block is likely to be large enough

struct Range {
    std::uint32_t begin, end;
};

std::uint64_t spread(std::uint64_t x) {
    x = (x | (x << 32)) & 0x1F00000000FFFF;
    x = (x | (x << 16)) & 0x1F0000FF0000FF;
    x = (x | (x << 8)) & 0x100F00F00F00F00F;
    x = (x | (x << 4)) & 0x10C30C30C30C30C3;
    return (x | (x << 2)) & 0x1249249249249249;
}

std::uint64_t gathered(std::uint64_t x) {
    x &= 0x1249249249249249;
    x = (x | (x >> 2)) & 0x10C30C30C30C30C3;
    x = (x | (x >> 4)) & 0x100F00F00F00F00F;
    x = (x | (x >> 8)) & 0x1F0000FF0000FF;
    x = (x | (x >> 16)) & 0x1F00000000FFFF;
    return (x | (x >> 32)) & 0x1FFFFF;
}

// Which points lie in a bucket, by its code; a table with open addressing.
class Buckets {
public:
    Buckets(const std::uint64_t* codes, std::size_t n, int shift) {
        std::vector<std::pair<std::uint64_t, Range>> runs;
        for (std::size_t i = 0; i < n; ++i) {
            const std::uint64_t code = codes[i] >> shift;
            if (runs.empty() || runs.back().first != code)
                runs.push_back({code, {static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(i)}});
            ++runs.back().second.end;
        }
        std::size_t size = 16;
        while (size < 2 * runs.size()) size *= 2;
        mask_ = size - 1;
        codes_.assign(size, kEmpty);
        ranges_.resize(size);
        for (const auto& [code, range] : runs) {
            std::size_t slot = start(code);
            while (codes_[slot] != kEmpty) slot = (slot + 1) & mask_;
            codes_[slot] = code;
            ranges_[slot] = range;
        }
    }

    Range find(std::uint64_t code) const {
        for (std::size_t slot = start(code); codes_[slot] != kEmpty; slot = (slot + 1) & mask_)
            if (codes_[slot] == code) return ranges_[slot];
        return {0, 0};
    }

private:
    static constexpr std::uint64_t kEmpty = ~std::uint64_t{0};
    std::size_t start(std::uint64_t code) const { return (code * 0x9E3779B97F4A7C15u >> 20) & mask_; }

    std::size_t mask_;
    std::vector<std::uint64_t> codes_;
    std::vector<Range> ranges_;
};

struct Search {
    const Table& xyz;
    const std::uint64_t* codes;
    double size;   // edge of a cell, m
    double slack;  // m that points may lie outside of their cells, through rounding
    std::size_t k;
    std::int32_t* index;
    float* distance;
};

// One try with buckets of one size.
struct Round {
    const Search& search;
    const Buckets& buckets;
    int shift;
    const std::vector<std::uint32_t>& todo;
    std::vector<char>& missed;  // by place in `todo`

    std::size_t number = 0;  // of candidates
    std::vector<std::int32_t> candidates{}, near{}, rank{}, sorted{};
    std::vector<float> x{}, y{}, z{}, near_squared{}, squared{};
    double low[3]{}, high[3]{};  // the block's borders
    const std::int32_t* before = nullptr;  // the neighbours of the last point that found them

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        for (std::size_t first = begin; first < end;) {
            const std::uint64_t bucket = search.codes[todo[first]] >> shift;
            std::size_t last = first + 1;
            while (last < end && search.codes[todo[last]] >> shift == bucket) ++last;
            gather(bucket);
            for (; first < last; ++first) missed[first] = number < search.k || !find<isa>(todo[first]);
        }
    }

    // The points in and around a bucket.
    void gather(std::uint64_t bucket) {
        const std::int64_t most = (std::int64_t{1} << kAxisBits) >> (shift / 3);
        std::int64_t cell[3];
        const double edge = search.size * static_cast<double>(std::uint64_t{1} << (shift / 3));
        for (int axis = 0; axis < 3; ++axis) {
            cell[axis] = static_cast<std::int64_t>(gathered(bucket >> axis));
            low[axis] = static_cast<double>(cell[axis] - 1) * edge;
            high[axis] = static_cast<double>(cell[axis] + 2) * edge;
        }
        Range found[27];
        std::size_t count = 0;
        for (int step = 0; step < 27; ++step) {
            const std::int64_t i = cell[0] + step % 3 - 1, j = cell[1] + step / 3 % 3 - 1, l = cell[2] + step / 9 - 1;
            if (std::min({i, j, l}) < 0 || std::max({i, j, l}) >= most) continue;
            const Range range = buckets.find(spread(i) | spread(j) << 1 | spread(l) << 2);
            if (range.begin < range.end) found[count++] = range;
        }
        std::size_t total = 0;
        for (std::size_t n = 0; n < count; ++n) total += found[n].end - found[n].begin;
        resize(total);
        std::size_t i = 0;
        for (std::size_t n = 0; n < count; ++n)
            for (std::uint32_t point = found[n].begin; point < found[n].end; ++point, ++i) {
                const float* place = search.xyz.row(point);
                candidates[i] = static_cast<std::int32_t>(point);
                x[i] = place[0], y[i] = place[1], z[i] = place[2];
            }
    }

    // Room for candidates, and behind them, up to a whole block, places that are near to nothing.
    void resize(std::size_t total) {
        const std::size_t size = (total + kLanes - 1) / kLanes * kLanes;
        candidates.resize(size);
        for (auto* values : {&x, &y, &z, &squared, &near_squared}) values->resize(size);
        for (auto* values : {&near, &rank, &sorted}) values->resize(size);
        std::fill(x.begin() + static_cast<std::ptrdiff_t>(total), x.end(), std::numeric_limits<float>::infinity());
        std::fill(candidates.begin() + static_cast<std::ptrdiff_t>(total), candidates.end(), 0);
        number = total;
    }

    // The nearest of the candidates, unless others may be nearer.
    template <Isa isa>
    LEAFWOOD_INLINE bool find(std::uint32_t point) {
        const float* here = search.xyz.row(point);
        double border = std::numeric_limits<double>::infinity();
        if (number < search.xyz.rows) {
            for (int axis = 0; axis < 3; ++axis)
                border = std::min({border, here[axis] - low[axis], high[axis] - here[axis]});
            border -= search.slack;
            if (border <= 0) return false;
        }
        // no farther than the farthest of k points, such as the last point's neighbours
        const float most = std::min(farthest(here, before, search.k),
                                    static_cast<float>(std::min(border * border, 1e38)));

        constexpr std::size_t width = Vectors<isa>::width;
        const auto hx = fill<width>(here[0]), hy = fill<width>(here[1]), hz = fill<width>(here[2]),
                   limit = fill<width>(most);
        std::size_t count = 0;
        for (std::size_t i = 0; i < x.size(); i += width) {
            const auto dx = hx - load<width>(&x[i]), dy = hy - load<width>(&y[i]), dz = hz - load<width>(&z[i]);
            const Lanes<float, width> distances = dx * dx + dy * dy + dz * dz;
            std::int32_t keep[width], any = 0;
            store(keep, distances <= limit);
            for (std::size_t lane = 0; lane < width; ++lane) any |= keep[lane];
            if (!any) continue;
            float far[width];
            store(far, distances);
            for (std::size_t lane = 0; lane < width; ++lane) {
                near[count] = candidates[i + lane];
                near_squared[count] = far[lane];
                count -= keep[lane];
            }
        }
        if (count < search.k) return false;
        if (count > kFew) count = reduce(count);
        place(count, rank_all<isa>(count));
        write(point);
        return true;
    }

    // Greatest squared distance to some points, without end where there are none.
    LEAFWOOD_INLINE float farthest(const float* here, const std::int32_t* points, std::size_t number_of) const {
        if (points == nullptr) return std::numeric_limits<float>::max();
        float most = 0;
        for (std::size_t i = 0; i < number_of; ++i) {
            const float* there = search.xyz.row(points[i]);
            const float dx = here[0] - there[0], dy = here[1] - there[1], dz = here[2] - there[2];
            most = std::max(most, dx * dx + dy * dy + dz * dz);
        }
        return most;
    }

    // Of many candidates, keep the k nearest.
    std::size_t reduce(std::size_t count) {
        std::vector<std::pair<float, std::int32_t>> all(count);
        for (std::size_t i = 0; i < count; ++i) all[i] = {near_squared[i], near[i]};
        std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(search.k - 1), all.end());
        for (std::size_t i = 0; i < search.k; ++i) std::tie(near_squared[i], near[i]) = all[i];
        return search.k;
    }

    // The rank of each that is left: how many are nearer. Whether any two have the same.
    template <Isa isa>
    LEAFWOOD_INLINE bool rank_all(std::size_t count) {
        constexpr std::size_t width = Vectors<isa>::width;
        std::size_t sum = 0;
        for (std::size_t i = 0; i < count; i += width) {
            const auto values = load<width>(&near_squared[i]);
            auto nearer = fill<width>(std::int32_t{0});
            for (std::size_t j = 0; j < count; ++j) nearer = nearer - (fill<width>(near_squared[j]) < values);
            store(&rank[i], nearer);
        }
        for (std::size_t i = 0; i < count; ++i) sum += static_cast<std::size_t>(rank[i]);
        return sum != count * (count - 1) / 2;
    }

    // Put what is left in order; of those with equal ranks, which leave as many places free, by number.
    void place(std::size_t count, bool equal) {
        if (equal) std::fill_n(sorted.begin(), count, -1);
        for (std::size_t i = 0; i < count; ++i) {
            std::int32_t id = near[i];
            std::size_t at = static_cast<std::size_t>(rank[i]);
            for (; equal && sorted[at] >= 0; ++at)
                if (id < sorted[at]) std::swap(id, sorted[at]);
            sorted[at] = id;
            squared[at] = near_squared[i];
        }
    }

    // Write the first k.
    void write(std::uint32_t point) {
        const std::size_t k = search.k;
        std::copy_n(sorted.data(), k, search.index + point * k);
        float* const far = search.distance + point * k;
        for (std::size_t i = 0; i < k; ++i) far[i] = std::sqrt(squared[i]);
        before = search.index + point * k;
    }
};

// Bits by which codes are shifted so that buckets hold enough points: as many on average as `wanted`, seen by the points.
int first_shift(const std::uint64_t* codes, std::size_t n, double wanted) {
    for (int shift = 0; shift < 3 * kAxisBits; shift += 3) {
        double squares = 0;
        for (std::size_t i = 0, j = 0; i < n; i = j) {
            while (j < n && codes[j] >> shift == codes[i] >> shift) ++j;
            squares += static_cast<double>(j - i) * static_cast<double>(j - i);
        }
        if (squares >= wanted * static_cast<double>(n)) return shift;
    }
    return 3 * kAxisBits;
}

// Greatest distance by which a point lies outside of its cell.
double outside(const Table& xyz, const std::uint64_t* codes, double size) {
    double most = 0;
    for (std::size_t i = 0; i < xyz.rows; ++i)
        for (int axis = 0; axis < 3; ++axis) {
            const double low = static_cast<double>(gathered(codes[i] >> axis)) * size, at = xyz.row(i)[axis];
            most = std::max({most, low - at, at - (low + size)});
        }
    return most * (1 + 1e-6) + 1e-9;
}

}  // namespace

void nearest(const Table& xyz, const std::uint64_t* codes, double size, std::size_t k, std::int32_t* index,
             float* distance, int threads) {
    const Search search{xyz, codes, size, outside(xyz, codes, size), k, index, distance};
    std::vector<std::uint32_t> todo(xyz.rows);
    for (std::size_t i = 0; i < todo.size(); ++i) todo[i] = static_cast<std::uint32_t>(i);
    for (int shift = first_shift(codes, xyz.rows, kOccupied * static_cast<double>(k)); !todo.empty(); shift += 3) {
        const Buckets buckets(codes, xyz.rows, shift);
        std::vector<char> missed(todo.size());
        parallel(todo.size(), kPart, threads, [&] {
            return [round = Round{search, buckets, shift, todo, missed}](std::size_t begin, std::size_t end) mutable {
                with_best(round, begin, end);
            };
        });
        std::size_t left = 0;
        for (std::size_t i = 0; i < todo.size(); ++i)
            if (missed[i]) todo[left++] = todo[i];
        todo.resize(left);
    }
}

}  // namespace leafwood
