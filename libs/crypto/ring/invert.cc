#include "crypto/ring/invert.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>

#include "base/status.h"

namespace fate::crypto {
namespace {

// Elements that share one inversion: their tree (1.3 MiB at 4096 bits) stays in the L2 cache, and
// the inversion is a twentieth of the work.
constexpr size_t kChunk = 1024;

// The inverse modulo m^2 from the one modulo m, by a step of Newton's.
absl::StatusOr<BigInt> Inverse(const Ring& ring, const BigInt& value) {
  if (!ring.is_square()) return value.InverseMod(ring.modulus());
  ASSIGN_OR_RETURN(const BigInt inverse, value.Mod(ring.base()).InverseMod(ring.base()));
  return (inverse * (BigInt(2) - value * inverse)).Mod(ring.modulus());
}

// A binary tree of products: node 1 is the root, 2 k and 2 k + 1 are the factors of node k, the
// leaves are nodes size .. 2 size - 1.
class ProductTree {
 public:
  explicit ProductTree(const Ring& ring)
      : ring_(ring), nodes_(2 * kChunk * ring.words()), batches_(ring, 5) {}

  // Leaves become their inverses. The index of a leaf that has none, if there is one.
  std::optional<size_t> Invert(const uint64_t* leaves, size_t size) {
    size_ = size;
    std::memcpy(Node(size), leaves, size * ring_.words() * sizeof(uint64_t));
    MultiplyUp();
    const absl::StatusOr<BigInt> inverse = Inverse(ring_, ring_.Leave(Node(1)));
    if (!inverse.ok()) return FindNotInvertible();
    ring_.Enter(*inverse, Node(1));
    InvertDown();
    return std::nullopt;
  }

  const uint64_t* leaves() { return Node(size_); }

 private:
  uint64_t* Node(size_t k) { return nodes_.data() + k * ring_.words(); }
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

  void MultiplyUp() {
    for (size_t end = size_; end > 1;) {  // a batch of nodes whose factors lie behind it
      const size_t begin = std::max(end - std::min(end, ring_.lanes()), (end + 1) / 2);
      LoadNodes(batches_[0], 2 * begin, 2, end - begin);
      LoadNodes(batches_[1], 2 * begin + 1, 2, end - begin);
      ring_.Multiply(batches_[2], batches_[0], batches_[1]);
      StoreNodes(batches_[2], begin, 1, end - begin);
      end = begin;
    }
  }

  // The inverse of one factor is the inverse of the product times the other factor.
  void InvertDown() {
    for (size_t begin = 1; begin < size_;) {
      const size_t count = std::min({ring_.lanes(), begin, size_ - begin});
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

  size_t FindNotInvertible() {
    size_t node = 1;
    while (node < size_) {
      node *= 2;
      if (BigInt::Gcd(ring_.Leave(Node(node)), ring_.base()) == BigInt(1)) ++node;
    }
    return node - size_;
  }

  const Ring& ring_;
  std::vector<uint64_t> nodes_;
  Batches batches_;
  size_t size_ = 0;
};

}  // namespace

absl::Status InvertEach(const Ring& ring, const uint64_t* a, size_t count, uint64_t* out,
                        const Parallel& parallel) {
  std::mutex mutex;
  std::optional<size_t> culprit;
  parallel.For(count, kChunk, [&](size_t begin, size_t end) {
    ProductTree tree(ring);
    for (size_t at = begin; at < end; at += kChunk) {
      const size_t size = std::min(kChunk, end - at);
      if (const auto index = tree.Invert(a + at * ring.words(), size)) {
        const std::lock_guard lock(mutex);
        culprit = std::min(culprit.value_or(SIZE_MAX), at + *index);
        return;
      }
      std::memcpy(out + at * ring.words(), tree.leaves(), size * ring.words() * sizeof(uint64_t));
    }
  });
  if (!culprit) return absl::OkStatus();
  return InvalidArgumentError(
      "element {} has no inverse modulo the {}-bit modulus: it was not made with this key",
      *culprit, ring.modulus().BitLength());
}

}  // namespace fate::crypto
