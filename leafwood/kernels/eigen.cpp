// Eigen-features of neighbourhoods, as pgeof computes them (Demantke et al. 2011).
//
// The neighbourhoods of several points lie side by side in the lanes of vectors, and their covariances are
// diagonalised together, by Jacobi rotations without branches.
#include <cmath>
#include <vector>

#include "graph.hpp"
#include "lanes.hpp"
#include "parallel.hpp"

namespace leafwood {
namespace {

constexpr std::size_t kLanes = 16;
constexpr std::size_t kPart = 1024;
constexpr std::size_t kFeatures = 5;
constexpr std::size_t kTurned = 5;
constexpr int kSweeps = 4;  // after which the rest is below the precision of float64 for nearly all matrices
constexpr double kEpsilon = 1e-3;  // m, pgeof's: what is thinner is noise

struct Features {
    const float* places;  // x y z x y of each point
    const Links& neighbours;
    const std::size_t* scales;
    std::size_t n_scales;
    float* out;

    using Lane = double[kLanes];
    Lane sum[3], square[6];           // of offsets from the first neighbour, and of their products xx xy xz yy yz zz
    Lane a[6], vector[3][3], value[3];  // covariance, eigenvectors (by axis, then which), eigenvalues

    template <Isa isa>
    LEAFWOOD_INLINE void rows(std::size_t begin, std::size_t end) {
        for (std::size_t first = begin; first < end; first += kLanes) {
            const std::size_t count = std::min(kLanes, end - first);
            for (auto& lane : sum) std::fill_n(lane, kLanes, 0.0);
            for (auto& lane : square) std::fill_n(lane, kLanes, 0.0);
            std::size_t seen = 0;
            for (std::size_t scale = 0; scale < n_scales; ++scale) {
                for (std::size_t lane = 0; lane < count; ++lane) add(first + lane, lane, seen, scales[scale]);
                seen = scales[scale];
                covariances(1.0 / static_cast<double>(seen));
                diagonalise();
                for (std::size_t lane = 0; lane < count; ++lane)
                    describe(lane, out + ((first + lane) * n_scales + scale) * kFeatures);
            }
        }
    }

    // The neighbours of a point from one rank to another.
    LEAFWOOD_INLINE void add(std::size_t point, std::size_t lane, std::size_t from, std::size_t to) {
        const std::int32_t* links = neighbours.row(point);
        const auto here = turned(links[0], 0), here_turned = turned(links[0], 1);
        auto s = fill<4>(0.0), q = s, m = s;
        for (std::size_t j = from; j < to; ++j) {
            const Lanes<double, 4> xyz = turned(links[j], 0) - here, yzx = turned(links[j], 1) - here_turned;
            s = s + xyz;
            q = q + xyz * xyz;
            m = m + xyz * yzx;
        }
        const double added[6] = {q[0], m[0], m[2], q[1], m[1], q[2]};
        for (int i = 0; i < 3; ++i) sum[i][lane] += s[i];
        for (int i = 0; i < 6; ++i) square[i][lane] += added[i];
    }

    // x y z of a point, or y z x.
    LEAFWOOD_INLINE Lanes<double, 4> turned(std::int32_t point, std::size_t by) const {
        return widened<4>(load<4>(places + static_cast<std::size_t>(point) * kTurned + by));
    }

    LEAFWOOD_INLINE void covariances(double share) {
        const int pairs[6][2] = {{0, 0}, {0, 1}, {0, 2}, {1, 1}, {1, 2}, {2, 2}};
        for (int i = 0; i < 6; ++i)
            for (std::size_t l = 0; l < kLanes; ++l)
                a[i][l] = square[i][l] * share - sum[pairs[i][0]][l] * share * (sum[pairs[i][1]][l] * share);
        for (int i = 0; i < 3; ++i)
            for (int j = 0; j < 3; ++j) std::fill_n(vector[i][j], kLanes, i == j ? 1.0 : 0.0);
    }

