#include "crypto/ring/product.h"

#include <algorithm>

#include "crypto/ring/prefetch.h"

namespace fate::crypto {
namespace {

// Parts that each lane of each thread gets of equal work: more make the last batches even.
constexpr size_t kPartsPerLane = 8;
constexpr size_t kShortestPart = 4;

size_t Workers(const Ring& ring, const Parallel& parallel) {
  return ring.lanes() * static_cast<size_t>(parallel.threads());
}

// One batch of products, the longest first.
void MultiplyGroup(const Ring& ring, std::span<const Product> group, Batches& scratch) {
  const uint64_t* from[kMaxLanes] = {};
  const uint64_t* const* next[kMaxLanes];
  size_t left[kMaxLanes];
  size_t steps = 0;
  for (size_t lane = 0; lane < group.size(); ++lane) {
    const Product& product = group[lane];
    const bool takes_first = product.start == nullptr && product.count > 0;
    from[lane] = takes_first ? product.factors[0] : product.start;
    next[lane] = product.factors + (takes_first ? 1 : 0);
    left[lane] = product.count - (takes_first ? 1 : 0);
    steps = std::max(steps, left[lane]);
  }
  ring.Load(scratch[0], from);
  for (size_t step = 0; step < steps; ++step) {
    for (size_t lane = 0; lane < group.size(); ++lane) {
      from[lane] = step < left[lane] ? next[lane][step] : nullptr;
      if (step + 1 < left[lane]) Prefetch(next[lane][step + 1], ring.words());
    }
    ring.Load(scratch[1], from);
    ring.Multiply(scratch[0], scratch[0], scratch[1]);
  }
  uint64_t* to[kMaxLanes] = {};
  for (size_t lane = 0; lane < group.size(); ++lane) to[lane] = group[lane].out;
  ring.Store(to, scratch[0]);
}

// Products cut into parts of at most `longest` factors, and how to put them together again.
struct Parts {
  std::vector<Product> parts, joins;
  Words elements;                             // what the parts of a join give
  std::vector<const uint64_t*> join_factors;  // each of `elements`
};

Parts Cut(const Ring& ring, std::span<const Product> products, size_t longest) {
  Parts result;
  const auto parts_of = [&](const Product& product) {
    return product.count <= longest ? 1 : (product.count + longest - 1) / longest;
  };
  size_t extra = 0;
  for (const Product& product : products) extra += parts_of(product) > 1 ? parts_of(product) : 0;
  result.elements.resize(extra * ring.words());
  for (size_t i = 0; i < extra; ++i) {
    result.join_factors.push_back(result.elements.data() + i * ring.words());
  }
  size_t used = 0;
  for (const Product& product : products) {
    const size_t parts = parts_of(product);
    if (parts == 1) {
      result.parts.push_back(product);
      continue;
    }
    result.joins.push_back({product.out, product.start, result.join_factors.data() + used, parts});
    for (size_t i = 0; i < parts; ++i, ++used) {
      const size_t begin = product.count * i / parts, end = product.count * (i + 1) / parts;
      result.parts.push_back({result.elements.data() + used * ring.words(), nullptr,
                              product.factors + begin, end - begin});
    }
  }
  return result;
}

// Sequences cut into pieces of `length` elements.
struct Pieces {
  std::vector<Sequence> pieces;
  std::vector<Sequence> lasts;  // of each sequence: the last elements of its whole pieces
};

Pieces Cut(std::span<const Sequence> sequences, size_t length) {
  Pieces result;
  for (const Sequence& sequence : sequences) {
    for (size_t at = 0; at < sequence.count; at += length) {
      result.pieces.push_back({sequence.first + at * sequence.stride,
                               std::min(length, sequence.count - at), sequence.stride});
    }
    result.lasts.push_back({sequence.first + (length - 1) * sequence.stride,
                            sequence.count / length, sequence.stride * length});
  }
  return result;
}

// Steps through one batch of sequences, the longest first.
void MultiplyAlong(const Ring& ring, std::span<const Sequence> group, Batches& scratch) {
  const uint64_t* from[kMaxLanes] = {};
  uint64_t* to[kMaxLanes] = {};
  for (size_t lane = 0; lane < group.size(); ++lane) from[lane] = group[lane].first;
  ring.Load(scratch[0], from);
  for (size_t step = 1; step < group[0].count; ++step) {
    for (size_t lane = 0; lane < group.size(); ++lane) {
      const Sequence& sequence = group[lane];
      to[lane] = step < sequence.count ? sequence.first + step * sequence.stride : nullptr;
      from[lane] = to[lane];
    }
    ring.Load(scratch[1], from);
    ring.Multiply(scratch[0], scratch[0], scratch[1]);
    ring.Store(to, scratch[0]);
  }
}

void PrefixWithin(const Ring& ring, std::vector<Sequence> sequences, const Parallel& parallel) {
  std::erase_if(sequences, [](const Sequence& sequence) { return sequence.count < 2; });
  std::sort(sequences.begin(), sequences.end(),
            [](const Sequence& a, const Sequence& b) { return a.count > b.count; });
  parallel.For(sequences.size(), ring.lanes(), [&](size_t begin, size_t end) {
    Batches scratch(ring, 2);
    for (size_t at = begin; at < end; at += ring.lanes()) {
      const size_t count = std::min(ring.lanes(), end - at);
      MultiplyAlong(ring, std::span(sequences).subspan(at, count), scratch);
    }
  });
}

}  // namespace

void MultiplyOut(const Ring& ring, std::span<const Product> products, const Parallel& parallel) {
  if (products.empty()) return;
  size_t total = 0;
  for (const Product& product : products) total += product.count;
  const size_t longest = std::max(total / (kPartsPerLane * Workers(ring, parallel)), kShortestPart);
  Parts cut = Cut(ring, products, longest);
  std::sort(cut.parts.begin(), cut.parts.end(),
            [](const Product& a, const Product& b) { return a.count > b.count; });
  parallel.For(cut.parts.size(), ring.lanes(), [&](size_t begin, size_t end) {
    Batches scratch(ring, 2);
    for (size_t at = begin; at < end; at += ring.lanes()) {
      const size_t count = std::min(ring.lanes(), end - at);
      MultiplyGroup(ring, std::span(cut.parts).subspan(at, count), scratch);
    }
  });
  MultiplyOut(ring, cut.joins, parallel);
}

void PrefixProducts(const Ring& ring, std::span<const Sequence> sequences,
                    const Parallel& parallel) {
  const size_t workers = Workers(ring, parallel);
  size_t total = 0;
  for (const Sequence& sequence : sequences) total += sequence.count;
  const size_t length = std::max(total / workers, kShortestPart);
  if (2 * sequences.size() >= workers || total < 2 * length) {
    return PrefixWithin(ring, {sequences.begin(), sequences.end()}, parallel);
  }
  const Pieces cut = Cut(sequences, length);
  PrefixWithin(ring, cut.pieces, parallel);
  PrefixWithin(ring, cut.lasts, Inline());
  // What is left: all but the last element of each whole piece, times the last of the one before.
  std::vector<const uint64_t*> factors;
  std::vector<Product> products;
  factors.reserve(total);
  for (const Sequence& sequence : sequences) {
    for (size_t i = length; i < sequence.count; ++i) {
      if (i % length == length - 1) continue;
      uint64_t* const element = sequence.first + i * sequence.stride;
      factors.push_back(sequence.first + (i / length * length - 1) * sequence.stride);
      products.push_back({element, element, &factors.back(), 1});
    }
  }
  MultiplyOut(ring, products, parallel);
}

}  // namespace fate::crypto
