// The C++ an analyst would write: a struct per consumer, the standard library's random numbers.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace {

constexpr int PERIODS = 52, SEGMENTS = 8, COLUMNS = 22;

struct Consumer {
    float e, s, t, d, x, y;
    bool here;
};

} // namespace

extern "C" void live(const float* table, std::int64_t size, float leave_base, std::uint32_t seed,
                     double* sums) {
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> uniform;
    for (int segment = 0; segment < SEGMENTS; ++segment) {
        const float* own = table + 5 * segment;
        std::vector<Consumer> consumers(static_cast<std::size_t>(size));
        for (Consumer& c : consumers)
            c = {0.6F + 0.1F * normal(generator), 0, 0.5F, 0, 0, 0.5F, true};
        for (int period = 0; period < PERIODS; ++period) {
            double* row = sums + (segment * PERIODS + period) * COLUMNS;
            for (Consumer& c : consumers) {
                if (!c.here) continue;
                const bool f1 = uniform(generator) < own[0], f2 = uniform(generator) < own[1],
                           f3 = uniform(generator) < own[2];
                const bool failed = f1 || f2 || f3;
                const float perceived =
                    own[3] + 0.25F * normal(generator) - 0.5F * f1 - 0.3F * f2 - 0.4F * f3;
                float comfort = 0;
                if (failed)
                    comfort =
                        std::max(0.0F, 1 - 0.2F * std::exp(0.7F + 0.6F * normal(generator)));
                const float surprise = perceived - c.e;
                c.d = std::clamp(0.8F * c.d + std::max(0.0F, -surprise) - 0.3F * comfort, 0.0F,
                                 4.0F);
                c.x = std::min(8.0F, 0.95F * c.x + 0.1F * c.d + 0.1F * (failed - comfort));
                c.s = std::clamp(0.7F * c.s + 0.3F * surprise, -4.0F, 4.0F);
                c.t = std::clamp(c.t + 0.05F * surprise + 0.03F * comfort - 0.02F * failed, 0.0F,
                                 1.0F);
                c.e += 0.1F * surprise;
                c.y = std::clamp(0.95F * c.y + 0.05F * c.t + 0.02F * c.s - 0.01F * c.x, 0.0F, 1.0F);
                const auto chance = [](float logit) { return 1 / (1 + std::exp(-logit)); };
                const bool buy =
                    uniform(generator) < chance(-1 + 2 * c.y + 0.5F * c.s - 0.3F * c.x);
                const bool recommend = uniform(generator) < chance(-2.5F + c.s + 1.5F * c.t);
                const bool leave =
                    uniform(generator) < chance(leave_base + 0.8F * c.x + 0.5F * c.d - 2 * c.y);
                row[leave ? 3 : c.x > 1 ? 2 : c.d > 0.5F ? 1 : 0] += 1;
                row[4] += f1;
                row[5] += f2;
                row[6] += f3;
                row[7] += buy;
                row[8] += recommend;
                if (buy) row[9] += own[4] * (0.5F + c.y);
                const float states[] = {c.e, c.s, c.t, c.d, c.x, c.y};
                for (int k = 0; k < 6; ++k) {
                    row[10 + k] += states[k];
                    row[16 + k] += states[k] * states[k];
                }
                c.here = !leave;
            }
        }
    }
}
