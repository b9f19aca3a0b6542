#include "crypto/homomorphic/ciphertexts.h"

#include <algorithm>
#include <cstring>
#include <mutex>

#include "base/status.h"
#include "crypto/homomorphic/checks.h"
#include "crypto/ring/batch_loop.h"
#include "crypto/ring/invert.h"
#include "crypto/ring/power.h"
#include "crypto/ring/prefetch.h"

namespace fate::crypto {
namespace {

std::vector<uint64_t> Magnitudes(std::span<const int64_t> values) {
  std::vector<uint64_t> magnitudes;
  for (const int64_t value : values) {
    const auto bits = static_cast<uint64_t>(value);
    magnitudes.push_back(value < 0 ? -bits : bits);
  }
  return magnitudes;
}

std::vector<BigInt> Magnitudes(std::span<const BigInt> values) {
  std::vector<BigInt> magnitudes;
  for (const BigInt& value : values) magnitudes.push_back(value.IsNegative() ? -value : value);
  return magnitudes;
}

// out[i] = a[i] b[i]; b: one for all when `b_step` is 0, else 1.
void MultiplyEach(const Ring& ring, const uint64_t* a, const uint64_t* b, size_t b_step,
                  size_t count, uint64_t* out, const Parallel& parallel) {
  const size_t words = ring.words();
  const std::vector<const uint64_t*> all(ring.lanes(), b);
  ForEachBatch(ring, count, 2, parallel, [&](Batches& batch, size_t at, size_t lanes) {
    ring.LoadSome(batch[0], a + at * words, lanes);
    if (b_step == 0) {
      ring.Load(batch[1], all.data());
    } else {
      ring.LoadSome(batch[1], b + at * words, lanes);
    }
    if (at + 2 * ring.lanes() <= count) {  // lanes read in strides, which no hardware foresees
      Prefetch(a + (at + lanes) * words, lanes * words);
      if (b_step != 0) Prefetch(b + (at + lanes) * words, lanes * words);
    }
    ring.Multiply(batch[0], batch[0], batch[1]);
    ring.StoreSome(out + at * words, batch[0], lanes);
  });
}

absl::Status CheckOneOrAll(const Residues& a, size_t b) {
  if (b == a.size() || b == 1) return absl::OkStatus();
  return InvalidArgumentError("{} operands for {} ciphertexts; give as many, or one", b, a.size());
}

Residues EmptyLike(const Residues& a) {
  return a.shared_ring() == nullptr ? Residues() : Residues(a.shared_ring(), 0);
}

// A copy of a with those inverted whose multiplier is negative.
absl::StatusOr<Residues> WithSigns(const Residues& a, const Multipliers& multipliers,
                                   const Parallel& parallel) {
  Residues result = a;
  std::vector<size_t> indices;
  std::vector<uint64_t*> negative;
  for (size_t i = 0; i < a.size(); ++i) {
    if (!multipliers.IsNegative(i)) continue;
    indices.push_back(i);
    negative.push_back(result[i]);
  }
  if (const auto culprit = InvertInPlace(a.ring(), negative, parallel)) {
    return NotInvertibleError(a.ring(), indices[*culprit]);
  }
  return result;
}

}  // namespace

Multipliers::Multipliers(std::span<const int64_t> values)
    : magnitudes_(std::span<const uint64_t>(Magnitudes(values))) {
  for (const int64_t value : values) is_negative_.push_back(value < 0);
}

Multipliers::Multipliers(std::span<const BigInt> values)
    : magnitudes_(std::span<const BigInt>(Magnitudes(values))) {
  for (const BigInt& value : values) is_negative_.push_back(value.IsNegative());
}

absl::Status CheckSameRing(const Residues& a, const Residues& b) {
  if (a.size() == 0 || b.size() == 0 || &a.ring() == &b.ring()) return absl::OkStatus();
  if (a.ring().modulus() == b.ring().modulus() && a.ring().isa() == b.ring().isa() &&
      a.ring().is_square() == b.ring().is_square()) {
    return absl::OkStatus();
  }
  return InvalidArgumentError("ciphertexts of two different keys cannot be combined");
}

absl::Status CheckRange(const Residues& a, size_t first, size_t count) {
  if (first <= a.size() && count <= a.size() - first) return absl::OkStatus();
  return InvalidArgumentError("{} ciphertexts from index {} on do not lie within {}", count, first,
                              a.size());
}

absl::StatusOr<Residues> Add(const Residues& a, const Residues& b, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckSameRing(a, b));
  RETURN_IF_ERROR(CheckOneOrAll(a, b.size()));
  if (a.size() == 0) return a;
  Residues sum(a.shared_ring(), a.size());
  MultiplyEach(a.ring(), a[0], b[0], b.size() == 1 ? 0 : 1, a.size(), sum[0], parallel);
  return sum;
}

