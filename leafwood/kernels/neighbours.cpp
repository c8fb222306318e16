// Exact nearest neighbours on the cells of a voxel pyramid.
//
// Points in Morton order lie bucket by bucket, whatever the size of the buckets: a bucket of twice the edge is a run of
// codes that agree in all but the last three bits. A point's neighbours are looked for among the points of its own
// bucket and the 26 around it. What lies in none of them is farther away than the border of that block, so where k
// points are nearer than the border they are the nearest ones; where they are not, the point tries again with buckets
// of twice the edge. The neighbours of all points of a bucket are looked for together, among candidates that are
// gathered once. Of these, few more than k are put in order: those within a distance at which counting finds enough.
#include <cmath>
#include <limits>
#include <tuple>
#include <utility>
#include <vector>

#include "buckets.hpp"
#include "graph.hpp"
#include "lanes.hpp"
#include "parallel.hpp"

#ifdef LEAFWOOD_DISPATCH
#include <immintrin.h>
#endif

namespace leafwood {
namespace {

constexpr std::size_t kPart = 2048;  // points that a thread takes at a time
constexpr std::size_t kLanes = 16;   // candidates that are looked at together
constexpr std::size_t kFew = 256;  // candidates up to which comparing all with all is the fastest way to sort them
constexpr int kSteps = 4;          // tries to find a distance within which there are enough candidates
constexpr float kMore = 1.4f, kAim = 1.15f;  // over k: candidates that are not too many, and how many are tried for
constexpr double kOccupied = 0.5;  // points of a bucket, over k, from which its block is likely to be large enough

#ifdef LEAFWOOD_DISPATCH
// Round::append with an instruction that compilers find for no loop.
__attribute__((target(LEAFWOOD_AVX512))) inline std::size_t append_avx512(
    const float* apart, const std::int32_t* ids, std::size_t number, float limit, float* near_apart,
    std::int32_t* near) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < number; i += 16) {
        const __m512 values = _mm512_loadu_ps(apart + i);
        const __mmask16 keep = _mm512_cmp_ps_mask(values, _mm512_set1_ps(limit), _CMP_LE_OQ);
        _mm512_storeu_ps(near_apart + count, _mm512_maskz_compress_ps(keep, values));
        _mm512_storeu_si512(near + count, _mm512_maskz_compress_epi32(keep, _mm512_loadu_si512(ids + i)));
        count += static_cast<std::size_t>(__builtin_popcount(keep));
    }
    return count;
}
#endif

