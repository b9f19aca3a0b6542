#include "crypto/homomorphic/fixed_point_vector.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/status.h"
#include "crypto/encoding/fate_vectors.h"
#include "crypto/homomorphic/checks.h"
#include "crypto/homomorphic/fixed_point_align.h"

namespace fate::crypto {
namespace {

constexpr int32_t kNeutral = FixedPointVector::kNeutral;

std::vector<int32_t> SmallerOfEach(std::span<const int32_t> a, std::span<const int32_t> b) {
  std::vector<int32_t> smaller(a.size());
  for (size_t i = 0; i < a.size(); ++i) smaller[i] = std::min(a[i], b[b.size() == 1 ? 0 : i]);
  return smaller;
}

// Whether two vectors can be added as they are.
bool MeetAsTheyAre(std::span<const int32_t> a, std::span<const int32_t> b) {
  for (size_t i = 0; i < a.size(); ++i) {
    const int32_t other = b[b.size() == 1 ? 0 : i];
    if (a[i] != other && a[i] != kNeutral && other != kNeutral) return false;
  }
  return true;
}

// Operations that differ in a sign only.
using Binary = absl::StatusOr<Residues> (*)(const Residues& a, const Residues& b, const Parallel&);
using InPlace = absl::Status (*)(Residues& a, size_t at, const Residues& b, const Parallel&);

absl::StatusOr<FixedPointVector> Combine(Binary combine, const FixedPointVector& a,
                                         const FixedPointVector& b, const Parallel& parallel) {
  if (b.size() != a.size() && b.size() != 1) {
    return InvalidArgumentError("{} operands for {} ciphertexts; give as many, or one", b.size(),
                                a.size());
  }
  std::vector<int32_t> targets = SmallerOfEach(a.exponents(), b.exponents());
  if (MeetAsTheyAre(a.exponents(), b.exponents())) {
    ASSIGN_OR_RETURN(Residues result, combine(a.ciphertexts(), b.ciphertexts(), parallel));
    return FixedPointVector(std::move(result), std::move(targets));
  }
  if (b.size() != a.size()) {
    ASSIGN_OR_RETURN(const FixedPointVector all, Gather(b, std::vector<size_t>(a.size(), 0)));
    return Combine(combine, a, all, parallel);
  }
  RETURN_IF_ERROR(CheckSameRing(a.ciphertexts(), b.ciphertexts()));
  Residues left = a.ciphertexts(), right = b.ciphertexts();
  RETURN_IF_ERROR(AlignEach(left, a.exponents(), targets, parallel));
  RETURN_IF_ERROR(AlignEach(right, b.exponents(), targets, parallel));
  ASSIGN_OR_RETURN(Residues result, combine(left, right, parallel));
  return FixedPointVector(std::move(result), std::move(targets));
}

absl::Status CombineInto(InPlace combine, FixedPointVector& a, size_t at, const FixedPointVector& b,
                         const Parallel& parallel) {
  RETURN_IF_ERROR(CheckSameRing(a.ciphertexts(), b.ciphertexts()));
  RETURN_IF_ERROR(CheckRange(a.ciphertexts(), at, b.size()));
  if (b.size() == 0) return absl::OkStatus();
  const std::span<int32_t> exponents = std::span(a.exponents()).subspan(at, b.size());
  const std::vector<int32_t> targets = SmallerOfEach(exponents, b.exponents());
  if (MeetAsTheyAre(exponents, b.exponents())) {
    RETURN_IF_ERROR(combine(a.ciphertexts(), at, b.ciphertexts(), parallel));
  } else {
    ASSIGN_OR_RETURN(Residues left, Slice(a.ciphertexts(), at, b.size()));
    Residues right = b.ciphertexts();
    RETURN_IF_ERROR(AlignEach(left, exponents, targets, parallel));
    RETURN_IF_ERROR(AlignEach(right, b.exponents(), targets, parallel));
    RETURN_IF_ERROR(combine(left, 0, right, parallel));
    std::memcpy(a.ciphertexts()[at], left[0], left.size() * left.ring().words() * sizeof(uint64_t));
  }
  std::copy(targets.begin(), targets.end(), exponents.begin());
  return absl::OkStatus();
}

absl::Status CombineWithin(InPlace combine, FixedPointVector& a, size_t from, size_t to,
                           size_t count, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckRange(a.ciphertexts(), to, count));
  if (from >= to) {
    return InvalidArgumentError("elements from {} on cannot change those from {} on", from, to);
  }
  for (size_t done = 0; done < count;) {  // runs that do not overlap
    const size_t run = std::min(to - from, count - done);
    ASSIGN_OR_RETURN(const FixedPointVector source, Slice(a, from + done, run));
    RETURN_IF_ERROR(CombineInto(combine, a, to + done, source, parallel));
    done += run;
  }
  return absl::OkStatus();
}

}  // namespace

