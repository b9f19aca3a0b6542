#include "crypto/homomorphic/fixed_point_align.h"

#include <algorithm>
#include <cstring>
#include <map>

#include "base/status.h"
#include "crypto/ring/power.h"

namespace fate::crypto {
namespace {

constexpr int32_t kNeutral = FixedPointVector::kNeutral;

// Paillier's plaintexts are below n, of n^2; Okamoto-Uchiyama's below p, a third of n.
int PlaintextBits(const Ring& ring) {
  return ring.is_square() ? ring.base().BitLength() : ring.modulus().BitLength() / 3;
}

// elements[i] = elements[i]^(16^digits) for the given indices.
absl::Status Raise(Residues& elements, std::span<const size_t> indices, int64_t digits,
                   const Parallel& parallel) {
  const Ring& ring = elements.ring();
  RETURN_IF_ERROR(CheckDigits(ring, digits));
  ASSIGN_OR_RETURN(Residues raised, Gather(elements, indices));
  const BigInt power = BigInt::PowerOfTwo(static_cast<int>(kFixedPointBaseBits * digits));
  PowerAll(ring, raised[0], raised.size(), power, raised[0], parallel);
  for (size_t i = 0; i < indices.size(); ++i) {
    std::memcpy(elements[indices[i]], raised[i], ring.words() * sizeof(uint64_t));
  }
  return absl::OkStatus();
}

}  // namespace

int32_t Smallest(std::span<const int32_t> exponents) {
  int32_t smallest = kNeutral;
  for (const int32_t exponent : exponents) smallest = std::min(smallest, exponent);
  return smallest;
}

absl::Status CheckDigits(const Ring& ring, int64_t digits) {
  if (kFixedPointBaseBits * digits < PlaintextBits(ring)) return absl::OkStatus();
  return InvalidArgumentError(
      "Overflow: exponents that differ by {} do not fit into plaintexts of {} bits; encode with "
      "one exponent for all",
      digits, PlaintextBits(ring));
}

absl::Status AlignEach(Residues& elements, std::span<const int32_t> exponents,
                       std::span<const int32_t> targets, const Parallel& parallel) {
  std::map<int64_t, std::vector<size_t>> by_difference;
  for (size_t i = 0; i < exponents.size(); ++i) {
    const int32_t target = targets[targets.size() == 1 ? 0 : i];
    if (exponents[i] == kNeutral || exponents[i] == target) continue;
    by_difference[int64_t{exponents[i]} - target].push_back(i);
  }
  for (const auto& [difference, indices] : by_difference) {
    RETURN_IF_ERROR(Raise(elements, indices, difference, parallel));
  }
  return absl::OkStatus();
}

absl::Status AlignAll(FixedPointVector& a, int32_t exponent, const Parallel& parallel) {
  RETURN_IF_ERROR(AlignEach(a.ciphertexts(), a.exponents(), {&exponent, 1}, parallel));
  std::fill(a.exponents().begin(), a.exponents().end(), exponent);
  return absl::OkStatus();
}

absl::StatusOr<int32_t> AddExponents(int32_t a, int32_t b) {
  const int64_t sum = int64_t{a} + b;
  if (sum > INT32_MIN && sum < kNeutral) return static_cast<int32_t>(sum);
  return OutOfRangeError("the exponents {} and {} of two factors add to more than 32 bits", a, b);
}

absl::StatusOr<BigInt> SignedSignificand(const Ring& ring, const BigInt& significand) {
  const bool is_short = significand.BitLength() < ring.base().BitLength() - 1;
  if (is_short || !ring.is_square()) return significand;
  return FixedPointCoder(ring.base()).ToSigned(significand);
}

}  // namespace fate::crypto
