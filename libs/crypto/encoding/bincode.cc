#include "crypto/encoding/bincode.h"

#include <bit>

#include "base/status.h"

namespace fate::crypto {
namespace {

constexpr int kDecimalBits = 32;

// Digits of a number of `bits` bits, with its sign and room for a leading zero.
size_t MaxDigits(int radix, int bits) {
  return static_cast<size_t>(radix == 16 ? bits / 4 : bits * 302 / 1000) + 3;
}

}  // namespace

void BincodeWriter::LittleEndian(uint64_t value, int width) {
  for (int i = 0; i < width; ++i) bytes_.push_back(static_cast<char>(value >> (8 * i)));
}

void BincodeWriter::F64(double value) { U64(std::bit_cast<uint64_t>(value)); }

void BincodeWriter::Big(const BigInt& value) {
  const bool decimal = value.BitLength() <= kDecimalBits;
  const std::string digits = decimal ? value.ToDecimal() : value.ToHex();
  I32(decimal ? 10 : 16);
  U64(digits.size());
  bytes_ += digits;
}

absl::StatusOr<std::string_view> BincodeReader::Take(std::string_view field, uint64_t size) {
  if (size > bytes_.size() - at_) {
    return InvalidArgumentError("{} at offset {} needs {} bytes but {} are left", field, at_, size,
                                bytes_.size() - at_);
  }
  const std::string_view taken = bytes_.substr(at_, size);
  at_ += size;
  return taken;
}

absl::StatusOr<uint64_t> BincodeReader::LittleEndian(std::string_view field, size_t width) {
  ASSIGN_OR_RETURN(const std::string_view bytes, Take(field, width));
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i) {
    value |= static_cast<uint64_t>(static_cast<uint8_t>(bytes[i])) << (8 * i);
  }
  return value;
}

absl::StatusOr<uint8_t> BincodeReader::U8(std::string_view field) {
  ASSIGN_OR_RETURN(const uint64_t value, LittleEndian(field, 1));
  return static_cast<uint8_t>(value);
}

absl::StatusOr<int32_t> BincodeReader::I32(std::string_view field) {
  ASSIGN_OR_RETURN(const uint64_t value, LittleEndian(field, 4));
  return static_cast<int32_t>(value);
}

absl::StatusOr<uint64_t> BincodeReader::U64(std::string_view field) {
  return LittleEndian(field, 8);
}

absl::StatusOr<double> BincodeReader::F64(std::string_view field) {
  ASSIGN_OR_RETURN(const uint64_t value, U64(field));
  return std::bit_cast<double>(value);
}

absl::StatusOr<BigInt> BincodeReader::Big(std::string_view field, int max_bits) {
  const size_t start = at_;
  ASSIGN_OR_RETURN(const int32_t radix, I32(field));
  if (radix != 10 && radix != 16) {
    return InvalidArgumentError("{} at offset {} has radix {}; FATE writes 10 or 16", field, start,
                                radix);
  }
  ASSIGN_OR_RETURN(const uint64_t length, U64(field));
  if (length > MaxDigits(radix, max_bits)) {
    return InvalidArgumentError("{} at offset {} has {} digits; {} bits are allowed", field, start,
                                length, max_bits);
  }
  ASSIGN_OR_RETURN(const std::string_view digits, Take(field, length));
  absl::StatusOr<BigInt> value =
      radix == 10 ? BigInt::FromDecimal(digits) : BigInt::FromHex(digits);
  if (!value.ok()) {
    return InvalidArgumentError("{} at offset {} is no number in base {}", field, start, radix);
  }
  if (value->BitLength() <= max_bits) return value;
  return InvalidArgumentError("{} at offset {} has {} bits; {} are allowed", field, start,
                              value->BitLength(), max_bits);
}

absl::StatusOr<size_t> BincodeReader::Count(std::string_view field, size_t min_bytes) {
  const size_t start = at_;
  ASSIGN_OR_RETURN(const uint64_t count, U64(field));
  if (count > (bytes_.size() - at_) / min_bytes) {
    return InvalidArgumentError("{} at offset {} is {}, but only {} bytes follow", field, start,
                                count, bytes_.size() - at_);
  }
  return static_cast<size_t>(count);
}

absl::Status BincodeReader::ExpectEnd() const {
  if (at_ == bytes_.size()) return absl::OkStatus();
  return InvalidArgumentError("{} bytes are left over after offset {}", bytes_.size() - at_, at_);
}

}  // namespace fate::crypto
