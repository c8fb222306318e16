// Tables as NumPy lays them out: row by row, without gaps.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leafwood {

template <class T>
struct Matrix {
    const T* data;
    std::size_t rows, columns;
    const T* row(std::size_t i) const { return data + i * columns; }
};
using Table = Matrix<float>;
using Links = Matrix<std::int32_t>;

}  // namespace leafwood
