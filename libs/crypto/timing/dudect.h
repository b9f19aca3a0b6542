#pragma once

// Does an operation take the same time for secrets of two classes? After "dude, is my code
// constant time?" (Reparaz, Balasch and Verbauwhede, DATE 2017): time both in random order, and
// compare their means by Welch's t-test, for all measurements and for those below each of several
// percentiles, since the largest times are the operating system's. |t| beyond 4.5 does not
// happen by chance.

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <vector>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

namespace fate::crypto {

// Means and variances of two classes, one sample at a time (Welford).
class WelchTest {
 public:
  void Add(bool second, double sample) {
    Moments& m = classes_[second ? 1 : 0];
    ++m.count;
    const double delta = sample - m.mean;
    m.mean += delta / m.count;
    m.squares += delta * (sample - m.mean);
  }
  // 0 until both classes have samples enough.
  double t() const {
    const auto& [a, b] = classes_;
    if (a.count < 100 || b.count < 100) return 0;
    const double variance =
        a.squares / (a.count - 1) / a.count + b.squares / (b.count - 1) / b.count;
    return variance > 0 ? (a.mean - b.mean) / std::sqrt(variance) : 0;
  }

 private:
  struct Moments {
    double count = 0, mean = 0, squares = 0;
  };
  std::array<Moments, 2> classes_;
};

inline uint64_t Ticks() {
#if defined(__x86_64__)
  unsigned processor;
  return __rdtscp(&processor);
#else
  return static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
#endif
}

// One operation under test. Both classes get inputs of their own for every measurement, so that
// neither is warmer in the cache than the other.
struct TimedOperation {
  // Makes input `slot` of 0 .. kSlots - 1: of the fixed class, or a random one.
  std::function<void(size_t slot, bool random)> prepare;
  std::function<void(size_t slot)> run;
};
inline constexpr size_t kSlots = 500;

// The largest |t| over the percentiles after about `measurements` measurements.
inline double LargestT(const TimedOperation& operation, size_t measurements, uint64_t seed) {
  constexpr size_t kPercentiles = 20;
  std::array<WelchTest, kPercentiles + 1> tests;  // the last one: everything
  std::vector<double> bounds, times(kSlots);
  std::vector<bool> random(kSlots);
  for (size_t round = 0; round * kSlots < measurements || round < 3; ++round) {
    for (size_t slot = 0; slot < kSlots; ++slot) {
      seed = seed * 6364136223846793005 + 1442695040888963407;  // Knuth's generator
      random[slot] = seed >> 63 != 0;
      operation.prepare(slot, random[slot]);
    }
    for (size_t slot = 0; slot < kSlots; ++slot) {
      const uint64_t start = Ticks();
      operation.run(slot);
      times[slot] = static_cast<double>(Ticks() - start);
    }
    if (round == 0) {  // warms up, and sets the percentiles: close to 1 at the end
      std::vector<double> sorted = times;
      std::sort(sorted.begin(), sorted.end());
      for (size_t i = 1; i <= kPercentiles; ++i) {
        const double part = 1 - std::pow(0.5, 10.0 * double(i) / kPercentiles);
        bounds.push_back(sorted[static_cast<size_t>(part * (kSlots - 1))]);
      }
      continue;
    }
    for (size_t slot = 0; slot < kSlots; ++slot) {
      tests[kPercentiles].Add(random[slot], times[slot]);
      for (size_t i = 0; i < kPercentiles; ++i) {
        if (times[slot] <= bounds[i]) tests[i].Add(random[slot], times[slot]);
      }
    }
  }
  double largest = 0;
  for (const WelchTest& test : tests) largest = std::max(largest, std::abs(test.t()));
  return largest;
}

}  // namespace fate::crypto
