// The kernels as Python sees them. Arrays are taken as they are, never copied: a wrong type is a TypeError. What is
// asked for is checked here, once, so that the kernels read no memory that is not theirs.
#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "graph.hpp"
#include "instructions.hpp"
#include "memory.hpp"
#include "network.hpp"

namespace nb = nanobind;
using namespace leafwood;

namespace {

template <class T, int dims>
using Array = nb::ndarray<const T, nb::ndim<dims>, nb::c_contig, nb::device::cpu>;
using Floats = Array<float, 2>;
using Vector = Array<float, 1>;
using Indices = Array<std::int32_t, 2>;
template <class T>
using Result = nb::ndarray<nb::numpy, T, nb::ndim<2>, nb::c_contig>;
using Layer = std::tuple<Floats, Vector>;

template <class T>
Matrix<T> table(const Array<T, 2>& array) {
    return {array.data(), array.shape(0), array.shape(1)};
}

void require(bool holds, const char* what) {
    if (!holds) throw std::invalid_argument(what);
}

// Links whose positions lie in a table.
Links links_into(const Indices& array, std::size_t rows, std::size_t least = 1) {
    require(array.shape(1) >= least, "too few columns of links");
    require(rows <= 0x7FFFFFFF, "a table is too large");
    const auto last = static_cast<std::int32_t>(rows) - 1;
    std::int32_t signs = 0;  // negative where a link or what it leaves to the last row is; as quick as reading them
    const Links links = table(array);
    for (std::size_t i = 0, n = links.rows * links.columns; i < n; ++i) signs |= links.data[i] | (last - links.data[i]);
    require(signs >= 0, "a link leads out of its table");
    return links;
}

Table places(const Floats& array, std::size_t rows) {
    require(array.shape(0) == rows && array.shape(1) == 3, "places must be (m, 3)");
    return table(array);
}

Linear linear(const Layer& layer, std::size_t n_in, std::size_t n_out) {
    const auto& [matrix, bias] = layer;
    require(matrix.shape(0) == n_in && matrix.shape(1) == n_out && bias.shape(0) == n_out, "a layer does not fit");
    return {matrix.data(), bias.data(), n_in, n_out};
}

template <class T>
Result<T> result(std::size_t rows, std::size_t columns) {
    auto* memory = new Buffer(rows * columns * sizeof(T) / sizeof(float), false);
    nb::capsule owner(memory, [](void* p) noexcept { delete static_cast<Buffer*>(p); });
    return Result<T>(reinterpret_cast<T*>(memory->get()), {rows, columns}, owner);
}

std::tuple<Result<std::int32_t>, Result<float>> py_nearest(
    const Floats& xyz, const Array<std::uint64_t, 1>& codes, double size, std::size_t k, int threads) {
    const Table points = places(xyz, codes.shape(0));
    require(k >= 1 && k <= points.rows, "k must be between 1 and the number of points");
    require(points.rows < 0x7FFFFFFF, "too many points");
    for (std::size_t i = 1; i < points.rows; ++i)
        require(codes.data()[i - 1] <= codes.data()[i], "codes must ascend");
    auto index = result<std::int32_t>(points.rows, k);
    auto distance = result<float>(points.rows, k);
    {
        nb::gil_scoped_release release;
        nearest(points, codes.data(), size, k, index.data(), distance.data(), threads);
    }
    return {index, distance};
}

Result<float> py_eigen_features(
    const Floats& xyz, const Indices& neighbours, const std::vector<std::size_t>& scales, int threads) {
    const Table points = places(xyz, xyz.shape(0));
    std::size_t before = 0;
    for (const std::size_t scale : scales) {
        require(scale > before && scale <= neighbours.shape(1), "scales must ascend, up to the number of neighbours");
        before = scale;
    }
    const Links links = links_into(neighbours, points.rows);
    auto out = result<float>(links.rows, 5 * scales.size());
    nb::gil_scoped_release release;
    eigen_features(points, links, scales.data(), scales.size(), out.data(), threads);
    return out;
}

Result<float> py_smooth(
    const Vector& margin, const Floats& pos, const Indices& neighbours, float reach, float pull, int threads) {
    const Table points = places(pos, margin.shape(0));
    require(neighbours.shape(0) == points.rows, "each point needs its neighbours");
    const Links links = links_into(neighbours, points.rows, 2);
    auto out = result<float>(points.rows, 1);
    nb::gil_scoped_release release;
    smooth(margin.data(), points, links, reach, pull, out.data(), threads);
    return out;
}

template <void (*over)(const Table&, const Links&, float*, int)>
Result<float> py_over(const Floats& values, const Indices& neighbours, int threads) {
    const Links links = links_into(neighbours, values.shape(0));
    auto out = result<float>(links.rows, values.shape(1));
    nb::gil_scoped_release release;
    over(table(values), links, out.data(), threads);
    return out;
}

Result<float> py_tree_paths(const Floats& xyz, const Indices& neighbours, const Vector& straight, const Vector& mass,
                            const std::vector<float>& lengths) {
    const std::size_t rows = xyz.shape(0);
    const Table points = places(xyz, rows);
    for (const std::size_t of : {neighbours.shape(0), straight.shape(0), mass.shape(0)})
        require(of == rows, "each voxel needs links, a cost and a mass");
    const Links links = links_into(neighbours, rows);
    auto out = result<float>(rows, 3 + lengths.size());
    nb::gil_scoped_release release;
    tree_paths(points, links, straight.data(), mass.data(), lengths, out.data());
    return out;
}

std::tuple<Result<std::int64_t>, Result<std::uint64_t>> py_in_morton_order(
    const Floats& xyz, double size, double offset) {
    const Table points = places(xyz, xyz.shape(0));
    auto order = result<std::int64_t>(1, points.rows);
    auto codes = result<std::uint64_t>(1, points.rows);
    bool numbered;
    {
        nb::gil_scoped_release release;
        numbered = in_morton_order(points, size, offset, order.data(), codes.data());
    }
    require(numbered, "a cell has no number");
    return {order, codes};
}

template <class Value, class Group>
Result<double> py_sums_of_groups(const Array<Value, 2>& values, const Array<Group, 1>& group, std::size_t groups) {
    require(group.shape(0) == values.shape(0), "each row needs its group");
    for (std::size_t i = 0; i < values.shape(0); ++i)
        require(static_cast<std::uint64_t>(group.data()[i]) < groups, "there is no such group");
    auto out = result<double>(groups, values.shape(1));
    std::fill_n(out.data(), groups * values.shape(1), 0.0);
    nb::gil_scoped_release release;
    sums_of_groups(table(values), group.data(), out.data());
    return out;
}

void py_convolve(const nb::ndarray<float, nb::ndim<2>, nb::c_contig, nb::device::cpu>& x, const Floats& pos, const Indices& neighbours, const Layer& node,
                          const Layer& offset, const Layer& first, const Layer& second, int threads) {
    const std::size_t rows = x.shape(0), width = x.shape(1), inner = std::get<1>(first).shape(0);
    require(neighbours.shape(0) == rows, "each voxel needs its neighbours");
    const Links links = links_into(neighbours, rows);
    const Table from = places(pos, rows);
    const Block block{linear(node, width + 3, width), linear(offset, 3, width), linear(first, 2 * width, inner),
                      linear(second, inner, width)};
    nb::gil_scoped_release release;
    convolve({x.data(), rows, width}, from, links, block, x.data(), threads);
}

using Others = std::tuple<Floats, Floats, Floats, Indices, double>;

Result<float> py_layers(const Floats& own, const std::optional<Others>& others, const Layer& first,
                        const std::tuple<Vector, Vector>& norm, const Layer& second, int threads) {
    const std::size_t rows = own.shape(0);
    std::size_t n_in = own.shape(1);
    std::optional<Gathered> from;
    if (others) {
        const auto& [x, pos, other_pos, links, size] = *others;
        require(links.shape(0) == rows, "each voxel needs its links");
        from = Gathered{table(x), places(pos, rows), places(other_pos, x.shape(0)), links_into(links, x.shape(0)),
                        static_cast<float>(size)};
        n_in += 3 + x.shape(1);
    }
    const auto& [scale, shift] = norm;
    const std::size_t inner = scale.shape(0), n_out = std::get<1>(second).shape(0);
    require(shift.shape(0) == inner, "a normalisation does not fit");
    const TwoLayers weights{linear(first, n_in, inner), scale.data(), shift.data(), linear(second, inner, n_out)};
    auto out = result<float>(rows, n_out);
    nb::gil_scoped_release release;
    layers(table(own), from ? &*from : nullptr, weights, out.data(), threads);
    return out;
}

const char* const kNames[] = {"baseline", "avx2", "avx512"};

// Choose a set of instructions, the best there is where the name is "best"; which one is in use then.
std::string py_use(const std::string& name) {
    const Isa best = best_isa();
    Isa wanted = best;
    for (int i = 0; i < 3; ++i)
        if (name == kNames[i]) wanted = static_cast<Isa>(i);
    isa = wanted < best ? wanted : best;
    return kNames[static_cast<int>(isa)];
}

}  // namespace

