#include "crypto/ring/power.h"

#include <bit>
#include <cstdlib>
#include <cstring>

#include "crypto/ring/batch_loop.h"
#include "crypto/ring/select.h"

namespace fate::crypto {
namespace {

constexpr int kMaxWindow = 6;

// The window that needs the fewest products, where two squares cost as much as 1.5 of them.
int WindowFor(int bits) {
  int best = 1, best_cost = 4 * bits;
  for (int window = 2; window <= kMaxWindow; ++window) {
    const int cost = 4 * ((bits - 1) / window) + 3 * ((1 << window) - 2);
    if (cost < best_cost) best = window, best_cost = cost;
  }
  return best;
}

// powers[d] = powers[1]^d for 2 <= d < count: squares of halves, products of neighbours.
void MakePowers(const Ring& ring, Batches& powers, size_t count) {
  for (size_t d = 2; d < count; ++d) {
    if (d % 2 == 0) {
      ring.Square(powers[d], powers[d / 2]);
    } else {
      ring.Multiply(powers[d], powers[d - 1], powers[1]);
    }
  }
}

// One batch of PowerEach: each lane has its own exponent and its own row of the table.
class LanePowers {
 public:
  LanePowers(const Ring& ring, int window)
      : ring_(ring),
        window_(window),
        entries_(size_t{1} << window),
        powers_(ring, entries_ + 1),
        rows_(ring.lanes() * entries_ * ring.words()) {}

  void Run(const uint64_t* a, const Exponents& exponents, size_t at, size_t count, uint64_t* out) {
    int bits = 0;
    for (size_t i = 0; i < count; ++i) bits = std::max(bits, exponents.bits(at + i));
    if (bits > 1) MakeRows(a, count);
    int position = (std::max(bits, 1) - 1) / window_ * window_;
    const uint64_t* digits[kMaxLanes] = {};
    uint64_t* const result = powers_[0];
    ReadDigits(a, exponents, at, count, position, digits);
    ring_.Load(result, digits);
    while ((position -= window_) >= 0) {
      for (int i = 0; i < window_; ++i) ring_.Square(result, result);
      if (!ReadDigits(a, exponents, at, count, position, digits)) continue;
      ring_.Load(powers_[entries_], digits);
      ring_.Multiply(result, result, powers_[entries_]);
    }
    ring_.StoreSome(out, result, count);
  }

 private:
  uint64_t* Row(size_t lane, size_t digit) {
    return rows_.data() + (lane * entries_ + digit) * ring_.words();
  }

  void MakeRows(const uint64_t* a, size_t count) {
    ring_.LoadSome(powers_[1], a, count);
    MakePowers(ring_, powers_, entries_);
    uint64_t* row[kMaxLanes] = {};
    for (size_t digit = 2; digit < entries_; ++digit) {
      for (size_t lane = 0; lane < count; ++lane) row[lane] = Row(lane, digit);
      ring_.Store(row, powers_[digit]);
    }
  }

  // Where each lane's power for the window at `position` lies; false when all are 1.
  bool ReadDigits(const uint64_t* a, const Exponents& exponents, size_t at, size_t count,
                  int position, const uint64_t** digits) {
    bool any = false;
    for (size_t lane = 0; lane < count; ++lane) {
      const uint32_t digit = exponents.Digit(at + lane, position, window_);
      digits[lane] = digit == 0   ? nullptr
                     : digit == 1 ? a + lane * ring_.words()
                                  : Row(lane, digit);
      any |= digit != 0;
    }
    return any;
  }