absl::StatusOr<Residues> Subtract(const Residues& a, const Residues& b, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckSameRing(a, b));
  RETURN_IF_ERROR(CheckOneOrAll(a, b.size()));
  ASSIGN_OR_RETURN(const Residues negated, Negate(b, parallel));
  return Add(a, negated, parallel);
}

absl::StatusOr<Residues> Negate(const Residues& a, const Parallel& parallel) {
  if (a.size() == 0) return a;
  Residues negated(a.shared_ring(), a.size());
  RETURN_IF_ERROR(InvertEach(a.ring(), a[0], a.size(), negated[0], parallel));
  return negated;
}

absl::Status AddInto(Residues& a, size_t at, const Residues& b, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckSameRing(a, b));
  RETURN_IF_ERROR(CheckRange(a, at, b.size()));
  if (b.size() > 0) MultiplyEach(a.ring(), a[at], b[0], 1, b.size(), a[at], parallel);
  return absl::OkStatus();
}

absl::Status SubtractFrom(Residues& a, size_t at, const Residues& b, const Parallel& parallel) {
  ASSIGN_OR_RETURN(const Residues negated, Negate(b, parallel));
  return AddInto(a, at, negated, parallel);
}

absl::Status Double(Residues& a, size_t first, size_t count, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckRange(a, first, count));
  if (count == 0) return absl::OkStatus();
  const Ring& ring = a.ring();
  ForEachBatch(ring, count, 1, parallel, [&](Batches& batch, size_t at, size_t lanes) {
    ring.LoadSome(batch[0], a[first + at], lanes);
    ring.Square(batch[0], batch[0]);
    ring.StoreSome(a[first + at], batch[0], lanes);
  });
  return absl::OkStatus();
}

absl::StatusOr<Residues> MultiplyPlain(const Residues& a, const Multipliers& multipliers,
                                       const Parallel& parallel) {
  RETURN_IF_ERROR(CheckOneOrAll(a, multipliers.size()));
  if (a.size() == 0) return a;
  if (multipliers.size() == a.size()) {
    ASSIGN_OR_RETURN(Residues result, WithSigns(a, multipliers, parallel));
    PowerEach(a.ring(), result[0], multipliers.magnitudes(), result[0], parallel);
    return result;
  }
  Residues result = a;
  if (multipliers.IsNegative(0)) {
    RETURN_IF_ERROR(InvertEach(a.ring(), a[0], a.size(), result[0], parallel));
  }
  PowerAll(a.ring(), result[0], a.size(), multipliers.magnitudes().ToBigInt(0), result[0],
           parallel);
  return result;
}

absl::Status CheckInvertible(const Residues& a, const Parallel& parallel) {
  if (a.size() == 0) return absl::OkStatus();
  const auto culprit = FindNotInvertible(a.ring(), a[0], a.size(), parallel);
  return culprit ? NotInvertibleError(a.ring(), *culprit) : absl::OkStatus();
}

absl::StatusOr<Residues> Squeeze(const Residues& a, size_t count, int shift_bits,
                                 const Parallel& parallel) {
  if (count == 0 || shift_bits < 1) {
    return InvalidArgumentError(
        "cannot squeeze {} ciphertexts into one by shifts of {} bits; both "
        "must be at least 1",
        count, shift_bits);
  }
  if (a.size() == 0) return a;
  const Ring& ring = a.ring();
  Residues result(a.shared_ring(), (a.size() + count - 1) / count);
  ForEachBatch(ring, result.size(), 2, parallel, [&](Batches& batch, size_t at, size_t lanes) {
    for (size_t step = 0; step < count; ++step) {
      const uint64_t* from[kMaxLanes] = {};
      for (size_t lane = 0; lane < lanes; ++lane) {  // a shorter chunk starts later
        const size_t first = (at + lane) * count;
        const size_t missing = count - std::min(count, a.size() - first);
        if (step >= missing) from[lane] = a[first + step - missing];
      }
      ring.Load(batch[step == 0 ? 0 : 1], from);
      if (step == 0) continue;
      for (int i = 0; i < shift_bits; ++i) ring.Square(batch[0], batch[0]);
      ring.Multiply(batch[0], batch[0], batch[1]);
    }
    ring.StoreSome(result[at], batch[0], lanes);
  });
  return result;
}

