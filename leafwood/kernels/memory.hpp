// Memory for large tables and for scratch.
#pragma once

#include <algorithm>
#include <cstddef>
#include <memory>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace leafwood {

constexpr std::size_t kLine = 64;        // bytes: an address from which no vector straddles two cache lines
constexpr std::size_t kPage = 1u << 21;  // bytes of a huge page

// Large tables are asked for in huge pages, whose first touch costs a tenth of that of small ones.
constexpr std::size_t alignment(std::size_t bytes) { return bytes >= 2 * kPage ? kPage : kLine; }

inline void* allocate(std::size_t bytes) {
    const std::size_t align = alignment(bytes);
    void* data = ::operator new(bytes, std::align_val_t{align});
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    if (align == kPage) madvise(data, bytes / kPage * kPage, MADV_HUGEPAGE);
#endif
    return data;
}

inline void release(void* data, std::size_t bytes) { ::operator delete(data, std::align_val_t{alignment(bytes)}); }

// Floats, all zero unless they are left as they are.
class Buffer {
public:
    explicit Buffer(std::size_t size, bool zero = true)
        : data_(static_cast<float*>(allocate(size * sizeof(float))), Release{size * sizeof(float)}) {
        if (zero) std::fill_n(data_.get(), size, 0.0f);
    }
    float* get() const { return data_.get(); }

private:
    struct Release {
        std::size_t bytes;
        void operator()(float* data) const { release(data, bytes); }
    };
    std::unique_ptr<float, Release> data_;
};

}  // namespace leafwood