  const Ring& ring_;
  int window_;
  size_t entries_;
  Batches powers_;
  Words rows_;
};

// One step of a left-to-right sliding window: `squarings`, then times a^digit (odd; 0: nothing).
struct Step {
  int squarings;
  uint32_t digit;
};

std::vector<Step> SlidingWindows(const BigInt& exponent, int window) {
  std::vector<Step> steps;
  int squarings = 0;
  for (int top = exponent.BitLength() - 1; top >= 0;) {
    if (!exponent.Bit(top)) {
      ++squarings, --top;
      continue;
    }
    int low = std::max(top - window + 1, 0);
    while (!exponent.Bit(low)) ++low;
    uint32_t digit = 0;
    for (int bit = top; bit >= low; --bit) digit = 2 * digit + (exponent.Bit(bit) ? 1 : 0);
    steps.push_back({squarings + top - low + 1, digit});
    squarings = 0;
    top = low - 1;
  }
  if (squarings > 0) steps.push_back({squarings, 0});
  return steps;
}

int SlidingWindowFor(int bits) {
  if (bits <= 8) return 2;
  return bits <= 24 ? 3 : bits <= 80 ? 4 : bits <= 240 ? 5 : 6;
}

}  // namespace

void PowerEach(const Ring& ring, const uint64_t* a, const Exponents& exponents, uint64_t* out,
               const Parallel& parallel) {
  const int window = WindowFor(exponents.bits());
  parallel.For(exponents.size(), ring.lanes(), [&](size_t begin, size_t end) {
    LanePowers powers(ring, window);
    for (size_t at = begin; at < end; at += ring.lanes()) {
      powers.Run(a + at * ring.words(), exponents, at, std::min(ring.lanes(), end - at),
                 out + at * ring.words());
    }
  });
}

void PowerAll(const Ring& ring, const uint64_t* a, size_t count, const BigInt& exponent,
              uint64_t* out, const Parallel& parallel) {
  if (exponent.IsNegative()) std::abort();  // a caller's mistake
  const std::vector<Step> steps = SlidingWindows(exponent, SlidingWindowFor(exponent.BitLength()));
  uint32_t top_digit = 1;
  for (const Step& step : steps) top_digit = std::max(top_digit, step.digit);
  // Batch i: a^(2 i + 1); then a^2 and the result.
  const size_t odd = (top_digit + 1) / 2, square = odd, result = odd + 1;
  const std::vector<const uint64_t*> ones(ring.lanes(), nullptr);
  ForEachBatch(ring, count, odd + 2, parallel, [&](Batches& batch, size_t at, size_t lanes) {
    ring.LoadSome(batch[0], a + at * ring.words(), lanes);
    if (odd > 1) ring.Square(batch[square], batch[0]);
    for (size_t i = 1; i < odd; ++i) ring.Multiply(batch[i], batch[i - 1], batch[square]);
    const uint64_t* power = nullptr;
    for (const Step& step : steps) {
      if (power == nullptr) {
        power = batch[step.digit / 2];  // the first step: squarings of 1
        continue;
      }
      for (int i = 0; i < step.squarings; ++i) {
        ring.Square(batch[result], power);
        power = batch[result];
      }
      if (step.digit == 0) continue;
      ring.Multiply(batch[result], power, batch[step.digit / 2]);
      power = batch[result];
    }
    if (power == nullptr) {
      ring.Load(batch[result], ones.data());
      power = batch[result];
    }
    ring.StoreSome(out + at * ring.words(), power, lanes);
  });
}

void PowerSecret(const Ring& ring, const uint64_t* a, size_t count, const BigInt& exponent,
                 int bits, uint64_t* out, const Parallel& parallel) {
  constexpr int kWindow = 4;
  constexpr size_t kEntries = size_t{1} << kWindow;
  if (exponent.IsNegative() || exponent.BitLength() > bits) std::abort();  // a caller's mistake
  std::vector<uint64_t> words(static_cast<size_t>(bits) / 64 + 1);
  std::memcpy(words.data(), mpz_limbs_read(exponent.mpz()),
              mpz_size(exponent.mpz()) * sizeof(uint64_t));
  const size_t width = words.size();
  const Exponents secret(std::move(words), width);
  const std::vector<const uint64_t*> ones(ring.lanes(), nullptr);
  ForEachBatch(ring, count, kEntries + 2, parallel, [&](Batches& batch, size_t at, size_t lanes) {
    uint64_t* const result = batch[kEntries];
    uint64_t* const factor = batch[kEntries + 1];
    ring.Load(batch[0], ones.data());
    ring.LoadSome(batch[1], a + at * ring.words(), lanes);
    MakePowers(ring, batch, kEntries);
    ring.Load(result, ones.data());
    for (int position = (bits + kWindow - 1) / kWindow * kWindow; (position -= kWindow) >= 0;) {
      for (int i = 0; i < kWindow; ++i) ring.Square(result, result);
      Select(ring.isa(), factor, batch[0], kEntries, ring.batch_words(),
             secret.Digit(0, position, kWindow));
      ring.Multiply(result, result, factor);
    }
    ring.StoreSome(out + at * ring.words(), result, lanes);
  });
}

}  // namespace fate::crypto
