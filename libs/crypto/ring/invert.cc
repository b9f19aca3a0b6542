#include "crypto/ring/invert.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/status.h"

namespace fate::crypto {
namespace {

// Elements that share one inversion: with their tree (1.3 MiB at 4096 bits) they stay in the L2
// cache, and the inversion is a twentieth of the work.
constexpr size_t kChunk = 1024;

// The inverse modulo m^2 from the one modulo m, by a step of Newton's.
absl::StatusOr<BigInt> Inverse(const Ring& ring, const BigInt& value) {
  if (!ring.is_square()) return value.InverseMod(ring.modulus());
  ASSIGN_OR_RETURN(const BigInt inverse, value.Mod(ring.base()).InverseMod(ring.base()));
  return (inverse * (BigInt(2) - value * inverse)).Mod(ring.modulus());
}

// A binary tree of products: node 1 is the root, 2 k and 2 k + 1 are the factors of node k, the
// leaves are nodes size .. 2 size - 1 and lie where the caller has them.
class ProductTree {
 public:
  explicit ProductTree(const Ring& ring)
      : ring_(ring), inner_(kChunk * ring.words()), batches_(ring, 5) {}

  // leaves: at most kChunk, at least one. Find and Invert take those.
  void MultiplyUp(std::span<uint64_t* const> leaves) {
    leaves_ = leaves;
    for (size_t end = leaves_.size(); end > 1;) {  // a batch of nodes whose factors lie behind it
      const size_t begin = std::max(end - std::min(end, ring_.lanes()), (end + 1) / 2);
      LoadNodes(batches_[0], 2 * begin, 2, end - begin);
      LoadNodes(batches_[1], 2 * begin + 1, 2, end - begin);
      ring_.Multiply(batches_[2], batches_[0], batches_[1]);
      StoreNodes(batches_[2], begin, 1, end - begin);
      end = begin;
    }
  }

  std::optional<size_t> FindNotInvertible() {
    size_t node = 1;
    if (IsInvertible(node)) return std::nullopt;
    while (node < leaves_.size()) {
      node *= 2;
      if (IsInvertible(node)) ++node;
    }
    return node - leaves_.size();
  }

  // Leaves become their inverses, unless one has none: its index.
  std::optional<size_t> Invert() {
    const absl::StatusOr<BigInt> inverse = Inverse(ring_, ring_.Leave(Node(1)));
    if (!inverse.ok()) return FindNotInvertible();
    ring_.Enter(*inverse, Node(1));
    InvertDown();
    return std::nullopt;
  }

 private:
  uint64_t* Node(size_t k) {
    return k < leaves_.size() ? inner_.data() + k * ring_.words() : leaves_[k - leaves_.size()];
  }
  // batch = nodes first, first + step, ...
  void LoadNodes(uint64_t* batch, size_t first, size_t step, size_t count) {
    const uint64_t* from[kMaxLanes] = {};
    for (size_t i = 0; i < count; ++i) from[i] = Node(first + i * step);
    ring_.Load(batch, from);
  }
  void StoreNodes(const uint64_t* batch, size_t first, size_t step, size_t count) {
    uint64_t* to[kMaxLanes] = {};
    for (size_t i = 0; i < count; ++i) to[i] = Node(first + i * step);
    ring_.Store(to, batch);
  }

  // The inverse of one factor is the inverse of the product times the other factor.
  void InvertDown() {
    for (size_t begin = 1; begin < leaves_.size();) {
      const size_t count = std::min({ring_.lanes(), begin, leaves_.size() - begin});
      LoadNodes(batches_[0], begin, 1, count);
      LoadNodes(batches_[1], 2 * begin, 2, count);
      LoadNodes(batches_[2], 2 * begin + 1, 2, count);
      ring_.Multiply(batches_[3], batches_[0], batches_[2]);
      ring_.Multiply(batches_[4], batches_[0], batches_[1]);
      StoreNodes(batches_[3], 2 * begin, 2, count);
      StoreNodes(batches_[4], 2 * begin + 1, 2, count);
      begin += count;
    }
  }

  bool IsInvertible(size_t node) {
    return BigInt::Gcd(ring_.Leave(Node(node)), ring_.base()) == BigInt(1);
  }

  const Ring& ring_;
  Words inner_;
  Batches batches_;
  std::span<uint64_t* const> leaves_;
};

// Calls step(tree) for the tree of each chunk of `elements`; the least index that any gives.
template <class Step>
std::optional<size_t> ForEachTree(const Ring& ring, std::span<uint64_t* const> elements,
                                  const Parallel& parallel, const Step& step) {
  std::mutex mutex;
  std::optional<size_t> found;
  parallel.For(elements.size(), kChunk, [&](size_t begin, size_t end) {
    ProductTree tree(ring);
    for (size_t at = begin; at < end; at += kChunk) {
      tree.MultiplyUp(elements.subspan(at, std::min(kChunk, end - at)));
      if (const std::optional<size_t> index = step(tree)) {
        const std::lock_guard lock(mutex);
        found = std::min(found.value_or(SIZE_MAX), at + *index);
      }
    }
  });
  return found;
}

std::vector<uint64_t*> Pointers(const Ring& ring, uint64_t* elements, size_t count) {
  std::vector<uint64_t*> pointers(count);
  for (size_t i = 0; i < count; ++i) pointers[i] = elements + i * ring.words();
  return pointers;
}

}  // namespace

absl::Status InvertEach(const Ring& ring, const uint64_t* a, size_t count, uint64_t* out,
                        const Parallel& parallel) {
  if (out != a) std::memcpy(out, a, count * ring.words() * sizeof(uint64_t));
  const std::optional<size_t> culprit = InvertInPlace(ring, Pointers(ring, out, count), parallel);
  return culprit ? NotInvertibleError(ring, *culprit) : absl::OkStatus();
}

std::optional<size_t> InvertInPlace(const Ring& ring, std::span<uint64_t* const> elements,
                                    const Parallel& parallel) {
  return ForEachTree(ring, elements, parallel, [](ProductTree& tree) { return tree.Invert(); });
}

std::optional<size_t> FindNotInvertible(const Ring& ring, const uint64_t* a, size_t count,
                                        const Parallel& parallel) {
  auto* const leaves = const_cast<uint64_t*>(a);  // NOLINT: only read
  return ForEachTree(ring, Pointers(ring, leaves, count), parallel,
                     [](ProductTree& tree) { return tree.FindNotInvertible(); });
}

absl::Status NotInvertibleError(const Ring& ring, size_t index) {
  return InvalidArgumentError(
      "element {} has no inverse modulo the {}-bit modulus: it was not made with this key", index,
      ring.modulus().BitLength());
}

}  // namespace fate::crypto