NB_MODULE(_compiled, m) {
    m.def("nearest", &py_nearest, nb::arg("xyz").noconvert(), nb::arg("codes").noconvert(), nb::arg("size"),
          nb::arg("k"), nb::arg("threads"));
    m.def("eigen_features", &py_eigen_features, nb::arg("xyz").noconvert(), nb::arg("neighbours").noconvert(),
          nb::arg("scales"), nb::arg("threads"));
    m.def("in_morton_order", &py_in_morton_order, nb::arg("xyz").noconvert(), nb::arg("size"), nb::arg("offset"));
    m.def("sums_of_groups", &py_sums_of_groups<float, std::int64_t>, nb::arg("values").noconvert(),
          nb::arg("group").noconvert(), nb::arg("groups"));
    m.def("sums_of_groups", &py_sums_of_groups<double, std::int64_t>, nb::arg("values").noconvert(),
          nb::arg("group").noconvert(), nb::arg("groups"));
    m.def("sums_of_groups", &py_sums_of_groups<double, std::int32_t>, nb::arg("values").noconvert(),
          nb::arg("group").noconvert(), nb::arg("groups"));
    m.def("smooth", &py_smooth, nb::arg("margin").noconvert(), nb::arg("pos").noconvert(),
          nb::arg("neighbours").noconvert(), nb::arg("reach"), nb::arg("pull"), nb::arg("threads"));
    m.def("mean_over", &py_over<mean_over>, nb::arg("values").noconvert(), nb::arg("neighbours").noconvert(),
          nb::arg("threads"));
    m.def("max_over", &py_over<max_over>, nb::arg("values").noconvert(), nb::arg("neighbours").noconvert(),
          nb::arg("threads"));
    m.def("tree_paths", &py_tree_paths, nb::arg("xyz").noconvert(), nb::arg("neighbours").noconvert(),
          nb::arg("straight").noconvert(), nb::arg("mass").noconvert(), nb::arg("lengths"));
    m.def("convolve", &py_convolve, nb::arg("x").noconvert(), nb::arg("pos").noconvert(),
          nb::arg("neighbours").noconvert(), nb::arg("node").noconvert(), nb::arg("offset").noconvert(),
          nb::arg("first").noconvert(), nb::arg("second").noconvert(), nb::arg("threads"));
    m.def("layers", &py_layers, nb::arg("own").noconvert(), nb::arg("others").noconvert().none(),
          nb::arg("first").noconvert(), nb::arg("norm").noconvert(), nb::arg("second").noconvert(), nb::arg("threads"));
    m.def("use", &py_use, nb::arg("name"));
}