Residues Zeros(std::shared_ptr<const Ring> ring, size_t count) {
  const size_t words = ring->words();
  Residues zeros(std::move(ring), count);
  for (size_t i = 0; i < count; ++i) {
    std::memcpy(zeros[i], zeros.ring().one(), words * sizeof(uint64_t));
  }
  return zeros;
}

absl::StatusOr<Residues> Slice(const Residues& a, size_t first, size_t count) {
  RETURN_IF_ERROR(CheckRange(a, first, count));
  if (count == 0) return EmptyLike(a);
  Residues slice(a.shared_ring(), count);
  std::memcpy(slice[0], a[first], count * a.ring().words() * sizeof(uint64_t));
  return slice;
}

absl::StatusOr<Residues> Gather(const Residues& a, std::span<const size_t> indices) {
  if (indices.empty()) return EmptyLike(a);
  const size_t top = *std::max_element(indices.begin(), indices.end());
  RETURN_IF_ERROR(CheckRange(a, top, 1));
  Residues gathered(a.shared_ring(), indices.size());
  for (size_t i = 0; i < indices.size(); ++i) {
    std::memcpy(gathered[i], a[indices[i]], a.ring().words() * sizeof(uint64_t));
  }
  return gathered;
}

absl::StatusOr<Residues> Concatenate(std::span<const Residues* const> parts) {
  Residues all;
  for (const Residues* const part : parts) {
    RETURN_IF_ERROR(CheckSameRing(all, *part));
    if (part->size() == 0) continue;
    const size_t size = all.size();
    if (size == 0) {
      all = *part;
      continue;
    }
    all.resize(size + part->size());
    std::memcpy(all[size], (*part)[0], part->size() * part->ring().words() * sizeof(uint64_t));
  }
  return all;
}

size_t CiphertextBytes(const Ring& ring) {
  const size_t bytes = (static_cast<size_t>(ring.base().BitLength()) + 7) / 8;
  return ring.is_square() ? 2 * bytes : bytes;
}

std::string Serialize(const Residues& a, const Parallel& parallel) {
  if (a.size() == 0) return "";
  const size_t width = CiphertextBytes(a.ring());
  std::string bytes(a.size() * width, '\0');
  parallel.For(a.size(), kMaxLanes, [&](size_t begin, size_t end) {
    std::vector<BigInt> values(end - begin);
    a.ring().Leave(a[begin], values);
    for (size_t i = begin; i < end; ++i) {
      std::memcpy(bytes.data() + i * width, values[i - begin].ToBytes(width).data(), width);
    }
  });
  return bytes;
}

absl::StatusOr<Residues> Parse(const std::shared_ptr<const Ring>& ring, std::string_view bytes,
                               const Parallel& parallel) {
  const size_t width = CiphertextBytes(*ring);
  if (bytes.size() % width != 0) {
    return InvalidArgumentError("{} bytes are no whole number of ciphertexts of {} bytes",
                                bytes.size(), width);
  }
  Residues result(ring, bytes.size() / width);
  std::mutex mutex;
  size_t culprit = SIZE_MAX;
  parallel.For(result.size(), kMaxLanes, [&](size_t begin, size_t end) {
    std::vector<BigInt> values(end - begin);
    for (size_t i = begin; i < end; ++i) {
      values[i - begin] = BigInt::FromBytes(bytes.substr(i * width, width));
      if (!values[i - begin].IsZero() && values[i - begin] < ring->modulus()) continue;
      const std::lock_guard lock(mutex);
      culprit = std::min(culprit, i);
      return;
    }
    ring->Enter(values, result[begin]);
  });
  if (culprit == SIZE_MAX) return result;
  return InvalidArgumentError(
      "ciphertext {} is not in [1, modulus): it was made with another key, "
      "or damaged",
      culprit);
}

}  // namespace fate::crypto
