// Shortest paths to the feet of trees, and what lies beyond each place on them; see graph/features/paths.py.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <numeric>
#include <utility>
#include <vector>

#include "graph.hpp"

namespace leafwood {
namespace {

constexpr float kLeast = 1e-4f;  // metres that a step has at least: no path is free

float metres_squared(const float* a, const float* b) {
    const float x = b[0] - a[0], y = b[1] - a[1], z = b[2] - a[2];
    return x * x + y * y + z * z;
}

// Who names place i without being named by it, from begin[i] to begin[i + 1]. Links are the nearest places, nearest
// first: who is not as near as the last of them is not among them.
struct Backwards {
    std::vector<std::size_t> begin;
    std::vector<std::int32_t> from;

    Backwards(const Table& xyz, const Links& links) : begin(links.rows + 1, 0) {
        const std::size_t n = links.rows, last = links.columns - 1;
        std::vector<float> reach(n);
        for (std::size_t i = 0; i < n; ++i)
            reach[i] = metres_squared(xyz.row(i), xyz.row(links.row(i)[last])) * (1 - 1e-5f);
        std::vector<std::pair<std::int32_t, std::int32_t>> one_way;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t c = 0; c <= last; ++c) {
                const std::int32_t j = links.row(i)[c];
                if (metres_squared(xyz.row(i), xyz.row(j)) < reach[j]) continue;
                one_way.emplace_back(static_cast<std::int32_t>(i), j);
                ++begin[static_cast<std::size_t>(j) + 1];
            }
        std::partial_sum(begin.begin(), begin.end(), begin.begin());
        from.resize(one_way.size());
        std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
        for (const auto& [i, j] : one_way) from[next[j]++] = i;
    }
};

// A queue of places by cost, of which none is cheaper than the last one taken out: a radix heap. Costs from 0 up have the
// order of their bits. Ahuja et al. 1990.
class RadixHeap {
public:
    void push(float cost, std::int32_t place) {
        const std::uint32_t key = bits(cost);
        buckets_[bucket(key)].push_back({key, place});
        ++size_;
    }

    bool empty() const { return size_ == 0; }

    // The cheapest one's cost and place.
    std::pair<float, std::int32_t> pop() {
        if (buckets_[0].empty()) refill();
        const auto [key, place] = buckets_[0].back();
        buckets_[0].pop_back();
        --size_;
        float cost;
        std::memcpy(&cost, &key, sizeof cost);
        return {cost, place};
    }

private:
    struct Entry {
        std::uint32_t key;
        std::int32_t place;
    };

    static std::uint32_t bits(float cost) {
        std::uint32_t key;
        std::memcpy(&key, &cost, sizeof key);
        return key;
    }

    // 0 for the last key, otherwise 1 + the highest bit in which a key differs from it.
    std::size_t bucket(std::uint32_t key) const {
        const double other = key ^ last_;  // whose exponent tells: faster than to look for the bit
        std::uint64_t bits;
        std::memcpy(&bits, &other, sizeof bits);
        return static_cast<std::size_t>(std::max<std::int64_t>(static_cast<std::int64_t>(bits >> 52) - 1022, 0));
    }

    void refill() {
        std::size_t first = 1;
        while (buckets_[first].empty()) ++first;
        std::vector<Entry> spread;
        spread.swap(buckets_[first]);
        last_ = std::min_element(spread.begin(), spread.end(), [](const Entry& a, const Entry& b) {
                    return a.key < b.key;
                })->key;
        for (const Entry& entry : spread) buckets_[bucket(entry.key)].push_back(entry);
        spread.clear();
        if (buckets_[first].empty()) buckets_[first].swap(spread);  // keeps its memory
    }

    std::array<std::vector<Entry>, 33> buckets_;
    std::uint32_t last_ = 0;
    std::size_t size_ = 0;
};

// Dijkstra's algorithm with steps that cost metres^1.5.
class Paths {
public:
    std::vector<float> cost;
    std::vector<std::int32_t> before;   // the place before each on its way, -1 where that comes straight from the ground
    std::vector<float> metres;          // of that step
    std::vector<std::int32_t> settled;  // places in the order in which their way was found

    Paths(const Table& xyz, const Links& links)
        : cost(xyz.rows), before(xyz.rows, -1), metres(xyz.rows, 0), xyz_(xyz), links_(links), backwards_(xyz, links) {
        settled.reserve(xyz.rows);
    }

    // The ways from the ground, which each place may also be reached from straight, at a cost of its own.
    void from_ground(const float* straight) {
        for (std::size_t i = 0; i < cost.size(); ++i) {
            cost[i] = straight[i];
            waiting_.push(cost[i], static_cast<std::int32_t>(i));
        }
        while (!waiting_.empty()) {
            const auto [so_far, place] = waiting_.pop();
            const auto here = static_cast<std::size_t>(place);
            if (so_far > cost[here]) continue;
            settled.push_back(place);
            const std::int32_t* named = links_.row(here);
            for (std::size_t c = 0; c < links_.columns; ++c) step(so_far, here, named[c]);
            for (std::size_t b = backwards_.begin[here]; b < backwards_.begin[here + 1]; ++b)
                step(so_far, here, backwards_.from[b]);
        }
    }

private:
    void step(float so_far, std::size_t here, std::int32_t to) {
        const auto there = static_cast<std::size_t>(to);
        if (cost[there] <= so_far) return;
        const float length = std::max(std::sqrt(metres_squared(xyz_.row(here), xyz_.row(there))), kLeast);
        const float way = so_far + length * std::sqrt(length);
        if (way >= cost[there]) return;
        cost[there] = way;
        before[there] = static_cast<std::int32_t>(here);
        metres[there] = length;
        waiting_.push(way, to);
    }

    const Table& xyz_;
    const Links& links_;
    const Backwards backwards_;
    RadixHeap waiting_;
};

}  // namespace

void tree_paths(const Table& xyz, const Links& links, const float* straight, const float* mass,
                const std::vector<float>& lengths, float* out) {
    const std::size_t n = xyz.rows, columns = 3 + lengths.size();
    Paths paths(xyz, links);
    paths.from_ground(straight);
    for (std::size_t i = 0; i < n; ++i) {
        float* of = out + i * columns;
        std::fill_n(of, columns, 0.0f);
        of[1] = mass[i];
    }
    for (auto place = paths.settled.rbegin(); place != paths.settled.rend(); ++place) {
        const auto i = static_cast<std::size_t>(*place);
        if (paths.before[i] < 0) continue;
        const float* of = out + i * columns;
        float* to = out + static_cast<std::size_t>(paths.before[i]) * columns;
        to[0] = std::max(to[0], of[0] + paths.metres[i]);
        to[1] += of[1];
    }
    for (const std::int32_t place : paths.settled) {
        const auto i = static_cast<std::size_t>(place);
        if (paths.before[i] < 0) continue;
        float* of = out + i * columns;
        const float* from = out + static_cast<std::size_t>(paths.before[i]) * columns;
        of[2] = from[2] + paths.metres[i];
        for (std::size_t c = 0; c < lengths.size(); ++c)
            of[3 + c] = of[0] < lengths[c] ? from[3 + c] + paths.metres[i] : 0.0f;
    }
}

}  // namespace leafwood