    LEAFWOOD_INLINE void diagonalise() {
        for (int sweep = 0; sweep < kSweeps; ++sweep) {
            rotate(a[0], a[3], a[1], a[2], a[4], 0, 1);
            rotate(a[0], a[5], a[2], a[1], a[4], 0, 2);
            rotate(a[3], a[5], a[4], a[1], a[2], 1, 2);
        }
        std::copy_n(a[0], kLanes, value[0]);
        std::copy_n(a[3], kLanes, value[1]);
        std::copy_n(a[5], kLanes, value[2]);
        order(0, 1);
        order(1, 2);
        order(0, 1);
    }

    // Make the element `pq` zero; `pr` and `qr` are those that the third axis has with p and q.
    LEAFWOOD_INLINE void rotate(Lane& pp, Lane& qq, Lane& pq, Lane& pr, Lane& qr, int p, int q) {
        for (std::size_t l = 0; l < kLanes; ++l) {
            // The tangent of twice the angle is off / half, that of the angle itself off / length with the sign of half.
            const double off = pq[l], half = 0.5 * (qq[l] - pp[l]);
            const double root = std::sqrt(half * half + off * off), length = std::abs(half) + root;
            const double product = length * root, inverse = product > 0 ? 1.0 / std::sqrt(2.0 * product) : 0.0;
            const double c = product > 0 ? length * inverse : 1.0, s = half >= 0 ? off * inverse : -off * inverse;
            const double change = (half >= 0 ? 2.0 : -2.0) * root * (off * inverse) * (off * inverse);
            pp[l] -= change;
            qq[l] += change;
            pq[l] = 0.0;
            const double with_p = pr[l], with_q = qr[l];
            pr[l] = c * with_p - s * with_q;
            qr[l] = s * with_p + c * with_q;
            for (int axis = 0; axis < 3; ++axis) {
                const double one = vector[axis][p][l], two = vector[axis][q][l];
                vector[axis][p][l] = c * one - s * two;
                vector[axis][q][l] = s * one + c * two;
            }
        }
    }

    // The greater of two eigenvalues first.
    LEAFWOOD_INLINE void order(int i, int j) {
        for (std::size_t l = 0; l < kLanes; ++l) {
            const bool swap = value[j][l] > value[i][l];
            const double one = value[i][l], two = value[j][l];
            value[i][l] = swap ? two : one;
            value[j][l] = swap ? one : two;
            for (int axis = 0; axis < 3; ++axis) {
                const double from = vector[axis][i][l], to = vector[axis][j][l];
                vector[axis][i][l] = swap ? to : from;
                vector[axis][j][l] = swap ? from : to;
            }
        }
    }

    // Linearity, planarity, scattering, verticality, |z| of the normal.
    LEAFWOOD_INLINE void describe(std::size_t lane, float* to) const {
        double unary[3] = {}, axis[3];
        for (int i = 0; i < 3; ++i) {
            const double most = std::max(value[i][lane], 0.0);
            axis[i] = std::sqrt(most);
            for (int d = 0; d < 3; ++d) unary[d] += most * std::abs(vector[d][i][lane]);
        }
        const double norm = std::sqrt(unary[0] * unary[0] + unary[1] * unary[1] + unary[2] * unary[2]);
        const double features[kFeatures] = {
            (axis[0] - axis[1]) / (axis[0] + kEpsilon), (axis[1] - axis[2]) / (axis[0] + kEpsilon),
            axis[2] / (axis[0] + kEpsilon), norm > 0 ? unary[2] / norm : 0.0, std::abs(vector[2][2][lane])};
        for (std::size_t i = 0; i < kFeatures; ++i)
            to[i] = static_cast<float>(std::min(std::max(features[i], 0.0), 1.0));
    }
};

}  // namespace

void eigen_features(const Table& xyz, const Links& neighbours, const std::size_t* scales, std::size_t n_scales,
                    float* out, int threads) {
    std::vector<float> places(xyz.rows * kTurned);
    for (std::size_t i = 0; i < xyz.rows; ++i)
        for (std::size_t j = 0; j < kTurned; ++j) places[i * kTurned + j] = xyz.row(i)[j % 3];
    parallel(neighbours.rows, kPart, threads, [&] {
        return [work = Features{places.data(), neighbours, scales, n_scales, out, {}, {}, {}, {}, {}}](
                   std::size_t begin, std::size_t end) mutable { with_best(work, begin, end); };
    });
}

}  // namespace leafwood
