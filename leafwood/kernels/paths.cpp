// Shortest paths to the feet of trees, and what lies beyond each place on them; see graph/features/paths.py.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <queue>
#include <utility>
#include <vector>

#include "graph.hpp"

namespace leafwood {
namespace {

constexpr double kFar = std::numeric_limits<double>::infinity();
constexpr float kLeast = 1e-4f;  // metres that a step has at least: no path is free

struct Step {
    std::int32_t to;
    float metres;
};

// The links of a table in both directions, those of place i from begin[i] to begin[i + 1].
struct Ways {
    std::vector<std::size_t> begin;
    std::vector<Step> steps;

    Ways(const Table& xyz, const Links& links) : begin(xyz.rows + 1, 0) {
        const std::size_t n = xyz.rows;
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t c = 0; c < links.columns; ++c) {
                ++begin[i + 1];
                ++begin[static_cast<std::size_t>(links.row(i)[c]) + 1];
            }
        std::partial_sum(begin.begin(), begin.end(), begin.begin());
        steps.resize(begin[n]);
        std::vector<std::size_t> next(begin.begin(), begin.end() - 1);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t c = 0; c < links.columns; ++c) {
                const auto j = static_cast<std::size_t>(links.row(i)[c]);
                const float *a = xyz.row(i), *b = xyz.row(j);
                const float x = b[0] - a[0], y = b[1] - a[1], z = b[2] - a[2];
                const float metres = std::max(std::sqrt(x * x + y * y + z * z), kLeast);
                steps[next[i]++] = {static_cast<std::int32_t>(j), metres};
                steps[next[j]++] = {static_cast<std::int32_t>(i), metres};
            }
    }
};

// Dijkstra's algorithm with steps that cost metres^1.5.
struct Paths {
    const Ways& ways;
    std::vector<double> cost;
    std::vector<std::int32_t> before;   // the place before each on its way from its root, -1 at roots
    std::vector<float> metres;          // of that step
    std::vector<std::int32_t> settled;  // places in the order in which their way was found

    explicit Paths(const Ways& ways)
        : ways(ways), cost(ways.begin.size() - 1, kFar), before(cost.size(), -1), metres(cost.size(), 0) {
        settled.reserve(cost.size());
    }

    void root(std::size_t place) {
        cost[place] = 0;
        waiting.emplace(0.0, static_cast<std::int32_t>(place));
    }

    void run() {
        while (!waiting.empty()) {
            const auto [so_far, place] = waiting.top();
            waiting.pop();
            const auto here = static_cast<std::size_t>(place);
            if (so_far > cost[here]) continue;
            settled.push_back(place);
            for (std::size_t s = ways.begin[here]; s < ways.begin[here + 1]; ++s) {
                const auto [to, step] = ways.steps[s];
                const double way = so_far + step * std::sqrt(static_cast<double>(step));
                const auto there = static_cast<std::size_t>(to);
                if (way >= cost[there]) continue;
                cost[there] = way;
                before[there] = place;
                metres[there] = step;
                waiting.emplace(way, to);
            }
        }
    }

private:
    using Waiting = std::pair<double, std::int32_t>;
    std::priority_queue<Waiting, std::vector<Waiting>, std::greater<>> waiting;
};

}  // namespace

void tree_paths(const Table& xyz, const Links& links, const float* height, float low, const float* mass,
                const std::vector<float>& lengths, float* out) {
    const std::size_t n = xyz.rows, columns = 3 + lengths.size();
    const Ways ways(xyz, links);
    Paths paths(ways);
    std::vector<std::size_t> upwards(n);
    std::iota(upwards.begin(), upwards.end(), std::size_t{0});
    std::stable_sort(upwards.begin(), upwards.end(), [&](std::size_t a, std::size_t b) { return height[a] < height[b]; });
    for (const std::size_t place : upwards)
        if (height[place] < low) paths.root(place);
    paths.run();
    for (const std::size_t place : upwards)  // what hangs together with none of them: from its lowest place
        if (paths.cost[place] == kFar) {
            paths.root(place);
            paths.run();
        }
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
