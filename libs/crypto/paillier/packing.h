#pragma once

// Several numbers in one plaintext (spec/federated-algorithms.md 6.3): slots of one width, the
// first number in the highest bits of its plaintext. Sums of such ciphertexts are sums of all
// slots, as long as none overflows into its neighbour: leave a bit for every doubling.
//
//   plaintext = x0 2^(2 B) + x1 2^B + x2
//
// `squeeze` (homomorphic/) joins ciphertexts of packed plaintexts in the same order.

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

class Packing {
 public:
  // slots of slot_bits bits each. Error: kInvalidArgument unless both are positive and all fit
  // into plaintext_bits, which is the length of n less one.
  static absl::StatusOr<Packing> Create(int slot_bits, int slots, int plaintext_bits);
  // As many slots as fit.
  static absl::StatusOr<Packing> Fill(int slot_bits, int plaintext_bits);

  int slot_bits() const { return slot_bits_; }
  int slots() const { return slots_; }
  size_t plaintexts(size_t count) const { return (count + slots() - 1) / size_t(slots()); }

  // Numbers in [0, 2^slot_bits). Error: kOutOfRange, naming the first other one.
  absl::StatusOr<std::vector<BigInt>> Pack(std::span<const BigInt> numbers) const;
  // `count` numbers. Error: kInvalidArgument for another number of plaintexts, kOutOfRange for
  // one that is negative or holds more than its slots: a sum overflowed, or it was not packed so.
  absl::StatusOr<std::vector<BigInt>> Unpack(std::span<const BigInt> plaintexts,
                                             size_t count) const;

  absl::StatusOr<std::vector<BigInt>> PackUnsigned(std::span<const uint64_t> numbers) const;
  absl::StatusOr<std::vector<uint64_t>> UnpackUnsigned(std::span<const BigInt> plaintexts,
                                                       size_t count) const;

  // round(number 2^precision), halves away from zero. Errors also for NaN, infinities and
  // negative numbers: add an offset.
  absl::StatusOr<std::vector<BigInt>> PackFloats(std::span<const double> numbers,
                                                 int precision) const;
  absl::StatusOr<std::vector<double>> UnpackFloats(std::span<const BigInt> plaintexts, size_t count,
                                                   int precision) const;

  // Numbers with magnitudes of up to `bits` bits, each with 2^bits added to it. Whoever unpacks
  // says how many ciphertexts were added up, since each brought its offset. Errors: kOutOfRange
  // for larger numbers, kInvalidArgument where slots are too narrow for so many terms.
  absl::StatusOr<std::vector<BigInt>> PackSigned(std::span<const int64_t> numbers, int bits) const;
  absl::StatusOr<std::vector<BigInt>> UnpackSigned(std::span<const BigInt> plaintexts, size_t count,
                                                   int bits, uint64_t terms) const;

 private:
  Packing(int slot_bits, int slots) : slot_bits_(slot_bits), slots_(slots) {}
  int slot_bits_, slots_;
};

}  // namespace fate::crypto