FixedPointVector::FixedPointVector(Residues ciphertexts, std::vector<int32_t> exponents)
    : ciphertexts_(std::move(ciphertexts)), exponents_(std::move(exponents)) {
  if (ciphertexts_.size() != exponents_.size()) std::abort();  // a caller's mistake
}

FixedPointVector::FixedPointVector(Residues ciphertexts, int32_t exponent)
    : ciphertexts_(std::move(ciphertexts)), exponents_(ciphertexts_.size(), exponent) {}

FixedPointVector FixedPointVector::Zeros(std::shared_ptr<const Ring> ring, size_t count) {
  return FixedPointVector(crypto::Zeros(std::move(ring), count), kNeutral);
}

absl::StatusOr<FixedPointVector> Add(const FixedPointVector& a, const FixedPointVector& b,
                                     const Parallel& parallel) {
  return Combine(Add, a, b, parallel);
}

absl::StatusOr<FixedPointVector> Subtract(const FixedPointVector& a, const FixedPointVector& b,
                                          const Parallel& parallel) {
  return Combine(Subtract, a, b, parallel);
}

absl::StatusOr<FixedPointVector> Negate(const FixedPointVector& a, const Parallel& parallel) {
  ASSIGN_OR_RETURN(Residues negated, Negate(a.ciphertexts(), parallel));
  return FixedPointVector(std::move(negated), {a.exponents().begin(), a.exponents().end()});
}

absl::Status AddInto(FixedPointVector& a, size_t at, const FixedPointVector& b,
                     const Parallel& parallel) {
  return CombineInto(AddInto, a, at, b, parallel);
}

absl::Status SubtractFrom(FixedPointVector& a, size_t at, const FixedPointVector& b,
                          const Parallel& parallel) {
  return CombineInto(SubtractFrom, a, at, b, parallel);
}

absl::Status AddWithin(FixedPointVector& a, size_t from, size_t to, size_t count,
                       const Parallel& parallel) {
  if (from == to) return Double(a.ciphertexts(), to, count, parallel);
  return CombineWithin(AddInto, a, from, to, count, parallel);
}

absl::Status SubtractWithin(FixedPointVector& a, size_t from, size_t to, size_t count,
                            const Parallel& parallel) {
  if (from != to) return CombineWithin(SubtractFrom, a, from, to, count, parallel);
  RETURN_IF_ERROR(CheckRange(a.ciphertexts(), to, count));
  if (count == 0) return absl::OkStatus();
  const FixedPointVector zeros = FixedPointVector::Zeros(a.shared_ring(), count);
  std::memcpy(a.ciphertexts()[to], zeros.ciphertexts()[0],
              count * a.shared_ring()->words() * sizeof(uint64_t));
  std::fill_n(a.exponents().begin() + static_cast<ptrdiff_t>(to), count, kNeutral);
  return absl::OkStatus();
}

