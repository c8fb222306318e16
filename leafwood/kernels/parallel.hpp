// Work on a range of rows, shared among as many threads as the caller asks for.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace leafwood {

// Each thread makes a worker of its own, with its scratch memory, and calls it with parts [begin, end) of [0, n) until
// none is left. Who works on which part is not determined: a worker must give a row the same result in any part.
// The first exception that a worker throws is thrown again here.
template <class MakeWorker>
void parallel(std::size_t n, std::size_t grain, int threads, MakeWorker make_worker) {
    std::atomic<std::size_t> next{0};
    std::exception_ptr failure;
    std::mutex guard;
    const auto run = [&] {
        try {
            auto work = make_worker();
            for (std::size_t begin; (begin = next.fetch_add(grain)) < n;) work(begin, std::min(begin + grain, n));
        } catch (...) {
            const std::lock_guard<std::mutex> lock(guard);
            failure = std::current_exception();
            next = n;
        }
    };
    const std::size_t parts = (n + grain - 1) / grain;
    std::vector<std::thread> helpers;
    try {
        while (helpers.size() + 1 < std::min<std::size_t>(parts, threads)) helpers.emplace_back(run);
    } catch (const std::system_error&) {
        // no more threads to be had: those that run do all the work
    }
    run();
    for (auto& helper : helpers) helper.join();
    if (failure) std::rethrow_exception(failure);
}

}  // namespace leafwood
