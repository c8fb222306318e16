// Points in the order of their voxels; see spatial/order.py.
#include <array>
#include <cmath>
#include <vector>

#include "buckets.hpp"
#include "graph.hpp"

namespace leafwood {
namespace {

constexpr int kDigitBits = 11;
constexpr std::size_t kDigits = std::size_t{1} << kDigitBits;

struct Coded {
    std::uint64_t code;
    std::int64_t point;
};

// Least digits first, equal codes in the order in which they come. Digits in which all agree are passed over.
void sort(std::vector<Coded>& points, std::uint64_t differing) {
    std::vector<Coded> other(points.size());
    for (int shift = 0; shift < 3 * kAxisBits; shift += kDigitBits) {
        if (!(differing >> shift & (kDigits - 1))) continue;
        std::array<std::size_t, kDigits> start{};
        for (const Coded& point : points) ++start[point.code >> shift & (kDigits - 1)];
        std::size_t before = 0;
        for (std::size_t& digit : start) {
            const std::size_t count = digit;
            digit = before;
            before += count;
        }
        for (const Coded& point : points) other[start[point.code >> shift & (kDigits - 1)]++] = point;
        points.swap(other);
    }
}

}  // namespace

bool in_morton_order(const Table& xyz, double size, double offset, std::int64_t* order, std::uint64_t* codes) {
    std::vector<Coded> points(xyz.rows);
    std::uint64_t differing = 0;
    for (std::size_t i = 0; i < xyz.rows; ++i) {
        std::uint64_t code = 0;
        for (int axis = 0; axis < 3; ++axis) {
            const double cell = static_cast<double>(xyz.row(i)[axis]) / size + offset;
            if (!(cell >= 0 && cell < static_cast<double>(1 << kAxisBits))) return false;
            code |= spread(static_cast<std::uint64_t>(cell)) << axis;
        }
        points[i] = {code, static_cast<std::int64_t>(i)};
        differing |= code ^ points[0].code;
    }
    sort(points, differing);
    for (std::size_t i = 0; i < xyz.rows; ++i) {
        order[i] = points[i].point;
        codes[i] = points[i].code;
    }
    return true;
}

}  // namespace leafwood
