// Threads that work, and the main thread that watches them, reports progress and ends them.
#pragma once

#include "pycore/run.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace pycore {

// 0 stands for all that the processor runs at once.
inline std::int64_t thread_count(std::int64_t asked) noexcept {
    return asked > 0 ? asked : std::max(1U, std::thread::hardware_concurrency());
}

// What a run says of a value that does not fit.
inline std::string out_of_range(const std::string& name, std::int32_t period, float value) {
    // The sign of a NaN is the processor's business and stands in no message.
    char text[32] = "nan";
    if (value == value) std::snprintf(text, sizeof text, "%.9g", static_cast<double>(value));
    return "record '" + name + "' out of range in period " + std::to_string(period) + ": value " +
           text;
}

inline std::string out_of_range(const Program& program, const Fault& fault) {
    const auto record = static_cast<std::size_t>(fault.record);
    return out_of_range(program.definition().records[record].name.characters(), fault.period,
                        fault.value);
}

// What it says of a sum; only a moment's can come that far.
inline std::string too_large(const Program& program, std::size_t column, std::int64_t period) {
    const ProgramView view = program.view();
    std::int32_t record = view.n_records - 1;
    while (view.records[record].offset > static_cast<std::int32_t>(column))
        --record;
    const auto& found = program.definition().records[static_cast<std::size_t>(record)];
    return "record '" + std::string(found.name.characters()) + "': its sum passes 2^63 in period " +
           std::to_string(period);
}

// The state that workers share; the first error and whatever they merge are guarded by the mutex.
class Workers {
  public:
    // Run work() in every thread, watch until all have ended, rethrow the first error.
    template <class Work>
    void supervise(std::int64_t threads, std::uint64_t total, const Watch& watch, Work&& work) {
        if (threads <= 1 && !watch) { // one worker whom nobody watches is the caller
            work();
            if (error_) std::rethrow_exception(error_);
            return;
        }
        std::vector<std::thread> crew;
        try {
            for (std::int64_t i = 0; i < threads; ++i) {
                {
                    const std::lock_guard<std::mutex> lock(mutex_);
                    ++working_;
                }
                crew.emplace_back([this, &work] { attempt(work); });
            }
        } catch (...) {
            // The thread that could not start never ends either.
            const std::lock_guard<std::mutex> lock(mutex_);
            --working_;
            if (crew.empty()) error_ = std::current_exception();
        }
        wait(watch, total);
        for (std::thread& worker : crew)
            worker.join();
        if (error_) std::rethrow_exception(error_);
        if (watch) watch(total, total);
    }

    // Keep the first error and tell everybody to stop.
    void fail(std::exception_ptr error) noexcept {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (!error_) error_ = std::move(error);
        stop_.raise();
    }

    void did(std::uint64_t consumers) noexcept {
        done_.fetch_add(consumers, std::memory_order_relaxed);
    }
    const StopFlag& stop() const noexcept { return stop_; }
    std::mutex& mutex() noexcept { return mutex_; }

  private:
    static constexpr auto WATCH_INTERVAL = std::chrono::milliseconds(25);

    template <class Work>
    void attempt(Work& work) noexcept {
        try {
            work();
        } catch (...) {
            fail(std::current_exception());
        }
        const std::lock_guard<std::mutex> lock(mutex_);
        --working_;
        finished_.notify_all();
    }

    void wait(const Watch& watch, std::uint64_t total) {
        std::unique_lock<std::mutex> lock(mutex_);
        while (working_ > 0) {
            finished_.wait_for(lock, WATCH_INTERVAL);
            if (!watch || working_ == 0) continue;
            lock.unlock();
            try {
                watch(done_.load(std::memory_order_relaxed), total);
            } catch (...) {
                fail(std::current_exception());
                lock.lock();
                finished_.wait(lock, [this] { return working_ == 0; });
                return;
            }
            lock.lock();
        }
    }

    StopFlag stop_;
    std::atomic<std::uint64_t> done_{0};
    std::mutex mutex_;
    std::condition_variable finished_;
    std::int64_t working_ = 0;
    std::exception_ptr error_;
};

} // namespace pycore