absl::StatusOr<FixedPointVector> MultiplyPlain(const FixedPointVector& a,
                                               std::span<const FixedPointNumber> numbers,
                                               const Parallel& parallel) {
  if (numbers.size() != 1 && numbers.size() != a.size()) {
    return InvalidArgumentError("{} operands for {} ciphertexts; give as many, or one",
                                numbers.size(), a.size());
  }
  if (a.size() == 0) return a;
  std::vector<BigInt> factors;
  for (const FixedPointNumber& number : numbers) {
    ASSIGN_OR_RETURN(BigInt factor, SignedSignificand(*a.shared_ring(), number.significand));
    factors.push_back(std::move(factor));
  }
  std::vector<int32_t> exponents(a.size(), kNeutral);
  for (size_t i = 0; i < a.size(); ++i) {
    const size_t k = numbers.size() == 1 ? 0 : i;
    if (a.exponents()[i] == kNeutral || factors[k].IsZero()) continue;
    ASSIGN_OR_RETURN(exponents[i], AddExponents(a.exponents()[i], numbers[k].exponent));
  }
  ASSIGN_OR_RETURN(Residues product,
                   MultiplyPlain(a.ciphertexts(), Multipliers(factors), parallel));
  return FixedPointVector(std::move(product), std::move(exponents));
}

absl::StatusOr<FixedPointVector> Slice(const FixedPointVector& a, size_t first, size_t count) {
  ASSIGN_OR_RETURN(Residues slice, Slice(a.ciphertexts(), first, count));
  const auto exponents = a.exponents().subspan(first, count);
  return FixedPointVector(std::move(slice), {exponents.begin(), exponents.end()});
}

absl::StatusOr<FixedPointVector> Slice(const FixedPointVector& a,
                                       std::span<const Interval> intervals) {
  std::vector<FixedPointVector> slices;
  std::vector<const FixedPointVector*> parts;
  for (const Interval& interval : intervals) {
    ASSIGN_OR_RETURN(
        FixedPointVector slice,
        Slice(a, interval.begin, std::max(interval.end, interval.begin) - interval.begin));
    slices.push_back(std::move(slice));
  }
  for (const FixedPointVector& slice : slices) parts.push_back(&slice);
  return Concatenate(parts);
}

absl::StatusOr<FixedPointVector> Gather(const FixedPointVector& a,
                                        std::span<const size_t> indices) {
  ASSIGN_OR_RETURN(Residues gathered, Gather(a.ciphertexts(), indices));
  std::vector<int32_t> exponents;
  for (const size_t index : indices) exponents.push_back(a.exponents()[index]);
  return FixedPointVector(std::move(gathered), std::move(exponents));
}

absl::StatusOr<FixedPointVector> Concatenate(std::span<const FixedPointVector* const> parts) {
  std::vector<const Residues*> ciphertexts;
  std::vector<int32_t> exponents;
  for (const FixedPointVector* part : parts) {
    ciphertexts.push_back(&part->ciphertexts());
    exponents.insert(exponents.end(), part->exponents().begin(), part->exponents().end());
  }
  ASSIGN_OR_RETURN(Residues all, Concatenate(ciphertexts));
  return FixedPointVector(std::move(all), std::move(exponents));
}

std::string SerializeToFate(const FixedPointVector& a, const Parallel& parallel) {
  std::vector<BigInt> values(a.size());
  parallel.For(a.size(), kMaxLanes, [&](size_t begin, size_t end) {
    a.shared_ring()->Leave(a.ciphertexts()[begin], std::span(values).subspan(begin, end - begin));
  });
  std::vector<int32_t> exponents(a.exponents().begin(), a.exponents().end());
  std::replace(exponents.begin(), exponents.end(), kNeutral, 0);
  return SerializeCiphertexts(values, exponents);
}

absl::StatusOr<ReceivedVector> ParseFromFate(const std::shared_ptr<const Ring>& ring,
                                             std::string_view bytes, const Parallel& parallel) {
  ASSIGN_OR_RETURN(ReceivedCiphertexts received, ParseCiphertexts(bytes, ring->modulus()));
  const std::span<const BigInt> values = received.values;
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == BigInt(1)) received.exponents[i] = kNeutral;
  }
  Residues ciphertexts(ring, values.size());
  parallel.For(values.size(), kMaxLanes, [&](size_t begin, size_t end) {
    ring->Enter(values.subspan(begin, end - begin), ciphertexts[begin]);
  });
  return ReceivedVector{FixedPointVector(std::move(ciphertexts), std::move(received.exponents)),
                        received.negatives};
}

}  // namespace fate::crypto
