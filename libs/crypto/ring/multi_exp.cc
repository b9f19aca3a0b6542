#include "crypto/ring/multi_exp.h"

#include <algorithm>
#include <cmath>

#include "crypto/ring/batch_loop.h"
#include "crypto/ring/product.h"

namespace fate::crypto {
namespace {

constexpr int kMaxBucketBits = 16;
constexpr int kMaxTableBits = 8;
// Elements in buckets or tables at a time: 10 MiB at 4096 bits.
constexpr size_t kMaxElements = 16384;

// An element and the digit that is its exponent in some window. At first the element is a base
// and the digit the index of its exponent.
struct Item {
  const uint64_t* element;
  uint32_t digit;
};

// Items whose digits, of `bits` bits, count from bit `position` of product `product`.
struct Window {
  size_t product;
  int position, bits;
  size_t begin, end;  // items
};

// The items of all windows of all products, and room for the elements that were made for them.
struct Level {
  std::vector<Window> windows;
  std::vector<Item> items;
  Words elements;
};

// The items of a window, ordered by digit, zeros left out: factors and where each digit ends.
struct Sorter {
  std::vector<uint32_t> ends;  // of digit d: ends[d]
  std::vector<const uint64_t*> factors;

  // Appends to `factors`; returns where this window's begin.
  template <class DigitOf>
  size_t Sort(std::span<const Item> items, int bits, const DigitOf& digit_of) {
    const size_t first = factors.size(), digits = size_t{1} << bits;
    ends.assign(digits, 0);
    for (const Item& item : items) ++ends[digit_of(item)];
    uint32_t sum = 0;
    ends[0] = 0;
    for (size_t d = 1; d < digits; ++d) sum += ends[d], ends[d] = sum - ends[d];
    factors.resize(first + sum);
    for (const Item& item : items) {
      const uint32_t digit = digit_of(item);
      if (digit != 0) factors[first + ends[digit]++] = item.element;
    }
    return first;
  }
};

// Cuts every window into windows of at most `bits` bits, whose items are buckets: the products of
// the items with one digit.
template <class DigitOf>
Level Refine(const Ring& ring, const Level& from, int bits, const DigitOf& digit_of,
             const Parallel& parallel) {
  struct Bucket {
    size_t first, count;
  };
  Level to;
  Sorter sorter;
  std::vector<Bucket> buckets;
  for (const Window& window : from.windows) {
    const std::span items = std::span(from.items).subspan(window.begin, window.end - window.begin);
    for (int offset = 0; offset < window.bits; offset += bits) {
      const int width = std::min(bits, window.bits - offset);
      size_t first = sorter.Sort(items, width,
                                 [&](const Item& item) { return digit_of(item, offset, width); });
      const size_t base = first, begin = buckets.size();
      for (size_t digit = 1; digit < size_t{1} << width; ++digit) {
        const size_t end = base + sorter.ends[digit];
        if (end == first) continue;
        buckets.push_back({first, end - first});
        to.items.push_back({nullptr, static_cast<uint32_t>(digit)});
        first = end;
      }
      to.windows.push_back(
          {window.product, window.position + offset, width, begin, buckets.size()});
    }
  }
  to.elements.resize(buckets.size() * ring.words());
  std::vector<Product> products;
  for (size_t i = 0; i < buckets.size(); ++i) {
    uint64_t* const element = to.elements.data() + i * ring.words();
    to.items[i].element = element;
    products.push_back(
        {element, nullptr, sorter.factors.data() + buckets[i].first, buckets[i].count});
  }
  MultiplyOut(ring, products, parallel);
  return to;
}

// What one window of one product comes to; null for 1.
struct Digits {
  int step;                               // bits between positions
  size_t positions;                       // for each product
  std::vector<const uint64_t*> elements;  // [product * positions + i]: at bit i * step
};

// Horner's rule, a product in each lane.
void Evaluate(const Ring& ring, const Digits& digits, std::span<const PowerProduct> products,
              const Parallel& parallel) {
  ForEachBatch(ring, products.size(), 2, parallel, [&](Batches& batch, size_t at, size_t count) {
    const uint64_t* from[kMaxLanes] = {};
    const auto read = [&](size_t position) {
      bool any = false;
      for (size_t lane = 0; lane < count; ++lane) {
        from[lane] = digits.elements[(at + lane) * digits.positions + position];
        any |= from[lane] != nullptr;
      }
      return any;
    };
    size_t position = digits.positions;
    while (position > 0 && !read(--position)) {
    }
    ring.Load(batch[0], from);
    while (position-- > 0) {
      for (int i = 0; i < digits.step; ++i) ring.Square(batch[0], batch[0]);
      if (!read(position)) continue;
      ring.Load(batch[1], from);
      ring.Multiply(batch[0], batch[0], batch[1]);
    }
    uint64_t* to[kMaxLanes] = {};
    for (size_t lane = 0; lane < count; ++lane) to[lane] = products[at + lane].out;
    ring.Store(to, batch[0]);
  });
}

// All that the two ways need.
struct Call {
  const Ring& ring;
  const uint64_t* bases;
  size_t base_count;
  const Exponents& exponents;
  int bits;
  const Parallel& parallel;
};

void Pippenger(const Call& call, std::span<const PowerProduct> products, int bucket_bits) {
  Level level;
  for (size_t i = 0; i < products.size(); ++i) {
    const size_t begin = level.items.size();
    for (const PowerTerm& term : products[i].terms) {
      level.items.push_back({call.bases + term.base * call.ring.words(), term.exponent});
    }
    level.windows.push_back({i, 0, call.bits, begin, level.items.size()});
  }
  level = Refine(
      call.ring, level, bucket_bits,
      [&](const Item& item, int offset, int width) {
        return call.exponents.Digit(item.digit, offset, width);
      },
      call.parallel);
  for (int bits = bucket_bits; bits > 1;) {
    bits = (bits + 1) / 2;
    Level next = Refine(
        call.ring, level, bits,
        [](const Item& item, int offset, int width) {
          return item.digit >> offset & ((uint32_t{1} << width) - 1);
        },
        call.parallel);
    level = std::move(next);
  }
  const auto positions = static_cast<size_t>(call.bits);
  Digits digits{1, positions, std::vector<const uint64_t*>(products.size() * positions)};
  for (const Window& window : level.windows) {
    if (window.begin == window.end) continue;
    digits.elements[window.product * positions + static_cast<size_t>(window.position)] =
        level.items[window.begin].element;
  }
  Evaluate(call.ring, digits, products, call.parallel);
}

// For each base its powers 2 .. 2^bits - 1.
class PowerTable {
 public:
  PowerTable(const Call& call, int bits)
      : ring_(call.ring),
        bases_(call.bases),
        entries_((size_t{1} << bits) - 2),
        elements_(call.base_count * entries_ * ring_.words()) {
    const size_t words = ring_.words();
    ForEachBatch(ring_, call.base_count, 3, call.parallel,
                 [&](Batches& batch, size_t at, size_t count) {
                   ring_.LoadSome(batch[0], bases_ + at * words, count);
                   const uint64_t* power = batch[0];
                   uint64_t* to[kMaxLanes] = {};
                   for (size_t i = 0; i < entries_; ++i) {
                     ring_.Multiply(batch[1], power, batch[0]);
                     power = batch[1];
                     for (size_t lane = 0; lane < count; ++lane) {
                       to[lane] = elements_.data() + ((at + lane) * entries_ + i) * words;
                     }
                     ring_.Store(to, batch[1]);
                   }
                 });
  }
  const uint64_t* Power(size_t base, uint32_t exponent) const {
    if (exponent == 1) return bases_ + base * ring_.words();
    return elements_.data() + (base * entries_ + exponent - 2) * ring_.words();
  }

