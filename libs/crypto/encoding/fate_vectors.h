#pragma once

// Vectors and quantile summaries as FATE 2.x pickles them (spec/federated-algorithms.md 6.4).
//
// FATE's own library puts negative and unreduced integers on the wire (6.2, 6.5). They are
// accepted and counted, and never written: a ciphertext here is the least non-negative residue.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/encoding/fixed_point.h"
#include "crypto/quantile/quantile_summary.h"

namespace fate::crypto {

struct ReceivedCiphertexts {
  std::vector<BigInt> values;  // in [1, modulus)
  std::vector<int32_t> exponents;
  // A negative one tells the sign of its plaintext to everyone on the way.
  size_t negatives = 0;
};

// values and exponents: of one length, values not negative (checked).
std::string SerializeCiphertexts(std::span<const BigInt> values,
                                 std::span<const int32_t> exponents);
// modulus: n^2 of Paillier, n of Okamoto-Uchiyama. Error: kInvalidArgument, also for an element
// that is 0 modulo it, or has more than twice its bits.
absl::StatusOr<ReceivedCiphertexts> ParseCiphertexts(std::string_view bytes, const BigInt& modulus);

// Of plaintexts: signed significands as FATE's coder leaves them, each of at most max_bits bits.
std::string SerializePlaintexts(std::span<const FixedPointNumber> numbers);
absl::StatusOr<std::vector<FixedPointNumber>> ParsePlaintexts(std::string_view bytes, int max_bits);

// Nothing: the summary of a stream that was taken away from its Python object.
std::string SerializeQuantileSummary(const std::optional<QuantileSummary>& summary);
// Error: kInvalidArgument, also for a NaN, values out of order, epsilon outside (0, 1), or
// counts g that do not add up to n.
absl::StatusOr<std::optional<QuantileSummary>> ParseQuantileSummary(std::string_view bytes);

}  // namespace fate::crypto
