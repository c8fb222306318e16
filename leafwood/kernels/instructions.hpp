// One source, compiled for several sets of vector instructions, of which the best that the processor has is chosen at
// run time. Only x86-64 under GCC and Clang needs that; NEON is part of every 64-bit ARM, and elsewhere the compiler's
// default serves.
#pragma once

#include <cstddef>

#if defined(__GNUC__) || defined(__clang__)
#define LEAFWOOD_INLINE inline __attribute__((always_inline))
#else
#define LEAFWOOD_INLINE inline
#endif

namespace leafwood {

enum class Isa { baseline = 0, avx2 = 1, avx512 = 2 };

extern Isa isa;  // which is in use

// The best that processor and build have.
Isa best_isa();

// What a set of instructions has: floats in a vector, rows and columns of a matrix product that its registers hold, and a
// fused multiply-add. Loops over fewer than 16 columns are taken apart by GCC before it finds the vectors in them.
template <Isa> struct Vectors;
template <> struct Vectors<Isa::avx512> {
    static constexpr std::size_t width = 16, rows = 8, columns = 32;
    static constexpr bool fused = true;
};
template <> struct Vectors<Isa::avx2> {
    static constexpr std::size_t width = 8, rows = 4, columns = 16;
    static constexpr bool fused = true;
};
template <> struct Vectors<Isa::baseline> {
    static constexpr std::size_t width = 4, rows = 1, columns = 32;
#if defined(__ARM_FEATURE_FMA)
    static constexpr bool fused = true;
#else
    static constexpr bool fused = false;
#endif
};

#if (defined(__GNUC__) || defined(__clang__)) && defined(__x86_64__)
#define LEAFWOOD_DISPATCH 1
#if defined(__clang__)
#define LEAFWOOD_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma"
#else  // GCC would rather use half of each vector
#define LEAFWOOD_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,prefer-vector-width=512"
#endif
template <class Work>
__attribute__((target(LEAFWOOD_AVX512))) void with_avx512(
    Work& work, std::size_t begin, std::size_t end) {
    work.template rows<Isa::avx512>(begin, end);
}
template <class Work>
__attribute__((target("avx2,fma"))) void with_avx2(Work& work, std::size_t begin, std::size_t end) {
    work.template rows<Isa::avx2>(begin, end);
}
#endif

// `work.rows<isa>(begin, end)`, compiled for the instructions in use. `rows` and all that it calls in inner loops have
// to be LEAFWOOD_INLINE: a function that is not inlined is compiled for the baseline.
template <class Work>
void with_best(Work& work, std::size_t begin, std::size_t end) {
#ifdef LEAFWOOD_DISPATCH
    if (isa == Isa::avx512) return with_avx512(work, begin, end);
    if (isa == Isa::avx2) return with_avx2(work, begin, end);
#endif
    work.template rows<Isa::baseline>(begin, end);
}

}  // namespace leafwood