 private:
  const Ring& ring_;
  const uint64_t* bases_;
  size_t entries_;
  Words elements_;
};

// A window of each product is the product of its terms' powers there.
void StrausGroup(const Call& call, const PowerTable& table, std::span<const PowerProduct> products,
                 int bits) {
  const size_t words = call.ring.words();
  const auto positions = static_cast<size_t>((call.bits + bits - 1) / bits);
  size_t terms = 0;
  for (const PowerProduct& product : products) terms += product.terms.size();
  std::vector<const uint64_t*> factors;
  factors.reserve(terms * positions);
  Words elements(products.size() * positions * words);
  Digits digits{bits, positions, std::vector<const uint64_t*>(products.size() * positions)};
  std::vector<Product> windows;
  for (size_t i = 0; i < products.size() * positions; ++i) {
    const size_t first = factors.size();
    for (const PowerTerm& term : products[i / positions].terms) {
      const uint32_t digit =
          call.exponents.Digit(term.exponent, static_cast<int>(i % positions) * bits, bits);
      if (digit != 0) factors.push_back(table.Power(term.base, digit));
    }
    if (factors.size() == first) continue;
    uint64_t* const element = elements.data() + i * words;
    digits.elements[i] = element;
    windows.push_back({element, nullptr, factors.data() + first, factors.size() - first});
  }
  MultiplyOut(call.ring, windows, call.parallel);
  Evaluate(call.ring, digits, products, call.parallel);
}

void Straus(const Call& call, std::span<const PowerProduct> products, int bits) {
  const PowerTable table(call, bits);
  const size_t positions = static_cast<size_t>((call.bits + bits - 1) / bits);
  const size_t group = std::max(kMaxElements / positions, kMaxLanes);
  for (size_t at = 0; at < products.size(); at += group) {
    StrausGroup(call, table, products.subspan(at, std::min(group, products.size() - at)), bits);
  }
}

// ---- the choice ----

// Multiplications for all products but the squarings of Horner's rule, which both ways need.
struct Way {
  int bits = 1;
  double cost = HUGE_VAL;
};

// Expected cost of one window of `bits` random bits with `items` items, down to single bits.
double BucketCost(double items, int bits) {
  const double zero = std::exp2(-bits);
  const double buckets = (1 / zero - 1) * (1 - std::pow(1 - zero, items));
  const double cost = items * (1 - zero) - buckets;
  if (bits == 1) return cost + 1;
  const int half = (bits + 1) / 2;
  return cost + BucketCost(buckets, half) + BucketCost(buckets, bits - half);
}

Way BestPippenger(double terms, double products, int exponent_bits) {
  Way best;
  for (int bits = 1; bits <= std::min(kMaxBucketBits, exponent_bits); ++bits) {
    double cost = 0;
    for (int position = 0; position < exponent_bits; position += bits) {
      cost += products * BucketCost(terms / products, std::min(bits, exponent_bits - position));
    }
    if (cost < best.cost) best = {bits, cost};
  }
  return best;
}

Way BestStraus(double terms, double bases, int exponent_bits) {
  Way best;
  for (int bits = 1; bits <= std::min(kMaxTableBits, exponent_bits); ++bits) {
    const double table = bases * (std::exp2(bits) - 2);
    if (table > kMaxElements) break;
    const double windows = std::ceil(static_cast<double>(exponent_bits) / bits);
    const double cost = table + windows * terms * (1 - std::exp2(-bits));
    if (cost < best.cost) best = {bits, cost};
  }
  return best;
}

}  // namespace

void MultiplyPowers(const Ring& ring, const uint64_t* bases, size_t base_count,
                    const Exponents& exponents, std::span<const PowerProduct> products,
                    const Parallel& parallel) {
  if (products.empty()) return;
  const Call call{ring, bases, base_count, exponents, std::max(exponents.bits(), 1), parallel};
  double terms = 0;
  for (const PowerProduct& product : products) terms += static_cast<double>(product.terms.size());
  const Way buckets = BestPippenger(terms, static_cast<double>(products.size()), call.bits);
  const Way table = BestStraus(terms, static_cast<double>(base_count), call.bits);
  if (table.cost < buckets.cost) return Straus(call, products, table.bits);
  const size_t elements = (static_cast<size_t>(call.bits / buckets.bits) + 1)
                          << buckets.bits;  // for each product
  const size_t group = std::max(kMaxElements / elements, size_t{1});
  for (size_t at = 0; at < products.size(); at += group) {
    Pippenger(call, products.subspan(at, std::min(group, products.size() - at)), buckets.bits);
  }
}

void MultiplyPowers(const Ring& ring, const uint64_t* bases, const Exponents& exponents,
                    uint64_t* out, const Parallel& parallel) {
  std::vector<PowerTerm> terms(exponents.size());
  for (uint32_t i = 0; i < terms.size(); ++i) terms[i] = {i, i};
  const PowerProduct product{out, terms};
  MultiplyPowers(ring, bases, exponents.size(), exponents, {&product, 1}, parallel);
}

}  // namespace fate::crypto
