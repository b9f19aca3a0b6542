#pragma once

// The corner of bincode 1.3 that FATE 2.x objects need (spec/federated-algorithms.md 6.4):
// little-endian fixed-width integers, and big integers as i32 radix, u64 length, ASCII digits.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

class BincodeWriter {
 public:
  void U8(uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void I32(int32_t value) { LittleEndian(static_cast<uint32_t>(value), 4); }
  void U64(uint64_t value) { LittleEndian(value, 8); }
  void F64(double value);
  // Radix 10 up to 32 bits, beyond that 16; lower case.
  void Big(const BigInt& value);

  std::string Take() { return std::move(bytes_); }

 private:
  void LittleEndian(uint64_t value, int width);
  std::string bytes_;
};

// Reads what it is given, in order; every error names the field and its offset. Nothing is
// allocated before its length is known to lie within the input.
class BincodeReader {
 public:
  // The smallest big integer: radix, length, one digit.
  static constexpr size_t kMinBigBytes = 4 + 8 + 1;

  explicit BincodeReader(std::string_view bytes) : bytes_(bytes) {}

  absl::StatusOr<uint8_t> U8(std::string_view field);
  absl::StatusOr<int32_t> I32(std::string_view field);
  absl::StatusOr<uint64_t> U64(std::string_view field);
  absl::StatusOr<double> F64(std::string_view field);
  // Either radix, either sign, at most max_bits bits.
  absl::StatusOr<BigInt> Big(std::string_view field, int max_bits);
  // A u64 that counts elements of at least min_bytes each, all of which must follow.
  absl::StatusOr<size_t> Count(std::string_view field, size_t min_bytes);
  // Error: kInvalidArgument when bytes are left over.
  absl::Status ExpectEnd() const;

 private:
  absl::StatusOr<std::string_view> Take(std::string_view field, uint64_t size);
  absl::StatusOr<uint64_t> LittleEndian(std::string_view field, size_t width);

  std::string_view bytes_;
  size_t at_ = 0;
};

}  // namespace fate::crypto
