// Vectors of numbers as GCC and Clang know them, and the same in plain loops for other compilers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "instructions.hpp"

namespace leafwood {

#if (defined(__GNUC__) || defined(__clang__)) && !defined(LEAFWOOD_PLAIN)
template <class T, std::size_t width>
struct LanesOf {
    typedef T type __attribute__((vector_size(width * sizeof(T))));
};
template <class T, std::size_t width>
using Lanes = typename LanesOf<T, width>::type;
#else
template <class T, std::size_t width>
struct Lanes {
    T lane[width];
    T& operator[](std::size_t i) { return lane[i]; }
    T operator[](std::size_t i) const { return lane[i]; }
};
#define LEAFWOOD_EACH(Result, symbol)                                                         \
    template <class T, std::size_t width>                                                     \
    Lanes<Result, width> operator symbol(const Lanes<T, width>& a, const Lanes<T, width>& b) { \
        Lanes<Result, width> out;                                                             \
        for (std::size_t i = 0; i < width; ++i) out[i] = static_cast<Result>(a[i] symbol b[i]); \
        return out;                                                                           \
    }
LEAFWOOD_EACH(T, +)
LEAFWOOD_EACH(T, -)
LEAFWOOD_EACH(T, *)
LEAFWOOD_EACH(T, /)
LEAFWOOD_EACH(T, &)
LEAFWOOD_EACH(T, |)
#undef LEAFWOOD_EACH
// What is true is -1, as in a vector of masks.
#define LEAFWOOD_EACH(symbol)                                                                 \
    template <class T, std::size_t width>                                                     \
    Lanes<std::int32_t, width> operator symbol(const Lanes<T, width>& a, const Lanes<T, width>& b) { \
        Lanes<std::int32_t, width> out;                                                       \
        for (std::size_t i = 0; i < width; ++i) out[i] = a[i] symbol b[i] ? -1 : 0;           \
        return out;                                                                           \
    }
LEAFWOOD_EACH(<)
LEAFWOOD_EACH(<=)
LEAFWOOD_EACH(==)
#undef LEAFWOOD_EACH
#endif

template <std::size_t width, class T>
LEAFWOOD_INLINE Lanes<T, width> load(const T* from) {
    Lanes<T, width> out;
    std::memcpy(&out, from, sizeof out);
    return out;
}

template <class T, class L>
LEAFWOOD_INLINE void store(T* to, const L& values) {
    std::memcpy(to, &values, sizeof values);
}

template <std::size_t width, class T>
LEAFWOOD_INLINE Lanes<T, width> fill(T value) {
    Lanes<T, width> out{};
#if (defined(__GNUC__) || defined(__clang__)) && !defined(LEAFWOOD_PLAIN)
    out = out + value;  // a broadcast; GCC makes as many steps of a loop or a list as there are lanes
#else
    for (std::size_t i = 0; i < width; ++i) out[i] = value;
#endif
    return out;
}

template <std::size_t width>
LEAFWOOD_INLINE Lanes<double, width> widened(const Lanes<float, width>& values) {
#if (defined(__GNUC__) || defined(__clang__)) && !defined(LEAFWOOD_PLAIN)
    return __builtin_convertvector(values, Lanes<double, width>);
#else
    Lanes<double, width> out;
    for (std::size_t i = 0; i < width; ++i) out[i] = values[i];
    return out;
#endif
}

template <std::size_t width>
LEAFWOOD_INLINE Lanes<float, width> greater(const Lanes<float, width>& a, const Lanes<float, width>& b) {
#if (defined(__GNUC__) || defined(__clang__)) && !defined(LEAFWOOD_PLAIN)
    return a > b ? a : b;
#else
    Lanes<float, width> out;
    for (std::size_t i = 0; i < width; ++i) out[i] = a[i] > b[i] ? a[i] : b[i];
    return out;
#endif
}

}  // namespace leafwood
