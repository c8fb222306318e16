// Morton codes, and which points of a table in their order lie in a bucket.
#pragma once

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace leafwood {

constexpr int kAxisBits = 21;

struct Range {
    std::uint32_t begin, end;
};

// Two zero bits between the lowest 21 of a number.
inline std::uint64_t spread(std::uint64_t x) {
    x = (x | (x << 32)) & 0x1F00000000FFFF;
    x = (x | (x << 16)) & 0x1F0000FF0000FF;
    x = (x | (x << 8)) & 0x100F00F00F00F00F;
    x = (x | (x << 4)) & 0x10C30C30C30C30C3;
    return (x | (x << 2)) & 0x1249249249249249;
}

// What `spread` has made a code of.
inline std::uint64_t gathered(std::uint64_t x) {
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

}  // namespace leafwood
