// Threads that work in rounds.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace pycore {

// When all who have a seat wait, the last of them prepares the next
// round for all.  A seat is given up by whatever way its thread ends, so that nobody waits for one
// who is gone; a thread that comes late takes part from the next round on.
class Rounds {
  public:
    // `prepare` says whether there is a next round and never throws; after a no it says no again.
    explicit Rounds(std::function<bool()> prepare) : prepare_(std::move(prepare)) {}

    class Seat {
      public:
        explicit Seat(Rounds& rounds) : rounds_(rounds) {
            const std::lock_guard<std::mutex> lock(rounds_.mutex_);
            ++rounds_.seats_;
        }
        ~Seat() {
            const std::lock_guard<std::mutex> lock(rounds_.mutex_);
            --rounds_.seats_;
            rounds_.begin_if_all_wait();
        }
        Seat(const Seat&) = delete;
        Seat& operator=(const Seat&) = delete;

        // Wait for the next round; false if there is none.
        bool next() {
            std::unique_lock<std::mutex> lock(rounds_.mutex_);
            const std::uint64_t round = rounds_.round_;
            ++rounds_.waiting_;
            rounds_.begin_if_all_wait();
            rounds_.begun_.wait(lock, [&] { return rounds_.round_ != round; });
            return rounds_.more_;
        }

      private:
        Rounds& rounds_;
    };

  private:
    void begin_if_all_wait() {
        if (waiting_ == 0 || waiting_ < seats_) return;
        more_ = prepare_();
        waiting_ = 0;
        ++round_;
        begun_.notify_all();
    }

    const std::function<bool()> prepare_;
    std::mutex mutex_;
    std::condition_variable begun_;
    std::int64_t seats_ = 0;
    std::int64_t waiting_ = 0;
    std::uint64_t round_ = 0;
    bool more_ = true;
};

} // namespace pycore