struct Search {
    const Table& xyz;
    const float* axes[3];  // its columns, each with room for kLanes more
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
    std::vector<float> place[3]{}, apart{}, near_apart{}, squared{};  // coordinates; squared distances
    double low[3]{}, high[3]{};  // the block's borders
    float guess = 1e38f;         // squared distance to the last neighbour of the last point

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        for (std::size_t first = begin; first < end;) {
            const std::uint64_t bucket = search.codes[todo[first]] >> shift;
            std::size_t last = first + 1;
            while (last < end && search.codes[todo[last]] >> shift == bucket) ++last;
            gather<isa>(bucket);
            for (; first < last; ++first) missed[first] = number < search.k || !find<isa>(todo[first]);
        }
    }

    // The points in and around a bucket.
    template <Isa isa>
    LEAFWOOD_INLINE void gather(std::uint64_t bucket) {
        const std::int64_t most = (std::int64_t{1} << kAxisBits) >> (shift / 3);
        const double edge = search.size * static_cast<double>(std::uint64_t{1} << (shift / 3));
        constexpr std::uint64_t nowhere = ~std::uint64_t{0};
        std::uint64_t code[3][3];  // by axis, what the cells before, at and after the bucket's add to their codes
        for (int axis = 0; axis < 3; ++axis) {
            const auto cell = static_cast<std::int64_t>(gathered(bucket >> axis));
            low[axis] = static_cast<double>(cell - 1) * edge;
            high[axis] = static_cast<double>(cell + 2) * edge;
            for (int step = 0; step < 3; ++step) {
                const std::int64_t there = cell + step - 1;
                const bool outside = there < 0 || there >= most;
                code[axis][step] = outside ? nowhere : spread(static_cast<std::uint64_t>(there)) << axis;
            }
        }
        Range found[27];
        std::size_t count = 0;
        for (int step = 0; step < 27; ++step) {
            const std::uint64_t i = code[0][step % 3], j = code[1][step / 3 % 3], l = code[2][step / 9];
            if (i == nowhere || j == nowhere || l == nowhere) continue;
            const Range range = buckets.find(i | j | l);
            if (range.begin < range.end) found[count++] = range;
        }
        std::size_t total = 0;
        for (std::size_t n = 0; n < count; ++n) total += found[n].end - found[n].begin;
        resize(total);
        float* const x[3] = {place[0].data(), place[1].data(), place[2].data()};
        std::int32_t* const ids = candidates.data();
        std::int32_t numbers[kLanes];
        for (std::size_t lane = 0; lane < kLanes; ++lane) numbers[lane] = static_cast<std::int32_t>(lane);
        const auto counted = load<kLanes>(numbers);
        std::size_t i = 0;
        for (std::size_t n = 0; n < count; ++n) {
            const std::size_t begin = found[n].begin, length = found[n].end - begin;
            for (std::size_t j = 0; j < length; j += kLanes) {  // what is read beyond the end is written over
                for (int axis = 0; axis < 3; ++axis)
                    store(x[axis] + i + j, load<kLanes>(search.axes[axis] + begin + j));
                store(ids + i + j, fill<kLanes>(static_cast<std::int32_t>(begin + j)) + counted);
            }
            i += length;
        }
        for (float* values : x) std::fill_n(values + total, kLanes, std::numeric_limits<float>::infinity());
    }

    // Room for candidates, and behind them for a whole block more, whose places are near to nothing.
    void resize(std::size_t total) {
        number = total;
        const std::size_t size = total + 2 * kLanes;
        if (size <= candidates.size()) return;
        for (auto* values : {&place[0], &place[1], &place[2], &apart, &near_apart, &squared}) values->resize(size);
        for (auto* values : {&candidates, &near, &rank, &sorted}) values->resize(size);
    }

    // The nearest of the candidates, unless others may be nearer.
    template <Isa isa>
    LEAFWOOD_INLINE bool find(std::uint32_t point) {
        const float* here = search.xyz.row(point);
        double border = 1e19;
        if (number < search.xyz.rows) {
            for (int axis = 0; axis < 3; ++axis)
                border = std::min({border, here[axis] - low[axis], high[axis] - here[axis]});
            border -= search.slack;
            if (border <= 0) return false;
        }
        measure<isa>(here);
        const float limit = enough<isa>(static_cast<float>(border * border));
        if (limit < 0) return false;
        std::size_t count = append<isa>(limit);
        if (count > kFew) count = reduce(count);
        put(count, rank_all<isa>(count));
        write(point);
        return true;
    }

    // Squared distances to all candidates.
    template <Isa isa>
    LEAFWOOD_INLINE void measure(const float* here) {
        constexpr std::size_t width = Vectors<isa>::width;
        const auto hx = fill<width>(here[0]), hy = fill<width>(here[1]), hz = fill<width>(here[2]);
        const float *x = place[0].data(), *y = place[1].data(), *z = place[2].data();
        float* const to = apart.data();
        for (std::size_t i = 0, n = number; i < n; i += width) {
            const auto dx = hx - load<width>(x + i), dy = hy - load<width>(y + i), dz = hz - load<width>(z + i);
            store(to + i, dx * dx + dy * dy + dz * dz);
        }
    }

    // A squared distance within which there are k candidates and few more, at most `most`; -1 where there are too few.
    template <Isa isa>
    LEAFWOOD_INLINE float enough(float most) {
        const auto k = static_cast<float>(search.k);
        float limit = std::min(guess, most), good = -1;
        for (int step = 0; step < kSteps; ++step) {
            const auto count = static_cast<float>(within<isa>(limit));
            if (count >= k) good = limit;
            if (count >= k && count <= kMore * k) return limit;
            if (count < k && limit >= most) return -1;
            // the number grows about as the squared distance does
            const float next = limit * (kAim * k / std::max(count, 1.0f));
            limit = good < 0 || next < good ? std::min(next, most) : good;
        }
        if (good >= 0) return good;
        return within<isa>(most) >= search.k ? most : -1;
    }

    // How many candidates are no farther.
    template <Isa isa>
    LEAFWOOD_INLINE std::size_t within(float limit) const {
        constexpr std::size_t width = Vectors<isa>::width;
        const auto limits = fill<width>(limit);
        auto counts = fill<width>(std::int32_t{0});
        const float* const from = apart.data();
        for (std::size_t i = 0, n = number; i < n; i += width) counts = counts - (load<width>(from + i) <= limits);
        std::int32_t each[width], sum = 0;
        store(each, counts);
        for (std::size_t lane = 0; lane < width; ++lane) sum += each[lane];
        return static_cast<std::size_t>(sum);
    }

    // Take the candidates that are no farther; how many there are.
    template <Isa isa>
    LEAFWOOD_INLINE std::size_t append(float limit) {
#ifdef LEAFWOOD_DISPATCH
        if constexpr (isa == Isa::avx512)
            return append_avx512(apart.data(), candidates.data(), number, limit, near_apart.data(), near.data());
#endif
        constexpr std::size_t width = Vectors<isa>::width;
        const auto limits = fill<width>(limit);
        std::size_t count = 0;
        for (std::size_t i = 0; i < number; i += width) {
            std::int32_t keep[width], any = 0;
            store(keep, load<width>(&apart[i]) <= limits);
            for (std::size_t lane = 0; lane < width; ++lane) any |= keep[lane];
            if (!any) continue;
            for (std::size_t lane = 0; lane < width; ++lane) {
                near[count] = candidates[i + lane];
                near_apart[count] = apart[i + lane];
                count -= keep[lane];
            }
        }
        return count;
    }

    // Of many candidates, keep the k nearest.
    std::size_t reduce(std::size_t count) {
        std::vector<std::pair<float, std::int32_t>> all(count);
        for (std::size_t i = 0; i < count; ++i) all[i] = {near_apart[i], near[i]};
        std::nth_element(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(search.k - 1), all.end());
        for (std::size_t i = 0; i < search.k; ++i) std::tie(near_apart[i], near[i]) = all[i];
        return search.k;
    }

    // The rank of each that is left: how many are nearer. Whether any two have the same.
    template <Isa isa>
    LEAFWOOD_INLINE bool rank_all(std::size_t count) {
        constexpr std::size_t width = Vectors<isa>::width;
        const float* const from = near_apart.data();
        std::int32_t* const to = rank.data();
        std::int32_t sum = 0;
        for (std::size_t i = 0; i < count; i += 2 * width) {
            const auto one = load<width>(from + i), two = load<width>(from + i + width);
            auto nearer = fill<width>(std::int32_t{0}), nearer_too = nearer;
            for (std::size_t j = 0; j < count; ++j) {
                const auto other = fill<width>(from[j]);
                nearer = nearer - (other < one);
                nearer_too = nearer_too - (other < two);
            }
            store(to + i, nearer);
            store(to + i + width, nearer_too);
        }
        for (std::size_t i = 0; i < count; ++i) sum += to[i];
        return static_cast<std::size_t>(sum) != count * (count - 1) / 2;
    }

    // Put what is left in order; of those with equal ranks, which leave as many places free, by number.
    LEAFWOOD_INLINE void put(std::size_t count, bool equal) {
        const std::int32_t *ids = near.data(), *ranks = rank.data();
        const float* const from = near_apart.data();
        std::int32_t* const to = sorted.data();
        float* const far = squared.data();
        if (!equal) {
            for (std::size_t i = 0; i < count; ++i) to[ranks[i]] = ids[i], far[ranks[i]] = from[i];
            return;
        }
        std::fill_n(to, count, -1);
        for (std::size_t i = 0; i < count; ++i) {
            std::int32_t id = ids[i], at = ranks[i];
            for (; to[at] >= 0; ++at)
                if (id < to[at]) std::swap(id, to[at]);
            to[at] = id;
            far[at] = from[i];
        }
    }

    // Write the first k.
    LEAFWOOD_INLINE void write(std::uint32_t point) {
        const std::size_t k = search.k;
        const float* const from = squared.data();
        float* const far = search.distance + point * k;
        std::copy_n(sorted.data(), k, search.index + point * k);
        for (std::size_t i = 0; i < k; ++i) far[i] = std::sqrt(from[i]);
        guess = from[k - 1];
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
    std::vector<float> axes[3];
    for (std::size_t axis = 0; axis < 3; ++axis) {
        axes[axis].resize(xyz.rows + kLanes);
        for (std::size_t i = 0; i < xyz.rows; ++i) axes[axis][i] = xyz.row(i)[axis];
    }
    const Search search{xyz, {axes[0].data(), axes[1].data(), axes[2].data()}, codes, size, outside(xyz, codes, size),
                        k, index, distance};
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
